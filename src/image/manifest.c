/* The manifest of an OVF package: one line a file, strictly read, since a line that is passed over is a file that nobody checks. */
#include "image/manifest.h"

#include "base/check.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *word;
	enum digest_kind kind;
} kinds[] = {{"SHA1", DIGEST_SHA1}, {"SHA256", DIGEST_SHA256}, {"SHA384", DIGEST_SHA384}, {"SHA512", DIGEST_SHA512}};

bool package_name_ok(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || strlen(name) >= PACKAGE_NAME_BYTES)
		return false;
	for (; *name != '\0'; name++)
		if ((unsigned char)*name < 0x20 || (unsigned char)*name == 0x7f || *name == '/' || *name == '\\')
			return false;
	return true;
}

/* "SHA256(disk.vmdk)= 0123..." between `at` and `end`; tools differ in the blanks. */
static bool line_read(const char *at, const char *end, struct manifest_line *line)
{
	const char *open = memchr(at, '(', (size_t)(end - at)), *close = NULL;
	size_t length;
	bool known = false;

	if (open == NULL)
		return false;
	for (const char *p = open; p < end; p++)
		if (*p == ')')
			close = p;
	for (size_t i = 0; i < COUNT_OF(kinds) && !known; i++) {
		known = (size_t)(open - at) == strlen(kinds[i].word) && strncasecmp(at, kinds[i].word, strlen(kinds[i].word)) == 0;
		line->kind = kinds[i].kind;
	}
	if (!known || close == NULL || close - open < 2 || close - open - 1 >= PACKAGE_NAME_BYTES)
		return false;
	length = (size_t)(close - open - 1);
	memcpy(line->name, open + 1, length);
	line->name[length] = '\0';
	if (strlen(line->name) != length || !package_name_ok(line->name))
		return false;
	at = close + 1;
	while (at < end && (*at == ' ' || *at == '='))
		at++;
	if ((size_t)(end - at) != 2 * digest_size(line->kind))
		return false;
	for (size_t i = 0; i < digest_size(line->kind); i++) {
		int high = text_hex_digit(at[2 * i]), low = text_hex_digit(at[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		line->digest[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int manifest_read(const char *bytes, size_t size, struct manifest *out, struct err *err)
{
	unsigned number = 0;

	out->count = 0;
	for (const char *at = bytes, *end = bytes + size; at < end; number++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at)), *next = stop != NULL ? stop + 1 : end;

		stop = stop != NULL ? stop : end;
		while (stop > at && (stop[-1] == '\r' || stop[-1] == ' '))
			stop--;
		if (stop > at) {
			if (out->count == PACKAGE_FILES_MAX)
				return err_set(err, -E2BIG, "the manifest has more than %d lines", PACKAGE_FILES_MAX);
			if (!line_read(at, stop, &out->lines[out->count]))
				return err_set(
					err, -EINVAL, "the manifest's line %u is not of the form `SHA256(FILE)= DIGEST`", number + 1);
			if (manifest_find(out, out->lines[out->count].name) != NULL)
				return err_set(err, -EINVAL, "the manifest names %s twice", out->lines[out->count].name);
			out->count++;
		}
		at = next;
	}
	return out->count > 0 ? 0 : err_set(err, -EINVAL, "the manifest is empty");
}

const struct manifest_line *manifest_find(const struct manifest *manifest, const char *name)
{
	for (unsigned i = 0; i < manifest->count; i++)
		if (strcmp(manifest->lines[i].name, name) == 0)
			return &manifest->lines[i];
	return NULL;
}
