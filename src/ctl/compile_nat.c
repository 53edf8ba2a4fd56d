/* Address translation of a flat lab as messages: names become the addresses that they have. */
#include "ctl/compile_nat.h"

#include "base/check.h"
#include "model/lab_io.h"

#include <errno.h>
#include <string.h>

_Static_assert((int)LAB_NAT_PREFIX == (int)NAT_PREFIX, "the kinds of rules are in the same order");
_Static_assert(LAB_NAT_RULES_MAX == NAT_RULES_MAX && LAB_NAT_POOL_MAX == NAT_POOL_MAX, "the model's limits are the messages'");

/* The address of the interface that a rule names. */
static struct ip outside_address(const struct lab_router *router, const struct lab_nat *nat)
{
	for (size_t i = 0; i < router->interface_count; i++)
		if (strcmp(router->interfaces[i].name, nat->interface_name) == 0)
			return router->interfaces[i].ipv4.ip;
	return (struct ip){0};
}

/* An address as it is written, or that of a machine's first NIC. */
static struct ip host_address(const struct lab *lab, const char *host)
{
	struct ip ip = {0};

	if (ip_parse(host, &ip))
		return ip;
	for (size_t i = 0; i < lab->vm_count; i++)
		if (strcmp(lab->vms[i].name, host) == 0 && lab->vms[i].nic_count > 0)
			return lab->vms[i].nics[0].ipv4.ip;
	return ip;
}

static struct prefix alone(struct ip ip) { return (struct prefix){ip, (uint8_t)ip_bits((enum ip_family)ip.family)}; }

/* The destination of a rule: its outside address and the inside host. */
static int put_target(
	const struct lab *lab, const struct lab_router *router, const struct lab_nat *nat, struct nat_rule *rule, struct err *err)
{
	struct ip outside = nat->kind == LAB_NAT_STATIC	     ? nat->one_to_one
			    : nat->address.family != IP_NONE ? nat->address
							     : outside_address(router, nat);
	char host[LAB_NAME_BYTES_MAX + 1];
	bool sound = lab_nat_target(nat->to, host, &rule->to_port);

	CHECK(sound); /* the lab was checked */
	rule->match = alone(outside);
	rule->to = alone(host_address(lab, host));
	if (outside.family != IP_V4)
		return err_set(err, -EADDRNOTAVAIL, "router %s: interface %s has no IPv4 address that could be translated", router->name,
			nat->interface_name);
	if (rule->to.ip.family != IP_V4)
		return err_set(err, -EADDRNOTAVAIL, "router %s: nat can't forward to %s: it has no IPv4 address", router->name, host);
	return 0;
}

static int put_pool(const struct lab_router *router, const struct lab_nat *nat, struct nat_rule *rule, struct err *err)
{
	struct ip first = outside_address(router, nat), last = first;
	bool sound = nat->to == NULL || lab_range_parse(nat->to, &first, &last);

	CHECK(sound);
	if (first.family != IP_V4)
		return err_set(err, -EADDRNOTAVAIL, "router %s: interface %s has no IPv4 address to translate to", router->name,
			nat->interface_name);
	rule->match = prefix_masked(nat->match);
	rule->to = alone(first);
	rule->to_last = last;
	return 0;
}

int compile_nat_rule(
	const struct lab *lab, const struct lab_router *router, const struct lab_nat *nat, struct nat_rule *rule, struct err *err)
{
	bool sound = true;

	memset(rule, 0, sizeof(*rule));
	rule->kind = (uint8_t)nat->kind;
	switch (nat->kind) {
	case LAB_NAT_SOURCE:
		return put_pool(router, nat, rule, err);
	case LAB_NAT_DESTINATION:
		sound = lab_nat_service(nat->service, &rule->protocol, &rule->port_first, &rule->port_last);
		CHECK(sound);
		return put_target(lab, router, nat, rule, err);
	case LAB_NAT_STATIC:
		return put_target(lab, router, nat, rule, err);
	case LAB_NAT_PREFIX:
		break;
	}
	sound = prefix_parse(nat->to, &rule->to);
	CHECK(sound);
	rule->match = prefix_masked(nat->match);
	return 0;
}
