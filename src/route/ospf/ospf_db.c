/* The link state database: LSAs by type, id and router; their age, their end. */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

/*
 * Theory of operation. An entry stays the same object while its instances follow each other, so that lists of what neighbors have yet to
 * acknowledge needn't be changed. Its age is the time since `born`. Nothing counts ages up: one timer for the whole database stands at the
 * earliest moment when an LSA of our own is to be refreshed or somebody's gets too old. An LSA of MaxAge is flooded and then waits in
 * `dying` until no neighbor has to acknowledge it and none is in the middle of an exchange (RFC 2328 14).
 */
static uint64_t key_of(uint32_t id, uint32_t router) { return (uint64_t)id << 32 | router; }

void ospf_db_init(struct ospf_db *db)
{
	for (unsigned type = 0; type <= OSPF_LSA_OPAQUE_AS; type++)
		list_init(&db->of_type[type]);
}

void ospf_db_clear(struct ospf *ospf, struct ospf_db *db)
{
	struct ospf_entry *entry;

	for (unsigned type = 0; type <= OSPF_LSA_OPAQUE_AS; type++) {
		list_each (entry, &db->of_type[type], struct ospf_entry, in_type)
			ospf_entry_remove(entry, ospf);
		map_free(&db->by_type[type]);
	}
}

struct ospf_db *ospf_db_of(struct ospf_interface *interface, uint8_t type, bool make)
{
	switch (type) {
	case OSPF_LSA_ROUTER:
	case OSPF_LSA_NETWORK:
	case OSPF_LSA_SUMMARY:
	case OSPF_LSA_SUMMARY_ASBR:
	case OSPF_LSA_OPAQUE_AREA:
		return &interface->area->db;
	case OSPF_LSA_EXTERNAL:
	case OSPF_LSA_OPAQUE_AS:
		return interface->area->settings.stub ? NULL : &interface->ospf->externals;
	case OSPF_LSA_OPAQUE_LINK:
		if (interface->links == NULL && make) {
			interface->links = xalloc(sizeof(*interface->links));
			ospf_db_init(interface->links);
		}
		return interface->links;
	default:
		return NULL;
	}
}

struct ospf_entry *ospf_entry_get(const struct ospf_db *db, uint8_t type, uint32_t id, uint32_t router)
{
	if (db == NULL || type > OSPF_LSA_OPAQUE_AS)
		return NULL;
	return map_get(&db->by_type[type], key_of(id, router));
}

uint16_t ospf_entry_age(const struct ospf_entry *entry, struct instant now)
{
	int64_t age = instant_diff(now, entry->born).ns / 1000000000;

	return entry->old || age > OSPF_MAX_AGE_S ? OSPF_MAX_AGE_S : (uint16_t)(age > 0 ? age : 0);
}

struct ospf_lsa_header ospf_entry_header(const struct ospf_entry *entry, struct instant now)
{
	struct ospf_lsa_header header = entry->header;

	header.age_s = ospf_entry_age(entry, now);
	return header;
}

struct ospf_lsa ospf_entry_lsa(const struct ospf_entry *entry, struct instant now)
{
	return (struct ospf_lsa){ospf_entry_header(entry, now),
		reader_over(entry->blob->bytes + OSPF_LSA_HEADER_BYTES, entry->blob->size - OSPF_LSA_HEADER_BYTES)};
}

bool ospf_entry_passes(const struct ospf_entry *entry, const struct ospf_interface *interface)
{
	if (entry->interface != NULL)
		return entry->interface == interface;
	if (entry->area != NULL)
		return entry->area == interface->area;
	return !interface->area->settings.stub;
}

/* When something is to be done about its age. */
static struct instant entry_due(const struct ospf_entry *entry)
{
	return instant_add(entry->born, span_s(entry->own ? OSPF_LS_REFRESH_S : OSPF_MAX_AGE_S));
}

static void entry_set_old(struct ospf *ospf, struct ospf_entry *entry, bool old)
{
	entry->old = old;
	if (old && !list_linked(&entry->in_dying))
		list_append(&ospf->dying, &entry->in_dying);
	else if (!old)
		list_remove(&entry->in_dying);
}

static struct ospf_entry *entry_new(struct ospf *ospf, const struct ospf_place *place, const struct ospf_lsa_header *header)
{
	struct ospf_entry *entry;

	if (ospf->lsa_count >= ospf->settings.lsas_max) {
		ospf->ops->limit_reached(ospf->context, "ospf LSAs", ospf->settings.lsas_max);
		return NULL;
	}
	entry = xalloc(sizeof(*entry));
	entry->db = place->db;
	entry->area = place->area;
	entry->interface = place->interface;
	entry->said = entry->answered = (struct instant){INT64_MIN / 2};
	list_append(&entry->db->of_type[header->type], &entry->in_type);
	(void)map_set(&entry->db->by_type[header->type], key_of(header->id, header->router), entry);
	entry->db->count++;
	ospf->lsa_count++;
	return entry;
}

struct ospf_entry *ospf_entry_put(struct ospf *ospf, const struct ospf_place *place, const uint8_t *bytes, size_t size)
{
	struct reader r = reader_over(bytes, size);
	struct ospf_lsa_header header;
	struct ospf_entry *entry;
	struct ospf_blob *before;
	bool was_old;

	ospf_lsa_header_read(&r, &header);
	entry = ospf_entry_get(place->db, header.type, header.id, header.router);
	if (entry == NULL)
		entry = entry_new(ospf, place, &header);
	if (entry == NULL)
		return NULL;
	ospf_resends_forget(entry);
	before = entry->blob;
	was_old = before == NULL || entry->old;
	entry->blob = ospf_blob_get(ospf->store, bytes, size);
	entry->header = header;
	entry->born = instant_add(ospf->now, span_s(-(int64_t)header.age_s));
	entry->installed = ospf->now;
	entry->own = ospf_is_own(ospf, &header);
	entry->flooded = false;
	entry_set_old(ospf, entry, header.age_s >= OSPF_MAX_AGE_S);
	if (!entry->old)
		ospf->age_at = instant_earlier(ospf->age_at, entry_due(entry));
	ospf_calc_changed(ospf, entry, before, was_old);
	ospf_blob_put(ospf->store, before);
	return entry;
}

void ospf_entry_remove(struct ospf_entry *entry, struct ospf *ospf)
{
	struct ospf_interface *interface;

	ospf_resends_forget(entry);
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		for (unsigned i = 0; i < interface->flood_count; i++)
			if (interface->floods[i] == entry)
				interface->floods[i--] = interface->floods[--interface->flood_count];
	list_remove(&entry->in_type);
	list_remove(&entry->in_dying);
	(void)map_remove(&entry->db->by_type[entry->header.type], key_of(entry->header.id, entry->header.router));
	entry->db->count--;
	ospf->lsa_count--;
	ospf_blob_put(ospf->store, entry->blob);
	free(entry);
}

void ospf_entry_flush(struct ospf *ospf, struct ospf_entry *entry)
{
	if (entry->old)
		return;
	ospf_resends_forget(entry);
	entry_set_old(ospf, entry, true);
	ospf_calc_changed(ospf, entry, entry->blob, false);
	(void)ospf_flood(entry, NULL);
}

static void db_age(struct ospf *ospf, struct ospf_db *db)
{
	struct ospf_entry *entry;

	for (unsigned type = OSPF_LSA_ROUTER; type <= OSPF_LSA_OPAQUE_AS; type++)
		list_each (entry, &db->of_type[type], struct ospf_entry, in_type) {
			if (entry->old)
				continue;
			if (instant_reached(entry_due(entry), ospf->now)) {
				if (entry->own)
					ospf_entry_refresh(ospf, entry);
				else
					ospf_entry_flush(ospf, entry);
			}
			if (!entry->old)
				ospf->age_at = instant_earlier(ospf->age_at, entry_due(entry));
		}
}

void ospf_db_age(struct ospf *ospf)
{
	struct ospf_interface *interface;
	struct ospf_area *area;

	if (!instant_reached(ospf->age_at, ospf->now))
		return;
	ospf->age_at = INSTANT_NEVER;
	db_age(ospf, &ospf->externals);
	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		db_age(ospf, &area->db);
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		if (interface->links != NULL)
			db_age(ospf, interface->links);
}

bool ospf_exchanging(const struct ospf *ospf)
{
	const struct ospf_interface *interface;
	const struct ospf_neighbor *neighbor;

	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
			if (neighbor->state == OSPF_NB_EXCHANGE || neighbor->state == OSPF_NB_LOADING)
				return true;
	return false;
}

void ospf_db_reap(struct ospf *ospf)
{
	struct ospf_entry *entry;

	if (list_empty(&ospf->dying) || ospf_exchanging(ospf))
		return;
	list_each (entry, &ospf->dying, struct ospf_entry, in_dying)
		if (entry->waiting == 0) {
			if (entry->own)
				ospf_say_all_again(ospf); /* it may have gone only to begin anew (RFC 2328 12.1.6) */
			ospf_entry_remove(entry, ospf);
		}
}
