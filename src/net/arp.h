/* ARP for Ethernet and IPv4 on the wire (RFC 826). */
#ifndef NET_ARP_H
#define NET_ARP_H

#include "net/addr.h"
#include "net/wire.h"

#define ARP_PACKET_BYTES 28

enum arp_operation { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_packet {
	uint8_t hardware_type[2]; /* 1 */
	uint8_t protocol_type[2]; /* 0x0800 */
	uint8_t hardware_bytes;	  /* 6 */
	uint8_t protocol_bytes;	  /* 4 */
	uint8_t operation[2];
	struct mac sender_mac;
	uint8_t sender_ip[4];
	struct mac target_mac;
	uint8_t target_ip[4];
};

/* True when it is ARP for Ethernet and IPv4 with an operation we know. */
static inline bool arp_is_valid(const struct arp_packet *arp)
{
	uint16_t operation = wire_get_u16(arp->operation);

	return wire_get_u16(arp->hardware_type) == 1 && wire_get_u16(arp->protocol_type) == 0x0800 && arp->hardware_bytes == 6 &&
	       arp->protocol_bytes == 4 && (operation == ARP_REQUEST || operation == ARP_REPLY);
}

#endif
