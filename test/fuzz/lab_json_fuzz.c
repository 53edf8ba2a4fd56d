/* Fuzzes labs in JSON, as a client may send them: whatever parses must expand or say why not, and differ from nothing in all its objects.
 */
#include "base/check.h"
#include "model/lab_io.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};
	struct lab *lab = lab_parse_json((const char *)data, size, &diags), *flat = NULL, *again;
	struct text json = {0}, json_again = {0};

	CHECK((lab == NULL) == (diags.errors > 0));
	if (lab != NULL)
		flat = lab_expand(lab, &diags);
	if (flat != NULL) {
		struct changes *changes = lab_diff(arena, NULL, flat);

		CHECK(changes->adds == changes->count);
		lab_to_json(flat, &json);
		again = lab_parse_json(json.bytes, json.used, &diags);
		CHECK(again != NULL);
		arena_free(flat->arena);
		flat = lab_expand(again, &diags);
		CHECK(flat != NULL);
		lab_to_json(flat, &json_again);
		CHECK(strcmp(json.bytes, json_again.bytes) == 0);
		arena_free(again->arena);
		arena_free(flat->arena);
	}
	if (lab != NULL)
		arena_free(lab->arena);
	(void)diags_text(&diags, "fuzz", (const char *)data, size);
	text_free(&json);
	text_free(&json_again);
	arena_free(arena);
	return 0;
}
