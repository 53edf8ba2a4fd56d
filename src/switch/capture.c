/* Captures: the filter, the ring, who is captured. */
#include "switch/capture.h"

#include "base/arena.h"
#include "switch/core_state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>

/* clang-format off: needs the types of the above */
#include <pcap/bpf.h>
/* clang-format on */

_Static_assert(sizeof(struct capture_insn) == sizeof(struct bpf_insn), "an instruction of a message is one of BPF");

static int filter_check(const struct msg_capture *wanted, struct err *err)
{
	struct bpf_insn insns[CAPTURE_INSNS_MAX];

	if (wanted->insn_count > CAPTURE_INSNS_MAX)
		return err_set(err, -E2BIG, "a filter has at most %d instructions", CAPTURE_INSNS_MAX);
	memcpy(insns, wanted->insns, wanted->insn_count * sizeof(insns[0]));
	if (wanted->insn_count > 0 && !bpf_validate(insns, wanted->insn_count))
		return err_set(err, -EINVAL, "the filter is no valid BPF program");
	return 0;
}

struct capture *capture_new(const struct msg_capture *wanted, int64_t wall_ns, struct err *err)
{
	struct capture *capture;

	if (filter_check(wanted, err) != 0)
		return NULL;
	capture = xalloc(sizeof(*capture));
	capture->member_id = wanted->id;
	capture->snaplen = wanted->snaplen > 0 && wanted->snaplen < PACKET_FRAME_BYTES_MAX ? wanted->snaplen : PACKET_FRAME_BYTES_MAX;
	capture->wall_ns = wall_ns;
	capture->ring = xalloc(CAPTURE_RING_BYTES);
	capture->insn_count = wanted->insn_count;
	if (wanted->insn_count > 0) {
		capture->insns = xalloc(wanted->insn_count * sizeof(struct bpf_insn));
		memcpy(capture->insns, wanted->insns, wanted->insn_count * sizeof(struct bpf_insn));
	}
	return capture;
}

void capture_free(struct capture *capture)
{
	if (capture == NULL)
		return;
	free(capture->insns);
	free(capture->ring);
	free(capture);
}

size_t capture_peek(struct capture *capture, const uint8_t **bytes)
{
	uint64_t read = atomic_load_explicit(&capture->read, memory_order_relaxed);
	uint64_t there = atomic_load_explicit(&capture->written, memory_order_acquire) - read;
	size_t at = read % CAPTURE_RING_BYTES;

	*bytes = capture->ring + at;
	return there < CAPTURE_RING_BYTES - at ? (size_t)there : CAPTURE_RING_BYTES - at;
}

void capture_take(struct capture *capture, size_t bytes) { (void)atomic_fetch_add_explicit(&capture->read, bytes, memory_order_release); }

/* Puts bytes for which there is room behind what is written, not yet to be seen. */
static void ring_put(struct capture *capture, uint64_t position, const uint8_t *bytes, size_t count)
{
	size_t at = position % CAPTURE_RING_BYTES, first = CAPTURE_RING_BYTES - at < count ? CAPTURE_RING_BYTES - at : count;

	memcpy(capture->ring + at, bytes, first);
	memcpy(capture->ring, bytes + first, count - first);
}

static void count_one(_Atomic uint64_t *counter) { (void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed); }

static void capture_one(struct capture *capture, const struct packet *packet, enum pcapng_direction direction, struct instant now)
{
	static uint8_t block[PCAPNG_PACKET_OVERHEAD + PACKET_FRAME_BYTES_MAX + 4]; /* the one worker's */
	uint64_t written = atomic_load_explicit(&capture->written, memory_order_relaxed);
	uint32_t keep = capture->insns == NULL ? capture->snaplen : bpf_filter(capture->insns, packet->data, packet->size, packet->size);
	struct pcapng_packet record = {
		.time_ns = (uint64_t)(now.ns + capture->wall_ns), .length = packet->size, .direction = direction, .bytes = packet->data};
	struct writer w = writer_over(block, sizeof(block));

	if (keep == 0)
		return;
	count_one(&capture->seen);
	record.captured = packet->size < capture->snaplen ? packet->size : capture->snaplen;
	if (written - atomic_load_explicit(&capture->read, memory_order_acquire) + PCAPNG_PACKET_OVERHEAD + record.captured + 4 >
		CAPTURE_RING_BYTES) {
		count_one(&capture->dropped);
		return;
	}
	pcapng_packet(&w, &record);
	CHECK(writer_ok(&w));
	ring_put(capture, written, block, writer_used(&w));
	atomic_store_explicit(&capture->written, written + writer_used(&w), memory_order_release);
}

void capture_packet(struct capture *captures, const struct packet *packet, enum pcapng_direction direction, struct instant now)
{
	for (struct capture *capture = captures; capture != NULL; capture = capture->next)
		capture_one(capture, packet, direction, now);
}

int core_capture(struct core *core, struct capture *capture, struct err *err)
{
	struct port *port = port_find(core, capture->member_id);
	struct rif *rif = port == NULL ? rif_find(core, capture->member_id) : NULL;

	if (port == NULL && rif == NULL)
		return err_set(err, -ENOENT, "the switch has no port or interface %u", capture->member_id);
	capture->member = port != NULL ? &port->member : &rif->member;
	capture->next = capture->member->captures;
	capture->member->captures = capture;
	/* Flows that pass the interface must walk from now on. */
	core_raise(core, &core->topology_generation);
	return 0;
}

void core_uncapture(struct core *core, struct capture *capture)
{
	struct capture **at;

	if (capture->member == NULL)
		return;
	for (at = &capture->member->captures; *at != capture;)
		at = &(*at)->next;
	*at = capture->next;
	capture->member = NULL;
	core_raise(core, &core->topology_generation);
}

void capture_forget(struct member *member)
{
	struct capture *capture, *next;

	for (capture = member->captures; capture != NULL; capture = next) {
		next = capture->next;
		capture->member = NULL;
		atomic_store(&capture->over, true);
	}
	member->captures = NULL;
}
