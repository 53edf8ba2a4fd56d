/*
 * The guest's side of a measurement: a driver of two rings that costs as little as possible, over the guest of test/lib.
 *
 * Theory of operation. Buffers, descriptors and the available rings are laid out once, so that to send is to write the ports of a flow into
 * frames that lie there already and to move an index; to receive is to count the used entries and to move an index. That holds for back
 * ends that complete buffers in the order in which they were offered; others are found out and counted as `disordered`.
 */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#include "../test/lib/guest.h"
#include "net/addr.h"

#define BENCH_RING_SIZE 1024

/* What a guest sends. */
struct bench_frame {
	struct mac dst, src;
	struct ip ip_src, ip_dst;
	uint32_t bytes; /* without the Ethernet checksum: 64 to 1518 */
	uint32_t flows; /* 5-tuples in turn; 0: each packet has a new one */
};

struct bench_guest {
	struct guest guest;
	struct bench_frame frame;
	uint32_t flow;
	uint64_t received, received_bytes, disordered;
};

/* A guest that isn't connected yet: `guest.back_fd` is for the switch, or guest.fd is replaced by a connection of somebody else's. */
void bench_guest_start(struct bench_guest *bench, const struct bench_frame *frame);
void bench_guest_end(struct bench_guest *bench);

/* Speaks with the back end (which another thread or process serves, or `pump`) and offers all receive buffers. */
void bench_guest_set_up(struct bench_guest *bench);

/* Sends something else from now on. The back end must have taken everything that was sent before. */
void bench_guest_set_frame(struct bench_guest *bench, const struct bench_frame *frame);

/* Sends at most `count` frames, as many as fit; takes what was received. Both return how many. */
unsigned bench_guest_send(struct bench_guest *bench, unsigned count);
unsigned bench_guest_receive(struct bench_guest *bench);

/* Buffers that the back end hasn't given back. */
unsigned bench_guest_pending(const struct bench_guest *bench);

/* True when the frame received last is one of the other side's, for `dst`. */
bool bench_guest_check(const struct bench_guest *bench, struct mac dst, uint32_t bytes);

#endif
