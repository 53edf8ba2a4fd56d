/*
 * The processes that get objects: away, being given the world, or ready.
 *
 * Theory of operation. When a channel comes up its process gets SYNC_BEGIN, every object of the world that is for it, SYNC_END, and is
 * ready once all of it was answered. That is the only way in which state comes to a process that is new, and also how it is repaired: what
 * was not sent in between is removed over there. A change that is made while a process is away or being given the world needs no more care
 * than being in the world: in the second case the world is given once more.
 */
#ifndef CTL_PEERS_H
#define CTL_PEERS_H

#include "ctl/ctl_state.h"

struct peers *peers_new(struct ctl *ctl);
void peers_free(struct peers *peers);

/* The channel came up (process->peers[peer] is set), or went away. */
void peers_up(struct ctl *ctl, enum process_id peer);
void peers_down(struct ctl *ctl, enum process_id peer);

/* True when the process has the world. */
bool peers_ready(const struct ctl *ctl, enum process_id peer);

/* Sends an object that was changed in the world to those that are ready; a failure is logged and told as an event. */
void peers_push(struct ctl *ctl, const struct object *object);

/* The world was changed and nothing is sent: a process that is being given it gets it once more. */
void peers_touch(struct ctl *ctl, enum process_id peer);

/* Messages under way at most while the world is given. */
#define PEERS_WINDOW 512

#endif
