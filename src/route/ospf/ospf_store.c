/* LSAs shared by all routers of the process: a hash table of counted bytes. */
#include "route/ospf/ospf_store.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>

#define BUCKETS_FIRST 64
#define AGE_BYTES 2

struct ospf_store {
	struct ospf_blob **buckets;
	size_t bucket_count; /* a power of two */
	size_t used;
	uint8_t packet[OSPF_PACKET_BYTES_MAX];
};

struct ospf_store *ospf_store_new(void)
{
	struct ospf_store *store = xalloc(sizeof(*store));

	store->bucket_count = BUCKETS_FIRST;
	store->buckets = xalloc(BUCKETS_FIRST * sizeof(struct ospf_blob *));
	return store;
}

void ospf_store_free(struct ospf_store *store)
{
	if (store == NULL)
		return;
	CHECK(store->used == 0);
	free(store->buckets);
	free(store);
}

static void store_grow(struct ospf_store *store)
{
	size_t count = store->bucket_count * 2;
	struct ospf_blob **buckets = xalloc(count * sizeof(struct ospf_blob *));

	for (size_t i = 0; i < store->bucket_count; i++)
		while (store->buckets[i] != NULL) {
			struct ospf_blob *blob = store->buckets[i];

			store->buckets[i] = blob->next;
			blob->next = buckets[blob->hash & (count - 1)];
			buckets[blob->hash & (count - 1)] = blob;
		}
	free(store->buckets);
	store->buckets = buckets;
	store->bucket_count = count;
}

struct ospf_blob *ospf_blob_get(struct ospf_store *store, const uint8_t *bytes, size_t size)
{
	uint64_t hash = hash_bytes(bytes + AGE_BYTES, size - AGE_BYTES);
	struct ospf_blob *blob;

	CHECK(size >= OSPF_LSA_HEADER_BYTES && size <= UINT16_MAX);
	for (blob = store->buckets[hash & (store->bucket_count - 1)]; blob != NULL; blob = blob->next)
		if (blob->hash == hash && blob->size == size && memcmp(blob->bytes + AGE_BYTES, bytes + AGE_BYTES, size - AGE_BYTES) == 0) {
			blob->references++;
			return blob;
		}
	if (store->used >= store->bucket_count)
		store_grow(store);
	blob = xalloc(sizeof(*blob) + size);
	blob->hash = hash;
	blob->references = 1;
	blob->size = (uint16_t)size;
	memcpy(blob->bytes + AGE_BYTES, bytes + AGE_BYTES, size - AGE_BYTES);
	blob->next = store->buckets[hash & (store->bucket_count - 1)];
	store->buckets[hash & (store->bucket_count - 1)] = blob;
	store->used++;
	return blob;
}

void ospf_blob_put(struct ospf_store *store, struct ospf_blob *blob)
{
	struct ospf_blob **at;

	if (blob == NULL || --blob->references > 0)
		return;
	at = &store->buckets[blob->hash & (store->bucket_count - 1)];
	while (*at != blob)
		at = &(*at)->next;
	*at = blob->next;
	store->used--;
	free(blob);
}

size_t ospf_store_count(const struct ospf_store *store) { return store->used; }

uint8_t *ospf_store_packet(struct ospf_store *store) { return store->packet; }
