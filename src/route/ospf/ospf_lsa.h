/* Link state advertisements (RFC 2328 A.4): reading with every check, writing, which of two is newer. */
#ifndef ROUTE_OSPF_LSA_H
#define ROUTE_OSPF_LSA_H

#include "base/reader.h"
#include "base/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OSPF_LSA_HEADER_BYTES 20
#define OSPF_MAX_AGE_S 3600
#define OSPF_MAX_AGE_DIFF_S 900
#define OSPF_INFINITY 0xffffff

enum ospf_lsa_type {
	OSPF_LSA_ROUTER = 1,
	OSPF_LSA_NETWORK,
	OSPF_LSA_SUMMARY,
	OSPF_LSA_SUMMARY_ASBR,
	OSPF_LSA_EXTERNAL,
	OSPF_LSA_NSSA = 7,
	OSPF_LSA_OPAQUE_LINK = 9,
	OSPF_LSA_OPAQUE_AREA,
	OSPF_LSA_OPAQUE_AS
};

/* An LSA's header; addresses and ids in host order. */
struct ospf_lsa_header {
	uint16_t age_s;
	uint8_t options;
	uint8_t type; /* enum ospf_lsa_type */
	uint32_t id;
	uint32_t router;
	int32_t sequence; /* signed: starts at 0x80000001 (RFC 2328 12.1.6) */
	uint16_t checksum;
	uint16_t bytes; /* with the header */
};

/* A whole LSA: its header and its body, borrowed. */
struct ospf_lsa {
	struct ospf_lsa_header header;
	struct reader body;
};

enum ospf_link_type { OSPF_LINK_POINT_TO_POINT = 1, OSPF_LINK_TRANSIT, OSPF_LINK_STUB, OSPF_LINK_VIRTUAL };

/* A link of a router LSA (RFC 2328 A.4.2); what `id` and `data` are depends on the type. */
struct ospf_link {
	uint32_t id;
	uint32_t data;
	uint8_t type;
	uint16_t metric;
};

/* The body of a summary or external LSA (RFC 2328 A.4.4, A.4.5). */
struct ospf_far_route {
	uint32_t mask;
	uint32_t metric;
	bool type_2;	  /* external alone, as the next two */
	uint32_t forward; /* 0: through the router that says it */
	uint32_t tag;
};

enum ospf_lsa_fault { OSPF_LSA_GOOD, OSPF_LSA_SHORT, OSPF_LSA_CHECKSUM, OSPF_LSA_TYPE, OSPF_LSA_BODY, OSPF_LSA_FAULT_COUNT };
extern const char *const ospf_lsa_fault_names[OSPF_LSA_FAULT_COUNT];

/* Reads one header; the reader has failed when it is not there. */
void ospf_lsa_header_read(struct reader *r, struct ospf_lsa_header *header);

/* Takes the next LSA of an update. After any fault but OSPF_LSA_SHORT the reader is in step behind it (RFC 2328 13 (1), (2)). */
enum ospf_lsa_fault ospf_lsa_read(struct reader *r, struct ospf_lsa *lsa);

/* Writes a header whose length and checksum ospf_lsa_end fills in; returns where the LSA began. */
size_t ospf_lsa_begin(struct writer *w, const struct ospf_lsa_header *header);
void ospf_lsa_end(struct writer *w, size_t start);

/* Above 0 when `a` is newer, below when `b` is, 0 when they are the same instance (RFC 2328 13.1). */
int ospf_lsa_compare(const struct ospf_lsa_header *a, const struct ospf_lsa_header *b);

/* Walk the links of a router LSA behind ospf_router_flags; false at the end. */
uint8_t ospf_router_flags(struct reader *body, uint16_t *links);
bool ospf_link_read(struct reader *body, struct ospf_link *link);
void ospf_link_write(struct writer *w, const struct ospf_link *link);

/* Reads a summary (types 3, 4) or external (5, 7) body, the first TOS alone. */
void ospf_far_route_read(struct reader body, uint8_t type, struct ospf_far_route *route);

/* Whether a mask in host order is ones, then zeros; and the number of the ones. */
static inline bool ospf_mask_good(uint32_t mask) { return (~mask & (~mask + 1)) == 0; }
static inline uint8_t ospf_mask_length(uint32_t mask) { return (uint8_t)__builtin_popcount(mask); }

#endif
