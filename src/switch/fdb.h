/*
 * The FDB of a network: which MAC is behind which member (IEEE 802.1D 7.9).
 *
 * Theory of operation. Static entries come from the model and never move. Learned ones age after 300 s without a frame; they are bounded
 * for the network and for each member, and a full table learns nothing more (the frames are flooded as unknown) instead of forgetting
 * others' entries. Aging looks at each entry every 10 s: entries stand in one list by the time of their last look, so a look costs nothing
 * but for those whose turn it is, and a frame only writes the time into its source's entry.
 */
#ifndef SWITCH_FDB_H
#define SWITCH_FDB_H

#include "switch/core_state.h"

#define FDB_AGE_S 300
#define FDB_CHECK_S 10

struct fdb_entry {
	struct list in_ages; /* learned entries only */
	struct mac mac;
	struct network *network;
	struct member *member;
	bool is_static;
	struct instant seen;
	struct instant queued;
};

struct fdb_entry *fdb_find(const struct network *network, struct mac mac);

/* Sets the static entry of a member's own MAC, replacing a learned one; 0, or -EEXIST when another member has it. */
int fdb_set_static(struct core *core, struct network *network, struct member *member, struct mac mac);
void fdb_remove_static(struct core *core, struct network *network, struct member *member, struct mac mac);

/*
 * A frame from `mac` came in through `member`. Returns its entry (new, refreshed or moved there); NULL when the table is full for it; an
 * entry of another member when that one's is static: the frame is forged.
 */
struct fdb_entry *fdb_learn(struct core *core, struct network *network, struct member *member, struct mac mac, struct instant now);

/* Whether a frame from `mac` through `member` would leave it known to be there. */
bool fdb_would_learn(const struct core *core, const struct network *network, const struct member *member, struct mac mac);

/* Forgets what was learned behind a member, or (NULL) in the whole network. */
void fdb_flush(struct core *core, struct network *network, const struct member *member);

/* Frees the table, static entries too. */
void fdb_free(struct core *core, struct network *network);

/* Removes what is too old; returns when to look again. */
struct instant fdb_age(struct core *core, struct instant now);

#endif
