/* Address translation: what the texts of a rule mean, and the checks of rules before and after expansion. */
#include "base/check.h"
#include "model/lab_check.h"

#include <stdlib.h>
#include <string.h>

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

/* A port at the start of a text; *end is what follows. */
static bool read_port(const char *text, uint16_t *port, const char **end)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long value = strtoul(text, NULL, 10);

	*end = text + digits;
	if (digits == 0 || digits > 5 || value == 0 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

bool lab_nat_service(const char *text, uint8_t *protocol, uint16_t *first, uint16_t *last)
{
	const char *end;

	if (strncmp(text, "tcp/", 4) != 0 && strncmp(text, "udp/", 4) != 0)
		return false;
	*protocol = text[0] == 't' ? PROTOCOL_TCP : PROTOCOL_UDP;
	if (!read_port(text + 4, first, &end))
		return false;
	*last = *first;
	if (*end == '-' && !read_port(end + 1, last, &end))
		return false;
	return *end == '\0' && *last >= *first;
}

bool lab_nat_target(const char *text, char host[LAB_NAME_BYTES_MAX + 1], uint16_t *port)
{
	size_t bytes = strcspn(text, ":");
	const char *end = text + bytes;

	*port = 0;
	if (bytes == 0 || bytes > LAB_NAME_BYTES_MAX)
		return false;
	memcpy(host, text, bytes);
	host[bytes] = '\0';
	return *end == '\0' || (read_port(end + 1, port, &end) && *end == '\0');
}

/* --- before expansion --- */

static void check_source(const struct lab *lab, struct diags *diags, const struct lab_nat *nat, const char *path)
{
	struct ip first, last;

	if (nat->to == NULL)
		return;
	if (!lab_range_parse(nat->to, &first, &last))
		lab_error(lab, diags, path_of(diags, "%s.to", path),
			"expected an IPv4 address, a range such as 203.0.113.8-203.0.113.15 or a prefix, got \"%.40s\"", nat->to);
	else if (ip_to_u32(last) - ip_to_u32(first) >= LAB_NAT_POOL_MAX)
		lab_error(lab, diags, path_of(diags, "%s.to", path), "%.40s has more than %d addresses; each has room for 1,008 hosts",
			nat->to, LAB_NAT_POOL_MAX);
}

static void check_target(const struct lab *lab, struct diags *diags, const struct lab_nat *nat, const char *path)
{
	char host[LAB_NAME_BYTES_MAX + 1];
	uint8_t protocol = 0;
	uint16_t port = 0, first = 0, last = 0;
	bool forwards = nat->kind == LAB_NAT_DESTINATION;

	if (forwards && !lab_nat_service(nat->service, &protocol, &first, &last))
		lab_error(lab, diags, path_of(diags, "%s.dnat", path),
			"expected tcp/PORT, udp/PORT or a range such as tcp/8000-8010, got \"%.20s\"", nat->service);
	if (nat->to == NULL)
		lab_error(lab, diags, path, "write `to`, the machine or address that %s",
			forwards ? "it is forwarded to" : "the address stands for");
	else if (!lab_nat_target(nat->to, host, &port))
		lab_error(lab, diags, path_of(diags, "%s.to", path), "expected a machine or an IPv4 address%s, got \"%.64s\"",
			forwards ? ", with or without :PORT" : "", nat->to);
	else if (!forwards && port != 0)
		lab_error(lab, diags, path_of(diags, "%s.to", path), "all ports of a one-to-one address are the machine's; leave :%u out",
			port);
	else if (port != 0 && (uint32_t)port + (last - first) > UINT16_MAX)
		lab_error(
			lab, diags, path_of(diags, "%s.to", path), "%u ports from %u on are more than there are", last - first + 1u, port);
}

static void check_prefix(const struct lab *lab, struct diags *diags, const struct lab_nat *nat, const char *path)
{
	struct prefix to;

	if (nat->to == NULL)
		lab_error(lab, diags, path, "write `to`, the prefix that it reads as outside");
	else if (!prefix_parse(nat->to, &to) || to.ip.family != IP_V6)
		lab_error(lab, diags, path_of(diags, "%s.to", path), "expected an IPv6 prefix such as 2001:db8:1::/48, got \"%.60s\"",
			nat->to);
	else if (to.length != nat->match.length)
		lab_error(lab, diags, path_of(diags, "%s.to", path), "both prefixes have the same length: /%u, not /%u", nat->match.length,
			to.length);
	else if (to.length > 64 || to.length < 16)
		lab_error(lab, diags, path_of(diags, "%s.prefix", path), "prefixes of 16 to 64 bits can be translated (RFC 6296)");
	else if (!prefix_equal(to, prefix_masked(to)))
		lab_error(lab, diags, path_of(diags, "%s.to", path), "the prefix has host bits");
}

/* That no port of an address is forwarded twice, and no address stands for two. */
static void check_twice(const struct lab *lab, struct diags *diags, const struct lab_router *router, size_t at, const char *path)
{
	const struct lab_nat *nat = &router->nat[at];
	uint16_t first = 0, last = 0, other_first = 0, other_last = 0;
	uint8_t protocol = 0, other_protocol = 0;

	if (nat->kind == LAB_NAT_DESTINATION && !lab_nat_service(nat->service, &protocol, &first, &last))
		return;
	for (size_t i = 0; i < at; i++) {
		const struct lab_nat *other = &router->nat[i];
		bool same =
			other->kind == nat->kind && ip_equal(other->address, nat->address) && ip_equal(other->one_to_one, nat->one_to_one);

		if (nat->kind == LAB_NAT_STATIC && same)
			lab_error(lab, diags, path, "the address stands for another machine already, by nat[%zu]", i);
		if (nat->kind != LAB_NAT_DESTINATION || !same || strcmp(other->interface_name, nat->interface_name) != 0 ||
			!lab_nat_service(other->service, &other_protocol, &other_first, &other_last))
			continue;
		if (protocol == other_protocol && first <= other_last && other_first <= last)
			lab_error(lab, diags, path_of(diags, "%s.dnat", path), "nat[%zu] forwards %.20s of the same address already", i,
				other->service);
	}
}

static void check_rule(const struct lab *lab, struct diags *diags, const struct lab_router *router, size_t at)
{
	const struct lab_nat *nat = &router->nat[at];
	const char *path = path_of(diags, "routers.%s.nat[%zu]", router->name, at);

	switch (nat->kind) {
	case LAB_NAT_SOURCE:
		check_source(lab, diags, nat, path);
		break;
	case LAB_NAT_DESTINATION:
	case LAB_NAT_STATIC:
		check_target(lab, diags, nat, path);
		check_twice(lab, diags, router, at, path);
		break;
	case LAB_NAT_PREFIX:
		check_prefix(lab, diags, nat, path);
		break;
	}
	if (nat->address.family != IP_NONE && nat->kind != LAB_NAT_DESTINATION)
		lab_error(lab, diags, path_of(diags, "%s.address", path), "`address` belongs to `dnat`");
}

void check_nat(const struct lab *lab, struct diags *diags)
{
	for (size_t i = 0; i < lab->router_count; i++)
		for (size_t k = 0; k < lab->routers[i].nat_count; k++)
			check_rule(lab, diags, &lab->routers[i], k);
}

/* --- after expansion --- */

static bool has_interface(const struct lab_router *router, const char *name)
{
	for (size_t i = 0; i < router->interface_count; i++)
		if (strcmp(router->interfaces[i].name, name) == 0)
			return true;
	return false;
}

static const char *interface_hint(const struct lab_router *router, const char *name, struct diags *diags)
{
	struct name_index names = index_new(diags->arena, router->interface_count);
	const char *hint;

	for (size_t i = 0; i < router->interface_count; i++)
		(void)index_add(&names, router->interfaces[i].name, i);
	hint = index_hint(&names, name);
	index_free(&names);
	return hint;
}

static void flat_check_target(
	const struct lab *flat, const struct name_index *vms, const struct lab_nat *nat, const char *path, struct diags *diags)
{
	char host[LAB_NAME_BYTES_MAX + 1];
	uint16_t port;
	struct ip ip;
	int vm;

	if (nat->to == NULL || !lab_nat_target(nat->to, host, &port))
		return;
	if (ip_parse(host, &ip)) {
		if (ip.family != IP_V4 || ip_is_multicast(ip) || ip_is_loopback(ip) || ip_is_unspecified(ip))
			diag_error(diags, nat->place, path, "nothing can be forwarded to %s", host);
		return;
	}
	vm = index_find(vms, host);
	if (vm < 0)
		diag_error(diags, nat->place, path, "no machine named \"%s\"%s", host, index_hint(vms, host));
	else if (flat->vms[vm].nic_count == 0)
		diag_error(diags, nat->place, path, "machine %s has no NIC that could be forwarded to", host);
}

void flat_check_nat(const struct lab *flat, const struct name_index *vms, struct diags *diags)
{
	for (size_t i = 0; i < flat->router_count; i++)
		for (size_t k = 0; k < flat->routers[i].nat_count; k++) {
			const struct lab_router *router = &flat->routers[i];
			const struct lab_nat *nat = &router->nat[k];
			const char *path = path_of(diags, "routers.%s.nat[%zu]", router->name, k);

			if (!has_interface(router, nat->interface_name))
				diag_error(diags, nat->place, path_of(diags, "%s.interface", path), "no interface named \"%.15s\"%s",
					nat->interface_name, interface_hint(router, nat->interface_name, diags));
			if (nat->kind == LAB_NAT_DESTINATION || nat->kind == LAB_NAT_STATIC)
				flat_check_target(flat, vms, nat, path_of(diags, "%s.to", path), diags);
		}
}
