/* The exchange of databases (RFC 2328 10.6 to 10.9): each side describes what it has and asks for what it lacks. */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

/* What we describe: all that passes over the interface. LSAs of MaxAge are flooded instead (RFC 2328 10.3, NegotiationDone). */
static void summary_add(struct ospf_neighbor *neighbor, const struct ospf_db *db)
{
	struct ospf *ospf = neighbor->interface->ospf;
	struct ospf_entry *entry;

	for (unsigned type = OSPF_LSA_ROUTER; db != NULL && type <= OSPF_LSA_OPAQUE_AS; type++)
		list_each (entry, &db->of_type[type], struct ospf_entry, in_type) {
			if (type >= OSPF_LSA_OPAQUE_LINK && !(neighbor->options & OSPF_OPTION_O))
				continue;
			if (ospf_entry_age(entry, ospf->now) >= OSPF_MAX_AGE_S)
				ospf_resend_add(neighbor, entry);
			else
				neighbor->summary[neighbor->summary_count++] = ospf_entry_header(entry, ospf->now);
		}
}

void ospf_summary_make(struct ospf_neighbor *neighbor)
{
	struct ospf_interface *interface = neighbor->interface;
	const struct ospf_db *externals = &interface->ospf->externals;
	bool stub = interface->area->settings.stub;
	size_t most = interface->area->db.count + (stub ? 0 : externals->count) + (interface->links ? interface->links->count : 0);

	free(neighbor->summary);
	neighbor->summary = xalloc((most + 1) * sizeof(struct ospf_lsa_header));
	neighbor->summary_count = neighbor->sent_first = neighbor->sent_count = 0;
	summary_add(neighbor, &interface->area->db);
	if (!stub)
		summary_add(neighbor, externals);
	summary_add(neighbor, interface->links);
}

struct ospf_want *ospf_want_find(const struct ospf_neighbor *neighbor, const struct ospf_lsa_header *header)
{
	struct ospf_want *want;

	list_each (want, &neighbor->wants, struct ospf_want, in_neighbor)
		if (want->header.type == header->type && want->header.id == header->id && want->header.router == header->router)
			return want;
	return NULL;
}

void ospf_want_done(struct ospf_neighbor *neighbor, struct ospf_want *want)
{
	list_remove(&want->in_neighbor);
	free(want);
	neighbor->want_count--;
	if (neighbor->asked > 0)
		neighbor->asked--;
}

/* Asks on when all that was asked for has come; ends Loading when there is nothing left to ask for. */
void ospf_wants_go_on(struct ospf_neighbor *neighbor)
{
	struct instant now = neighbor->interface->ospf->now;

	if (neighbor->want_count == 0) {
		ospf_neighbor_timer(neighbor, &neighbor->ask_at, INSTANT_NEVER);
		ospf_neighbor_event(neighbor, OSPF_EVENT_LOADED);
	} else if (neighbor->asked == 0) {
		ospf_send_requests(neighbor);
		ospf_neighbor_timer(neighbor, &neighbor->ask_at, instant_add(now, span_s(neighbor->interface->settings.retransmit_s)));
	}
}

/* 10.6: the LSAs that the neighbor has and that are newer than ours, or that we lack. */
static bool headers_take(struct ospf_neighbor *neighbor, struct reader headers)
{
	struct ospf_interface *interface = neighbor->interface;

	while (reader_left(&headers) > 0) {
		struct ospf_lsa_header header, ours;
		const struct ospf_entry *entry;
		struct ospf_want *want;

		ospf_lsa_header_read(&headers, &header);
		if (header.type < OSPF_LSA_ROUTER || header.type > OSPF_LSA_OPAQUE_AS || ospf_db_of(interface, header.type, true) == NULL)
			return false;
		entry = ospf_entry_get(ospf_db_of(interface, header.type, false), header.type, header.id, header.router);
		if (entry != NULL) {
			ours = ospf_entry_header(entry, interface->ospf->now);
			if (ospf_lsa_compare(&header, &ours) <= 0)
				continue;
		}
		if (ospf_want_find(neighbor, &header) != NULL)
			continue;
		if (neighbor->want_count >= interface->ospf->settings.lsas_max)
			return false;
		want = xalloc(sizeof(*want));
		want->header = header;
		list_append(&neighbor->wants, &want->in_neighbor);
		neighbor->want_count++;
	}
	return true;
}

static void heard_set(struct ospf_neighbor *neighbor, const struct ospf_database *database)
{
	neighbor->heard_any = true;
	neighbor->heard_flags = database->flags;
	neighbor->heard_options = database->options;
	neighbor->heard_sequence = database->sequence;
}

/* An accepted description: takes the headers, answers, and sees whether both sides have said all (10.6, 10.8). */
static enum ospf_drop description_take(struct ospf_neighbor *neighbor, const struct ospf_database *database)
{
	struct ospf_interface *interface = neighbor->interface;
	bool they_end = !(database->flags & OSPF_DATABASE_MORE), we_end;

	if (!headers_take(neighbor, database->headers)) {
		ospf_neighbor_event(neighbor, OSPF_EVENT_OUT_OF_STEP);
		return OSPF_DROP_EXCHANGE;
	}
	heard_set(neighbor, database);
	neighbor->sent_first += neighbor->sent_count;
	neighbor->sent_count = 0;
	if (neighbor->master) {
		neighbor->exchange_sequence++;
		we_end = !(neighbor->sent_flags & (OSPF_DATABASE_MORE | OSPF_DATABASE_INIT));
		if (!(we_end && they_end)) {
			ospf_send_description(neighbor);
			ospf_neighbor_timer(neighbor, &neighbor->describe_at,
				instant_add(interface->ospf->now, span_s(interface->settings.retransmit_s)));
			ospf_wants_go_on(neighbor);
			return OSPF_DROP_NONE;
		}
	} else {
		neighbor->exchange_sequence = database->sequence;
		ospf_send_description(neighbor);
		we_end = !(neighbor->sent_flags & OSPF_DATABASE_MORE);
	}
	if (we_end && they_end)
		ospf_neighbor_event(neighbor, OSPF_EVENT_EXCHANGED);
	ospf_wants_go_on(neighbor);
	return OSPF_DROP_NONE;
}

/* ExStart: who is master (10.6). */
static enum ospf_drop description_negotiate(struct ospf_neighbor *neighbor, const struct ospf_database *database)
{
	const uint8_t all = OSPF_DATABASE_INIT | OSPF_DATABASE_MORE | OSPF_DATABASE_MASTER;
	uint32_t self = neighbor->interface->ospf->settings.router_id;

	if ((database->flags & all) == all && reader_left(&database->headers) == 0 && neighbor->router_id > self) {
		neighbor->master = false;
		neighbor->exchange_sequence = database->sequence;
	} else if (!(database->flags & (OSPF_DATABASE_INIT | OSPF_DATABASE_MASTER)) && database->sequence == neighbor->exchange_sequence &&
		   neighbor->router_id < self) {
		neighbor->master = true;
	} else {
		return OSPF_DROP_NONE; /* the usual meeting of two beginnings */
	}
	neighbor->options = database->options;
	ospf_neighbor_event(neighbor, OSPF_EVENT_NEGOTIATED);
	return description_take(neighbor, database);
}

static bool is_repeated(const struct ospf_neighbor *neighbor, const struct ospf_database *database)
{
	return neighbor->heard_any && database->flags == neighbor->heard_flags && database->options == neighbor->heard_options &&
	       database->sequence == neighbor->heard_sequence;
}

/* Exchange: is it the one that comes next? */
static bool is_next(const struct ospf_neighbor *neighbor, const struct ospf_database *database)
{
	bool says_master = (database->flags & OSPF_DATABASE_MASTER) != 0;

	if (says_master == neighbor->master || (database->flags & OSPF_DATABASE_INIT) || database->options != neighbor->options)
		return false;
	return database->sequence == neighbor->exchange_sequence + (neighbor->master ? 0 : 1);
}

/* The slave answers what it answered already. */
static void description_repeat(struct ospf_neighbor *neighbor)
{
	if (!neighbor->master)
		ospf_send_description(neighbor);
}

static enum ospf_drop out_of_step(struct ospf_neighbor *neighbor)
{
	ospf_neighbor_event(neighbor, OSPF_EVENT_OUT_OF_STEP);
	return OSPF_DROP_EXCHANGE;
}

enum ospf_drop ospf_description_receive(struct ospf_neighbor *neighbor, struct reader body)
{
	const struct ospf_interface *interface = neighbor->interface;
	struct ospf_database database;

	if (!ospf_database_read(body, &database))
		return OSPF_DROP_BODY;
	if (database.mtu_bytes > interface->mtu && !interface->settings.mtu_ignore)
		return OSPF_DROP_MTU;
	if (neighbor->state == OSPF_NB_INIT)
		ospf_neighbor_event(neighbor, OSPF_EVENT_TWO_WAY);
	if (neighbor->state == OSPF_NB_TWO_WAY) /* it is ahead of us in the election */
		return OSPF_DROP_NONE;
	if (neighbor->state < OSPF_NB_EX_START)
		return OSPF_DROP_NEIGHBOR_STATE;
	if (neighbor->state == OSPF_NB_EX_START)
		return description_negotiate(neighbor, &database);
	if (is_repeated(neighbor, &database)) {
		description_repeat(neighbor);
		return OSPF_DROP_NONE;
	}
	if (neighbor->state != OSPF_NB_EXCHANGE || !is_next(neighbor, &database))
		return out_of_step(neighbor);
	return description_take(neighbor, &database);
}

#define REQUESTS_AT_ONCE 64

enum ospf_drop ospf_request_receive(struct ospf_neighbor *neighbor, struct reader body)
{
	struct ospf_interface *interface = neighbor->interface;
	struct ospf_entry *entries[REQUESTS_AT_ONCE];
	unsigned count = 0;

	if (neighbor->state < OSPF_NB_EXCHANGE)
		return OSPF_DROP_NEIGHBOR_STATE;
	if (reader_left(&body) % 12 != 0)
		return OSPF_DROP_BODY;
	while (reader_left(&body) > 0) {
		uint32_t type = reader_u32(&body), id = reader_u32(&body), router = reader_u32(&body);
		const struct ospf_db *db = type <= OSPF_LSA_OPAQUE_AS ? ospf_db_of(interface, (uint8_t)type, false) : NULL;
		struct ospf_entry *entry = db ? ospf_entry_get(db, (uint8_t)type, id, router) : NULL;

		if (entry == NULL) {
			ospf_neighbor_event(neighbor, OSPF_EVENT_OUT_OF_STEP);
			return OSPF_DROP_REQUEST;
		}
		entries[count++] = entry;
		if (count == REQUESTS_AT_ONCE) {
			ospf_send_update(interface, neighbor->address, entries, count);
			count = 0;
		}
	}
	ospf_send_update(interface, neighbor->address, entries, count);
	return OSPF_DROP_NONE;
}
