/*
 * A trace: a walk in dry-run, which decides as the real one does and leaves everything as it was, writing down each step.
 *
 * Theory of operation. While core->trace is set, the very features walk a packet that was made for the purpose. What has an effect outside
 * of the walk stands behind a few doors, and those are shut: packets of routers themselves and answers are freed unsent (core_originate,
 * core_output), MACs aren't learned (fdb_learn), neighbors neither asked for nor made (neighbor_resolve, neighbor_hold, neighbor_heard),
 * nothing is counted, cached, sent to other processes or taken from a rate limit. A feature that has another effect asks walk_is_dry first.
 * A feature says what it did in words with walk_note, which costs one comparison when nobody traces. Each feature that had something to say
 * or that ended the walk makes a row; the last row has a verdict.
 */
#ifndef SWITCH_TRACE_H
#define SWITCH_TRACE_H

#include "switch/core_state.h"
#include "switch/drop.h"

struct walk;

struct trace {
	void (*row)(void *context, const struct row_trace *row);
	void *context;
	struct row_trace next; /* the row that is being written */
	bool fragmented;       /* the packet would go on in pieces */
	/* How it ended, for who compares. */
	enum trace_verdict verdict;
	struct port *output;	 /* DELIVERED */
	struct network *flooded; /* FLOODED, but not to `from` nor, with `unknown`, to guarded ports */
	struct member *from;
	bool unknown;
	struct member *drop_at; /* DROPPED: where it would be counted; NULL: nowhere */
	enum drop_reason reason;
};

/* Adds words to the step that is being taken. */
void trace_note(struct core *core, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For walk.c: a feature begins and has ended (`end`: the walk is over). */
void trace_begin(struct walk *walk, const char *feature);
void trace_end(struct walk *walk, bool end);

/*
 * Walks a packet from a port in dry-run. The packet stays the caller's and reads afterwards as it would leave; *packet becomes NULL when a
 * feature took it for good.
 */
void trace_walk(struct core *core, struct trace *trace, struct port *port, struct packet **packet);

#endif
