/*
 * Numbers of objects: each (lab, kind, name) gets one, keeps it over restarts, and no other gets it again (a counter that is stored).
 */
#ifndef CTL_IDS_H
#define CTL_IDS_H

#include "store/store.h"

#include <stdint.h>

struct ids;

/* Reads the numbers back. 0 or a negative errno. */
int ids_load(struct store *store, struct ids **out, struct err *err);
void ids_free(struct ids *ids);

/* The number of an object; a new one is remembered and written with the next ids_save. Never 0. */
uint32_t ids_get(struct ids *ids, const char *lab, const char *kind, const char *name);

/* Adds what is new since the last call to a batch. */
void ids_save(struct ids *ids, struct store_batch *batch);

/* Forgets a lab's numbers, here and with the batch in the store. */
void ids_drop(struct ids *ids, const char *lab, struct store_batch *batch);

#endif
