/* The messages of traces and captures, as structs; part of message_types.h, which is the list of all messages. */
#ifndef API_MESSAGE_TRACE_H
#define API_MESSAGE_TRACE_H

#include "api/message.h"

/*
 * A packet to be walked in dry-run: from a port (a machine or a TAP) or from a router itself, `port` or `router` being 0. A machine's
 * `source` may be none: its own. `size`: bytes of the IP packet, 0: as small as ping, TCP and UDP make it.
 */
struct msg_trace {
	uint32_t port;
	uint32_t router;
	struct ip source;
	struct ip destination;
	uint8_t protocol;
	uint8_t ttl; /* 0: 64 */
	uint16_t source_port;
	uint16_t destination_port;
	uint16_t size;
};

#define CAPTURE_INSNS_MAX 256

/* An instruction of classic BPF, laid out as the kernel and libpcap have it. */
struct capture_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

/* Packets of a port or router interface `id`, cut at `snaplen` bytes (0: whole), that the filter (none: all) lets through; `name` for
 * people. */
struct msg_capture {
	uint32_t id;
	uint32_t snaplen;
	char name[PATH_BYTES];
	uint16_t insn_count;
	struct capture_insn insns[CAPTURE_INSNS_MAX];
};

enum trace_verdict { TRACE_GOES_ON, TRACE_DELIVERED, TRACE_FLOODED, TRACE_TAKEN, TRACE_WAITS, TRACE_DROPPED, TRACE_VERDICT_COUNT };

/* A step: what a feature decided, where (`id`: a port or interface, 0 in a router), why; the last one has a verdict. */
struct row_trace {
	uint16_t step;	 /* from 1 */
	uint8_t verdict; /* enum trace_verdict */
	uint32_t id;
	uint32_t router;
	char feature[32];
	char text[256];
	char reason[NAME_BYTES]; /* DROPPED: as in row_drop */
	char meaning[128];
	char fix[160]; /* what to do about it, "" when nothing is wrong or nothing can be said */
};

#endif
