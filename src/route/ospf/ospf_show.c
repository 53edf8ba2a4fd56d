/* What the OSPF engine shows of itself: neighbors, interfaces, database, routes, drops, and the checks of its own consistency. */
#include "route/ospf/ospf_engine.h"

#include "base/text.h"

_Static_assert((int)OSPF_NEIGHBOR_FULL == (int)OSPF_NB_FULL, "the words of messages are in the order of the states");
_Static_assert((int)OSPF_INTERFACE_DESIGNATED == (int)OSPF_IF_DESIGNATED, "likewise");
_Static_assert((int)OSPF_KIND_EXTERNAL_2 == (int)OSPF_PATH_EXTERNAL_2, "likewise");
_Static_assert((int)OSPF_TYPE_LOOPBACK == (int)OSPF_LOOPBACK, "likewise");

/* Whole seconds of a span, not below zero. */
static uint32_t seconds(struct span span) { return span.ns > 0 ? (uint32_t)(span.ns / 1000000000) : 0; }

static enum ospf_role role_of(const struct ospf_interface *interface, uint32_t address)
{
	if (interface->settings.type != OSPF_BROADCAST)
		return OSPF_ROLE_NONE;
	if (address == interface->designated)
		return OSPF_ROLE_DESIGNATED;
	return address == interface->backup ? OSPF_ROLE_BACKUP : OSPF_ROLE_OTHER;
}

void ospf_show_neighbors(const struct ospf *ospf, const struct ospf_show *show, struct instant now)
{
	const struct ospf_interface *interface;
	const struct ospf_neighbor *neighbor;

	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface) {
			const struct row_ospf_neighbor row = {
				.router = show->router,
				.rif = interface->rif,
				.router_id = ip_from_u32(neighbor->router_id),
				.ip = ip_from_u32(neighbor->address),
				.priority = neighbor->priority,
				.state = (uint8_t)neighbor->state,
				.role = (uint8_t)role_of(interface, neighbor->address),
				.up_s = seconds(instant_diff(now, neighbor->since)),
				.dead_s = seconds(instant_diff(neighbor->dead_at, now)),
				.retransmits = (uint32_t)neighbor->resend_of.used,
				.requests = neighbor->want_count,
				.descriptions = neighbor->state == OSPF_NB_EXCHANGE ? neighbor->summary_count - neighbor->sent_first : 0,
				.changes = neighbor->changes,
			};

			show->row(show->context, MSG_ROW_OSPF_NEIGHBOR, &row);
		}
}

static struct ip ip_or_none(uint32_t address) { return address ? ip_from_u32(address) : (struct ip){0}; }

void ospf_show_interfaces(const struct ospf *ospf, const struct ospf_show *show, struct instant now)
{
	const struct ospf_interface *interface;

	(void)now;
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf) {
		const struct row_ospf_interface row = {
			.router = show->router,
			.rif = interface->rif,
			.area = ip_from_u32(interface->area->id),
			.address = interface->address_count > 0 ? interface->addresses[0] : (struct prefix){.length = 0},
			.type = (uint8_t)interface->settings.type,
			.state = (uint8_t)interface->state,
			.passive = interface->settings.passive,
			.priority = interface->settings.priority,
			.cost = interface->settings.cost,
			.hello_s = interface->settings.hello_s,
			.dead_s = interface->settings.dead_s,
			.designated = ip_or_none(interface->designated),
			.backup = ip_or_none(interface->backup),
			.neighbors = interface->neighbor_count,
			.adjacent = interface->full_count,
		};

		show->row(show->context, MSG_ROW_OSPF_INTERFACE, &row);
	}
}

static uint16_t links_of(const struct ospf_lsa *lsa)
{
	struct reader body = lsa->body;
	uint16_t links = 0;

	if (lsa->header.type == OSPF_LSA_ROUTER)
		(void)ospf_router_flags(&body, &links);
	if (lsa->header.type == OSPF_LSA_NETWORK)
		links = (uint16_t)(reader_left(&body) / 4 - 1);
	return links;
}

static enum ospf_lsa_word word_of(uint8_t type)
{
	static const uint8_t types[OSPF_LSA_WORD_COUNT] = {OSPF_LSA_ROUTER, OSPF_LSA_NETWORK, OSPF_LSA_SUMMARY, OSPF_LSA_SUMMARY_ASBR,
		OSPF_LSA_EXTERNAL, OSPF_LSA_NSSA, OSPF_LSA_OPAQUE_LINK, OSPF_LSA_OPAQUE_AREA, OSPF_LSA_OPAQUE_AS};
	enum ospf_lsa_word word = OSPF_WORD_ROUTER;

	while (word < OSPF_WORD_OPAQUE_AS && types[word] != type)
		word++;
	return word;
}

static void show_db(const struct ospf_db *db, const struct ospf_area *area, const struct ospf_show *show, struct instant now)
{
	const struct ospf_entry *entry;

	for (unsigned type = OSPF_LSA_ROUTER; type <= OSPF_LSA_OPAQUE_AS; type++)
		list_each (entry, &db->of_type[type], struct ospf_entry, in_type) {
			const struct ospf_lsa lsa = ospf_entry_lsa(entry, now);
			const struct row_ospf_lsa row = {
				.router = show->router,
				.area = area ? ip_from_u32(area->id) : (struct ip){0},
				.type = (uint8_t)word_of(lsa.header.type),
				.id = ip_from_u32(lsa.header.id),
				.advertising_router = ip_from_u32(lsa.header.router),
				.age_s = lsa.header.age_s,
				.sequence = (uint32_t)lsa.header.sequence,
				.checksum = lsa.header.checksum,
				.bytes = lsa.header.bytes,
				.links = links_of(&lsa),
				.own = entry->own,
			};

			show->row(show->context, MSG_ROW_OSPF_LSA, &row);
		}
}

void ospf_show_database(const struct ospf *ospf, const struct ospf_show *show, struct instant now)
{
	const struct ospf_interface *interface;
	const struct ospf_area *area;

	list_each (area, &ospf->areas, struct ospf_area, in_ospf) {
		show_db(&area->db, area, show, now);
		list_each (interface, &area->interfaces, struct ospf_interface, in_area)
			if (interface->links != NULL)
				show_db(interface->links, area, show, now);
	}
	show_db(&ospf->externals, NULL, show, now);
}

void ospf_show_routes(const struct ospf *ospf, const struct ospf_show *show, struct instant now)
{
	(void)now;
	for (size_t i = 0; i < ospf->table.count; i++) {
		const struct ospf_path *path = &ospf->table.paths[i];
		struct row_ospf_route row = {
			.router = show->router,
			.prefix = {ip_from_u32(path->network), path->length},
			.kind = path->kind,
			.area = ip_from_u32(path->area),
			.cost = path->cost,
			.cost_2 = path->cost_2,
			.tag = path->tag,
		};

		for (unsigned h = 0; h < path->hops.count && row.nexthop_count < NEXTHOPS_MAX; h++)
			row.nexthop_count =
				(uint16_t)(row.nexthop_count + ospf_nexthop_of(ospf, &path->hops.at[h], &row.nexthops[row.nexthop_count]));
		show->row(show->context, MSG_ROW_OSPF_ROUTE, &row);
	}
}

static void show_drops(uint32_t id, const uint64_t *drops, const struct ospf_show *show)
{
	for (enum ospf_drop drop = OSPF_DROP_NONE + 1; drop < OSPF_DROP_COUNT; drop++) {
		struct row_drop row = {.id = id, .packets = drops[drop]};

		(void)text_copy(row.reason, sizeof(row.reason), ospf_drop_name(drop));
		(void)text_copy(row.text, sizeof(row.text), ospf_drop_text(drop));
		if (drops[drop] > 0)
			show->row(show->context, MSG_ROW_DROP, &row);
	}
}

void ospf_show_drops(const struct ospf *ospf, const struct ospf_show *show)
{
	const struct ospf_interface *interface;

	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		show_drops(interface->rif, interface->drops, show);
	show_drops(show->router, ospf->drops_elsewhere, show);
}

unsigned ospf_full_count(const struct ospf *ospf)
{
	const struct ospf_interface *interface;
	unsigned count = 0;

	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		count += interface->full_count;
	return count;
}

uint32_t ospf_lsa_count(const struct ospf *ospf) { return ospf->lsa_count; }
uint64_t ospf_spf_count(const struct ospf *ospf) { return ospf->spf_count; }

uint64_t ospf_drop_count(const struct ospf *ospf, enum ospf_drop drop)
{
	const struct ospf_interface *interface;
	uint64_t sum = ospf->drops_elsewhere[drop];

	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		sum += interface->drops[drop];
	return sum;
}

static void check_neighbor(const struct ospf_neighbor *neighbor)
{
	const struct ospf_resend *resend;
	const struct ospf_want *want;
	struct instant last = {INT64_MIN};
	size_t resends = 0, wants = 0;

	list_each (resend, &neighbor->resends, struct ospf_resend, in_neighbor) {
		CHECK(!instant_before(resend->sent, last) && resend->entry->waiting > 0);
		last = resend->sent;
		resends++;
	}
	list_each (want, &neighbor->wants, struct ospf_want, in_neighbor)
		wants += want->header.type != 0;
	CHECK(resends == neighbor->resend_of.used && wants == neighbor->want_count && neighbor->asked <= wants);
	CHECK(neighbor->state >= OSPF_NB_EXCHANGE || (resends == 0 && wants == 0));
	CHECK(neighbor->state != OSPF_NB_FULL || wants == 0);
	CHECK((resends > 0) == (neighbor->resend_at.ns != INSTANT_NEVER.ns));
	CHECK(neighbor->state != OSPF_NB_DOWN && neighbor->dead_at.ns != INSTANT_NEVER.ns); /* it ends some day */
	CHECK(neighbor->state != OSPF_NB_EX_START || neighbor->describe_at.ns != INSTANT_NEVER.ns);
	CHECK(neighbor->state != OSPF_NB_LOADING || neighbor->ask_at.ns != INSTANT_NEVER.ns);
}

static uint32_t check_db(const struct ospf_db *db)
{
	const struct ospf_entry *entry;
	uint32_t count = 0;

	for (unsigned type = 0; type <= OSPF_LSA_OPAQUE_AS; type++)
		list_each (entry, &db->of_type[type], struct ospf_entry, in_type) {
			CHECK(entry->db == db && entry->header.type == type && entry->blob->references > 0);
			CHECK(entry->old == list_linked(&entry->in_dying));
			CHECK(ospf_entry_get(db, entry->header.type, entry->header.id, entry->header.router) == entry);
			count++;
		}
	CHECK(count == db->count);
	return count;
}

void ospf_check_invariants(const struct ospf *ospf)
{
	const struct ospf_interface *interface;
	const struct ospf_neighbor *neighbor;
	const struct ospf_area *area;
	uint32_t lsas = check_db(&ospf->externals);

	CHECK(list_empty(&ospf->gone));
	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		lsas += check_db(&area->db);
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf) {
		unsigned neighbors = 0, full = 0;

		lsas += interface->links ? check_db(interface->links) : 0;
		list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface) {
			CHECK(neighbor->interface == interface);
			check_neighbor(neighbor);
			neighbors++;
			full += neighbor->state == OSPF_NB_FULL;
		}
		CHECK(neighbors == interface->neighbor_count && full == interface->full_count);
		CHECK(interface->flood_count == 0 || interface->flood_at.ns != INSTANT_NEVER.ns);
		CHECK((interface->state == OSPF_IF_DOWN) == !interface->up && (interface->up || neighbors == 0));
		CHECK(interface->ack_count == 0 || interface->ack_at.ns != INSTANT_NEVER.ns);
	}
	CHECK(lsas == ospf->lsa_count && lsas <= ospf->settings.lsas_max);
	for (size_t i = 1; i < ospf->table.count; i++)
		CHECK(ospf->table.paths[i - 1].network < ospf->table.paths[i].network ||
			(ospf->table.paths[i - 1].network == ospf->table.paths[i].network &&
				ospf->table.paths[i - 1].length < ospf->table.paths[i].length));
}
