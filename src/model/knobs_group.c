/* The rows of the knob table: security groups and what a NIC may speak from. */
#include "model/knob_rows.h"

#define ENDS_EFFECT "connections that are no longer allowed end"

#define RULE_KNOBS                                                                                                                         \
	{.key = "protocol",                                                                                                                \
		.type = KNOB_TEXT,                                                                                                         \
		AT(lab_rule, protocol),                                                                                                    \
		.min = 1,                                                                                                                  \
		.max = 16,                                                                                                                 \
		.fallback = "any",                                                                                                         \
		.help = "`tcp`, `udp`, `icmp` (of IPv4 and IPv6), `any`, or a number of IP"},                                              \
		{.key = "port",                                                                                                            \
			.type = KNOB_PORTS,                                                                                                \
			AT(lab_rule, port_first),                                                                                          \
			FLAG(lab_rule, port_last),                                                                                         \
			.help = "destination port of TCP and UDP, or a range; all when it is not written"},                                \
	{                                                                                                                                  \
		.key = "type", .type = KNOB_INT, .size = 1, AT(lab_rule, icmp_type), .min = 1, .max = 255,                                 \
		.help = "type of ICMP, such as 8 (an IPv4 ping); all when it is not written"                                               \
	}

static const struct knob ingress_knobs[] = {
	RULE_KNOBS,
	{.key = "from",
		.type = KNOB_TEXT,
		AT(lab_rule, peer),
		.min = 1,
		.max = 80,
		.fallback = "any",
		.help = "who may begin: `any`, an address, a prefix, `group:NAME` for the machines of a group, or `none`"},
};

static const struct knob egress_knobs[] = {
	RULE_KNOBS,
	{.key = "to",
		.type = KNOB_TEXT,
		AT(lab_rule, peer),
		.min = 1,
		.max = 80,
		.fallback = "any",
		.help = "who may be spoken to: `any`, an address, a prefix, `group:NAME` for the machines of a group, or `none`"},
};

static const struct kind kind_ingress = {.word = "rule",
	.help = "What may come in. Answers always may.",
	.size = sizeof(struct lab_rule),
	.name = NOWHERE,
	.place = offsetof(struct lab_rule, place),
	.case_offset = NOWHERE,
	ROWS(ingress_knobs)};

static const struct kind kind_egress = {.word = "rule",
	.help = "What may go out. Answers always may.",
	.size = sizeof(struct lab_rule),
	.name = NOWHERE,
	.place = offsetof(struct lab_rule, place),
	.case_offset = NOWHERE,
	ROWS(egress_knobs)};

static const struct knob group_knobs[] = {
	{.key = "ingress",
		.type = KNOB_LIST,
		.max = LAB_RULES_MAX,
		.kind = &kind_ingress,
		.unordered = true,
		AT(lab_group, ingress),
		FLAG(lab_group, ingress_count),
		.effect = ENDS_EFFECT,
		.help = "what may come in; nothing when none is written"},
	{.key = "egress",
		.type = KNOB_LIST,
		.max = LAB_RULES_MAX,
		.kind = &kind_egress,
		.unordered = true,
		AT(lab_group, egress),
		FLAG(lab_group, egress_count),
		.effect = ENDS_EFFECT,
		.help = "what may go out; everything when none is written"},
};

const struct kind kind_group = {.word = "security-group",
	.help = "What the machines that name it let in and out. Rules allow; several groups allow what any of them does.",
	.size = sizeof(struct lab_group),
	.name = offsetof(struct lab_group, name),
	.place = offsetof(struct lab_group, place),
	.case_offset = NOWHERE,
	ROWS(group_knobs)};

static const struct knob address_pair_knobs[] = {
	{.key = "ip", .type = KNOB_ADDRESS, AT(lab_address_pair, ip), .required = true, .help = "an address or a prefix"},
	{.key = "mac",
		.type = KNOB_MAC,
		AT(lab_address_pair, mac),
		.flag = NOWHERE,
		.help = "the MAC that it is spoken with; the NIC's own when it is not written"},
};

const struct kind kind_address_pair = {.word = "address pair",
	.help = "What a NIC may also speak from: a virtual router, a shared address.",
	.size = sizeof(struct lab_address_pair),
	.name = NOWHERE,
	.place = offsetof(struct lab_address_pair, place),
	.case_offset = NOWHERE,
	.short_key = "ip",
	ROWS(address_pair_knobs)};
