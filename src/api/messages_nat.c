/* The fields of the messages of address translation, and the states of connections. */
#include "api/message_fields.h"
#include "api/message_group.h"
#include "api/message_nat.h"

static const char *const nat_kind_names[] = {"snat", "dnat", "one-to-one", "prefix"};

const char *const track_state_names[] = {"new", "answered", "picked-up", "established", "closing", "closed", "revoked"};

static const struct field nat_rule_elements[] = {
	ENUM(nat_rule, kind, nat_kind_names),
	FIELD(nat_rule, protocol),
	FIELD(nat_rule, port_first),
	FIELD(nat_rule, port_last),
	FIELD(nat_rule, to_port),
	FIELD(nat_rule, rif),
	FIELD(nat_rule, match),
	FIELD(nat_rule, to),
	FIELD(nat_rule, to_last),
};

const struct field nat_fields[] = {FIELD(msg_nat, id), ARRAY(msg_nat, rules, rule_count, nat_rule_elements)};

const struct field row_nat_fields[] = {
	FIELD(row_nat, router),
	FIELD(row_nat, protocol),
	ENUM(row_nat, state, track_state_names),
	FIELD(row_nat, source),
	FIELD(row_nat, source_port),
	FIELD(row_nat, destination),
	FIELD(row_nat, destination_port),
	FIELD(row_nat, new_source),
	FIELD(row_nat, new_source_port),
	FIELD(row_nat, new_destination),
	FIELD(row_nat, new_destination_port),
	FIELD(row_nat, remaining_s),
	FIELD(row_nat, packets),
	FIELD(row_nat, reply_packets),
};

const struct field row_nat_rule_fields[] = {
	FIELD(row_nat_rule, router),
	ENUM(row_nat_rule, kind, nat_kind_names),
	FIELD(row_nat_rule, protocol),
	FIELD(row_nat_rule, port_first),
	FIELD(row_nat_rule, port_last),
	FIELD(row_nat_rule, to_port),
	FIELD(row_nat_rule, rif),
	FIELD(row_nat_rule, match),
	FIELD(row_nat_rule, to),
	FIELD(row_nat_rule, to_last),
	FIELD(row_nat_rule, to_length),
	FIELD(row_nat_rule, begun),
	FIELD(row_nat_rule, connections),
	FIELD(row_nat_rule, hosts),
	FIELD(row_nat_rule, ports_used),
	FIELD(row_nat_rule, ports_taken),
	FIELD(row_nat_rule, ports_all),
};
