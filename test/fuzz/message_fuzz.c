/* Fuzzes messages: what passes the check must be safe to copy, measure and print. */
#include "api/message_types.h"
#include "base/check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union message_body body;
	const struct message_row *row;
	char text[300];
	uint16_t type;

	if (size < sizeof(type))
		return 0;
	memcpy(&type, data, sizeof(type));
	row = message_row(type % MSG_TYPE_COUNT);
	data += sizeof(type);
	size -= sizeof(type);
	if (row == NULL || message_check(row, data, size, NULL) != 0)
		return 0;
	message_copy(row, data, size, &body);
	CHECK(message_size(row, &body) == size);
	message_print(row, &body, text, sizeof(text));
	CHECK(strlen(text) < sizeof(text));
	return 0;
}
