/* What a router says of itself (RFC 2328 12.4): its links, the networks it is designated for, routes from elsewhere. */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

/*
 * Theory of operation. Nobody originates an LSA when something happens; what happens marks a kind of LSA as dirty. Saying a kind means to
 * work out all LSAs of it that should be, to make each so that it stands in the database (ospf_ensure), and to flush those of our own that
 * should not be (ospf_unmark before, ospf_sweep after). An instance that would follow the one before too soon waits: `say_at` is when to
 * look again. The pause begins with `lsa_first` and doubles up to `lsa_interval` with each instance that follows
 * within twice the pause; then it begins anew.
 */
bool ospf_is_own(const struct ospf *ospf, const struct ospf_lsa_header *header)
{
	const struct ospf_interface *interface;

	if (header->router == ospf->settings.router_id)
		return true;
	if (header->type != OSPF_LSA_NETWORK)
		return false;
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf) /* from a former life with another id (13.4) */
		if (interface->up && header->id == interface->address)
			return true;
	return false;
}

void ospf_say_all_again(struct ospf *ospf)
{
	struct ospf_area *area;

	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		area->router_dirty = true;
	ospf->networks_dirty = ospf->summaries_dirty = ospf->externals_dirty = true;
}

void ospf_unmark(struct ospf *ospf, struct ospf_db *db, uint8_t type)
{
	struct ospf_entry *entry;

	(void)ospf;
	list_each (entry, &db->of_type[type], struct ospf_entry, in_type)
		entry->wanted = false;
}

void ospf_sweep(struct ospf *ospf, struct ospf_db *db, uint8_t type)
{
	struct ospf_entry *entry;

	list_each (entry, &db->of_type[type], struct ospf_entry, in_type)
		if (entry->own && !entry->wanted)
			ospf_entry_flush(ospf, entry);
}

/* Puts the next instance in and floods it. */
static void entry_say(struct ospf *ospf, const struct ospf_saying *saying, int32_t sequence)
{
	const struct ospf_lsa_header header = {
		.options = saying->place.area && saying->place.area->settings.stub ? 0 : OSPF_OPTION_E,
		.type = saying->type,
		.id = saying->id,
		.router = ospf->settings.router_id,
		.sequence = sequence,
	};
	size_t size = OSPF_LSA_HEADER_BYTES + saying->size;
	uint8_t *bytes = xalloc(size);
	struct writer w = writer_over(bytes, size);
	size_t start = ospf_lsa_begin(&w, &header);
	struct ospf_entry *entry;

	writer_bytes(&w, saying->body, saying->size);
	ospf_lsa_end(&w, start);
	CHECK(writer_ok(&w));
	entry = ospf_entry_put(ospf, &saying->place, bytes, size);
	free(bytes);
	if (entry == NULL)
		return;
	entry->wanted = true;
	if (instant_reached(instant_add(entry->said, span_ns(2 * entry->pause.ns)), ospf->now))
		entry->pause = ospf->settings.lsa_first;
	else
		entry->pause = span_ns(
			2 * entry->pause.ns < ospf->settings.lsa_interval.ns ? 2 * entry->pause.ns : ospf->settings.lsa_interval.ns);
	entry->said = ospf->now;
	(void)ospf_flood(entry, NULL);
}

static bool body_same(const struct ospf_entry *entry, const struct ospf_saying *saying)
{
	return entry->blob->size == OSPF_LSA_HEADER_BYTES + saying->size &&
	       memcmp(entry->blob->bytes + OSPF_LSA_HEADER_BYTES, saying->body, saying->size) == 0;
}

void ospf_ensure(struct ospf *ospf, const struct ospf_saying *saying)
{
	struct ospf_entry *entry = ospf_entry_get(saying->place.db, saying->type, saying->id, ospf->settings.router_id);
	struct instant allowed;

	if (entry == NULL) {
		entry_say(ospf, saying, OSPF_SEQUENCE_FIRST);
		return;
	}
	entry->wanted = true;
	if (!entry->old && !entry->flooded && body_same(entry, saying))
		return;
	if (entry->header.sequence == OSPF_SEQUENCE_MAX) { /* it must go before it begins anew (12.1.6) */
		ospf_entry_flush(ospf, entry);
		return;
	}
	allowed = instant_add(entry->said, entry->pause);
	if (!instant_reached(allowed, ospf->now)) {
		ospf->say_at = instant_earlier(ospf->say_at, allowed);
		return;
	}
	entry_say(ospf, saying, entry->header.sequence + 1);
}

void ospf_entry_refresh(struct ospf *ospf, struct ospf_entry *entry)
{
	struct ospf_saying saying = {{entry->db, entry->area, entry->interface}, entry->header.type, entry->header.id, NULL,
		entry->blob->size - OSPF_LSA_HEADER_BYTES};
	uint8_t *body;

	if (entry->header.router != ospf->settings.router_id || entry->header.sequence == OSPF_SEQUENCE_MAX) {
		ospf_entry_flush(ospf, entry);
		return;
	}
	body = xalloc(saying.size + 1);
	memcpy(body, entry->blob->bytes + OSPF_LSA_HEADER_BYTES, saying.size);
	saying.body = body;
	entry_say(ospf, &saying, entry->header.sequence + 1);
	free(body);
}

/* What came must be answered: by a newer instance of what we say, or by its end. Which of them, the next saying decides. */
void ospf_contested(struct ospf *ospf, struct ospf_entry *entry)
{
	entry->said = (struct instant){INT64_MIN / 2};
	if (entry->header.router != ospf->settings.router_id) {
		ospf_entry_flush(ospf, entry);
		return;
	}
	switch (entry->header.type) {
	case OSPF_LSA_ROUTER:
		entry->area->router_dirty = true;
		break;
	case OSPF_LSA_NETWORK:
		ospf->networks_dirty = true;
		break;
	case OSPF_LSA_SUMMARY:
	case OSPF_LSA_SUMMARY_ASBR:
		ospf->summaries_dirty = true;
		break;
	case OSPF_LSA_EXTERNAL:
		ospf->externals_dirty = true;
		break;
	default: /* one that we never say */
		ospf_entry_flush(ospf, entry);
	}
}

/* Router LSAs. */

/* Links of a router LSA that can still be sent. */
#define LINK_BYTES 12
#define LINKS_MAX ((OSPF_LSA_BYTES_MAX - OSPF_LSA_HEADER_BYTES - 4) / LINK_BYTES)

/* Those that don't fit are left out; say_router tells of the limit. */
static void link_put(struct writer *w, const struct ospf_link *link)
{
	if (writer_room(w) >= LINK_BYTES)
		ospf_link_write(w, link);
}

static unsigned links_most(const struct ospf_area *area)
{
	const struct ospf_interface *interface;
	unsigned most = 0;

	list_each (interface, &area->interfaces, struct ospf_interface, in_area)
		most += interface->full_count + interface->address_count + 1;
	return most;
}

static void stubs_write(struct writer *w, const struct ospf_interface *interface, unsigned from)
{
	bool host = interface->state == OSPF_IF_LOOPBACK;

	for (unsigned i = from; i < interface->address_count; i++) {
		uint32_t mask = host ? UINT32_MAX : ospf_mask_of(interface->addresses[i].length);
		const struct ospf_link link = {
			ip_to_u32(interface->addresses[i].ip) & mask, mask, OSPF_LINK_STUB, host ? 0 : interface->settings.cost};

		link_put(w, &link);
	}
}

/* Whether the network counts as one that is passed through (12.4.1.2). */
static bool is_transit(const struct ospf_interface *interface)
{
	const struct ospf_neighbor *neighbor;

	if (interface->state == OSPF_IF_DESIGNATED)
		return interface->full_count > 0;
	if (interface->state != OSPF_IF_OTHER && interface->state != OSPF_IF_BACKUP)
		return false;
	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		if (neighbor->address == interface->designated)
			return neighbor->state == OSPF_NB_FULL;
	return false;
}

static void links_write(struct writer *w, const struct ospf_interface *interface)
{
	struct ospf_link link = {interface->designated, interface->address, OSPF_LINK_TRANSIT, interface->settings.cost};
	const struct ospf_neighbor *neighbor;

	if (interface->state == OSPF_IF_DOWN)
		return;
	if (interface->settings.type == OSPF_BROADCAST && is_transit(interface)) {
		link_put(w, &link);
		stubs_write(w, interface, 1);
		return;
	}
	link.type = OSPF_LINK_POINT_TO_POINT;
	if (interface->settings.type == OSPF_POINT_TO_POINT)
		list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
			if (neighbor->state == OSPF_NB_FULL) {
				link.id = neighbor->router_id;
				link_put(w, &link);
			}
	stubs_write(w, interface, 0);
}

static bool says_externals(const struct ospf *ospf) { return !list_empty(&ospf->locals) || ospf->settings.default_originate; }

static void say_router(struct ospf *ospf, struct ospf_area *area)
{
	struct ospf_saying saying = {{&area->db, area, NULL}, OSPF_LSA_ROUTER, ospf->settings.router_id, NULL, 0};
	size_t most = links_most(area), room = 4 + LINK_BYTES * (most < LINKS_MAX ? most : LINKS_MAX);
	uint8_t *body = xalloc(room);
	struct writer w = writer_over(body, room);
	const struct ospf_interface *interface;

	writer_u8(&w, (uint8_t)((ospf->is_border ? OSPF_FLAG_BORDER : 0) |
				(says_externals(ospf) && !area->settings.stub ? OSPF_FLAG_EXTERNAL : 0)));
	writer_u8(&w, 0);
	writer_u16(&w, 0);
	list_each (interface, &area->interfaces, struct ospf_interface, in_area)
		links_write(&w, interface);
	CHECK(writer_ok(&w));
	if (most > LINKS_MAX && writer_room(&w) < LINK_BYTES)
		ospf->ops->limit_reached(ospf->context, "ospf links", LINKS_MAX);
	writer_patch_u16(&w, 2, (uint16_t)((writer_used(&w) - 4) / LINK_BYTES));
	saying.body = body;
	saying.size = writer_used(&w);
	area->router_dirty = false;
	ospf_unmark(ospf, &area->db, OSPF_LSA_ROUTER);
	if (area->up_count > 0 && !ospf->stopping)
		ospf_ensure(ospf, &saying);
	ospf_sweep(ospf, &area->db, OSPF_LSA_ROUTER);
	free(body);
}

/* Network LSAs. */

static void say_network(struct ospf *ospf, const struct ospf_interface *interface)
{
	struct ospf_saying saying = {{&interface->area->db, interface->area, NULL}, OSPF_LSA_NETWORK, interface->address, NULL, 0};
	size_t room = 8 + 4 * (size_t)interface->full_count;
	const struct ospf_neighbor *neighbor;
	uint8_t *body = xalloc(room);
	struct writer w = writer_over(body, room);

	writer_u32(&w, interface->mask);
	writer_u32(&w, ospf->settings.router_id);
	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		if (neighbor->state == OSPF_NB_FULL)
			writer_u32(&w, neighbor->router_id);
	CHECK(writer_ok(&w));
	saying.body = body;
	saying.size = writer_used(&w);
	ospf_ensure(ospf, &saying);
	free(body);
}

static void say_networks(struct ospf *ospf)
{
	const struct ospf_interface *interface;
	struct ospf_area *area;

	ospf->networks_dirty = false;
	list_each (area, &ospf->areas, struct ospf_area, in_ospf) {
		ospf_unmark(ospf, &area->db, OSPF_LSA_NETWORK);
		list_each (interface, &area->interfaces, struct ospf_interface, in_area)
			if (!ospf->stopping && interface->state == OSPF_IF_DESIGNATED && interface->full_count > 0)
				say_network(ospf, interface);
		ospf_sweep(ospf, &area->db, OSPF_LSA_NETWORK);
	}
}

/* External LSAs. */

static void say_external(struct ospf *ospf, const struct prefix *prefix, const struct ospf_external *external)
{
	uint32_t network = ip_to_u32(prefix->ip), mask = ospf_mask_of(prefix->length);
	struct ospf_saying saying = {{&ospf->externals, NULL, NULL}, OSPF_LSA_EXTERNAL, network, NULL, 16};
	uint8_t body[16];
	struct writer w = writer_over(body, sizeof(body));

	/* Appendix E: the longest of prefixes that begin alike keeps the plain id, the others set their host bits. */
	for (unsigned length = prefix->length + 1U; length <= 32; length++)
		if ((network & ospf_mask_of(length)) == network && map_get(&ospf->local_of, (uint64_t)network << 8 | length) != NULL)
			saying.id = network | ~mask;
	writer_u32(&w, mask);
	writer_u32(&w, (external->type_1 ? 0 : 0x80000000U) | (external->metric < OSPF_INFINITY ? external->metric : OSPF_INFINITY - 1));
	writer_u32(&w, external->forward);
	writer_u32(&w, external->tag);
	saying.body = body;
	ospf_ensure(ospf, &saying);
}

static void say_externals(struct ospf *ospf)
{
	const struct prefix any = {.ip = ip_from_u32(0)};
	const struct ospf_external plain = {.metric = ospf->settings.default_metric};
	const struct ospf_local *local;

	ospf->externals_dirty = false;
	ospf_unmark(ospf, &ospf->externals, OSPF_LSA_EXTERNAL);
	list_each (local, &ospf->locals, struct ospf_local, in_ospf)
		if (!ospf->stopping)
			say_external(ospf, &local->prefix, &local->external);
	if (!ospf->stopping && ospf->settings.default_originate && map_get(&ospf->local_of, 0) == NULL)
		say_external(ospf, &any, &plain);
	ospf_sweep(ospf, &ospf->externals, OSPF_LSA_EXTERNAL);
}

static bool look_border(const struct ospf *ospf)
{
	const struct ospf_area *area;
	unsigned up = 0;

	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		up += area->up_count > 0;
	return up > 1;
}

void ospf_say(struct ospf *ospf)
{
	struct ospf_area *area;

	if (instant_reached(ospf->say_at, ospf->now)) {
		ospf->say_at = INSTANT_NEVER;
		ospf_say_all_again(ospf);
	}
	if (look_border(ospf) != ospf->is_border) {
		ospf->is_border = !ospf->is_border;
		ospf_say_all_again(ospf);
		ospf_calc_soon(ospf);
	}
	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		if (area->router_dirty)
			say_router(ospf, area);
	if (ospf->networks_dirty)
		say_networks(ospf);
	if (ospf->externals_dirty)
		say_externals(ospf);
	if (ospf->summaries_dirty)
		ospf_say_summaries(ospf);
}
