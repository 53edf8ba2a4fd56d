/* Flooding (RFC 2328 13): updates and acknowledgments that come in, LSAs that go on, and again until they are acknowledged. */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

/*
 * Theory of operation. An LSA that is newer than what the database has goes in, and from there to every interface of its scope: it joins
 * the resend list of each neighbor that may lack it, and the interface's `floods`, which are sent in as few packets as possible when the
 * running call ends, or, after some went out just now, `flood_pace` after them: a change or two are quick, a storm of them goes in full
 * packets, without those that the neighbors have said themselves meanwhile. Acknowledgments gather on the interface for `ack_delay`.
 * Entries of resend lists are in order of the time when they were sent last, so one timer per neighbor is enough.
 */
static uint64_t resend_key(const struct ospf_entry *entry) { return (uint64_t)(uintptr_t)entry; }

static void resend_timer(struct ospf_neighbor *neighbor)
{
	const struct ospf_resend *first = list_first(&neighbor->resends, struct ospf_resend, in_neighbor);
	struct span pause = span_s(neighbor->interface->settings.retransmit_s);

	ospf_neighbor_timer(neighbor, &neighbor->resend_at, first ? instant_add(first->sent, pause) : INSTANT_NEVER);
}

void ospf_resend_add(struct ospf_neighbor *neighbor, struct ospf_entry *entry)
{
	struct ospf_resend *resend = map_get(&neighbor->resend_of, resend_key(entry));

	if (resend == NULL) {
		resend = xalloc(sizeof(*resend));
		resend->entry = entry;
		entry->waiting++;
		(void)map_set(&neighbor->resend_of, resend_key(entry), resend);
	} else {
		list_remove(&resend->in_neighbor);
	}
	resend->sent = neighbor->interface->ospf->now;
	list_append(&neighbor->resends, &resend->in_neighbor);
	resend_timer(neighbor);
}

static bool resend_remove(struct ospf_neighbor *neighbor, struct ospf_entry *entry)
{
	struct ospf_resend *resend = map_remove(&neighbor->resend_of, resend_key(entry));

	if (resend == NULL)
		return false;
	entry->waiting--;
	list_remove(&resend->in_neighbor);
	free(resend);
	resend_timer(neighbor);
	return true;
}

void ospf_resends_clear(struct ospf_neighbor *neighbor)
{
	struct ospf_resend *resend;

	list_each (resend, &neighbor->resends, struct ospf_resend, in_neighbor)
		(void)resend_remove(neighbor, resend->entry);
}

void ospf_resends_forget(struct ospf_entry *entry)
{
	struct ospf_area *area = entry->area;
	struct ospf_interface *interface;
	struct ospf_neighbor *neighbor;
	struct ospf *ospf;

	if (entry->waiting == 0)
		return;
	ospf = area ? area->ospf : CONTAINER_OF(entry->db, struct ospf, externals);
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
			if (entry->waiting > 0)
				(void)resend_remove(neighbor, entry);
}

#define RESENDS_AT_ONCE 64

void ospf_resend_due(struct ospf_neighbor *neighbor)
{
	struct instant now = neighbor->interface->ospf->now;
	struct span pause = span_s(neighbor->interface->settings.retransmit_s);
	struct ospf_entry *entries[RESENDS_AT_ONCE];
	struct ospf_resend *resend;
	unsigned count = 0;

	while (count < RESENDS_AT_ONCE && (resend = list_first(&neighbor->resends, struct ospf_resend, in_neighbor)) != NULL &&
		instant_reached(instant_add(resend->sent, pause), now)) {
		entries[count++] = resend->entry;
		resend->sent = now;
		list_remove(&resend->in_neighbor);
		list_append(&neighbor->resends, &resend->in_neighbor);
	}
	ospf_send_update(neighbor->interface, neighbor->address, entries, count);
	resend_timer(neighbor);
}

/* RFC 2328 13.3 (1) for one neighbor: whether it may lack the LSA. */
static bool neighbor_lacks(struct ospf_neighbor *neighbor, const struct ospf_entry *entry)
{
	struct ospf_want *want;
	int newer;

	if (neighbor->state < OSPF_NB_EXCHANGE)
		return false;
	if (entry->header.type >= OSPF_LSA_OPAQUE_LINK && !(neighbor->options & OSPF_OPTION_O))
		return false;
	if (neighbor->state == OSPF_NB_FULL)
		return true;
	want = ospf_want_find(neighbor, &entry->header);
	if (want == NULL)
		return true;
	newer = ospf_lsa_compare(&entry->header, &want->header);
	if (newer < 0)
		return false;
	ospf_want_done(neighbor, want);
	ospf_wants_go_on(neighbor);
	return newer > 0;
}

static void flood_queue(struct ospf_interface *interface, struct ospf_entry *entry)
{
	if (interface->flood_count > 0 && interface->floods[interface->flood_count - 1] == entry)
		return;
	if (interface->flood_count == interface->flood_capacity) {
		interface->flood_capacity = interface->flood_capacity ? 2 * interface->flood_capacity : 4;
		interface->floods = xrealloc(interface->floods, interface->flood_capacity * sizeof(struct ospf_entry *));
	}
	interface->floods[interface->flood_count++] = entry;
}

/* 13.3 for one interface; true when the LSA goes out there. */
static bool interface_flood(struct ospf_interface *interface, struct ospf_entry *entry, const struct ospf_neighbor *from)
{
	struct ospf_neighbor *neighbor;
	bool here = from != NULL && from->interface == interface;
	bool any = false;

	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		if (neighbor_lacks(neighbor, entry) && neighbor != from) {
			ospf_resend_add(neighbor, entry);
			any = true;
		}
	if (!any)
		return false;
	if (here && interface->settings.type == OSPF_BROADCAST &&
		(from->address == interface->designated || from->address == interface->backup || interface->state == OSPF_IF_BACKUP))
		return false; /* the designated router has done it, or will */
	flood_queue(interface, entry);
	return true;
}

bool ospf_flood(struct ospf_entry *entry, struct ospf_neighbor *from)
{
	struct ospf *ospf = entry->area ? entry->area->ospf : CONTAINER_OF(entry->db, struct ospf, externals);
	struct ospf_interface *interface;
	bool back = false, out;

	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf) {
		if (interface->neighbor_count == 0 || !ospf_entry_passes(entry, interface))
			continue;
		out = interface_flood(interface, entry, from);
		back |= out && from != NULL && from->interface == interface;
	}
	return back;
}

/* Floods of an interface that don't wait for each other. */
#define FLOOD_BURST 4

/* Whether some neighbor on the interface still has to acknowledge the LSA. */
static bool is_lacked(const struct ospf_interface *interface, const struct ospf_entry *entry)
{
	const struct ospf_neighbor *neighbor;

	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		if (map_get(&neighbor->resend_of, resend_key(entry)) != NULL)
			return true;
	return false;
}

void ospf_flood_flush(struct ospf_interface *interface)
{
	struct ospf *ospf = interface->ospf;
	struct instant allowed = instant_add(interface->flooded, ospf->settings.flood_pace);
	unsigned count = 0;

	if (interface->flood_count == 0)
		return;
	if (instant_reached(instant_add(interface->flooded, span_ns(4 * ospf->settings.flood_pace.ns)), ospf->now))
		interface->flood_burst = 0;
	if (!ospf->stopping && interface->flood_burst >= FLOOD_BURST && !instant_reached(allowed, ospf->now)) {
		if (interface->flood_at.ns == INSTANT_NEVER.ns)
			ospf_interface_timer(interface, &interface->flood_at, allowed);
		return;
	}
	ospf->flood_serial++;
	for (unsigned i = 0; i < interface->flood_count; i++) {
		struct ospf_entry *entry = interface->floods[i];

		if (entry->flood_mark == ospf->flood_serial || !is_lacked(interface, entry))
			continue;
		entry->flood_mark = ospf->flood_serial;
		interface->floods[count++] = entry;
	}
	if (interface->state >= OSPF_IF_WAITING)
		ospf_send_update(interface, ospf_interface_group(interface), interface->floods, count);
	interface->flood_count = 0;
	interface->flooded = ospf->now;
	if (interface->flood_burst < FLOOD_BURST)
		interface->flood_burst++;
	ospf_interface_timer(interface, &interface->flood_at, INSTANT_NEVER);
}

static void ack_later(struct ospf_interface *interface, const struct ospf_lsa_header *header)
{
	struct ospf *ospf = interface->ospf;

	if (interface->ack_count == interface->ack_capacity) {
		interface->ack_capacity = interface->ack_capacity ? 2 * interface->ack_capacity : 4;
		interface->acks = xrealloc(interface->acks, interface->ack_capacity * sizeof(struct ospf_lsa_header));
	}
	interface->acks[interface->ack_count++] = *header;
	if (interface->ack_at.ns == INSTANT_NEVER.ns)
		ospf_interface_timer(interface, &interface->ack_at, instant_add(ospf->now, ospf->settings.ack_delay));
}

static void ack_now(struct ospf_neighbor *neighbor, const struct ospf_lsa_header *header)
{
	ospf_send_acks(neighbor->interface, neighbor->address, header, 1);
}

static bool arrives_too_soon(const struct ospf *ospf, const struct ospf_entry *entry)
{
	return entry != NULL && entry->flooded && !instant_reached(instant_add(entry->installed, ospf->settings.lsa_arrival), ospf->now);
}

/* 13 (5): newer than ours, or new. `bytes` is the whole LSA. */
static enum ospf_drop newer_take(struct ospf_neighbor *neighbor, struct ospf_db *db, const struct ospf_lsa *lsa, const uint8_t *bytes)
{
	struct ospf_interface *interface = neighbor->interface;
	struct ospf *ospf = interface->ospf;
	const struct ospf_lsa_header *header = &lsa->header;
	const struct ospf_place place = {db, db == &interface->area->db ? interface->area : NULL, NULL};
	struct ospf_place link = {db, interface->area, interface};
	struct ospf_entry *entry;
	bool back;

	entry = ospf_entry_put(ospf, db == interface->links ? &link : &place, bytes, header->bytes);
	if (entry == NULL)
		return OSPF_DROP_LSA_LIMIT;
	entry->flooded = true;
	back = ospf_flood(entry, neighbor);
	/* 13.5, table 19 */
	if (!back && (interface->state != OSPF_IF_BACKUP || neighbor->address == interface->designated))
		ack_later(interface, header);
	if (entry->own)
		ospf_contested(ospf, entry);
	return OSPF_DROP_NONE;
}

/* 13 (7): the same as ours. An implied acknowledgment, or a repetition that asks for one. */
static void same_take(struct ospf_neighbor *neighbor, struct ospf_entry *entry, const struct ospf_lsa_header *header)
{
	struct ospf_interface *interface = neighbor->interface;

	if (!resend_remove(neighbor, entry))
		ack_now(neighbor, header);
	else if (interface->state == OSPF_IF_BACKUP && neighbor->address == interface->designated)
		ack_later(interface, header);
}

/* 13 (8): older than ours; the neighbor gets ours, not more often than MinLSArrival. */
static void older_take(struct ospf_neighbor *neighbor, struct ospf_entry *entry)
{
	struct ospf *ospf = neighbor->interface->ospf;

	if (entry->old && entry->header.sequence == OSPF_SEQUENCE_MAX)
		return;
	if (!instant_reached(instant_add(entry->answered, ospf->settings.lsa_arrival), ospf->now))
		return;
	entry->answered = ospf->now;
	ospf_send_update(neighbor->interface, neighbor->address, &entry, 1);
}

static enum ospf_drop lsa_take(struct ospf_neighbor *neighbor, const struct ospf_lsa *lsa, const uint8_t *bytes)
{
	struct ospf_interface *interface = neighbor->interface;
	struct ospf *ospf = interface->ospf;
	const struct ospf_lsa_header *header = &lsa->header;
	struct ospf_db *db = ospf_db_of(interface, header->type, true);
	struct ospf_lsa_header ours;
	struct ospf_entry *entry;
	int newer = 1;

	if (db == NULL)
		return OSPF_DROP_LSA_AREA;
	entry = ospf_entry_get(db, header->type, header->id, header->router);
	if (entry != NULL) {
		ours = ospf_entry_header(entry, ospf->now);
		newer = ospf_lsa_compare(header, &ours);
	} else if (header->age_s >= OSPF_MAX_AGE_S && !ospf_exchanging(ospf)) { /* 13 (4) */
		ack_now(neighbor, header);
		return OSPF_DROP_NONE;
	}
	if (newer > 0) {
		if (arrives_too_soon(ospf, entry))
			return OSPF_DROP_LSA_TOO_SOON;
		return newer_take(neighbor, db, lsa, bytes);
	}
	if (ospf_want_find(neighbor, header) != NULL) { /* 13 (6) */
		ospf_neighbor_event(neighbor, OSPF_EVENT_OUT_OF_STEP);
		return OSPF_DROP_EXCHANGE;
	}
	if (newer == 0)
		same_take(neighbor, entry, header);
	else
		older_take(neighbor, entry);
	return OSPF_DROP_NONE;
}

static const enum ospf_drop lsa_drops[OSPF_LSA_FAULT_COUNT] = {
	[OSPF_LSA_SHORT] = OSPF_DROP_LSA_SHORT,
	[OSPF_LSA_CHECKSUM] = OSPF_DROP_LSA_CHECKSUM,
	[OSPF_LSA_TYPE] = OSPF_DROP_LSA_TYPE,
	[OSPF_LSA_BODY] = OSPF_DROP_LSA_BODY,
};

enum ospf_drop ospf_update_receive(struct ospf_neighbor *neighbor, struct reader body)
{
	struct ospf_interface *interface = neighbor->interface;
	uint32_t count = reader_u32(&body);

	if (neighbor->state < OSPF_NB_EXCHANGE)
		return OSPF_DROP_NEIGHBOR_STATE;
	for (uint32_t i = 0; i < count && neighbor->state >= OSPF_NB_EXCHANGE; i++) {
		const uint8_t *bytes = body.at;
		enum ospf_lsa_fault fault;
		struct ospf_lsa lsa;
		enum ospf_drop drop;

		fault = ospf_lsa_read(&body, &lsa);
		if (fault == OSPF_LSA_SHORT)
			return OSPF_DROP_LSA_SHORT;
		if (lsa.header.age_s > OSPF_MAX_AGE_S)
			fault = OSPF_LSA_BODY;
		drop = fault != OSPF_LSA_GOOD ? lsa_drops[fault] : lsa_take(neighbor, &lsa, bytes);
		if (drop == OSPF_DROP_NONE)
			continue;
		(void)ospf_count_drop(interface->ospf, interface, drop);
	}
	return OSPF_DROP_NONE;
}

enum ospf_drop ospf_ack_receive(struct ospf_neighbor *neighbor, struct reader body)
{
	struct ospf *ospf = neighbor->interface->ospf;

	if (neighbor->state < OSPF_NB_EXCHANGE)
		return OSPF_DROP_NEIGHBOR_STATE;
	if (reader_left(&body) % OSPF_LSA_HEADER_BYTES != 0)
		return OSPF_DROP_BODY;
	while (reader_left(&body) > 0) {
		struct ospf_lsa_header header, ours;
		struct ospf_entry *entry;
		struct ospf_db *db;

		ospf_lsa_header_read(&body, &header);
		db = ospf_db_of(neighbor->interface, header.type, false);
		entry = db ? ospf_entry_get(db, header.type, header.id, header.router) : NULL;
		if (entry == NULL)
			continue;
		ours = ospf_entry_header(entry, ospf->now);
		if (ospf_lsa_compare(&header, &ours) == 0)
			(void)resend_remove(neighbor, entry);
	}
	return OSPF_DROP_NONE;
}
