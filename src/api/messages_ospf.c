/* The rows of OSPF's messages. */
#include "api/message_fields.h"
#include "api/message_ospf.h"

static const char *const ospf_type_names[] = {"broadcast", "point-to-point", "loopback"};
static const char *const ospf_neighbor_names[] = {"Down", "Init", "2-Way", "ExStart", "Exchange", "Loading", "Full"};
static const char *const ospf_role_names[] = {"-", "DR", "Backup", "DROther"};
static const char *const ospf_interface_names[] = {"Down", "Loopback", "Waiting", "Point-To-Point", "DROther", "Backup", "DR"};
static const char *const ospf_lsa_names[] = {
	"router", "network", "summary", "asbr-summary", "external", "nssa", "opaque-link", "opaque-area", "opaque-as"};
static const char *const ospf_kind_names[] = {"intra-area", "inter-area", "external-1", "external-2"};

_Static_assert(COUNT_OF(ospf_type_names) == OSPF_TYPE_COUNT, "a name for each");
_Static_assert(COUNT_OF(ospf_neighbor_names) == OSPF_NEIGHBOR_WORD_COUNT, "a name for each");
_Static_assert(COUNT_OF(ospf_role_names) == OSPF_ROLE_COUNT, "a name for each");
_Static_assert(COUNT_OF(ospf_interface_names) == OSPF_INTERFACE_WORD_COUNT, "a name for each");
_Static_assert(COUNT_OF(ospf_lsa_names) == OSPF_LSA_WORD_COUNT, "a name for each");
_Static_assert(COUNT_OF(ospf_kind_names) == OSPF_KIND_WORD_COUNT, "a name for each");

static const struct field ospf_area_elements[] = {
	FIELD(ospf_area_entry, id),
	FIELD(ospf_area_entry, stub),
	FIELD(ospf_area_entry, no_summary),
	FIELD(ospf_area_entry, default_cost),
};

static const struct field ospf_range_elements[] = {
	FIELD(ospf_range_entry, area),
	FIELD(ospf_range_entry, prefix),
	FIELD(ospf_range_entry, hide),
};

static const struct field ospf_fields[] = {
	FIELD(msg_ospf, id),
	ARRAY(msg_ospf, redistributions, redistribution_count, redistribution_elements),
	FIELD(msg_ospf, default_originate),
	FIELD(msg_ospf, metric),
	ARRAY(msg_ospf, areas, area_count, ospf_area_elements),
	ARRAY(msg_ospf, ranges, range_count, ospf_range_elements),
};

static const struct field ospf_interface_fields[] = {
	FIELD(msg_ospf_interface, id),
	FIELD(msg_ospf_interface, router),
	FIELD(msg_ospf_interface, area),
	ENUM(msg_ospf_interface, type, ospf_type_names),
	FIELD(msg_ospf_interface, passive),
	FIELD(msg_ospf_interface, mtu_ignore),
	FIELD(msg_ospf_interface, priority),
	FIELD(msg_ospf_interface, cost),
	FIELD(msg_ospf_interface, hello_s),
	FIELD(msg_ospf_interface, dead_s),
	FIELD(msg_ospf_interface, retransmit_s),
	ENUM(msg_ospf_interface, auth, rip_auth_names),
	FIELD(msg_ospf_interface, key_id),
	SECRET(msg_ospf_interface, key),
};

static const struct field row_ospf_neighbor_fields[] = {
	FIELD(row_ospf_neighbor, router),
	FIELD(row_ospf_neighbor, rif),
	FIELD(row_ospf_neighbor, router_id),
	FIELD(row_ospf_neighbor, ip),
	FIELD(row_ospf_neighbor, priority),
	ENUM(row_ospf_neighbor, state, ospf_neighbor_names),
	ENUM(row_ospf_neighbor, role, ospf_role_names),
	FIELD(row_ospf_neighbor, up_s),
	FIELD(row_ospf_neighbor, dead_s),
	FIELD(row_ospf_neighbor, retransmits),
	FIELD(row_ospf_neighbor, requests),
	FIELD(row_ospf_neighbor, descriptions),
	FIELD(row_ospf_neighbor, changes),
};

static const struct field row_ospf_interface_fields[] = {
	FIELD(row_ospf_interface, router),
	FIELD(row_ospf_interface, rif),
	FIELD(row_ospf_interface, area),
	FIELD(row_ospf_interface, address),
	ENUM(row_ospf_interface, type, ospf_type_names),
	ENUM(row_ospf_interface, state, ospf_interface_names),
	FIELD(row_ospf_interface, passive),
	FIELD(row_ospf_interface, priority),
	FIELD(row_ospf_interface, cost),
	FIELD(row_ospf_interface, hello_s),
	FIELD(row_ospf_interface, dead_s),
	FIELD(row_ospf_interface, designated),
	FIELD(row_ospf_interface, backup),
	FIELD(row_ospf_interface, neighbors),
	FIELD(row_ospf_interface, adjacent),
};

static const struct field row_ospf_lsa_fields[] = {
	FIELD(row_ospf_lsa, router),
	FIELD(row_ospf_lsa, area),
	ENUM(row_ospf_lsa, type, ospf_lsa_names),
	FIELD(row_ospf_lsa, id),
	FIELD(row_ospf_lsa, advertising_router),
	FIELD(row_ospf_lsa, age_s),
	FIELD(row_ospf_lsa, sequence),
	FIELD(row_ospf_lsa, checksum),
	FIELD(row_ospf_lsa, bytes),
	FIELD(row_ospf_lsa, links),
	FIELD(row_ospf_lsa, own),
};

static const struct field row_ospf_route_fields[] = {
	FIELD(row_ospf_route, router),
	FIELD(row_ospf_route, prefix),
	ENUM(row_ospf_route, kind, ospf_kind_names),
	FIELD(row_ospf_route, area),
	FIELD(row_ospf_route, cost),
	FIELD(row_ospf_route, cost_2),
	FIELD(row_ospf_route, tag),
	ARRAY(row_ospf_route, nexthops, nexthop_count, nexthop_elements),
};

static const struct message_row rows[MSG_TYPE_COUNT] = {
	ROW(OSPF_SET, msg_ospf, ospf_fields),
	ROW(OSPF_INTERFACE_SET, msg_ospf_interface, ospf_interface_fields),
	ROW(ROW_OSPF_NEIGHBOR, row_ospf_neighbor, row_ospf_neighbor_fields),
	ROW(ROW_OSPF_INTERFACE, row_ospf_interface, row_ospf_interface_fields),
	ROW(ROW_OSPF_LSA, row_ospf_lsa, row_ospf_lsa_fields),
	ROW(ROW_OSPF_ROUTE, row_ospf_route, row_ospf_route_fields),
};

const struct message_row *ospf_message_row(unsigned type) { return type < MSG_TYPE_COUNT && rows[type].name != NULL ? &rows[type] : NULL; }
