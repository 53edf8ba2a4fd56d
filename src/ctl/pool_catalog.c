/* Pools by what the holdings and the flat labs say. */
#include "ctl/pool_catalog.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const pool_gives_names[GIVES_COUNT] = {"macs", "subnets", "addresses", "router ids"};

/* A catalog while it is made: its keys are a set. */
struct making {
	const struct ctl *ctl;
	struct arena *arena;
	struct map keys;
	struct pool_catalog catalog;
	size_t capacity;
};

static uint64_t mac_number(struct mac mac)
{
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(mac.bytes); i++)
		value = value << 8 | mac.bytes[i];
	return value;
}

static struct mac mac_of_number(uint64_t value)
{
	struct mac mac;

	for (size_t i = 0; i < sizeof(mac.bytes); i++)
		mac.bytes[i] = (uint8_t)(value >> (40 - 8 * i));
	return mac;
}

static const struct lab *flat_of_lab(const struct ctl *ctl, const char *name)
{
	const struct ctl_lab *lab = labs_find(ctl, name);

	return lab != NULL && lab->value != NULL ? lab->value->flat : NULL;
}

/* "mac/52:54:00:00:00:00/24". */
static void describe_macs(struct pool_entry *entry)
{
	const char *bits = strrchr(entry->key, '/') + 1;
	char text[MAC_TEXT_BYTES] = "";
	unsigned long length = strtoul(bits, NULL, 10);
	struct mac base;

	if (bits - entry->key == 4 + MAC_TEXT_BYTES)
		memcpy(text, entry->key + 4, MAC_TEXT_BYTES - 1);
	if (length == 0 || length > 48 || !mac_parse(text, &base))
		return;
	entry->base = mac_number(base);
	entry->size = UINT64_C(1) << (48 - length);
}

/* The quarantine that the labs want for a pool of MACs, which they share. */
static uint32_t macs_quarantine_s(const struct ctl *ctl, const struct pool_entry *entry)
{
	const struct ctl_lab *lab;
	uint32_t longest = 0;
	size_t cursor = 0;

	while ((lab = map_next(&ctl->labs, &cursor, NULL, NULL)) != NULL) {
		const struct lab *flat = lab->value != NULL ? lab->value->flat : NULL;

		for (size_t i = 0; flat != NULL && i < flat->pool_count; i++)
			if (flat->pools[i].kind == POOL_MAC && mac_number(flat->pools[i].mac_base) == entry->base &&
				UINT64_C(1) << (48 - flat->pools[i].mac_bits) == entry->size && flat->pools[i].quarantine_s > longest)
				longest = flat->pools[i].quarantine_s;
	}
	return longest;
}

static void describe_subnets(const struct lab *flat, struct pool_entry *entry)
{
	for (size_t i = 0; flat != NULL && i < flat->pool_count; i++) {
		const struct lab_pool *row = &flat->pools[i];

		if (row->kind != POOL_IPV4 || strcmp(row->name, entry->name) != 0)
			continue;
		entry->base = ip_to_u32(row->range.ip);
		entry->size = UINT64_C(1) << (row->unit_length - row->range.length);
		entry->unit_length = row->unit_length;
		entry->quarantine_s = row->quarantine_s;
	}
}

static void describe_addresses(const struct lab *flat, struct pool_entry *entry)
{
	for (size_t i = 0; flat != NULL && i < flat->network_count; i++) {
		struct prefix subnet = prefix_masked(flat->networks[i].ipv4);

		if (subnet.ip.family != IP_V4 || strcmp(flat->networks[i].name, entry->name) != 0)
			continue;
		entry->base = ip_to_u32(subnet.ip);
		entry->size = UINT64_C(1) << (32 - subnet.length);
		entry->quarantine_s = flat->networks[i].quarantine_s;
	}
}

/* What is known of a pool by its key; sizes from the lab's file as it is now. */
static struct pool_entry describe(const struct making *making, const char *key)
{
	struct pool_entry entry = {.key = arena_str(making->arena, key), .gives = GIVES_MACS};
	const char *slash = strchr(key, '/');
	char *lab;

	entry.name = entry.key;
	if (slash == NULL || strncmp(key, "mac/", 4) == 0) {
		if (slash != NULL)
			describe_macs(&entry);
		if (entry.size > 0)
			entry.quarantine_s = macs_quarantine_s(making->ctl, &entry);
		return entry;
	}
	lab = arena_str(making->arena, key);
	lab[slash - key] = 0;
	entry.lab = lab;
	if (strncmp(slash, "/pool/", 6) == 0) {
		entry.gives = GIVES_SUBNETS;
		entry.name += slash + 6 - key;
		describe_subnets(flat_of_lab(making->ctl, lab), &entry);
	} else if (strncmp(slash, "/network/", 9) == 0) {
		entry.gives = GIVES_ADDRESSES;
		entry.name += slash + 9 - key;
		describe_addresses(flat_of_lab(making->ctl, lab), &entry);
	} else {
		entry.gives = GIVES_ROUTER_IDS;
		entry.name += slash + 1 - key;
	}
	return entry;
}

static void add_key(struct making *making, const char *key)
{
	struct pool_catalog *catalog = &making->catalog;

	if (map_set_str(&making->keys, key, making) != NULL)
		return;
	if (catalog->count == making->capacity) {
		size_t capacity = making->capacity ? making->capacity * 2 : 64;
		struct pool_entry *entries = arena_alloc(making->arena, capacity * sizeof(*entries));

		if (catalog->count > 0)
			memcpy(entries, catalog->entries, catalog->count * sizeof(*entries));
		catalog->entries = entries;
		making->capacity = capacity;
	}
	catalog->entries[catalog->count++] = describe(making, key);
}

/* The pools that a lab's file declares, whether or not anything came out of them. */
static void add_lab(struct making *making, const struct lab *flat)
{
	struct arena *arena = making->arena;
	char base[MAC_TEXT_BYTES];

	for (size_t i = 0; i < flat->network_count; i++)
		if (flat->networks[i].ipv4.ip.family == IP_V4)
			add_key(making, arena_printf(arena, "%s/network/%s", flat->name, flat->networks[i].name));
	for (size_t i = 0; i < flat->pool_count; i++) {
		const struct lab_pool *row = &flat->pools[i];

		if (row->kind == POOL_IPV4)
			add_key(making, arena_printf(arena, "%s/pool/%s", flat->name, row->name));
		if (row->kind == POOL_MAC)
			add_key(making, arena_printf(arena, "mac/%s/%u", mac_text(row->mac_base, base), row->mac_bits));
	}
}

static int by_key(const void *a, const void *b)
{
	const struct pool_entry *x = a, *y = b;

	return strcmp(x->key, y->key);
}

struct pool_catalog pool_catalog_make(const struct ctl *ctl, struct arena *arena)
{
	struct making making = {.ctl = ctl, .arena = arena};
	char base[MAC_TEXT_BYTES];
	const struct ctl_lab *lab;
	const char *key;
	size_t cursor = 0;

	add_key(&making, arena_printf(arena, "mac/%s/%u", mac_text(mac_of_number(ASSIGN_MAC_BASE), base), ASSIGN_MAC_BITS));
	while ((key = holdings_next_pool(ctl->holdings, &cursor)) != NULL)
		add_key(&making, key);
	cursor = 0;
	while ((lab = map_next(&ctl->labs, &cursor, NULL, NULL)) != NULL)
		if (lab->value != NULL)
			add_lab(&making, lab->value->flat);
	map_free(&making.keys);
	qsort(making.catalog.entries, making.catalog.count, sizeof(*making.catalog.entries), by_key);
	return making.catalog;
}

struct pool_tally pool_tally(const struct ctl *ctl, const struct pool_entry *entry)
{
	struct pool_tally tally = {0};
	int64_t now = clock_wall_ns();
	const struct holding *holding;
	size_t cursor = 0;

	while ((holding = holdings_next(ctl->holdings, entry->key, &cursor)) != NULL) {
		tally.resting +=
			holding->released_wall_ns != 0 && now - holding->released_wall_ns <= (int64_t)entry->quarantine_s * 1000000000;
		tally.held += holding->released_wall_ns == 0;
		tally.reserved += holding->why == HOLDING_RESERVED;
		tally.released += holding->released_wall_ns != 0;
	}
	return tally;
}

const char *pool_value_text(struct arena *arena, const struct pool_entry *entry, uint64_t value)
{
	char text[IP_TEXT_BYTES];

	if (entry->gives == GIVES_MACS)
		return arena_str(arena, mac_text(mac_of_number(value), text));
	if (entry->gives == GIVES_SUBNETS && entry->unit_length > 0)
		return arena_printf(arena, "%s/%u", ip_text(ip_from_u32((uint32_t)value), text), entry->unit_length);
	return arena_str(arena, ip_text(ip_from_u32((uint32_t)value), text));
}

bool pool_value_parse(const struct pool_entry *entry, const char *text, uint64_t *value)
{
	unsigned shift = entry->gives == GIVES_SUBNETS ? 32 - entry->unit_length : 0;
	struct prefix prefix;
	struct mac mac;
	uint64_t number;

	if (entry->gives == GIVES_MACS) {
		if (!mac_parse(text, &mac))
			return false;
		number = mac_number(mac);
	} else {
		if (!prefix_parse(text, &prefix)) {
			if (!ip_parse(text, &prefix.ip))
				return false;
			prefix.length = (uint8_t)(32 - shift);
		}
		if (prefix.ip.family != IP_V4 || prefix.length != 32 - shift)
			return false;
		number = ip_to_u32(prefix.ip);
	}
	if (entry->size == 0 || number < entry->base || (number - entry->base) >> shift >= entry->size ||
		(number & ((UINT64_C(1) << shift) - 1)) != 0)
		return false;
	*value = number;
	return true;
}

const char *pool_why_text(enum holding_why why)
{
	switch (why) {
	case HOLDING_WRITTEN:
		return "written in the lab's file";
	case HOLDING_RESERVED:
		return "reserved by command";
	case HOLDING_CHOSEN:
	case HOLDING_WHY_COUNT:
		break;
	}
	return "chosen by the pool";
}
