/*
 * Path attributes of BGP: what an UPDATE says of its routes, read with RFC 7606's care, and kept once for the whole process.
 *
 * Theory of operation. Each attribute is read in a bounded cursor of its own, and the outer cursor moves on by the attribute's length, so
 * one that is broken never puts the others out of step. A table (bgp_attr_table.c) says for each type which flags and lengths are right and
 * what a wrong one means: the attribute is discarded, or the routes are withdrawn (treat-as-withdraw), or the session is reset. What was
 * read is written in one canonical form (ascending types, 4-octet AS numbers, without next hop and the multiprotocol attributes) and
 * interned: equal sets are one object with a 32-bit number, so a path in the table is a few bytes and comparing two sets is comparing two
 * numbers.
 */
#ifndef ROUTE_BGP_ATTR_H
#define ROUTE_BGP_ATTR_H

#include "base/check.h"
#include "base/reader.h"
#include "base/writer.h"
#include "net/addr.h"

/* RFC 4271 4.3 and IANA's registry of path attributes. */
enum bgp_attr_type {
	BGP_ATTR_ORIGIN = 1,
	BGP_ATTR_AS_PATH = 2,
	BGP_ATTR_NEXT_HOP = 3,
	BGP_ATTR_MED = 4,
	BGP_ATTR_LOCAL_PREF = 5,
	BGP_ATTR_ATOMIC_AGGREGATE = 6,
	BGP_ATTR_AGGREGATOR = 7,
	BGP_ATTR_COMMUNITIES = 8,
	BGP_ATTR_ORIGINATOR_ID = 9,
	BGP_ATTR_CLUSTER_LIST = 10,
	BGP_ATTR_MP_REACH = 14,
	BGP_ATTR_MP_UNREACH = 15,
	BGP_ATTR_EXT_COMMUNITIES = 16,
	BGP_ATTR_AS4_PATH = 17,
	BGP_ATTR_AS4_AGGREGATOR = 18,
	BGP_ATTR_PMSI_TUNNEL = 22,
	BGP_ATTR_TUNNEL_ENCAP = 23,
	BGP_ATTR_IPV6_EXT_COMMUNITIES = 25,
	BGP_ATTR_AIGP = 26,
	BGP_ATTR_LINK_STATE = 29,
	BGP_ATTR_LARGE_COMMUNITIES = 32,
	BGP_ATTR_OTC = 35,
	BGP_ATTR_NEXT_HOP_CAPS = 39,
	BGP_ATTR_PREFIX_SID = 40,
};

#define BGP_FLAG_OPTIONAL 0x80
#define BGP_FLAG_TRANSITIVE 0x40
#define BGP_FLAG_PARTIAL 0x20
#define BGP_FLAG_EXTENDED 0x10

enum bgp_origin { BGP_ORIGIN_IGP, BGP_ORIGIN_EGP, BGP_ORIGIN_INCOMPLETE };
enum bgp_segment { BGP_AS_SET = 1, BGP_AS_SEQUENCE, BGP_CONFED_SEQUENCE, BGP_CONFED_SET };

/* What the reading of an UPDATE comes to, from good to bad; the worst finding counts. */
enum bgp_outcome { BGP_OUTCOME_GOOD, BGP_OUTCOME_WITHDRAW, BGP_OUTCOME_RESET };

/* Largest canonical set, bytes: what fits an extended message (RFC 8654) with its AS numbers widened. */
#define BGP_ATTR_BYTES_MAX 16384

/* A multiprotocol attribute (RFC 4760): the family, next hop, and the NLRI's bytes in the message. */
struct bgp_mp {
	bool present;
	uint16_t afi;
	uint8_t safi;
	struct ip nexthop;
	struct ip nexthop_link_local; /* IPv6's second next hop, if given */
	struct reader nlri;
};

/* How a session reads attributes. */
struct bgp_attr_context {
	bool as4;  /* both sides know 4-octet AS numbers (RFC 6793) */
	bool ebgp; /* the peer is in another AS */
};

/* What the attributes of one message say. `canonical` holds `canonical_bytes` of the interned form. */
struct bgp_attr_read {
	enum bgp_outcome outcome;
	uint8_t notification[2]; /* code and subcode of a reset */
	uint8_t worst_type;	 /* the attribute that decided the outcome */
	uint32_t discarded;	 /* attributes left out */
	bool seen_any;
	bool has_nexthop;
	struct ip nexthop; /* NEXT_HOP */
	struct bgp_mp reach, unreach;
	size_t canonical_bytes;
	uint8_t canonical[BGP_ATTR_BYTES_MAX];
};

/*
 * Reads the attributes of an UPDATE. `has_nlri`: IPv4 routes follow, so NEXT_HOP must be there. `read` is written whole. A message without
 * attributes (End-of-RIB, withdrawals only) is good. RFC 7606 3-7.
 */
void bgp_attr_read(struct bgp_attr_read *read, struct reader attributes, bool has_nlri, const struct bgp_attr_context *context);

/* An interned set. Decoded is what decisions need; the rest is found in `bytes`, the canonical form. */
struct bgp_attr_set {
	uint32_t id;
	uint32_t references;
	uint64_t hash;
	struct ip nexthop;
	struct ip nexthop_link_local;
	uint8_t origin;
	bool has_med;
	bool has_local_pref;
	bool has_originator;
	uint32_t med;
	uint32_t local_pref;
	uint32_t originator_id;
	uint32_t path_length;	 /* RFC 4271 9.1.2.2 a: a set counts 1, confederation segments 0 (RFC 5065 5.3) */
	uint32_t first_as;	 /* the neighbor AS: leftmost of the path, 0 when it is empty or starts with a set */
	uint32_t origin_as;	 /* the rightmost, 0 when there is none */
	uint32_t cluster_length; /* entries of CLUSTER_LIST */
	uint32_t export_id;	 /* for whoever exports: the set that this one becomes, 0: not known yet */
	uint32_t pending;	 /* for whoever packs: list of prefixes that go out with this set */
	uint16_t bytes_count;
	uint8_t bytes[];
};

struct bgp_attr_slots;

/* The table of all sets by number; number 0 is never a set. `slots` finds them by content. */
struct bgp_attrs {
	struct bgp_attr_set **sets;
	uint32_t set_count;
	uint32_t used;
	size_t bytes;
	struct bgp_attr_slots *slots;
};

struct bgp_attrs *bgp_attrs_new(void);
void bgp_attrs_free(struct bgp_attrs *attrs);

/*
 * The set with these canonical bytes and next hop, made when there is none, with one reference more for the caller.
 * The bytes come from bgp_attr_read or from bgp_attr_write_*: they are trusted to be canonical.
 */
struct bgp_attr_set *bgp_attrs_intern(struct bgp_attrs *attrs, const uint8_t *bytes, size_t count, struct ip nexthop, struct ip link_local);

/* The set of a number that is in use. */
static inline struct bgp_attr_set *bgp_attrs_get(const struct bgp_attrs *attrs, uint32_t id)
{
	CHECK(id > 0 && id < attrs->set_count && attrs->sets[id] != NULL);
	return attrs->sets[id];
}

static inline void bgp_attr_ref(struct bgp_attr_set *set) { set->references++; }

/* Frees a set whose last reference was given back: for bgp_attr_unref alone. */
void bgp_attr_unref_last(struct bgp_attrs *attrs, struct bgp_attr_set *set);

/* Gives a reference back; the last one frees the set. */
static inline void bgp_attr_unref(struct bgp_attrs *attrs, struct bgp_attr_set *set)
{
	CHECK(set->references > 0);
	if (--set->references == 0)
		bgp_attr_unref_last(attrs, set);
}

/* Number of sets, and bytes that they take. */
uint32_t bgp_attrs_count(const struct bgp_attrs *attrs);
size_t bgp_attrs_bytes(const struct bgp_attrs *attrs);

/* The value of an attribute in canonical bytes (a reader over it), or a failed reader when it isn't there. */
struct reader bgp_attr_find(const uint8_t *bytes, size_t count, enum bgp_attr_type type);

/* Whether an AS is in the path (loop detection, RFC 4271 9.1.2). */
bool bgp_attr_path_has(const struct bgp_attr_set *set, uint32_t as);

/* Writes one attribute: flags (extended length is chosen as needed), type, value. */
void bgp_attr_write(struct writer *w, uint8_t flags, enum bgp_attr_type type, const void *value, size_t count);

#endif
