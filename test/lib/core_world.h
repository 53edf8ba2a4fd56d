/* A small world for tests of the switch core: a core with a topology made by one-line calls, frames in, frames and messages out. */
#ifndef TEST_CORE_WORLD_H
#define TEST_CORE_WORLD_H

#include "api/message_group.h"
#include "api/message_nat.h"
#include "switch/core.h"

#define WORLD_SENT_MAX 4096
#define WORLD_MESSAGES_MAX 4096

/* A frame that a port sent. */
struct sent {
	uint32_t port;
	uint32_t size;
	uint8_t *bytes;
	struct packet_offload offload;
};

/* A message to another process. */
struct told {
	enum process_id to;
	enum message_type type;
	void *body;
};

struct world {
	struct core *core;
	struct packet_pool *pool;
	struct instant now;
	struct sent sent[WORLD_SENT_MAX];
	unsigned sent_count;
	struct told told[WORLD_MESSAGES_MAX];
	unsigned told_count;
	bool refuse; /* devices take nothing */
};

/* A frame to be sent. Zero fields get sensible values: TTL 64, 64 bytes of payload, UDP. */
struct frame {
	struct mac dst, src;
	struct ip ip_src, ip_dst;
	uint8_t protocol;
	uint8_t ttl;
	uint16_t l4_src, l4_dst; /* ICMP: type, code */
	uint16_t payload_bytes;
	uint16_t fragment; /* the IPv4 field with its flags */
	uint16_t ip_id;
	uint8_t tcp_flags; /* 0: whatever the payload says */
	uint16_t icmp_id;  /* 0: 0x1234 */
};

struct world *world_open(const struct core_limits *limits);
void world_close(struct world *world);

/* Carries out an order, which must succeed; or says what came of it. */
void world_order(struct world *world, enum message_type type, const void *body);
int world_try(struct world *world, enum message_type type, const void *body);

/* Objects. Addresses as text, NULL for none; ports come up at once. */
struct mac world_mac(uint32_t n);
struct ip world_ip(const char *text);
void world_network(struct world *world, uint32_t id, const char *subnet);
void world_link(struct world *world, uint32_t id);
void world_port(struct world *world, uint32_t id, uint32_t network, const char *ipv4);
void world_tap(struct world *world, uint32_t id, uint32_t network);

/* A port with security groups (ended by 0); a group with some rules, all in one page. */
void world_grouped(struct world *world, uint32_t id, uint32_t network, const char *ipv4, const char *ipv6, const uint32_t *groups);
void world_group(struct world *world, uint32_t id, const struct group_rule *rules, unsigned count);
void world_router(struct world *world, uint32_t id);
void world_rif(struct world *world, uint32_t id, uint32_t router, uint32_t network, const char *address);
void world_route(struct world *world, uint32_t router, const char *prefix, uint32_t rif, const char *nexthop);
void world_unroute(struct world *world, uint32_t router, const char *prefix);

/* Builds an IPv4 or IPv6 frame with right checksums into `out` (room for 2,048 bytes); returns its length. */
unsigned frame_build(const struct frame *frame, uint8_t *out);
unsigned frame_arp(uint8_t *out, bool request, struct mac src, struct ip sender, struct mac target_mac, struct ip target);

/* Gives frames to the core as if they came in through a port. */
void world_bytes(struct world *world, uint32_t port, const void *bytes, unsigned size);
void world_frame(struct world *world, uint32_t port, const struct frame *frame);

/* Lets time pass, running the core's timers as they fall due. */
void world_pass(struct world *world, struct span span);

/* What was sent since the last world_clear: how often out of a port; the first frame out of it (NULL: none). */
unsigned world_count(const struct world *world, uint32_t port);
const struct sent *world_first(const struct world *world, uint32_t port);
const struct sent *world_nth(const struct world *world, uint32_t port, unsigned n);
const void *world_told(const struct world *world, enum message_type type, unsigned n);
unsigned world_told_count(const struct world *world, enum message_type type);
void world_clear(struct world *world);

/* Counters of a port or interface, from the rows that the core shows; drops by reason. */
struct row_interface world_counters(struct world *world, uint32_t id);
uint64_t world_drops(struct world *world, uint32_t id, const char *reason);

#endif
