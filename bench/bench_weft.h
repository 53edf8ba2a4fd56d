/* The switches that a measurement can start in its own process: Weft's worker with a topology, and the limit. */
#ifndef BENCH_WEFT_H
#define BENCH_WEFT_H

#include "bench_guest.h"

#include <sched.h>

/* Ports 1 and 2 with their guests; the routers between them, 0: they share a network. */
struct bench_weft;

/*
 * A worker with the topology; its thread runs on `core`, or there is none and bench_weft_step does a round. `frames` gets what the guest of
 * each port has to send to reach the other.
 */
struct bench_weft *bench_weft_start(unsigned routers, bool stepped, int core);
void bench_weft_frames(unsigned routers, struct bench_frame frames[2]);
void bench_weft_attach(struct bench_weft *weft, struct bench_guest guests[2]);
void bench_weft_step(struct bench_weft *weft);
void bench_weft_end(struct bench_weft *weft);

/*
 * The limit: a thread that moves frames from one guest's ring to the other's with one copy, and looks at nothing, not even whether what the
 * rings say is safe. No switch can be faster.
 */
struct bench_limit;
struct bench_limit *bench_limit_start(struct bench_guest guests[2], int core);
void bench_limit_end(struct bench_limit *limit);

/* Runs the calling thread (and those it makes from now on) on one core. */
void bench_pin(int core);

#endif
