/*
 * A capture: what passes one port or router interface, filtered, cut, and written as pcapng blocks into a ring for whoever reads.
 *
 * Theory of operation. The worker writes whole blocks into the ring, the process's loop reads bytes out of it (capture_stream.c): one
 * writer, one reader, two counters, no lock. When the ring has no room a packet is dropped from the capture and counted there; the packet
 * itself never waits. A member that nobody captures costs one comparison a burst. Routers' hops are fused in the flow cache, so while a
 * router interface is captured the flows through it walk each time (walk_capture), and only those. The filter is classic BPF as libpcap
 * compiles it, checked before it is taken (every jump forward and inside, every memory access in bounds) and run by libpcap's own
 * interpreter.
 */
#ifndef SWITCH_CAPTURE_H
#define SWITCH_CAPTURE_H

#include "base/err.h"
#include "base/instant.h"
#include "switch/packet.h"
#include "switch/pcapng.h"

#include <stdatomic.h>

/* Bytes of a capture's ring, a power of two; most captures at once in the switch. */
#define CAPTURE_RING_BYTES (4u << 20)
#define CAPTURES_MAX 16

struct core;
struct member;
struct msg_capture;

struct capture {
	/* Set once. */
	uint32_t member_id;
	uint32_t snaplen;
	unsigned insn_count;
	struct bpf_insn *insns; /* NULL: everything */
	int64_t wall_ns;	/* what makes a monotonic time one since 1970 */
	uint8_t *ring;
	/* The worker's. */
	struct member *member;
	struct capture *next; /* of the same member */
	/* Both sides'. */
	_Atomic uint64_t written, read; /* bytes so far */
	_Atomic uint64_t seen, dropped; /* packets that passed the filter; those that found no room */
	_Atomic bool over;		/* the member is gone */
};

/* A capture as a message asks for it; NULL with the reason when its filter isn't in order. */
struct capture *capture_new(const struct msg_capture *wanted, int64_t wall_ns, struct err *err);
void capture_free(struct capture *capture);

/* For the reader: the bytes that are there without a turn in the ring; and that so many of them were taken. */
size_t capture_peek(struct capture *capture, const uint8_t **bytes);
void capture_take(struct capture *capture, size_t bytes);

/* For the worker: a packet passes the captured member. `captures` is the first of the member's. */
void capture_packet(struct capture *captures, const struct packet *packet, enum pcapng_direction direction, struct instant now);

/* For the worker: begins and ends. */
int core_capture(struct core *core, struct capture *capture, struct err *err);
void core_uncapture(struct core *core, struct capture *capture);

/* The member goes. */
void capture_forget(struct member *member);

#endif
