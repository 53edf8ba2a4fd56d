/* ICMP errors of routers: when, from whom, with how much of the packet. */
#include "switch/icmp_error.h"

#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/flow_key.h"
#include "switch/ip_build.h"
#include "switch/nat_icmp.h"
#include "switch/nat_prefix.h"
#include "switch/trace.h"

#include <string.h>

/* The largest error: IPv4 576 bytes (RFC 1812 4.3.2.3), IPv6 the minimum MTU (RFC 4443 2.4c). */
#define ERROR_BYTES_MAX_V4 576

/* DSCP CS6, network control (RFC 1812 4.3.2.5 asks for precedence 6). */
#define ERROR_TOS 0xc0

static const struct {
	uint8_t type4, code4, type6, code6;
} errors[ICMP_ERROR_COUNT] = {
	[ICMP_ERROR_TTL] = {ICMP_TIME_EXCEEDED, 0, ICMPV6_TIME_EXCEEDED, 0},
	[ICMP_ERROR_NO_ROUTE] = {ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, ICMPV6_UNREACHABLE, ICMPV6_NO_ROUTE},
	[ICMP_ERROR_HOST] = {ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, ICMPV6_UNREACHABLE, ICMPV6_ADDRESS_UNREACHABLE},
	[ICMP_ERROR_PROTOCOL] = {ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE, ICMPV6_PARAMETER_PROBLEM, 1},
	[ICMP_ERROR_PORT] = {ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, ICMPV6_UNREACHABLE, ICMPV6_PORT_UNREACHABLE},
	[ICMP_ERROR_TOO_BIG] = {ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, ICMPV6_PACKET_TOO_BIG, 0},
};

/* RFC 1122 3.2.2, RFC 4443 2.4e: about which packets an error may be sent. */
static bool may_report(const struct flow_key *key, enum ip_family family)
{
	struct ip source = ip_from_bytes(family, key->ip_src), destination = ip_from_bytes(family, key->ip_dst);

	if (key->l3 != DROP_NONE || key->fragment == FRAGMENT_LATER)
		return false;
	if (ip_is_unspecified(source) || ip_is_multicast(source) || ip_is_loopback(source) || ip_is_multicast(destination))
		return false;
	if (family == IP_V4) {
		if (ipv4_is_martian_source(key->ip_src) || wire_get_u32(key->ip_dst) == 0xffffffffu)
			return false;
		return key->protocol != IP_PROTOCOL_ICMP || !icmp_is_error((uint8_t)key->l4_src);
	}
	return key->protocol != IP_PROTOCOL_ICMPV6 || (key->l4_src >= 128 && key->l4_src != ICMPV6_REDIRECT);
}

static struct ip rif_first(const struct rif *rif, enum ip_family family)
{
	for (unsigned i = 0; i < rif->config.address_count; i++)
		if (rif->config.addresses[i].ip.family == family)
			return rif->config.addresses[i].ip;
	return (struct ip){0};
}

/* The address of the interface where the packet came in, else any of the router's. */
static struct ip error_source(const struct router *router, const struct rif *in, struct ip to)
{
	struct ip source = {0};
	struct rif *rif;

	if (in != NULL && ip_is_link_local(to) && to.family == IP_V6)
		return in->link_local;
	if (in != NULL)
		source = rif_first(in, (enum ip_family)to.family);
	if (source.family != IP_NONE)
		return source;
	list_each (rif, &router->rifs, struct rif, in_router) {
		source = rif_first(rif, (enum ip_family)to.family);
		if (source.family != IP_NONE && rif->carrier)
			return source;
	}
	return (struct ip){0};
}

/* What is reported: the packet, and how it read when it came, where the router had translated it by then. */
struct reported {
	const struct packet *packet;
	const struct flow_view *view;
	struct router *router;
	struct rif *in;
	bool translated;
	struct conn_tuple before;
};

/* The source of the packet as it came. */
static struct ip reported_source(const struct core *core, struct reported *reported, const struct flow_key *key, enum ip_family family)
{
	const struct nat *nat = reported->router->nat;
	struct ip source = ip_from_bytes(family, key->ip_src);
	const uint8_t *l3 = reported->packet->data + reported->view->l3_offset;

	if (nat == NULL)
		return source;
	if (family == IP_V6)
		return nat_prefix_source(nat, reported->in, source);
	reported->translated = nat_error_before(core, reported->router, l3, reported->view->ip_bytes, &reported->before);
	return reported->translated ? ip_from_bytes(IP_V4, reported->before.src) : source;
}

static void quote_restore(const struct reported *reported, uint8_t *quote, uint32_t size)
{
	if (reported->translated)
		(void)nat_quote_rewrite(quote, size, &reported->before);
	else if (reported->router->nat != NULL && quote[0] >> 4 == 6)
		nat_prefix_undo(reported->router->nat, reported->in, quote, size);
}

static struct packet *error_build(
	struct core *core, const struct reported *reported, struct ip_build *build, enum icmp_error error, uint16_t mtu)
{
	const struct flow_view *view = reported->view;
	bool v4 = build->source.family == IP_V4;
	uint32_t most =
		v4 ? ERROR_BYTES_MAX_V4 - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES : IPV6_MTU_MIN - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES;
	uint32_t quoted = view->ip_bytes < most ? view->ip_bytes : most;
	struct icmp_header *icmp;
	struct packet *report;
	uint8_t *payload;
	uint16_t sum;

	build->payload_bytes = ICMP_HEADER_BYTES + quoted;
	report = ip_build_packet(core, build, &payload);
	if (report == NULL)
		return NULL;
	icmp = (struct icmp_header *)payload;
	icmp->type = v4 ? errors[error].type4 : errors[error].type6;
	icmp->code = v4 ? errors[error].code4 : errors[error].code6;
	if (error == ICMP_ERROR_TOO_BIG)
		wire_put_u32(icmp->info, mtu); /* IPv4: the low 16 bits (RFC 1191 4) */
	else if (error == ICMP_ERROR_PROTOCOL && !v4)
		wire_put_u32(icmp->info, 6); /* where the next header field is */
	memcpy(icmp + 1, reported->packet->data + view->l3_offset, quoted);
	quote_restore(reported, (uint8_t *)(icmp + 1), quoted);
	sum = v4 ? checksum_fold(checksum_add(0, payload, build->payload_bytes)) : ip_build_checksum(build, payload);
	wire_put_u16(icmp->checksum, sum);
	return report;
}

void icmp_error_send(
	struct core *core, struct router *router, struct rif *in, const struct packet *packet, enum icmp_error error, uint16_t mtu)
{
	struct origin origin = {.stage = STAGE_FORWARD, .router = router};
	struct ip_build build = {.ttl = 64, .tos = ERROR_TOS};
	struct flow_key key;
	struct flow_view view;
	struct reported reported = {.packet = packet, .view = &view, .router = router, .in = in};
	enum ip_family family;

	if (core->trace != NULL) {
		trace_note(core, "the sender is told by ICMP");
		return;
	}
	flow_key_read(packet, &key, &view);
	family = key.eth_type == ETHERNET_IPV4 ? IP_V4 : key.eth_type == ETHERNET_IPV6 ? IP_V6 : IP_NONE;
	if (family == IP_NONE || !may_report(&key, family))
		return;
	build.destination = reported_source(core, &reported, &key, family);
	build.source = error_source(router, in, build.destination);
	build.protocol = family == IP_V4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6;
	if (build.source.family == IP_NONE || !rate_limit_take(&router->icmp_rate, core->limits.icmp_errors_per_second, core->now))
		return;
	if (ip_is_link_local(build.destination)) {
		origin.stage = STAGE_EGRESS;
		origin.rif = in;
		origin.nexthop = build.destination;
		if (in == NULL)
			return;
	}
	origin.packet = error_build(core, &reported, &build, error, mtu);
	if (origin.packet != NULL)
		core_originate(core, &origin);
}
