/* The rows of the knob table: OSPF of a router, of its interfaces and of links. */
#include "model/knob_rows.h"

static const char *const auth_types[] = {"none", "password", "md5", "sha1", "sha256", "sha384", "sha512"};
static const char *const network_types[] = {"auto", "broadcast", "point-to-point"};

static const struct knob auth_knobs[] = {
	{.key = "type",
		.type = KNOB_ENUM,
		AT(lab_rip_auth_key, type),
		WORDS(auth_types),
		.fallback = "none",
		.effect = OSPF_EFFECT,
		.help = "how OSPF packets are authenticated (RFC 2328 appendix D, RFC 5709)"},
	{.key = "key-id",
		.type = KNOB_INT,
		.size = 1,
		AT(lab_rip_auth_key, key_id),
		.min = 0,
		.max = 255,
		.fallback = "1",
		.effect = OSPF_EFFECT,
		.help = "number of the key, the same on both sides"},
	{.key = "key",
		.type = KNOB_SECRET,
		AT(lab_rip_auth_key, key),
		.min = 1,
		.max = 64,
		.effect = OSPF_EFFECT,
		.help = "the key: at most 8 bytes for password, 16 for md5, 64 for the others"},
};

static const struct kind kind_auth = {.word = "auth",
	.help = "Authentication of OSPF packets.",
	.name = NOWHERE,
	.place = NOWHERE,
	.case_offset = NOWHERE,
	ROWS(auth_knobs)};

/* clang-format off */
/* What a router says for all its interfaces, and each interface or link for itself. */
#define OSPF_PORT_ROWS \
	{.key = "area", .type = KNOB_INT, .size = 4, AT(lab_ospf, area), SET(lab_ospf, area_set), .min = 0, .max = 4294967295, \
		.effect = OSPF_EFFECT, .help = "number of the area; 0 is the backbone"}, \
	{.key = "cost", .type = KNOB_INT, .size = 2, AT(lab_ospf, cost), .min = 1, .max = 65535, \
		.help = "what it costs to send here; 10 when nobody says"}, \
	{.key = "hello", .type = KNOB_TIME, .size = 2, AT(lab_ospf, hello_s), .min = 1, .max = 65535, .effect = OSPF_EFFECT, \
		.help = "time between hellos, the same for all on a network; 10s when nobody says"}, \
	{.key = "dead", .type = KNOB_TIME, .size = 4, AT(lab_ospf, dead_s), .min = 1, .max = 65535, .effect = OSPF_EFFECT, \
		.help = "after which a silent neighbour is lost; four hellos when nobody says"}, \
	{.key = "priority", .type = KNOB_INT, .size = 1, AT(lab_ospf, priority), SET(lab_ospf, priority_set), .min = 0, .max = 255, \
		.help = "in the election of the designated router; 0: never, 1 when nobody says"}, \
	{.key = "auth", .type = KNOB_OBJECT, .kind = &kind_auth, AT(lab_ospf, auth), .flag = NOWHERE, SET(lab_ospf, auth_set), \
		.help = "authentication of packets"}

#define OSPF_TYPE_ROWS \
	{.key = "type", .type = KNOB_ENUM, AT(lab_ospf, type), WORDS(network_types), .fallback = "auto", .effect = OSPF_EFFECT, \
		.help = "broadcast elects a designated router; auto: point-to-point on links, else broadcast"}, \
	{.key = "mtu-ignore", .type = KNOB_BOOL, AT(lab_ospf, mtu_ignore), .fallback = "false", \
		.help = "take neighbours with a larger MTU as well"}
/* clang-format on */

static const struct knob interface_knobs[] = {
	OSPF_PORT_ROWS,
	OSPF_TYPE_ROWS,
	{.key = "passive",
		.type = KNOB_BOOL,
		AT(lab_ospf, passive),
		.fallback = "false",
		.effect = OSPF_EFFECT,
		.help = "announce the subnet but send and accept nothing here"},
};

const struct kind kind_interface_ospf = {
	.word = "ospf", .help = "OSPF on one interface.", .name = NOWHERE, .place = NOWHERE, .case_offset = NOWHERE, ROWS(interface_knobs)};

static const struct knob link_knobs[] = {OSPF_PORT_ROWS, OSPF_TYPE_ROWS};

const struct kind kind_link_ospf = {
	.word = "ospf", .help = "OSPF on a link.", .name = NOWHERE, .place = NOWHERE, .case_offset = NOWHERE, ROWS(link_knobs)};

static const struct knob range_knobs[] = {
	{.key = "prefix",
		.type = KNOB_PREFIX,
		.family = IP_V4,
		AT(lab_ospf_range, prefix),
		.required = true,
		.help = "one route for all of the area that lie in it"},
	{.key = "hide", .type = KNOB_BOOL, AT(lab_ospf_range, hide), .fallback = "false", .help = "say none of them at all"},
};

static const struct kind kind_range = {.word = "range",
	.help = "What border routers say of an area's routes elsewhere.",
	.size = sizeof(struct lab_ospf_range),
	.name = NOWHERE,
	.place = offsetof(struct lab_ospf_range, place),
	.case_offset = NOWHERE,
	.short_key = "prefix",
	ROWS(range_knobs)};

static const struct knob area_knobs[] = {
	{.key = "stub",
		.type = KNOB_BOOL,
		AT(lab_ospf_area, stub),
		.fallback = "false",
		.effect = OSPF_EFFECT,
		.help = "no external routes, a default route in their place"},
	{.key = "no-summary",
		.type = KNOB_BOOL,
		AT(lab_ospf_area, no_summary),
		.fallback = "false",
		.help = "of a stub area: no routes of other areas either"},
	{.key = "default-cost",
		.type = KNOB_INT,
		.size = 4,
		AT(lab_ospf_area, default_cost),
		.min = 1,
		.max = 16777214,
		.fallback = "1",
		.help = "cost of the default route into a stub area"},
	{.key = "ranges",
		.type = KNOB_LIST,
		.max = 16,
		.kind = &kind_range,
		AT(lab_ospf_area, ranges),
		FLAG(lab_ospf_area, range_count),
		.help = "prefixes that stand for what is inside of them in other areas"},
	LATER("nssa", "a stub area with externals of its own (RFC 3101)"),
	LATER("virtual-links", "links through the area to the backbone"),
};

static const struct kind kind_area = {.word = "area",
	.help = "How a router on its border treats an area.",
	.size = sizeof(struct lab_ospf_area),
	.name = offsetof(struct lab_ospf_area, name),
	.place = offsetof(struct lab_ospf_area, place),
	.case_offset = NOWHERE,
	ROWS(area_knobs)};

static const struct knob router_knobs[] = {
	OSPF_PORT_ROWS,
	{.key = "passive",
		.type = KNOB_NAMES,
		AT(lab_ospf, passive_names),
		FLAG(lab_ospf, passive_count),
		.min = 0,
		.max = 256,
		.effect = OSPF_EFFECT,
		.help = "interfaces whose subnet is announced but where nothing is sent or accepted"},
	{.key = "redistribute",
		.type = KNOB_LIST,
		.max = LAB_FROM_COUNT,
		.kind = &kind_redistribution,
		AT(lab_ospf, redistribute),
		FLAG(lab_ospf, redistribute_count),
		.help = "other routes that are announced, too, as external ones of type 2"},
	{.key = "metric",
		.type = KNOB_INT,
		.size = 4,
		AT(lab_ospf, metric),
		.min = 1,
		.max = 16777214,
		.fallback = "20",
		.help = "metric of what is redistributed, and of the default route"},
	{.key = "default-originate",
		.type = KNOB_BOOL,
		AT(lab_ospf, default_originate),
		.fallback = "false",
		.help = "announce a default route"},
	{.key = "areas",
		.type = KNOB_MAP,
		.max = 16,
		.kind = &kind_area,
		AT(lab_ospf, areas),
		FLAG(lab_ospf, area_count),
		.help = "areas that are no ordinary ones, by number"},
	LATER("graceful-restart", "keep routes while a neighbour restarts (RFC 3623)"),
	LATER("max-metric", "let others pass by (RFC 6987)"),
};

const struct kind kind_router_ospf = {.word = "ospf",
	.help = "OSPF version 2 (RFC 2328) on all interfaces of a router.",
	.name = NOWHERE,
	.place = NOWHERE,
	.case_offset = NOWHERE,
	ROWS(router_knobs)};
