/*
 * The reading end of captures, in the loop's thread: rings emptied into sockets that ctl joins with clients.
 *
 * Theory of operation. An order makes a capture and a pair of sockets; the worker hangs the capture in, and only then ctl gets its end. A
 * timer empties all rings into their sockets as far as those take it. A capture ends when the other side closes or the captured member is
 * gone: the worker takes it out first, then it is freed. So the worker is never asked to write to a socket, and a slow reader costs packets
 * of its own capture only, counted in the capture's statistics blocks.
 */
#ifndef SWITCH_CAPTURE_STREAM_H
#define SWITCH_CAPTURE_STREAM_H

#include "proc/process.h"
#include "switch/worker.h"

struct capture_streams;

struct capture_streams *capture_streams_new(struct process *process);
void capture_streams_free(struct capture_streams *streams);

/* ctl asks for a capture; answered later by OPENED or DONE. */
void capture_stream_open(
	struct capture_streams *streams, struct worker *worker, const struct msg_capture *wanted, uint32_t seq, uint32_t generation);

/* The worker's answers. `of_this_life`: who asked is still there. */
void capture_stream_event(struct capture_streams *streams, struct worker *worker, const struct worker_event *event, bool of_this_life);

#endif
