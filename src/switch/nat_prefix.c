/* IPv6 prefix translation: the address, the packet, what errors quote. */
#include "switch/nat_prefix.h"

#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/feature.h"
#include "switch/nat_rewrite.h"

#include <string.h>

#define WORD_OF_SUBNET 3
#define WORDS 8

/* The word that makes up for the change of the prefix; -1: none can (RFC 6296 3.4, 3.5). */
static int word_to_change(const uint8_t bytes[16], uint8_t length)
{
	if (length <= 48)
		return wire_get_u16(bytes + 2 * WORD_OF_SUBNET) == 0xffff ? -1 : WORD_OF_SUBNET;
	for (int word = WORD_OF_SUBNET + 1; word < WORDS; word++)
		if (wire_get_u16(bytes + 2 * word) != 0xffff)
			return word;
	return -1;
}

bool nat_prefix_address(struct prefix from, struct prefix to, struct ip *ip)
{
	int word = word_to_change(ip->bytes, from.length);
	uint8_t *at = ip->bytes + 2 * word;
	uint32_t value;

	if (word < 0)
		return false;
	/* What leaves the prefix comes into the word. */
	value = (uint32_t)wire_get_u16(at) + nat_sum_change(0, to.ip.bytes, from.ip.bytes, 16);
	value = (value & 0xffff) + (value >> 16);
	for (unsigned bit = 0; bit < from.length; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		ip->bytes[bit / 8] = (uint8_t)((ip->bytes[bit / 8] & ~mask) | (to.ip.bytes[bit / 8] & mask));
	}
	wire_put_u16(at, value == 0xffff ? 0 : (uint16_t)value);
	return true;
}

/* The rule whose outside (else inside) prefix has an address, of one interface or (0) any. */
static const struct nat_rule *rule_of(const struct nat *nat, struct ip ip, bool outside, uint32_t rif)
{
	for (unsigned i = 0; i < nat->rule_count; i++) {
		const struct nat_rule *rule = &nat->rules[i].config;

		if (rule->kind == NAT_PREFIX && (rif == 0 || rule->rif == rif) && prefix_contains(outside ? rule->to : rule->match, ip))
			return rule;
	}
	return NULL;
}

/* An address on its way in or out; unchanged when no rule speaks of it. False: it can't be translated. */
static bool translate(const struct nat_rule *rule, bool inwards, uint8_t bytes[16])
{
	struct ip ip = ip_from_bytes(IP_V6, bytes);

	if (rule == NULL)
		return true;
	if (!nat_prefix_address(inwards ? rule->to : rule->match, inwards ? rule->match : rule->to, &ip))
		return false;
	memcpy(bytes, ip.bytes, 16);
	return true;
}

/* What an ICMPv6 error that was translated quotes: the other way round than the error itself goes. The sum stays, so no checksum changes.
 */
static void translate_quote(struct walk *walk, const struct nat_rule *in, const struct nat_rule *out)
{
	uint8_t *quote = walk->packet->data + walk->view.l4_offset + ICMP_HEADER_BYTES;
	const uint8_t *end = walk->packet->data + walk->view.l3_offset + walk->view.ip_bytes;
	struct ipv6_header *v6 = (struct ipv6_header *)quote;

	walk_take(walk);
	if (end - quote < IPV6_HEADER_BYTES)
		return;
	if (in != NULL && prefix_contains(in->to, ip_from_bytes(IP_V6, v6->source)))
		(void)translate(in, true, v6->source);
	if (out != NULL && prefix_contains(out->match, ip_from_bytes(IP_V6, v6->destination)))
		(void)translate(out, false, v6->destination);
}

static void note(struct walk *walk, const struct conn_tuple *from, const struct conn_tuple *to)
{
	char before[IP_TEXT_BYTES], after[IP_TEXT_BYTES];

	if (memcmp(from->src, to->src, 16) != 0)
		walk_note(walk, "source %s becomes %s", ip_text(ip_from_bytes(IP_V6, from->src), before),
			ip_text(ip_from_bytes(IP_V6, to->src), after));
	if (memcmp(from->dst, to->dst, 16) != 0)
		walk_note(walk, "destination %s becomes %s", ip_text(ip_from_bytes(IP_V6, from->dst), before),
			ip_text(ip_from_bytes(IP_V6, to->dst), after));
}

enum drop_reason nat_prefix_translate(struct walk *walk)
{
	const struct nat *nat = walk->router->nat;
	struct ip destination = walk_ip_dst(walk), source = walk_ip_src(walk);
	const struct nat_rule *in, *out;
	struct conn_tuple from = {.family = IP_V6}, to;
	const struct rif *rif;
	bool error;

	if (ip_is_multicast(destination) || ip_is_link_local(destination) || router_local(walk->router, walk->in, destination) != NULL)
		return DROP_NONE;
	in = rule_of(nat, destination, true, 0);
	memcpy(from.src, source.bytes, 16);
	memcpy(from.dst, destination.bytes, 16);
	to = from;
	if (!translate(in, true, to.dst))
		return DROP_NAT_UNTRANSLATABLE;
	rif = route_interface(walk, ip_from_bytes(IP_V6, to.dst));
	/* From inside to an outside address of the inside: both change. */
	out = rule_of(nat, source, false,
		in != NULL && walk->in->config.id != in->rif ? in->rif
		: rif != NULL				     ? rif->config.id
							     : UINT32_MAX);
	if (!translate(out, false, to.src))
		return DROP_NAT_UNTRANSLATABLE;
	if (in == NULL && out == NULL)
		return DROP_NONE;
	note(walk, &from, &to);
	error = walk_protocol(walk) == IP_PROTOCOL_ICMPV6 && walk_l4_src(walk) >= ICMPV6_UNREACHABLE &&
		walk_l4_src(walk) <= ICMPV6_PARAMETER_PROBLEM && walk_fragment(walk) != FRAGMENT_LATER;
	walk_translate(walk, &from, &to);
	if (error)
		translate_quote(walk, in, out);
	return DROP_NONE;
}

struct ip nat_prefix_source(const struct nat *nat, const struct rif *in, struct ip source)
{
	const struct nat_rule *out = rule_of(nat, source, true, 0);

	if (out != NULL && (in == NULL || in->config.id != out->rif))
		(void)translate(out, true, source.bytes);
	return source;
}

void nat_prefix_undo(const struct nat *nat, const struct rif *in, uint8_t *bytes, uint32_t size)
{
	struct ipv6_header *v6 = (struct ipv6_header *)bytes;
	const struct nat_rule *rule;
	struct ip source;

	if (size < IPV6_HEADER_BYTES)
		return;
	source = nat_prefix_source(nat, in, ip_from_bytes(IP_V6, v6->source));
	memcpy(v6->source, source.bytes, 16);
	rule = in != NULL ? rule_of(nat, ip_from_bytes(IP_V6, v6->destination), false, in->config.id) : NULL;
	(void)translate(rule, false, v6->destination);
}
