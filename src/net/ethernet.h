/* Ethernet frames on the wire (IEEE 802.3, 802.1Q): the header, its types, the groups that a bridge keeps to itself. */
#ifndef NET_ETHERNET_H
#define NET_ETHERNET_H

#include "net/addr.h"

#include <string.h>

#define ETHERNET_HEADER_BYTES 14

/* Values of the type field that we know. */
enum ethernet_type {
	ETHERNET_IPV4 = 0x0800,
	ETHERNET_ARP = 0x0806,
	ETHERNET_VLAN = 0x8100,
	ETHERNET_IPV6 = 0x86dd,
	ETHERNET_QINQ = 0x88a8
};

/* A header as it stands in a frame; of bytes, so it may be anywhere. */
struct ethernet_header {
	struct mac destination;
	struct mac source;
	uint8_t type[2];
};

#define MAC_BROADCAST ((struct mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})

/* 01:80:c2:00:00:00 to :0f: never forwarded by a bridge (IEEE 802.1D 7.12.6): STP, LACP, pause, LLDP, 802.1X. */
static inline bool mac_is_bridge_reserved(struct mac mac)
{
	static const uint8_t base[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

	return memcmp(mac.bytes, base, 5) == 0 && mac.bytes[5] < 0x10;
}

/* A MAC as a number, for tables. */
static inline uint64_t mac_to_u64(struct mac mac)
{
	uint64_t v = 0;

	for (int i = 0; i < 6; i++)
		v = v << 8 | mac.bytes[i];
	return v;
}

#endif
