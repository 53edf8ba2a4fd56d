/*
 * Feature nat: a router translates addresses, before it looks whether a packet is for itself (nat.h says how and why).
 *
 * A connection whose packets pass unchanged is known, too, when its answers would be taken for the beginning of one that must be
 * translated: who speaks to a machine behind the router by its own address gets the answer from there.
 */
#include "net/ipv4.h"
#include "switch/conn_key.h"
#include "switch/feature.h"
#include "switch/nat.h"
#include "switch/nat_icmp.h"
#include "switch/nat_prefix.h"

#include <stdio.h>
#include <string.h>

#define END_TEXT_BYTES (IP_TEXT_BYTES + 6)

/* "10.1.0.5:1024"; without a port where there is none. */
static const char *end_text(const struct conn_tuple *tuple, const uint8_t *ip, uint16_t port, char out[END_TEXT_BYTES])
{
	char text[IP_TEXT_BYTES];
	bool ported = tuple->protocol == IP_PROTOCOL_TCP || tuple->protocol == IP_PROTOCOL_UDP;

	(void)snprintf(out, END_TEXT_BYTES, ported ? "%s:%u" : "%s", ip_text(ip_from_bytes((enum ip_family)tuple->family, ip), text), port);
	return out;
}

static void note_change(struct walk *walk, const struct conn_tuple *from, const struct conn_tuple *to)
{
	char before[END_TEXT_BYTES], after[END_TEXT_BYTES];

	if (!walk_is_dry(walk))
		return;
	if (memcmp(from->dst, to->dst, sizeof(to->dst)) != 0 || from->dst_port != to->dst_port)
		trace_note(walk->core, "destination %s becomes %s", end_text(from, from->dst, from->dst_port, before),
			end_text(to, to->dst, to->dst_port, after));
	if (memcmp(from->src, to->src, sizeof(to->src)) != 0 || from->src_port != to->src_port)
		trace_note(walk->core, "source %s becomes %s", end_text(from, from->src, from->src_port, before),
			end_text(to, to->src, to->src_port, after));
}

/* Among equal next hops all packets of a connection take the one that its addresses choose before the source changes. */
static void choose_path(struct walk *walk, const struct conn_tuple *onward)
{
	struct flow_key key = walk->key;

	memcpy(key.ip_dst, onward->dst, sizeof(key.ip_dst));
	if (onward->protocol == IP_PROTOCOL_TCP || onward->protocol == IP_PROTOCOL_UDP)
		key.l4_dst = onward->dst_port;
	walk->path_hash = flow_key_path_hash(&key);
	walk->path_chosen = true;
}

static void go_on(struct walk *walk, const struct conn_tuple *from, const struct conn_tuple *onward)
{
	if (walk->key.fragment == FRAGMENT_FIRST && !walk_is_dry(walk))
		conn_fragment_note(walk, &walk->router->zone, onward);
	if (memcmp(from, onward, sizeof(*from)) == 0)
		return;
	note_change(walk, from, onward);
	walk_translate(walk, from, onward);
}

/* --- the beginning of a connection --- */

/* What is to become of a packet that belongs to no connection. */
struct plan {
	const struct conn_tuple *tuple;
	struct conn_tuple onward;
	struct nat_entry *destination, *source; /* rules, or NULL */
	struct nat_mapping *mapping;
	struct rif *out;
	const struct conn *replaced; /* a closed connection in whose place this one comes, or NULL */
};

/* True when what answers it would be translated as if it began a connection. */
static bool answers_would_change(const struct walk *walk, const struct plan *plan)
{
	struct conn_tuple answer = conn_tuple_reverse(&plan->onward);

	return nat_source(walk->router->nat, &answer, walk->in->config.id, NULL) != NULL;
}

static void put_source(struct plan *plan, uint32_t ip, uint16_t port, bool ported)
{
	wire_put_u32(plan->onward.src, ip);
	if (ported)
		plan->onward.src_port = port;
}

/* What plan_source would do: nothing is taken. */
static enum drop_reason foresee_source(struct walk *walk, struct plan *plan, const struct nat_want *want)
{
	const struct nat *nat = walk->router->nat;
	const struct nat_host *host = nat_host_find(nat, want);
	int port = nat_port_would_be(walk->core, nat, want);

	if (port < 0)
		return DROP_NAT_PORTS;
	put_source(plan, nat_host_address(nat, want), (uint16_t)port, want->kind != NAT_NO_PORT);
	return host != NULL && host->conns >= walk->core->limits.nat_connections_per_host ? DROP_NAT_LIMIT : DROP_NONE;
}

/* The source that a rule gives. The mapping is held. */
static enum drop_reason plan_source(struct walk *walk, struct plan *plan)
{
	struct nat *nat = walk->router->nat;
	struct nat_want want;

	if (plan->source == NULL)
		return DROP_NONE;
	if (plan->source->config.kind == NAT_STATIC) {
		memcpy(plan->onward.src, plan->source->config.match.ip.bytes, sizeof(plan->onward.src));
		return DROP_NONE;
	}
	want = nat_want_of(plan->source, plan->tuple);
	if (walk_is_dry(walk))
		return foresee_source(walk, plan, &want);
	plan->mapping = nat_mapping_get(walk->core, nat, &want);
	if (plan->mapping == NULL)
		return DROP_NAT_PORTS;
	nat_hold(plan->mapping);
	put_source(plan, plan->mapping->host->address->ip, plan->mapping->port, want.kind != NAT_NO_PORT);
	if (plan->mapping->host->conns <= walk->core->limits.nat_connections_per_host)
		return DROP_NONE;
	core_limit_reached(walk->core, "nat_connections_per_host", walk->router->config.path, plan->mapping->host->conns);
	nat_release(plan->mapping);
	return DROP_NAT_LIMIT;
}

/* What making the connection would come to. */
static enum drop_reason foresee_connection(struct walk *walk, const struct plan *plan, const struct conn_tuple *reply)
{
	enum conn_direction direction;
	const struct conn *taken = conn_find(walk->core, reply, &direction);

	if (plan->replaced == NULL && !conn_has_room(walk->core, &walk->router->zone))
		return DROP_NAT_LIMIT;
	if (memcmp(plan->tuple, reply, sizeof(*reply)) == 0 || (taken != NULL && taken != plan->replaced))
		return DROP_NAT_PORTS;
	walk_note(walk, "a new connection");
	go_on(walk, plan->tuple, &plan->onward);
	return DROP_NONE;
}

static enum drop_reason plan_carry_out(struct walk *walk, struct plan *plan)
{
	struct conn_zone *zone = &walk->router->zone;
	struct conn_tuple reply;
	enum drop_reason reason = plan_source(walk, plan);
	struct conn *conn;

	if (reason != DROP_NONE)
		return reason;
	reply = conn_tuple_reverse(&plan->onward);
	if (walk_is_dry(walk))
		return foresee_connection(walk, plan, &reply);
	conn = conn_add(walk->core, zone, plan->tuple, &reply, walk->view.tcp_flags);
	if (conn == NULL) {
		if (plan->mapping != NULL)
			nat_release(plan->mapping);
		return conn_has_room(walk->core, zone) ? DROP_NAT_PORTS : DROP_NAT_LIMIT;
	}
	conn->mapping = plan->mapping;
	conn->service = plan->out != NULL ? plan->out->config.id : 0;
	conn->inbound = plan->destination != NULL;
	if (plan->destination != NULL)
		plan->destination->begun++;
	if (plan->source != NULL)
		plan->source->begun++;
	walk_conn(walk, conn, CONN_ORIGINAL);
	go_on(walk, plan->tuple, &plan->onward);
	return DROP_NONE;
}

static enum drop_reason begin(struct walk *walk, const struct conn_tuple *tuple, const struct conn *replaced)
{
	struct nat *nat = walk->router->nat;
	struct plan plan = {.tuple = tuple, .onward = *tuple, .replaced = replaced};
	struct ip destination;
	bool hairpin;

	plan.destination = nat_destination(nat, tuple, &plan.onward);
	destination = ip_from_bytes((enum ip_family)tuple->family, plan.onward.dst);
	if (router_local(walk->router, walk->in, destination) != NULL)
		return DROP_NONE;
	choose_path(walk, &plan.onward);
	plan.out = route_interface(walk, destination);
	if (plan.out != NULL && rif_is_broadcast(plan.out, destination))
		return DROP_NONE;
	hairpin = plan.destination != NULL && walk->in->config.id != plan.destination->config.rif;
	if (plan.out != NULL)
		plan.source = nat_source(nat, tuple, plan.out->config.id, hairpin ? plan.destination : NULL);
	if (plan.destination == NULL && plan.source == NULL && nat_is_outside(nat, destination)) {
		walk->cacheable = false;
		return DROP_NAT_NONE;
	}
	if (plan.destination == NULL && plan.source == NULL && !answers_would_change(walk, &plan)) {
		/* A connection that begins at the other side may make this its answer. */
		if (nat_is_target(nat, tuple))
			walk->cacheable = false;
		go_on(walk, tuple, tuple);
		return DROP_NONE;
	}
	if ((tuple->protocol == IP_PROTOCOL_TCP && !conn_tcp_may_begin(walk->view.tcp_flags)) || tuple->query == 2)
		return DROP_NAT_NONE;
	return plan_carry_out(walk, &plan);
}

/* --- all packets --- */

/* A SYN where a closed connection is still known: a new one in its place, with the same port. */
static enum drop_reason begin_again(struct walk *walk, const struct conn_tuple *tuple, struct conn *closed)
{
	struct nat_mapping *mapping = closed->mapping;
	enum drop_reason reason;

	if (walk_is_dry(walk))
		return begin(walk, tuple, closed);
	if (mapping != NULL)
		nat_hold(mapping);
	conn_remove(walk->core, closed);
	reason = begin(walk, tuple, NULL);
	if (mapping != NULL)
		nat_release(mapping);
	return reason;
}

static enum drop_reason judge_tracked(struct walk *walk, const struct conn_tuple *tuple)
{
	enum conn_direction direction;
	struct conn *conn = conn_find(walk->core, tuple, &direction);
	struct conn_tuple onward;

	if (conn == NULL)
		return begin(walk, tuple, NULL);
	if (!conn_takes(conn, walk->view.tcp_flags))
		return begin_again(walk, tuple, conn);
	onward = nat_onward(conn, direction);
	walk_note(walk, "belongs to a connection (%s)", conn_state_name(conn));
	walk_conn(walk, conn, direction);
	choose_path(walk, &onward);
	go_on(walk, tuple, &onward);
	return DROP_NONE;
}

/* True when the packet crosses to or from the outside, or goes to an address that stands for others. The router's own packets don't. */
static bool is_concerned(struct walk *walk)
{
	const struct nat *nat = walk->router->nat;
	struct ip destination = walk_ip_dst(walk);
	const struct rif *out;

	if (router_local(walk->router, walk->in, destination) != NULL)
		return false;
	out = route_interface(walk, destination);
	for (unsigned i = 0; i < nat->rule_count; i++)
		if (nat->rules[i].config.rif == walk->in->config.id || (out != NULL && nat->rules[i].config.rif == out->config.id))
			return true;
	return nat_is_outside(nat, destination);
}

/* True when it would have to be translated by a rule for its source, or is to an address that stands for others. */
static bool must_change(struct walk *walk)
{
	struct conn_tuple tuple = {.family = IP_V4};
	struct ip destination = walk_ip_dst(walk);
	const struct rif *out;

	if (router_local(walk->router, walk->in, destination) != NULL)
		return false;
	memcpy(tuple.src, walk->key.ip_src, sizeof(tuple.src));
	out = route_interface(walk, destination);
	return (out != NULL && nat_source(walk->router->nat, &tuple, out->config.id, NULL) != NULL) ||
	       nat_is_outside(walk->router->nat, destination);
}

static enum drop_reason judge_later(struct walk *walk, struct conn_tuple *tuple)
{
	struct conn_tuple to;

	memcpy(tuple->src, walk->key.ip_src, sizeof(tuple->src));
	memcpy(tuple->dst, walk->key.ip_dst, sizeof(tuple->dst));
	to = *tuple;
	if (!conn_fragment_follow(walk, &walk->router->zone, &to))
		return is_concerned(walk) ? DROP_NAT_FRAGMENT : DROP_NONE;
	go_on(walk, tuple, &to);
	return DROP_NONE;
}

static enum drop_reason judge(struct walk *walk)
{
	struct ip destination = walk_ip_dst(walk);
	struct conn_tuple tuple;

	/* What no router forwards takes nothing and meets its end at what comes next. */
	if (ip_is_multicast(destination) || rif_is_broadcast(walk->in, destination))
		return DROP_NONE;
	switch (conn_key_read(walk, &walk->router->zone, &tuple)) {
	case CONN_SORT_TRACKED:
		return judge_tracked(walk, &tuple);
	case CONN_SORT_ERROR:
		if (nat_error_translate(walk, &tuple)) {
			walk_note(walk, "an ICMP error about a connection");
			return DROP_NONE;
		}
		return must_change(walk) ? DROP_NAT_ERROR : DROP_NONE;
	case CONN_SORT_UNRELATED:
		return must_change(walk) ? DROP_NAT_ERROR : DROP_NONE;
	case CONN_SORT_LATER:
		return judge_later(walk, &tuple);
	case CONN_SORT_MALFORMED:
		return is_concerned(walk) ? DROP_NAT_UNTRANSLATABLE : DROP_NONE;
	case CONN_SORT_STATELESS:
		break;
	}
	return must_change(walk) ? DROP_NAT_UNTRANSLATABLE : DROP_NONE;
}

enum feature_result feature_nat(struct walk *walk)
{
	const struct nat *nat = walk->router->nat;
	enum drop_reason reason = DROP_NONE;

	if (nat == NULL)
		return FEATURE_CONTINUE;
	if (walk_family(walk) == IP_V6)
		reason = nat->has_prefixes ? nat_prefix_translate(walk) : DROP_NONE;
	else if (nat->has_states)
		reason = judge(walk);
	if (reason == DROP_NONE)
		return FEATURE_CONTINUE;
	walk->cacheable = false;
	return walk_drop(walk, &walk->in->member, reason);
}
