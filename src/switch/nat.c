/* Address translation: the rules, their life, what they say. */
#include "switch/nat.h"

#include "base/arena.h"
#include "net/ipv4.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum nat_class nat_class_of(uint8_t protocol, uint8_t query)
{
	if (protocol == IP_PROTOCOL_TCP)
		return NAT_CLASS_TCP;
	if (protocol == IP_PROTOCOL_UDP)
		return NAT_CLASS_UDP;
	return query != 0 ? NAT_CLASS_ICMP : NAT_NO_PORT;
}

/* --- what rules say --- */

static struct ip source_of(const struct conn_tuple *tuple) { return ip_from_bytes((enum ip_family)tuple->family, tuple->src); }
static struct ip destination_of(const struct conn_tuple *tuple) { return ip_from_bytes((enum ip_family)tuple->family, tuple->dst); }

static void put_ip(uint8_t to[16], struct ip ip) { memcpy(to, ip.bytes, 16); }

struct nat_entry *nat_destination(const struct nat *nat, const struct conn_tuple *tuple, struct conn_tuple *to)
{
	struct ip destination = destination_of(tuple);

	for (unsigned i = 0; i < nat->rule_count; i++) {
		struct nat_entry *rule = &nat->rules[i];
		const struct nat_rule *config = &rule->config;

		if ((config->kind != NAT_DESTINATION && config->kind != NAT_STATIC) || !ip_equal(config->match.ip, destination))
			continue;
		if (config->kind == NAT_DESTINATION && (config->protocol != tuple->protocol || tuple->dst_port < config->port_first ||
							       tuple->dst_port > config->port_last))
			continue;
		*to = *tuple;
		put_ip(to->dst, config->to.ip);
		if (config->kind == NAT_DESTINATION && config->to_port != 0)
			to->dst_port = (uint16_t)(config->to_port + (tuple->dst_port - config->port_first));
		return rule;
	}
	return NULL;
}

struct nat_entry *nat_source(const struct nat *nat, const struct conn_tuple *tuple, uint32_t rif, const struct nat_entry *hairpin)
{
	struct ip source = source_of(tuple);
	struct nat_entry *found = NULL;

	for (unsigned i = 0; i < nat->rule_count; i++) {
		struct nat_entry *rule = &nat->rules[i];
		const struct nat_rule *config = &rule->config;

		if (config->rif != rif && (hairpin == NULL || config->rif != hairpin->config.rif))
			continue;
		/* What stands for one machine goes before what stands for many. */
		if (config->kind == NAT_STATIC && ip_equal(config->to.ip, source))
			return rule;
		if (config->kind == NAT_SOURCE && found == NULL && prefix_contains(config->match, source))
			found = rule;
	}
	return found;
}

bool nat_is_target(const struct nat *nat, const struct conn_tuple *tuple)
{
	struct ip source = source_of(tuple);

	for (unsigned i = 0; i < nat->rule_count; i++) {
		const struct nat_rule *config = &nat->rules[i].config;

		if ((config->kind == NAT_DESTINATION || config->kind == NAT_STATIC) && ip_equal(config->to.ip, source))
			return true;
	}
	return false;
}

bool nat_is_outside(const struct nat *nat, struct ip ip)
{
	if (ip.family == IP_V4 && map_get(&nat->addresses, ip_to_u32(ip)) != NULL)
		return true;
	for (unsigned i = 0; i < nat->rule_count; i++) {
		const struct nat_rule *config = &nat->rules[i].config;

		if ((config->kind == NAT_DESTINATION || config->kind == NAT_STATIC) && ip_equal(config->match.ip, ip))
			return true;
	}
	return false;
}

static bool in_pool(const struct nat_rule *rule, struct ip ip)
{
	return rule->kind == NAT_SOURCE && ip.family == IP_V4 && ip_to_u32(ip) >= ip_to_u32(rule->to.ip) &&
	       ip_to_u32(ip) <= ip_to_u32(rule->to_last);
}

bool nat_owns(const struct rif *rif, struct ip ip)
{
	const struct nat *nat = rif->router->nat;

	for (unsigned i = 0; nat != NULL && i < nat->rule_count; i++) {
		const struct nat_rule *config = &nat->rules[i].config;
		bool stands = (config->kind == NAT_DESTINATION || config->kind == NAT_STATIC) && ip_equal(config->match.ip, ip);

		if (config->rif == rif->config.id && (stands || in_pool(config, ip)))
			return true;
	}
	return false;
}

struct nat_want nat_want_of(const struct nat_entry *rule, const struct conn_tuple *tuple)
{
	struct nat_want want = {.first = ip_to_u32(rule->config.to.ip),
		.last = ip_to_u32(rule->config.to_last),
		.host = wire_get_u32(tuple->src),
		.port = tuple->query == 2 ? tuple->dst_port : tuple->src_port,
		.kind = nat_class_of(tuple->protocol, tuple->query)};

	if (want.kind == NAT_NO_PORT)
		want.port = tuple->protocol;
	return want;
}

struct conn_tuple nat_onward(const struct conn *conn, enum conn_direction direction)
{
	return conn_tuple_reverse(&conn->nodes[direction == CONN_ORIGINAL ? CONN_REPLY : CONN_ORIGINAL].tuple);
}

/* --- life --- */

/* Whether the rules, as they are now, would translate a connection as it is. */
static bool is_allowed(const struct nat *nat, const struct conn *conn)
{
	const struct conn_tuple *original = &conn->nodes[CONN_ORIGINAL].tuple;
	struct conn_tuple onward = nat_onward(conn, CONN_ORIGINAL), to = *original;
	const struct nat_entry *destination = nat_destination(nat, original, &to), *source;
	bool moved = memcmp(onward.dst, original->dst, sizeof(onward.dst)) != 0 || onward.dst_port != original->dst_port;

	if (moved && (destination == NULL || memcmp(to.dst, onward.dst, sizeof(to.dst)) != 0 || to.dst_port != onward.dst_port))
		return false;
	if (memcmp(onward.src, original->src, sizeof(onward.src)) == 0 && conn->mapping == NULL)
		return true;
	source = nat_source(nat, original, conn->service, destination);
	if (source == NULL)
		return false;
	if (source->config.kind == NAT_STATIC)
		return conn->mapping == NULL && memcmp(onward.src, source->config.match.ip.bytes, sizeof(onward.src)) == 0;
	return conn->mapping != NULL && in_pool(&source->config, source_of(&onward));
}

static void end_forbidden(struct core *core, const struct nat *nat, const struct list *list)
{
	struct conn *conn;

	list_each (conn, list, struct conn, in_zone) {
		if (!is_allowed(nat, conn))
			conn_remove(core, conn);
	}
}

static int rule_check(const struct core *core, const struct router *router, const struct nat_rule *rule, struct err *err)
{
	const struct rif *rif = rif_find(core, rule->rif);

	if (rif == NULL || rif->router != router)
		return err_set(err, -ENOENT, "a rule's interface %u isn't one of router %s", rule->rif, router->config.path);
	if (rule->match.ip.family == IP_NONE || rule->to.ip.family != rule->match.ip.family)
		return err_set(err, -EINVAL, "a rule translates between addresses of one family");
	if ((rule->kind == NAT_PREFIX) != (rule->match.ip.family == IP_V6))
		return err_set(err, -EINVAL, "IPv6 is translated by prefixes, IPv4 isn't");
	if (rule->kind == NAT_SOURCE && (rule->to_last.family != IP_V4 || ip_to_u32(rule->to_last) < ip_to_u32(rule->to.ip) ||
						ip_to_u32(rule->to_last) - ip_to_u32(rule->to.ip) >= NAT_POOL_MAX))
		return err_set(err, -EINVAL, "a pool has 1 to %d addresses", NAT_POOL_MAX);
	if (rule->kind == NAT_DESTINATION && (rule->port_first == 0 || rule->port_last < rule->port_first))
		return err_set(err, -EINVAL, "a rule forwards ports from a first to a last one");
	if (rule->kind == NAT_PREFIX && (rule->to.length != rule->match.length || rule->to.length > 64 || rule->to.length == 0))
		return err_set(err, -EINVAL, "both prefixes have the same length, 64 at most");
	return 0;
}

/* Enters the addresses of the pools, and marks those that no rule wants any more. */
static void index_addresses(struct nat *nat)
{
	struct nat_address *address;
	size_t cursor = 0;

	while ((address = map_next(&nat->addresses, &cursor, NULL, NULL)) != NULL)
		address->wanted = false;
	nat->has_prefixes = nat->has_states = false;
	for (unsigned i = 0; i < nat->rule_count; i++) {
		const struct nat_rule *rule = &nat->rules[i].config;

		nat->has_prefixes |= rule->kind == NAT_PREFIX;
		nat->has_states |= rule->kind != NAT_PREFIX;
		for (uint32_t ip = ip_to_u32(rule->to.ip); rule->kind == NAT_SOURCE && ip <= ip_to_u32(rule->to_last); ip++) {
			address = map_get(&nat->addresses, ip);
			if (address == NULL) {
				address = xalloc(sizeof(*address));
				address->ip = ip;
				map_set(&nat->addresses, ip, address);
			}
			address->wanted = true;
			if (ip == UINT32_MAX)
				break;
		}
	}
}

/* Frees addresses that no rule wants; their connections have ended. */
static void sweep_addresses(struct nat *nat)
{
	struct nat_address *address;
	size_t cursor = 0;
	uint64_t key;

	while ((address = map_next(&nat->addresses, &cursor, &key, NULL)) != NULL) {
		if (address->wanted)
			continue;
		CHECK(address->block_count == 0 && address->host_count == 0);
		map_remove(&nat->addresses, key);
		free(address);
	}
}

static uint64_t begun_before(const struct nat_entry *old, unsigned count, const struct nat_rule *rule)
{
	for (unsigned i = 0; i < count; i++)
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): a hole that differs only loses a count */
		if (memcmp(&old[i].config, rule, sizeof(*rule)) == 0)
			return old[i].begun;
	return 0;
}

static void rules_replace(struct nat *nat, const struct msg_nat *config)
{
	struct nat_entry *old = nat->rules;
	unsigned old_count = nat->rule_count;

	nat->rules = xalloc((config->rule_count + 1u) * sizeof(*nat->rules));
	nat->rule_count = config->rule_count;
	for (unsigned i = 0; i < config->rule_count; i++)
		nat->rules[i] = (struct nat_entry){config->rules[i], begun_before(old, old_count, &config->rules[i])};
	free(old);
}

/* Orders may be given again, after a restart of who gives them. */
static bool is_same(const struct nat *nat, const struct msg_nat *config)
{
	for (unsigned i = 0; i < config->rule_count && i < nat->rule_count; i++)
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): a hole that differs makes a change of none, which is harmless */
		if (memcmp(&nat->rules[i].config, &config->rules[i], sizeof(config->rules[i])) != 0)
			return false;
	return nat->rule_count == config->rule_count;
}

int nat_set(struct core *core, const struct msg_nat *config, struct err *err)
{
	struct router *router = router_find(core, config->id);
	struct nat *nat;
	int rc = 0;

	if (router == NULL)
		return err_set(err, -ENOENT, "there is no router %u: it must be set before its translation", config->id);
	for (unsigned i = 0; i < config->rule_count && rc == 0; i++)
		rc = rule_check(core, router, &config->rules[i], err);
	if (rc != 0)
		return rc;
	if (router->nat == NULL) {
		router->nat = xalloc(sizeof(*router->nat));
		router->nat->router = router;
		conn_zone_open(core, &router->zone, CONN_OF_ROUTER, config->id, router->config.path);
	}
	nat = router->nat;
	nat->mark = core->sync_mark;
	if (is_same(nat, config))
		return 0;
	rules_replace(nat, config);
	index_addresses(nat);
	end_forbidden(core, nat, &router->zone.weak);
	end_forbidden(core, nat, &router->zone.established);
	sweep_addresses(nat);
	nat_ports_reserve(nat);
	core_raise(core, &core->topology_generation);
	return 0;
}

void nat_clear(struct core *core, struct router *router)
{
	struct nat *nat = router->nat;

	if (nat == NULL)
		return;
	conn_zone_close(core, &router->zone);
	nat->rule_count = 0;
	index_addresses(nat);
	sweep_addresses(nat);
	CHECK(nat->hosts.used == 0 && nat->mappings.used == 0);
	map_free(&nat->addresses);
	map_free(&nat->hosts);
	map_free(&nat->mappings);
	free(nat->rules);
	free(nat);
	router->nat = NULL;
	core_raise(core, &core->topology_generation);
}

void nat_del(struct core *core, uint32_t id)
{
	struct router *router = router_find(core, id);

	if (router != NULL)
		nat_clear(core, router);
}
