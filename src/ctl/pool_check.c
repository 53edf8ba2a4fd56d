/* The checks of pools, each a walk over sorted holdings or over objects. */
#include "ctl/pool_check.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool_check *pool_check_new(struct arena *arena)
{
	struct pool_check *check = arena_alloc(arena, sizeof(*check));

	check->arena = arena;
	check->problems = arena_alloc(arena, POOL_PROBLEMS_MAX * sizeof(*check->problems));
	return check;
}

void pool_check_problem(struct pool_check *check, const char *format, ...)
{
	char text[512];
	va_list args;

	if (check->count == POOL_PROBLEMS_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check->problems[check->count++] = arena_str(check->arena, text);
}

/* The lab of an owner ("demo/vm1:eth0"), when it is there and as it is wanted; NULL otherwise. `changing`: it is, so nothing can be said.
 */
static const struct ctl_lab *lab_of(const struct ctl *ctl, const char *owner, bool *changing)
{
	char name[NAME_BYTES];
	const char *slash = strchr(owner, '/');
	const struct ctl_lab *lab;

	*changing = false;
	if (slash == NULL || (size_t)(slash - owner) >= sizeof(name))
		return NULL;
	memcpy(name, owner, (size_t)(slash - owner));
	name[slash - owner] = 0;
	lab = labs_find(ctl, name);
	*changing = lab != NULL && (lab->operation != NULL || lab->value == NULL || lab->failed);
	return lab;
}

static bool same_lab(const struct holding *a, const struct holding *b)
{
	size_t length = strcspn(a->owner, "/");

	return strncmp(a->owner, b->owner, length + 1) == 0;
}

static int by_number(const void *a, const void *b)
{
	const struct holding *x = *(const struct holding *const *)a, *y = *(const struct holding *const *)b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return strcmp(x->owner, y->owner);
}

/* The held numbers of a pool, sorted by number. */
static const struct holding **held_of(const struct pool_check *check, const struct ctl *ctl, const char *key, size_t *count)
{
	const struct holding **list, *holding;
	size_t cursor = 0, n = 0;

	while (holdings_next(ctl->holdings, key, &cursor) != NULL)
		n++;
	list = arena_alloc(check->arena, (n + 1) * sizeof(struct holding *));
	cursor = n = 0;
	while ((holding = holdings_next(ctl->holdings, key, &cursor)) != NULL)
		if (holding->released_wall_ns == 0)
			list[n++] = holding;
	qsort(list, n, sizeof(struct holding *), by_number);
	*count = n;
	return list;
}

/* Two owners of one number. While a lab changes, a number may go from one of its objects to another. */
static void check_twice(struct pool_check *check, const struct ctl *ctl, const struct pool_entry *entry)
{
	size_t count;
	const struct holding **list = held_of(check, ctl, entry->key, &count);

	for (size_t i = 0; i + 1 < count; i++) {
		bool changing, other_changing;

		if (list[i]->value != list[i + 1]->value)
			continue;
		if (list[i]->why == HOLDING_WRITTEN && list[i + 1]->why == HOLDING_WRITTEN && !same_lab(list[i], list[i + 1]))
			continue;
		(void)lab_of(ctl, list[i]->owner, &changing);
		(void)lab_of(ctl, list[i + 1]->owner, &other_changing);
		if (!changing && !other_changing)
			pool_check_problem(check, "%s: %s is held by %s and by %s", entry->key,
				pool_value_text(check->arena, entry, list[i]->value), list[i]->owner, list[i + 1]->owner);
	}
}

/* What the labs' objects have, as a set of "POOL\tOWNER". */
static struct map wanted_set(struct pool_check *check, const struct ctl *ctl)
{
	const struct ctl_lab *lab;
	struct map set = {0};
	size_t cursor = 0;

	while ((lab = map_next(&ctl->labs, &cursor, NULL, NULL)) != NULL) {
		const struct assignment *assignment = lab->value != NULL ? &lab->value->assignment : NULL;

		for (size_t i = 0; assignment != NULL && i < assignment->holding_count; i++) {
			const struct holding *wanted = &assignment->holdings[i];

			(void)map_set_str(
				&set, arena_printf(check->arena, "%s\t%s", wanted->pool, wanted->owner), &assignment->holdings[i]);
		}
	}
	return set;
}

/* Numbers held by nobody who is there. */
static void check_leaks(struct pool_check *check, const struct ctl *ctl, const struct pool_entry *entry, const struct map *wanted)
{
	size_t count;
	const struct holding **list = held_of(check, ctl, entry->key, &count);

	for (size_t i = 0; i < count; i++) {
		bool changing;
		const struct ctl_lab *lab = lab_of(ctl, list[i]->owner, &changing);
		const struct holding *has;

		check->checked++;
		if (changing || list[i]->why == HOLDING_RESERVED)
			continue;
		has = map_get_str(wanted, arena_printf(check->arena, "%s\t%s", entry->key, list[i]->owner));
		if (has == NULL || has->value != list[i]->value)
			pool_check_problem(check, "%s: %s is held by %s, %s", entry->key,
				pool_value_text(check->arena, entry, list[i]->value), list[i]->owner,
				lab == NULL   ? "whose lab is gone"
				: has == NULL ? "which is not in its lab"
					      : "which has another");
	}
}

/* Numbers that objects have and nobody holds for them. */
static void check_missing(struct pool_check *check, const struct ctl *ctl, const struct map *wanted)
{
	const struct holding *has;
	size_t cursor = 0;

	while ((has = map_next(wanted, &cursor, NULL, NULL)) != NULL) {
		const struct holding *held = holdings_find(ctl->holdings, has->pool, has->owner);
		bool changing;

		(void)lab_of(ctl, has->owner, &changing);
		if (!changing && (held == NULL || held->released_wall_ns != 0 || held->value != has->value))
			pool_check_problem(check, "%s: %s has %" PRIu64 ", which is not held for it", has->pool, has->owner, has->value);
	}
}

static size_t count_missing(struct pool_check *check, const struct holdings *there, const struct holdings *here, const char *what)
{
	const char *key;
	size_t cursor = 0, missing = 0;

	while ((key = holdings_next_pool(there, &cursor)) != NULL) {
		const struct holding *holding;
		size_t inner = 0;

		while ((holding = holdings_next(there, key, &inner)) != NULL) {
			const struct holding *other = holdings_find(here, key, holding->owner);

			if (other != NULL && other->value == holding->value && other->released_wall_ns == holding->released_wall_ns)
				continue;
			missing++;
			pool_check_problem(check, "%s: the number of %s is %s", key, holding->owner, what);
		}
	}
	return missing;
}

static void check_store(struct pool_check *check, const struct ctl *ctl)
{
	struct holdings *stored = holdings_new();
	struct err err;

	if (holdings_load(stored, ctl->store, &err) < 0)
		pool_check_problem(check, "the store can't be read: %s", err.text);
	else if (count_missing(check, stored, ctl->holdings, "stored but not known") == 0)
		(void)count_missing(check, ctl->holdings, stored, "known but not stored");
	holdings_free(stored);
}

void pool_check_holdings(struct pool_check *check, const struct ctl *ctl)
{
	struct pool_catalog pools = pool_catalog_make(ctl, check->arena);
	struct map wanted = wanted_set(check, ctl);

	for (size_t i = 0; i < pools.count; i++) {
		/* Router ids are unique within a lab only; the lab's own check sees to that. */
		if (pools.entries[i].gives != GIVES_ROUTER_IDS)
			check_twice(check, ctl, &pools.entries[i]);
		check_leaks(check, ctl, &pools.entries[i], &wanted);
	}
	check_missing(check, ctl, &wanted);
	check_store(check, ctl);
	map_free(&wanted);
}

/* --- what the switch really has --- */

struct pool_check_seen {
	struct pool_check *check;
	const struct ctl *ctl;
	struct map ids;	 /* of ports and interfaces that are there */
	struct map macs; /* MAC -> the object that was seen with it, by its id */
};

struct pool_check_seen *pool_check_seen_new(struct pool_check *check, const struct ctl *ctl)
{
	struct pool_check_seen *seen = arena_alloc(check->arena, sizeof(*seen));

	*seen = (struct pool_check_seen){check, ctl, {0}, {0}};
	return seen;
}

static struct mac object_mac(const struct object *object)
{
	if (object->kind == OBJECT_PORT)
		return ((const struct msg_port *)object->body)->mac;
	return object->kind == OBJECT_RIF ? ((const struct msg_rif *)object->body)->mac : (struct mac){0};
}

static uint64_t mac_key(struct mac mac)
{
	uint64_t key = 0;

	for (size_t i = 0; i < sizeof(mac.bytes); i++)
		key = key << 8 | mac.bytes[i];
	return key;
}

void pool_check_saw(struct pool_check_seen *seen, const struct row_interface *row)
{
	const struct object *object = world_find_id(seen->ctl->world, row->id), *other;
	char has[MAC_TEXT_BYTES], wanted[MAC_TEXT_BYTES];

	if (object == NULL) {
		pool_check_problem(seen->check, "the switch has a port with the MAC %s that no lab has", mac_text(row->mac, has));
		return;
	}
	seen->check->checked++;
	(void)map_set(&seen->ids, row->id, seen);
	if (!mac_equal(object_mac(object), row->mac))
		pool_check_problem(seen->check, "%s has the MAC %s in the switch, but %s is its own", object->path, mac_text(row->mac, has),
			mac_text(object_mac(object), wanted));
	if (mac_is_zero(row->mac))
		return;
	other = world_find_id(seen->ctl->world, (uint32_t)(uintptr_t)map_get(&seen->macs, mac_key(row->mac)));
	/* Labs never meet, and what their files say themselves may be the same; one lab's MACs never are. */
	if (other != NULL && strcmp(other->lab, object->lab) == 0)
		pool_check_problem(seen->check, "%s and %s have the same MAC %s", other->path, object->path, mac_text(row->mac, has));
	if (other == NULL)
		(void)map_set(&seen->macs, mac_key(row->mac), (void *)(uintptr_t)row->id);
}

void pool_check_seen_end(struct pool_check_seen *seen, bool complete)
{
	struct object_list all = world_list(seen->ctl->world, NULL, 1u << PROCESS_SWITCH, seen->check->arena);

	for (size_t i = 0; complete && i < all.count; i++) {
		const struct object *object = &all.items[i];
		bool changing;

		if (object->kind != OBJECT_PORT && object->kind != OBJECT_RIF)
			continue;
		(void)lab_of(seen->ctl, object->path, &changing);
		if (!changing && map_get(&seen->ids, object->id) == NULL)
			pool_check_problem(seen->check, "%s is not in the switch", object->path);
	}
	map_free(&seen->ids);
	map_free(&seen->macs);
}
