/* Small work on text. */
#include "base/text.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 63

static void text_reserve(struct text *text, size_t extra)
{
	size_t need = text->used + extra + 1;

	if (need <= text->capacity)
		return;
	text->capacity = need < 64 ? 64 : need * 3 / 2;
	text->bytes = xrealloc(text->bytes, text->capacity);
}

void text_add_bytes(struct text *text, const void *bytes, size_t size)
{
	text_reserve(text, size);
	if (size > 0)
		memcpy(text->bytes + text->used, bytes, size);
	text->used += size;
	text->bytes[text->used] = '\0';
}

void text_add(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	CHECK(n >= 0);
	text_reserve(text, (size_t)n);
	va_start(args, format);
	(void)vsnprintf(text->bytes + text->used, (size_t)n + 1, format, args);
	va_end(args);
	text->used += (size_t)n;
}

void text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

const char *text_get(const struct text *text) { return text->bytes ? text->bytes : ""; }

bool text_copy(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n >= size) {
		if (size > 0)
			to[0] = '\0';
		return false;
	}
	memcpy(to, from, n + 1);
	return true;
}

int text_hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned text_distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	uint8_t row[3][WORD_MAX + 1];

	if (na > WORD_MAX || nb > WORD_MAX)
		return UINT8_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= na; i++) {
		uint8_t *now = row[i % 3], *before = row[(i + 2) % 3], *before2 = row[(i + 1) % 3];

		now[0] = (uint8_t)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = before[j - 1] + (a[i - 1] != b[j - 1]);

			best = least(best, least(before[j], now[j - 1]) + 1u);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = least(best, before2[j - 2] + 1u);
			now[j] = (uint8_t)best;
		}
	}
	return row[na % 3][nb];
}

const char *text_nearest(const char *typed, const char *const *words, size_t count)
{
	size_t length = strlen(typed);
	unsigned best = (length < 6 ? 1 : length < 9 ? 2 : 3) + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned d = text_distance(typed, words[i]);

		/* As many edits as letters would make any word of any other. */
		if (d < best && d < length) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}

/* The digits that `text` starts with, without leading zeros; *count of those that matter. */
static const char *number(const char *text, size_t *count)
{
	text += strspn(text, "0");
	*count = strspn(text, "0123456789");
	return text;
}

int text_compare_natural(const char *a, const char *b)
{
	const char *left = a, *right = b;

	while (*left != '\0' && *right != '\0') {
		if (strchr("0123456789", *left) != NULL && strchr("0123456789", *right) != NULL) {
			size_t m, n;
			int order;

			left = number(left, &m);
			right = number(right, &n);
			if (m != n)
				return m < n ? -1 : 1;
			order = strncmp(left, right, m);
			if (order != 0)
				return order;
			left += m;
			right += n;
		} else if (*left != *right) {
			return (unsigned char)*left < (unsigned char)*right ? -1 : 1;
		} else {
			left++;
			right++;
		}
	}
	if (*left != *right)
		return *left == '\0' ? -1 : 1;
	/* "r01" and "r1" are two names. */
	return strcmp(a, b);
}
