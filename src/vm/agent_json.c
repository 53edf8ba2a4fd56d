/* The guest agent's language: the two commands that run a program, and their answers. */
#include "vm/agent_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/*
 * What sh runs in the guest: $1 is the command, $2 the seconds it may take. Where there is `timeout` it ends a command that takes longer,
 * so that none is left running in the guest when nobody waits for it any more.
 */
static const char wrapper[] =
	"exec </dev/null 2>&1; command -v timeout >/dev/null && exec timeout -s KILL \"$2\" sh -c \"$1\"; exec sh -c \"$1\"";

static void write_and_free(struct text *out, json_t *order)
{
	char *bytes = order != NULL ? json_dumps(order, JSON_COMPACT) : NULL;

	if (bytes != NULL)
		text_add(out, "%s", bytes);
	free(bytes);
	json_decref(order);
}

void agent_exec_write(struct text *out, const char *command, uint32_t timeout_s)
{
	char seconds[16];

	(void)snprintf(seconds, sizeof(seconds), "%u", timeout_s);
	write_and_free(out, json_pack("{s:s, s:{s:s, s:[s, s, s, s, s], s:b}}", "execute", "guest-exec", "arguments", "path", "/bin/sh",
				    "arg", "-c", wrapper, "sh", command, seconds, "capture-output", 1));
}

void agent_status_write(struct text *out, int64_t pid)
{
	write_and_free(out, json_pack("{s:s, s:{s:I}}", "execute", "guest-exec-status", "arguments", "pid", (json_int_t)pid));
}

/* The object behind "return", borrowed from `*root`, which the caller frees; NULL when there is none. */
static json_t *returned(const char *reply, json_t **root)
{
	*root = json_loads(reply, JSON_REJECT_DUPLICATES, NULL);
	return json_object_get(*root, "return");
}

int agent_exec_read(const char *reply, int64_t *pid, struct err *err)
{
	json_t *root;
	json_t *number = json_object_get(returned(reply, &root), "pid");
	bool good = json_is_integer(number) && json_integer_value(number) > 0;

	if (good)
		*pid = json_integer_value(number);
	json_decref(root);
	return good ? 0 : err_set(err, -EBADMSG, "the guest agent's answer makes no sense");
}

/* Value of a base64 digit (RFC 4648 4), -1 when it is none. */
static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Decodes base64 up to padding, a wrong byte or the full buffer; returns the bytes written. `*cut` is set when there was more. */
static uint16_t decode(const char *text, uint8_t *out, uint16_t size, bool *cut)
{
	uint32_t bits = 0;
	unsigned count = 0;
	uint16_t used = 0;

	for (; digit(*text) >= 0; text++) {
		bits = (bits << 6 | (uint32_t)digit(*text)) & 0xffffff;
		count += 6;
		if (count < 8)
			continue;
		if (used == size) {
			*cut = true;
			break;
		}
		count -= 8;
		out[used++] = (uint8_t)(bits >> count);
	}
	return used;
}

/* A number of the answer, bounded to what a message holds; `absent` when it isn't there. */
static int32_t number_of(const json_t *object, const char *key, int32_t absent)
{
	const json_t *number = json_object_get(object, key);
	json_int_t value = json_integer_value(number);

	if (!json_is_integer(number))
		return absent;
	return value < INT32_MIN || value > INT32_MAX ? absent : (int32_t)value;
}

int agent_status_read(const char *reply, bool *ended, struct msg_exec_output *out, struct err *err)
{
	json_t *root;
	json_t *status = returned(reply, &root);
	const json_t *exited = json_object_get(status, "exited");
	const char *output = json_string_value(json_object_get(status, "out-data"));
	bool good = json_is_boolean(exited);

	*ended = json_is_true(exited);
	if (good && *ended) {
		int32_t signal = number_of(status, "signal", 0);

		*out = (struct msg_exec_output){.exit_status = signal > 0 ? -signal : number_of(status, "exitcode", 0)};
		out->truncated = json_is_true(json_object_get(status, "out-truncated"));
		if (output != NULL)
			out->size = decode(output, out->bytes, sizeof(out->bytes), &out->truncated);
	}
	json_decref(root);
	return good ? 0 : err_set(err, -EBADMSG, "the guest agent's answer makes no sense");
}
