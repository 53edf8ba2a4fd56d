/*
 * The LSAs of all routers in this process, each kept once.
 *
 * Theory of operation. A flooded LSA is the same bytes in the database of every router of its area, but for its age. So a database entry
 * keeps the age for itself and points to the bytes (with an age of zero) in a hash table that all routers share, counted by reference.
 * A thousand routers that know each other so keep a thousand LSAs, not a million.
 */
#ifndef ROUTE_OSPF_STORE_H
#define ROUTE_OSPF_STORE_H

#include "route/ospf/ospf_lsa.h"

struct ospf_store;

/* An LSA with its header; the age in it is zero. */
struct ospf_blob {
	struct ospf_blob *next;
	uint64_t hash;
	uint32_t references;
	uint16_t size;
	uint8_t bytes[];
};

/* The largest packet that IP carries, without its header. */
#define OSPF_PACKET_BYTES_MAX 65515

struct ospf_store *ospf_store_new(void);

/* OSPF_PACKET_BYTES_MAX bytes in which whoever sends makes the packet; one after the other, all in this process. */
uint8_t *ospf_store_packet(struct ospf_store *store);

/* Frees the store; all blobs were put back. Accepts NULL. */
void ospf_store_free(struct ospf_store *store);

/* The blob of these bytes (their age is ignored), one reference more. `size` is at least OSPF_LSA_HEADER_BYTES. */
struct ospf_blob *ospf_blob_get(struct ospf_store *store, const uint8_t *bytes, size_t size);

/* Gives a reference back. Accepts NULL. */
void ospf_blob_put(struct ospf_store *store, struct ospf_blob *blob);

/* Number of different LSAs. */
size_t ospf_store_count(const struct ospf_store *store);

#endif
