/* The rows of the knob table: route policies and their sets. */
#include "model/knob_rows.h"

#define POLICY_EFFECT "routes are looked at again, sessions stay"

static const char *const verdicts[] = {"accept", "reject", "next"};
static const char *const origins[] = {"igp", "egp", "incomplete"};
static const char *const origin_changes[] = {"unchanged", "igp", "egp", "incomplete"};
static const char *const protocols[] = {"connected", "static", "rip", "ospf", "bgp"};
static const char *const families[] = {"ipv4", "ipv6"};

static const uint16_t protocol_flags[] = {offsetof(struct lab_policy_rule, from_connected), offsetof(struct lab_policy_rule, from_static),
	offsetof(struct lab_policy_rule, from_rip), offsetof(struct lab_policy_rule, from_ospf),
	offsetof(struct lab_policy_rule, from_bgp)};
static const uint16_t family_flags[] = {offsetof(struct lab_policy_rule, ipv4), offsetof(struct lab_policy_rule, ipv6)};
static const uint16_t origin_flags[] = {offsetof(struct lab_policy_rule, origin_igp), offsetof(struct lab_policy_rule, origin_egp),
	offsetof(struct lab_policy_rule, origin_incomplete)};

#define SET_KIND(id, noun, text, most, what)                                                                                               \
	static const struct knob id##_knobs[] = {                                                                                          \
		{.key = "members",                                                                                                         \
			.type = KNOB_NAMES,                                                                                                \
			AT(lab_policy_set, members),                                                                                       \
			FLAG(lab_policy_set, member_count),                                                                                \
			.min = 1,                                                                                                          \
			.max = (most),                                                                                                     \
			.effect = POLICY_EFFECT,                                                                                           \
			.help = (what)},                                                                                                   \
	};                                                                                                                                 \
	const struct kind kind_##id = {.word = (noun),                                                                                     \
		.help = (text),                                                                                                            \
		.size = sizeof(struct lab_policy_set),                                                                                     \
		.name = offsetof(struct lab_policy_set, name),                                                                             \
		.place = offsetof(struct lab_policy_set, place),                                                                           \
		.case_offset = NOWHERE,                                                                                                    \
		.short_key = "members",                                                                                                    \
		.passive = true,                                                                                                           \
		ROWS(id##_knobs)}

SET_KIND(prefix_set, "prefix set", "Prefixes that route policies name together.", 64,
	"prefixes, each with bounds of the length where more than itself is meant: `10.0.0.0/8`, `10.0.0.0/8 le 24`, `10.0.0.0/8 ge 16 le "
	"24`");
SET_KIND(community_set, "community set", "BGP communities that route policies name together.", 64,
	"communities: `65001:100`, `65001:*`, large `4200000001:1:2`, extended `rt:65001:1`, or a well-known name such as `no-export`");
SET_KIND(as_path_set, "AS path set", "Patterns of AS paths that route policies name together.", 200,
	"regular expressions over a path such as `65001 65002`; `_` is an end of the path or what separates numbers: `^65001_`, `_65010$`");

static const struct knob match_knobs[] = {
	{.key = "prefix",
		.type = KNOB_NAMES,
		AT(lab_policy_rule, prefixes),
		FLAG(lab_policy_rule, prefix_count),
		.min = 1,
		.max = 64,
		.effect = POLICY_EFFECT,
		.help = "prefix sets, or prefixes with bounds as in them; one must hold the route"},
	{.key = "as-path",
		.type = KNOB_NAMES,
		AT(lab_policy_rule, as_paths),
		FLAG(lab_policy_rule, as_path_count),
		.min = 1,
		.max = 200,
		.effect = POLICY_EFFECT,
		.help = "AS path sets, or patterns as in them; one must match"},
	{.key = "community",
		.type = KNOB_NAMES,
		AT(lab_policy_rule, communities),
		FLAG(lab_policy_rule, community_count),
		.min = 1,
		.max = 64,
		.effect = POLICY_EFFECT,
		.help = "community sets, or communities as in them; the route must have one"},
	{.key = "protocol",
		.type = KNOB_FLAGS,
		.offset = NOWHERE,
		.flags = protocol_flags,
		WORDS(protocols),
		.effect = POLICY_EFFECT,
		.help = "where the route comes from"},
	{.key = "family",
		.type = KNOB_FLAGS,
		.offset = NOWHERE,
		.flags = family_flags,
		WORDS(families),
		.effect = POLICY_EFFECT,
		.help = "address family of the route"},
	{.key = "origin",
		.type = KNOB_FLAGS,
		.offset = NOWHERE,
		.flags = origin_flags,
		WORDS(origins),
		.effect = POLICY_EFFECT,
		.help = "BGP's ORIGIN"},
	{.key = "min-path-length",
		.type = KNOB_INT,
		.size = 2,
		AT(lab_policy_rule, path_least),
		SET(lab_policy_rule, path_least_set),
		.min = 0,
		.max = 1000,
		.effect = POLICY_EFFECT,
		.help = "fewest numbers of the AS path (RFC 4271 9.1.2.2: a set counts as one)"},
	{.key = "max-path-length",
		.type = KNOB_INT,
		.size = 2,
		AT(lab_policy_rule, path_most),
		SET(lab_policy_rule, path_most_set),
		.min = 0,
		.max = 1000,
		.effect = POLICY_EFFECT,
		.help = "most numbers of the AS path"},
};

static const struct kind kind_match = {
	.word = "match", .help = "What a route must be.", .name = NOWHERE, .place = NOWHERE, .case_offset = NOWHERE, ROWS(match_knobs)};

static const struct knob set_knobs[] = {
	{.key = "local-pref",
		.type = KNOB_INT,
		.size = 4,
		AT(lab_policy_rule, local_pref),
		SET(lab_policy_rule, local_pref_set),
		.min = 0,
		.max = UINT32_MAX,
		.effect = POLICY_EFFECT,
		.help = "BGP's LOCAL_PREF; the highest wins"},
	{.key = "metric",
		.type = KNOB_INT,
		.size = 4,
		AT(lab_policy_rule, metric),
		SET(lab_policy_rule, metric_set),
		.min = 0,
		.max = UINT32_MAX,
		.effect = POLICY_EFFECT,
		.help = "metric of the route where it is announced; of BGP the MED"},
	{.key = "origin",
		.type = KNOB_ENUM,
		AT(lab_policy_rule, origin),
		WORDS(origin_changes),
		.fallback = "unchanged",
		.effect = POLICY_EFFECT,
		.help = "BGP's ORIGIN"},
	{.key = "prepend",
		.type = KNOB_INT,
		.size = 1,
		AT(lab_policy_rule, prepend),
		.min = 1,
		.max = 16,
		.effect = POLICY_EFFECT,
		.help = "how often our own AS is put in front of the path in addition"},
	{.key = "add-community",
		.type = KNOB_NAMES,
		AT(lab_policy_rule, add),
		FLAG(lab_policy_rule, add_count),
		.min = 1,
		.max = 64,
		.effect = POLICY_EFFECT,
		.help = "communities, or sets of them, that the route gets"},
	{.key = "remove-community",
		.type = KNOB_NAMES,
		AT(lab_policy_rule, remove),
		FLAG(lab_policy_rule, remove_count),
		.min = 1,
		.max = 64,
		.effect = POLICY_EFFECT,
		.help = "communities, or sets of them, that the route loses; `65001:*` is all of AS 65001"},
	{.key = "clear-communities",
		.type = KNOB_BOOL,
		AT(lab_policy_rule, clear_communities),
		.fallback = "false",
		.effect = POLICY_EFFECT,
		.help = "the route loses all communities before it gets those of `add-community`"},
};

static const struct kind kind_set = {
	.word = "set", .help = "What becomes of the route.", .name = NOWHERE, .place = NOWHERE, .case_offset = NOWHERE, ROWS(set_knobs)};

static const struct knob rule_knobs[] = {
	{.key = "match",
		.type = KNOB_OBJECT,
		.kind = &kind_match,
		.offset = 0,
		.flag = NOWHERE,
		.set = NOWHERE,
		.help = "what a route must be for this rule; all that is written must hold. Every route when nothing is"},
	{.key = "set", .type = KNOB_OBJECT, .kind = &kind_set, .offset = 0, .flag = NOWHERE, .set = NOWHERE, .help = "what is changed"},
	{.key = "then",
		.type = KNOB_ENUM,
		AT(lab_policy_rule, then),
		WORDS(verdicts),
		.fallback = "accept",
		.effect = POLICY_EFFECT,
		.help = "`accept` and `reject` end the policy, `next` goes on with the next rule"},
};

static const struct kind kind_rule = {.word = "rule",
	.help = "A rule of a route policy.",
	.size = sizeof(struct lab_policy_rule),
	.name = NOWHERE,
	.place = offsetof(struct lab_policy_rule, place),
	.case_offset = NOWHERE,
	ROWS(rule_knobs)};

static const struct knob policy_knobs[] = {
	{.key = "rules",
		.type = KNOB_LIST,
		.max = 64,
		.kind = &kind_rule,
		AT(lab_route_policy, rules),
		FLAG(lab_route_policy, rule_count),
		.help = "rules, tried in this order; a route that none accepts or rejects is rejected"},
};

static const struct knob redistribution_knobs[] = {
	{.key = "from", .type = KNOB_ENUM, AT(lab_redistribution, from), WORDS(protocols), .required = true, .help = "whose routes"},
	{.key = "policy",
		.type = KNOB_REF,
		AT(lab_redistribution, policy_name),
		.min = 1,
		.max = LAB_NAME_BYTES_MAX,
		.help = "route policy that lets them pass; all pass without one"},
	{.key = "metric",
		.type = KNOB_INT,
		.size = 4,
		AT(lab_redistribution, metric),
		SET(lab_redistribution, metric_set),
		.min = 0,
		.max = UINT32_MAX,
		.help = "metric with which they are announced, unless the policy sets one: BGP's MED, RIP's hops, OSPF's external metric"},
};

const struct kind kind_redistribution = {.word = "source of routes",
	.help = "Routes of the router's table that a protocol announces.",
	.size = sizeof(struct lab_redistribution),
	.name = NOWHERE,
	.place = offsetof(struct lab_redistribution, place),
	.case_offset = NOWHERE,
	.short_key = "from",
	ROWS(redistribution_knobs)};

const struct kind kind_route_policy = {.word = "route policy",
	.help = "Which routes pass and what is changed in them. Named by `import`, `export`, `redistribute` and `advertise`.",
	.size = sizeof(struct lab_route_policy),
	.name = offsetof(struct lab_route_policy, name),
	.place = offsetof(struct lab_route_policy, place),
	.case_offset = NOWHERE,
	.short_key = "rules",
	.passive = true,
	ROWS(policy_knobs)};
