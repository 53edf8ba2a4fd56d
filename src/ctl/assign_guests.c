/* What machines need besides their pools' numbers: IPv6 addresses, and an address for the servers of their network. */
#include "ctl/assign_parts.h"

#include <string.h>

/* --- IPv6: the address that a machine also makes for itself (RFC 4862), so that DHCPv6 and SLAAC agree --- */

static void fill_ipv6(const struct lab_network *network, struct mac mac, struct prefix *ipv6)
{
	struct ip own = ip_link_local_of_mac(mac);

	if (ipv6->ip.family != IP_NONE || mac_is_zero(mac) || !network->dhcp || network->ipv6.ip.family != IP_V6 ||
		network->ipv6.length > 64)
		return;
	*ipv6 = (struct prefix){prefix_masked(network->ipv6).ip, network->ipv6.length};
	memcpy(ipv6->ip.bytes + 8, own.bytes + 8, 8);
}

void assign_ipv6(struct lab *lab)
{
	for (size_t v = 0; v < lab->vm_count; v++) {
		for (size_t i = 0; i < lab->vms[v].nic_count; i++) {
			struct lab_nic *nic = &lab->vms[v].nics[i];

			if (nic->network >= 0)
				fill_ipv6(&lab->networks[nic->network], nic->mac, &nic->ipv6);
		}
	}
	for (size_t p = 0; p < lab->port_count; p++)
		if (lab->ports[p].network >= 0)
			fill_ipv6(&lab->networks[lab->ports[p].network], lab->ports[p].mac, &lab->ports[p].ipv6);
}

/* --- the address of a network's DHCP and name server --- */

/* Whether anybody of the network has the address. `router`: one of its routers has it. */
static bool address_used(const struct lab *flat, size_t network, struct ip ip, bool *router)
{
	bool used = false;

	*router = false;
	for (size_t r = 0; r < flat->router_count; r++)
		for (size_t i = 0; i < flat->routers[r].interface_count; i++)
			*router |= flat->routers[r].interfaces[i].network == (int)network &&
				   ip_equal(flat->routers[r].interfaces[i].ipv4.ip, ip);
	for (size_t v = 0; v < flat->vm_count && !used; v++)
		for (size_t i = 0; i < flat->vms[v].nic_count; i++)
			used |= flat->vms[v].nics[i].network == (int)network && ip_equal(flat->vms[v].nics[i].ipv4.ip, ip);
	for (size_t p = 0; p < flat->port_count && !used; p++)
		used = flat->ports[p].network == (int)network && ip_equal(flat->ports[p].ipv4.ip, ip);
	return used || *router;
}

struct ip assign_dhcp_server(const struct lab *flat, size_t index)
{
	const struct lab_network *network = &flat->networks[index];
	struct prefix subnet = prefix_masked(network->ipv4);
	uint64_t units;
	bool router;

	if (subnet.ip.family != IP_V4)
		return (struct ip){0};
	(void)address_used(flat, index, network->gateway, &router);
	if (network->gateway.family == IP_V4 && router)
		return network->gateway;
	units = UINT64_C(1) << (32 - subnet.length);
	for (uint64_t offset = subnet.length <= 30 ? 1 : 0; offset < units - 1; offset++) {
		struct ip candidate = prefix_nth(subnet, offset);

		if (!ip_equal(candidate, network->gateway) && !address_used(flat, index, candidate, &router))
			return candidate;
	}
	return (struct ip){0};
}
