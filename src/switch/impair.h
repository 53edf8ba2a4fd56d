/*
 * Impairments: links that delay, lose, damage, double, reorder and slow down, as netem does, but without a kernel module.
 *
 * Theory of operation. A link has an impairment for each direction, named by the end that a packet comes from (struct msg_impair). Such a
 * packet doesn't go on but is put into flight: a heap of packets by their time of arrival, for all links of the core. When its time has
 * come (core_tick) it enters its link again, where only what is behind the cable is left to do. In order of what is done to it:
 *
 *   loss      the packet is gone (counted, link_loss)
 *   corrupt   one bit is flipped
 *   rate      it waits until those before it are sent, and takes its own time; more than 100 ms of backlog is dropped (link_queue)
 *   reorder   it skips the delay, and so overtakes
 *   delay     plus or minus jitter, uniformly; jitter alone never reorders
 *   duplicate a second one arrives with it
 *
 * Flows through an impaired direction make no cache entries. Packets in flight are bounded for each direction and in all. A flight names
 * its link and end by number, so whatever goes meanwhile is simply not found, and the packet is lost with the cable. Random numbers are of
 * the end's own sequence: a lab's run can be repeated.
 */
#ifndef SWITCH_IMPAIR_H
#define SWITCH_IMPAIR_H

#include "switch/core_state.h"

/* Packets in flight in one direction; in all. */
#define FLIGHTS_PER_DIRECTION 6000
#define FLIGHTS_MAX 12000

/* Of them, those longer than a small buffer: bundles that their sender left to be segmented. */
#define FLIGHTS_LARGE_MAX 256

/* Backlog of a rate that is kept. */
#define RATE_BACKLOG_MS 100

struct walk;

/* The impairment of what comes from a member into its link; NULL when there is none. */
struct impairment *impair_of(struct network *network, const struct member *from);

/* Takes the settings of a network that was set. */
void impair_update(struct network *network);

/* Puts the walk's packet into flight, or drops it: the walk is over. */
void impair_walk(struct walk *walk, struct impairment *impairment);

/* Words for a trace: "delay 20ms, loss 1%". */
void impair_text(const struct msg_impair *config, char *out, size_t size);

/* When the first packet in flight arrives; lets those arrive whose time has come; frees all. */
struct instant impair_next(const struct core *core);
void impair_tick(struct core *core, struct instant now);
void impair_free(struct core *core);

#endif
