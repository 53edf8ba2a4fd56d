/* Interned sets of path attributes, and small work on canonical bytes. */
#include "route/bgp/bgp_attr.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* Numbers by hash in an open-addressing table, where 0 is an empty slot; numbers to give out again. */
struct bgp_attr_slots {
	uint32_t *unused;
	uint32_t set_capacity, unused_count, unused_capacity;
	uint32_t mask;
	uint32_t *slots;
};

#define FIRST_SLOTS 1024

struct bgp_attrs *bgp_attrs_new(void)
{
	struct bgp_attrs *attrs = xalloc(sizeof(*attrs));
	struct bgp_attr_slots *slots = xalloc(sizeof(*slots));

	slots->set_capacity = 256;
	slots->mask = FIRST_SLOTS - 1;
	slots->slots = xalloc(FIRST_SLOTS * sizeof(*slots->slots));
	attrs->set_count = 1;
	attrs->sets = xalloc(slots->set_capacity * sizeof(struct bgp_attr_set *));
	attrs->slots = slots;
	return attrs;
}

void bgp_attrs_free(struct bgp_attrs *attrs)
{
	if (attrs == NULL)
		return;
	for (uint32_t i = 0; i < attrs->set_count; i++)
		free(attrs->sets[i]);
	free(attrs->sets);
	free(attrs->slots->unused);
	free(attrs->slots->slots);
	free(attrs->slots);
	free(attrs);
}

struct reader bgp_attr_find(const uint8_t *bytes, size_t count, enum bgp_attr_type type)
{
	struct reader r = reader_over(bytes, count);

	while (reader_left(&r) > 0) {
		uint8_t flags = reader_u8(&r), found = reader_u8(&r);
		struct reader value = reader_sub(&r, flags & BGP_FLAG_EXTENDED ? reader_u16(&r) : reader_u8(&r));

		if (found == type)
			return value;
	}
	return (struct reader){r.end, r.end, true};
}

void bgp_attr_write(struct writer *w, uint8_t flags, enum bgp_attr_type type, const void *value, size_t count)
{
	bool extended = count > UINT8_MAX;

	if (count > UINT16_MAX) {
		w->failed = true;
		return;
	}
	writer_u8(w, (uint8_t)((flags & ~BGP_FLAG_EXTENDED) | (extended ? BGP_FLAG_EXTENDED : 0)));
	writer_u8(w, (uint8_t)type);
	if (extended)
		writer_u16(w, (uint16_t)count);
	else
		writer_u8(w, (uint8_t)count);
	writer_bytes(w, value, count);
}

/* Length, first and last AS of the path in canonical form. */
static void decode_path(struct bgp_attr_set *set, struct reader path)
{
	bool first = true;

	while (reader_left(&path) > 0) {
		uint8_t type = reader_u8(&path), count = reader_u8(&path);

		for (unsigned i = 0; i < count; i++) {
			uint32_t as = reader_u32(&path);

			if (type == BGP_AS_SEQUENCE) {
				if (first)
					set->first_as = as;
				set->origin_as = as;
			} else {
				set->origin_as = type == BGP_AS_SET ? 0 : set->origin_as;
			}
			first = first && type > BGP_AS_SEQUENCE;
		}
		set->path_length += type == BGP_AS_SEQUENCE ? count : type == BGP_AS_SET ? 1 : 0;
	}
}

static void decode_set(struct bgp_attr_set *set)
{
	struct reader r = reader_over(set->bytes, set->bytes_count);

	while (reader_left(&r) > 0) {
		uint8_t flags = reader_u8(&r), type = reader_u8(&r);
		struct reader value = reader_sub(&r, flags & BGP_FLAG_EXTENDED ? reader_u16(&r) : reader_u8(&r));

		switch (type) {
		case BGP_ATTR_ORIGIN:
			set->origin = reader_u8(&value);
			break;
		case BGP_ATTR_AS_PATH:
			decode_path(set, value);
			break;
		case BGP_ATTR_MED:
			set->has_med = true;
			set->med = reader_u32(&value);
			break;
		case BGP_ATTR_LOCAL_PREF:
			set->has_local_pref = true;
			set->local_pref = reader_u32(&value);
			break;
		case BGP_ATTR_ORIGINATOR_ID:
			set->has_originator = true;
			set->originator_id = reader_u32(&value);
			break;
		case BGP_ATTR_CLUSTER_LIST:
			set->cluster_length = (uint32_t)(reader_left(&value) / 4);
			break;
		default:
			break;
		}
	}
}

bool bgp_attr_path_has(const struct bgp_attr_set *set, uint32_t as)
{
	struct reader path = bgp_attr_find(set->bytes, set->bytes_count, BGP_ATTR_AS_PATH);

	while (reader_left(&path) > 0) {
		(void)reader_u8(&path);
		for (uint8_t count = reader_u8(&path); count > 0; count--)
			if (reader_u32(&path) == as && reader_ok(&path))
				return true;
	}
	return false;
}

static uint64_t hash_of(const uint8_t *bytes, size_t count, struct ip nexthop)
{
	return hash_bytes(bytes, count) ^ hash_bytes(nexthop.bytes, sizeof(nexthop.bytes)) * 3;
}

static bool set_is(
	const struct bgp_attr_set *set, uint64_t hash, const uint8_t *bytes, size_t count, struct ip nexthop, struct ip link_local)
{
	return set->hash == hash && set->bytes_count == count && memcmp(set->bytes, bytes, count) == 0 && ip_equal(set->nexthop, nexthop) &&
	       ip_equal(set->nexthop_link_local, link_local);
}

static void slots_grow(struct bgp_attrs *attrs)
{
	struct bgp_attr_slots *s = attrs->slots;

	free(s->slots);
	s->mask = s->mask * 2 + 1;
	s->slots = xalloc(((size_t)s->mask + 1) * sizeof(*s->slots));
	for (uint32_t id = 1; id < attrs->set_count; id++) {
		uint32_t i;

		if (attrs->sets[id] == NULL)
			continue;
		for (i = (uint32_t)attrs->sets[id]->hash & s->mask; s->slots[i] != 0;)
			i = (i + 1) & s->mask;
		s->slots[i] = id;
	}
}

static uint32_t number_new(struct bgp_attrs *attrs)
{
	struct bgp_attr_slots *s = attrs->slots;

	if (s->unused_count > 0)
		return s->unused[--s->unused_count];
	if (attrs->set_count == s->set_capacity) {
		s->set_capacity *= 2;
		attrs->sets = xrealloc(attrs->sets, s->set_capacity * sizeof(struct bgp_attr_set *));
	}
	return attrs->set_count++;
}

struct bgp_attr_set *bgp_attrs_intern(struct bgp_attrs *attrs, const uint8_t *bytes, size_t count, struct ip nexthop, struct ip link_local)
{
	struct bgp_attr_slots *s = attrs->slots;
	uint64_t hash = hash_of(bytes, count, nexthop);
	struct bgp_attr_set *set;
	uint32_t i;

	CHECK(count <= BGP_ATTR_BYTES_MAX);
	for (i = (uint32_t)hash & s->mask; s->slots[i] != 0; i = (i + 1) & s->mask) {
		set = attrs->sets[s->slots[i]];
		if (set_is(set, hash, bytes, count, nexthop, link_local)) {
			set->references++;
			return set;
		}
	}
	set = xalloc(sizeof(*set) + count);
	set->id = number_new(attrs);
	set->references = 1;
	set->hash = hash;
	set->nexthop = nexthop;
	set->nexthop_link_local = link_local;
	set->bytes_count = (uint16_t)count;
	memcpy(set->bytes, bytes, count);
	decode_set(set);
	attrs->sets[set->id] = set;
	s->slots[i] = set->id;
	attrs->bytes += sizeof(*set) + count;
	if (++attrs->used * 2 > s->mask)
		slots_grow(attrs);
	return set;
}

/* Takes a number out of the slots, moving back what lies behind it in the same run (Knuth 6.4, algorithm R). */
static void slot_remove(struct bgp_attrs *attrs, const struct bgp_attr_set *set)
{
	struct bgp_attr_slots *s = attrs->slots;
	uint32_t gap = (uint32_t)set->hash & s->mask;

	while (s->slots[gap] != set->id)
		gap = (gap + 1) & s->mask;
	for (uint32_t i = (gap + 1) & s->mask; s->slots[i] != 0; i = (i + 1) & s->mask) {
		uint32_t home = (uint32_t)attrs->sets[s->slots[i]]->hash & s->mask;

		if (((i - home) & s->mask) >= ((i - gap) & s->mask)) {
			s->slots[gap] = s->slots[i];
			gap = i;
		}
	}
	s->slots[gap] = 0;
}

void bgp_attr_unref_last(struct bgp_attrs *attrs, struct bgp_attr_set *set)
{
	struct bgp_attr_slots *s = attrs->slots;

	slot_remove(attrs, set);
	attrs->sets[set->id] = NULL;
	attrs->used--;
	attrs->bytes -= sizeof(*set) + set->bytes_count;
	if (s->unused_count == s->unused_capacity) {
		s->unused_capacity = s->unused_capacity ? s->unused_capacity * 2 : 64;
		s->unused = xrealloc(s->unused, s->unused_capacity * sizeof(*s->unused));
	}
	s->unused[s->unused_count++] = set->id;
	free(set);
}

uint32_t bgp_attrs_count(const struct bgp_attrs *attrs) { return attrs->used; }

size_t bgp_attrs_bytes(const struct bgp_attrs *attrs) { return attrs->bytes; }
