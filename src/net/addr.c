/* The addresses of the field: comparisons, classes, text. */
#include "net/addr.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ip ip_from_bytes(enum ip_family family, const uint8_t *bytes)
{
	struct ip ip = {(uint8_t)family, {0}};

	memcpy(ip.bytes, bytes, ip_bits(family) / 8);
	return ip;
}

unsigned ip_bits(enum ip_family family) { return family == IP_V4 ? 32 : family == IP_V6 ? 128 : 0; }

bool ip_equal(struct ip a, struct ip b) { return memcmp(&a, &b, sizeof(a)) == 0; }

int ip_compare(struct ip a, struct ip b) { return memcmp(&a, &b, sizeof(a)); }

bool ip_is_multicast(struct ip ip)
{
	return (ip.family == IP_V4 && (ip.bytes[0] & 0xf0) == 0xe0) || (ip.family == IP_V6 && ip.bytes[0] == 0xff);
}

bool ip_is_link_local(struct ip ip)
{
	return (ip.family == IP_V4 && ip.bytes[0] == 169 && ip.bytes[1] == 254) ||
	       (ip.family == IP_V6 && ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80);
}

bool ip_is_loopback(struct ip ip)
{
	static const uint8_t one[16] = {[15] = 1};

	return (ip.family == IP_V4 && ip.bytes[0] == 127) || (ip.family == IP_V6 && memcmp(ip.bytes, one, 16) == 0);
}

bool ip_is_unspecified(struct ip ip)
{
	static const uint8_t zero[16];

	return memcmp(ip.bytes, zero, 16) == 0;
}

bool mac_equal(struct mac a, struct mac b) { return memcmp(&a, &b, sizeof(a)) == 0; }

bool mac_is_zero(struct mac mac) { return mac_equal(mac, (struct mac){{0}}); }

struct mac mac_of_multicast(struct ip group)
{
	if (group.family == IP_V4)
		return (struct mac){{0x01, 0x00, 0x5e, group.bytes[1] & 0x7f, group.bytes[2], group.bytes[3]}};
	return (struct mac){{0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]}};
}

struct ip ip_link_local_of_mac(struct mac mac)
{
	const uint8_t *m = mac.bytes;

	return (struct ip){IP_V6, {0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};
}

struct prefix prefix_masked(struct prefix prefix)
{
	unsigned whole = prefix.length / 8, rest = prefix.length % 8;

	for (unsigned i = whole; i < 16; i++)
		prefix.ip.bytes[i] &= i == whole ? (uint8_t)(0xff00 >> rest) : 0;
	return prefix;
}

bool prefix_equal(struct prefix a, struct prefix b) { return a.length == b.length && ip_equal(a.ip, b.ip); }

int prefix_compare(struct prefix a, struct prefix b)
{
	int order = ip_compare(a.ip, b.ip);

	return order ? order : (int)a.length - (int)b.length;
}

bool prefix_contains(struct prefix net, struct ip ip)
{
	struct prefix other = {ip, net.length};

	if (ip.family != net.ip.family)
		return false;
	return ip_equal(prefix_masked(other).ip, prefix_masked(net).ip);
}

bool prefix_overlaps(struct prefix a, struct prefix b) { return a.length < b.length ? prefix_contains(a, b.ip) : prefix_contains(b, a.ip); }

struct ip prefix_broadcast(struct prefix net)
{
	uint32_t host = net.length >= 31 ? 0 : net.length == 0 ? UINT32_MAX : UINT32_MAX >> net.length;

	return ip_from_u32(ip_to_u32(prefix_masked(net).ip) | host);
}

struct ip prefix_nth(struct prefix net, uint64_t offset)
{
	unsigned host_bits = ip_bits(net.ip.family) - net.length;
	struct ip ip = prefix_masked(net).ip;
	int last = ip.family == IP_V4 ? 3 : 15;
	unsigned carry = 0;

	if (host_bits < 64 && offset >> host_bits != 0)
		return (struct ip){0};
	for (int i = last; i >= 0 && (offset != 0 || carry != 0); i--) {
		carry += ip.bytes[i] + (unsigned)(offset & 0xff);
		ip.bytes[i] = (uint8_t)carry;
		carry >>= 8;
		offset >>= 8;
	}
	return ip;
}

bool mac_parse(const char *text, struct mac *out)
{
	struct mac mac;

	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++) {
		int high = text_hex_digit(text[i * 3]), low = text_hex_digit(text[i * 3 + 1]);

		if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != ':'))
			return false;
		mac.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*out = mac;
	return true;
}

bool ip_parse(const char *text, struct ip *out)
{
	struct ip ip = {0};

	if (inet_pton(AF_INET, text, ip.bytes) == 1)
		ip.family = IP_V4;
	else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
		ip.family = IP_V6;
	else
		return false;
	*out = ip;
	return true;
}

bool prefix_parse(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	char address[IP_TEXT_BYTES];
	struct prefix prefix;
	unsigned length = 0;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address) || slash[1] == '\0' || strlen(slash + 1) > 3)
		return false;
	if (slash[1] == '0' && slash[2] != '\0')
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	for (const char *p = slash + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		length = length * 10 + (unsigned)(*p - '0');
	}
	if (!ip_parse(address, &prefix.ip) || length > ip_bits(prefix.ip.family))
		return false;
	prefix.length = (uint8_t)length;
	*out = prefix;
	return true;
}

const char *mac_text(struct mac mac, char out[MAC_TEXT_BYTES])
{
	const uint8_t *m = mac.bytes;

	(void)snprintf(out, MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return out;
}

const char *ip_text(struct ip ip, char out[IP_TEXT_BYTES])
{
	if (ip.family != IP_V4 && ip.family != IP_V6)
		return memcpy(out, "-", 2);
	(void)inet_ntop(ip.family == IP_V4 ? AF_INET : AF_INET6, ip.bytes, out, IP_TEXT_BYTES);
	return out;
}

const char *prefix_text(struct prefix prefix, char out[PREFIX_TEXT_BYTES])
{
	char address[IP_TEXT_BYTES];

	if (prefix.ip.family == IP_NONE)
		return memcpy(out, "-", 2);
	(void)snprintf(out, PREFIX_TEXT_BYTES, "%s/%u", ip_text(prefix.ip, address), prefix.length);
	return out;
}
