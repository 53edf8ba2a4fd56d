/* Impairments of links as words: one table of keys. */
#include "ctl/link_impair.h"

#include "base/check.h"
#include "base/quantity.h"
#include "model/lab_io.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *key;
	enum quantity kind;
	uint64_t max;
	size_t offset, bytes;
} keys[] = {
	{"delay", QUANTITY_TIME, LAB_DELAY_US_MAX, offsetof(struct msg_impair, delay_us), 4},
	{"jitter", QUANTITY_TIME, LAB_DELAY_US_MAX, offsetof(struct msg_impair, jitter_us), 4},
	{"loss", QUANTITY_SHARE, 1000000, offsetof(struct msg_impair, loss_ppm), 4},
	{"rate", QUANTITY_RATE, LAB_RATE_BPS_MAX, offsetof(struct msg_impair, rate_bps), 8},
	{"corrupt", QUANTITY_SHARE, 1000000, offsetof(struct msg_impair, corrupt_ppm), 4},
	{"duplicate", QUANTITY_SHARE, 1000000, offsetof(struct msg_impair, duplicate_ppm), 4},
	{"reorder", QUANTITY_SHARE, 1000000, offsetof(struct msg_impair, reorder_ppm), 4},
};

static void put(struct msg_impair *impair, size_t key, uint64_t value)
{
	uint32_t small = (uint32_t)value;

	memcpy((char *)impair + keys[key].offset, keys[key].bytes == 8 ? (const void *)&value : (const void *)&small, keys[key].bytes);
}

static uint64_t get(const struct msg_impair *impair, size_t key)
{
	uint64_t value = 0;
	uint32_t small = 0;

	if (keys[key].bytes == 8)
		memcpy(&value, (const char *)impair + keys[key].offset, sizeof(value));
	else
		memcpy(&small, (const char *)impair + keys[key].offset, sizeof(small));
	return keys[key].bytes == 8 ? value : small;
}

bool impair_change(struct msg_impair *impair, const char *key, const char *value, struct err *err)
{
	char most[QUANTITY_TEXT_BYTES];
	uint64_t number = 0;

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (strcmp(value, "none") != 0 && strcmp(value, "0") != 0 && !quantity_parse(keys[i].kind, value, keys[i].max, &number)) {
			(void)err_set(err, -EINVAL, "%s: expected %s, %s at most, or none; got \"%.40s\"", key,
				quantity_expects(keys[i].kind), quantity_text(keys[i].kind, keys[i].max, most), value);
			return false;
		}
		put(impair, i, number);
		return true;
	}
	(void)err_set(err, -EINVAL,
		"\"%.40s\" is nothing that a link has; there are delay, jitter, loss, rate, corrupt, duplicate, reorder", key);
	return false;
}

struct msg_impair impair_of_link(const struct lab_link *link)
{
	const char *values[] = {link->delay, link->jitter, link->loss, link->rate, link->corrupt, link->duplicate, link->reorder};
	struct msg_impair impair = {0};
	struct err err;

	_Static_assert(COUNT_OF(values) == COUNT_OF(keys), "a value for each key, in their order");
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (values[i] != NULL)
			(void)impair_change(&impair, keys[i].key, values[i], &err);
	return impair;
}

void impair_write(const struct msg_impair *impair, struct text *out)
{
	char value[QUANTITY_TEXT_BYTES];
	const char *blank = "";

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if (get(impair, i) == 0)
			continue;
		text_add(out, "%s%s=%s", blank, keys[i].key, quantity_text(keys[i].kind, get(impair, i), value));
		blank = " ";
	}
}

void impair_read(struct msg_impair *impair, const char *words)
{
	char key[16], value[QUANTITY_TEXT_BYTES];
	struct err err;

	while (*words != '\0') {
		size_t key_bytes = strcspn(words, "= "), value_bytes;

		if (words[key_bytes] != '=' || key_bytes >= sizeof(key))
			return;
		memcpy(key, words, key_bytes);
		key[key_bytes] = '\0';
		words += key_bytes + 1;
		value_bytes = strcspn(words, " ");
		if (value_bytes >= sizeof(value))
			return;
		memcpy(value, words, value_bytes);
		value[value_bytes] = '\0';
		words += value_bytes + (words[value_bytes] == ' ');
		(void)impair_change(impair, key, value, &err);
	}
}

bool impair_is_none(const struct msg_impair *impair)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (get(impair, i) != 0)
			return false;
	return true;
}
