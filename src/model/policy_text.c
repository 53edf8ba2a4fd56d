/* Readers of what policies are made of: prefixes with bounds, and communities of three kinds. */
#include "model/policy_text.h"

#include "base/check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint32_t value;
} well_known[] = {
	{"graceful-shutdown", 0xffff0000},							    /* RFC 8326 */
	{"llgr-stale", 0xffff0006},								    /* RFC 9494 */
	{"no-llgr", 0xffff0007}, {"blackhole", 0xffff029a},					    /* RFC 7999 */
	{"no-export", 0xffffff01},								    /* RFC 1997 */
	{"no-advertise", 0xffffff02}, {"no-export-subconfed", 0xffffff03}, {"no-peer", 0xffffff04}, /* RFC 3765 */
};

static int well_known_of(const char *text)
{
	for (size_t i = 0; i < COUNT_OF(well_known); i++)
		if (strcmp(well_known[i].name, text) == 0)
			return (int)i;
	return -1;
}

bool policy_text_is_name(const char *text)
{
	return isalpha((unsigned char)text[0]) && strchr(text, ':') == NULL && well_known_of(text) < 0;
}

/* " le 24": a bound behind a prefix; false when there is none. */
static bool bound_read(const char **at, const char *word, unsigned most, uint8_t *bound)
{
	size_t length = strlen(word);
	const char *c = *at + strspn(*at, " ");
	unsigned long number;
	char *end;

	if (strncmp(c, word, length) != 0 || c[length] != ' ' || !isdigit((unsigned char)c[length + 1]))
		return false;
	number = strtoul(c + length + 1, &end, 10);
	if (number > most)
		return false;
	*bound = (uint8_t)number;
	*at = end;
	return true;
}

const char *policy_prefix_read(const char *text, struct policy_prefix *out)
{
	char prefix[PREFIX_TEXT_BYTES + 1];
	size_t length = strcspn(text, " ");
	const char *at = text + length;
	unsigned bits;
	bool least, most;

	if (length >= sizeof(prefix))
		return "a prefix such as 10.0.0.0/8 le 24";
	memcpy(prefix, text, length);
	prefix[length] = '\0';
	if (strchr(prefix, '/') == NULL || !prefix_parse(prefix, &out->prefix))
		return "a prefix such as 10.0.0.0/8, 10.0.0.0/8 le 24 or 10.0.0.0/8 ge 16 le 24";
	if (!prefix_equal(out->prefix, prefix_masked(out->prefix)))
		return "a prefix without host bits";
	bits = ip_bits((enum ip_family)out->prefix.ip.family);
	least = bound_read(&at, "ge", bits, &out->least);
	most = bound_read(&at, "le", bits, &out->most);
	if (*at != '\0')
		return "`ge LENGTH` and `le LENGTH` behind the prefix, in this order, up to 32 or 128";
	if (!least)
		out->least = out->prefix.length;
	if (!most)
		out->most = least ? (uint8_t)bits : out->prefix.length;
	if (out->least < out->prefix.length || out->most < out->least)
		return "bounds that some prefix can meet: length of the prefix <= ge <= le";
	return NULL;
}

/* A number or `*` up to the next colon; false when it is none. */
static bool part_read(const char **at, uint32_t most, uint32_t *value, uint32_t *mask)
{
	char *end;
	unsigned long long number;

	*value = *mask = 0;
	if (**at == '*') {
		++*at;
		return true;
	}
	if (!isdigit((unsigned char)**at))
		return false;
	number = strtoull(*at, &end, 10);
	if (number > most)
		return false;
	*value = (uint32_t)number;
	*mask = UINT32_MAX;
	*at = end;
	return true;
}

/* rt and soo (RFC 4360, RFC 5668): a 2-octet AS with a 4-octet number, or the other way round. */
static const char *extended_read(const char *at, uint32_t subtype, struct policy_community *out)
{
	uint32_t as, number, mask_as, mask_number;

	if (!part_read(&at, UINT32_MAX, &as, &mask_as) || *at++ != ':' || !part_read(&at, UINT32_MAX, &number, &mask_number) ||
		*at != '\0' || mask_as == 0 || mask_number == 0 || (as > UINT16_MAX && number > UINT16_MAX))
		return "rt:AS:NUMBER or soo:AS:NUMBER, one of both below 65536";
	*out = (struct policy_community){.kind = POLICY_EXTENDED, .mask = {UINT32_MAX, UINT32_MAX, 0}};
	if (as <= UINT16_MAX) {
		out->value[0] = subtype << 16 | as;
		out->value[1] = number;
	} else {
		out->value[0] = UINT32_C(0x02000000) | subtype << 16 | as >> 16;
		out->value[1] = as << 16 | number;
	}
	return NULL;
}

const char *policy_community_read(const char *text, struct policy_community *out)
{
	int known = well_known_of(text);
	const char *at = text;
	uint32_t value[3] = {0}, mask[3] = {0};
	unsigned colons = 0;

	if (known >= 0) {
		*out = (struct policy_community){POLICY_COMMUNITY, {well_known[known].value}, {UINT32_MAX}};
		return NULL;
	}
	if (strncmp(text, "rt:", 3) == 0 || strncmp(text, "soo:", 4) == 0)
		return extended_read(strchr(text, ':') + 1, text[0] == 'r' ? 2 : 3, out);
	for (const char *c = text; *c != '\0'; c++)
		colons += *c == ':';
	for (unsigned i = 0; i <= colons && colons >= 1 && colons <= 2; i++) {
		if (!part_read(&at, colons == 1 ? UINT16_MAX : UINT32_MAX, &value[i], &mask[i]) || *at != (i < colons ? ':' : '\0'))
			colons = 0;
		at++;
	}
	if (colons < 1 || colons > 2)
		return "a community such as 65001:100, 65001:*, 4200000001:1:2, rt:65001:1 or no-export";
	if (colons == 2)
		*out = (struct policy_community){POLICY_LARGE, {value[0], value[1], value[2]}, {mask[0], mask[1], mask[2]}};
	else
		*out = (struct policy_community){POLICY_COMMUNITY, {value[0] << 16 | value[1]}, {mask[0] << 16 | (mask[1] & UINT16_MAX)}};
	return NULL;
}

bool policy_community_is_single(const struct policy_community *c)
{
	for (unsigned i = 0; i < c->kind; i++)
		if (c->mask[i] != UINT32_MAX)
			return false;
	return true;
}
