/* Hash functions keyed by a secret of this process, so that nobody outside can choose colliding keys. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Hashes of a number, a string and some bytes. Differ from run to run unless hash_set_secret fixed them. */
uint64_t hash_u64(uint64_t key);
uint64_t hash_str(const char *text);
uint64_t hash_bytes(const void *bytes, size_t size);

/* Fixes the secret, for tests and simulations that must repeat exactly. Call before any map is filled. */
void hash_set_secret(uint64_t secret);

/* FNV-1a, 64 bits: the same on every machine and in every run, for names that become numbers. Not for tables that outsiders fill. */
uint64_t hash_stable(const void *bytes, size_t size);

#endif
