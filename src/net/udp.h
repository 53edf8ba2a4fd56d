/* UDP and TCP headers on the wire (RFC 768, 9293), as far as a switch looks into them. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <stdint.h>

#define UDP_HEADER_BYTES 8
#define TCP_HEADER_BYTES 20

enum udp_port {
	UDP_PORT_DNS = 53,
	UDP_PORT_DHCP_SERVER = 67,
	UDP_PORT_DHCP_CLIENT = 68,
	UDP_PORT_DHCPV6_CLIENT = 546,
	UDP_PORT_DHCPV6_SERVER = 547
};

struct udp_header {
	uint8_t source[2];
	uint8_t destination[2];
	uint8_t bytes[2]; /* header and data */
	uint8_t checksum[2];
};

/* Where the data offset of a TCP header is; its high 4 bits count 32-bit words. */
#define TCP_DATA_OFFSET_AT 12

#endif
