/* Impairments: dice, a rate, and the heap of packets in flight. */
#include "switch/impair.h"

#include "base/arena.h"
#include "base/quantity.h"
#include "switch/walk.h"

#include <stdio.h>
#include <stdlib.h>

#define MILLION 1000000u

/* A packet under way from an end of a link. */
struct flight {
	struct instant when;
	uint64_t order; /* of those with the same time */
	uint32_t network, from;
	struct packet *packet;
};

struct flights {
	struct flight heap[FLIGHTS_MAX];
	unsigned count, large;
	uint64_t next_order;
};

struct impairment *impair_of(struct network *network, const struct member *from)
{
	for (unsigned i = 0; i < network->config.impair_count; i++)
		if (network->config.impair[i].from == from->id)
			return &network->impairments[i];
	return NULL;
}

void impair_update(struct network *network)
{
	for (unsigned i = 0; i < IMPAIR_MAX; i++) {
		struct impairment *impairment = &network->impairments[i];
		uint32_t from = i < network->config.impair_count ? network->config.impair[i].from : 0;

		if (impairment->from == from)
			continue;
		*impairment = (struct impairment){.from = from, .rand = rand_seeded(from)};
	}
}

static bool flight_before(const struct flight *a, const struct flight *b)
{
	return a->when.ns < b->when.ns || (a->when.ns == b->when.ns && a->order < b->order);
}

static void flight_push(struct core *core, const struct flight *flight)
{
	struct flights *flights = core->flights;
	unsigned at = flights->count++;

	for (; at > 0 && flight_before(flight, &flights->heap[(at - 1) / 2]); at = (at - 1) / 2)
		flights->heap[at] = flights->heap[(at - 1) / 2];
	flights->heap[at] = *flight;
}

static struct flight flight_pop(struct flights *flights)
{
	struct flight first = flights->heap[0], last = flights->heap[--flights->count];
	unsigned at = 0, child;

	for (; (child = 2 * at + 1) < flights->count; at = child) {
		if (child + 1 < flights->count && flight_before(&flights->heap[child + 1], &flights->heap[child]))
			child++;
		if (!flight_before(&flights->heap[child], &last))
			break;
		flights->heap[at] = flights->heap[child];
	}
	flights->heap[at] = last;
	return first;
}

static bool is_large(const struct packet *packet) { return packet->size > PACKET_SMALL_BYTES; }

static bool dice(struct impairment *impairment, uint32_t millionths)
{
	return millionths > 0 && rand_below(&impairment->rand, MILLION) < millionths;
}

static void lose(struct walk *walk, enum drop_reason reason, struct packet *packet)
{
	member_drop(walk->from, reason, walk->from->is_rif, 1);
	core_release(walk->core, packet);
}

static void corrupt(struct impairment *impairment, struct packet *packet)
{
	uint64_t bit = rand_below(&impairment->rand, (uint64_t)packet->size * 8);

	/* What is still to be checksummed would come out right. */
	packet_finish(packet);
	packet->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

/* When the packet has left a cable of the rate; false when too many wait for it. */
static bool rate_pass(struct impairment *impairment, uint64_t rate_bps, uint32_t bytes, struct instant *when)
{
	struct instant start = instant_before(*when, impairment->free_at) ? impairment->free_at : *when;

	if (instant_diff(start, *when).ns > span_ms(RATE_BACKLOG_MS).ns)
		return false;
	impairment->free_at = instant_add(start, span_ns((int64_t)((uint64_t)bytes * 8 * 1000000000 / rate_bps)));
	*when = impairment->free_at;
	return true;
}

static struct span delay_of(struct impairment *impairment, const struct msg_impair *config)
{
	int64_t us = config->delay_us;

	if (config->jitter_us > 0)
		us += (int64_t)rand_below(&impairment->rand, 2 * (uint64_t)config->jitter_us + 1) - config->jitter_us;
	return span_us(us > 0 ? us : 0);
}

static void take_off(struct walk *walk, struct impairment *impairment, struct packet *packet, struct instant when)
{
	struct core *core = walk->core;

	if (core->flights == NULL)
		core->flights = xalloc(sizeof(*core->flights));
	if (impairment->in_flight == FLIGHTS_PER_DIRECTION || core->flights->count == FLIGHTS_MAX ||
		(is_large(packet) && core->flights->large == FLIGHTS_LARGE_MAX)) {
		core_limit_reached(core, "link-queue", walk->network->config.path, impairment->in_flight);
		lose(walk, DROP_LINK_QUEUE, packet);
		return;
	}
	impairment->in_flight++;
	core->flights->large += is_large(packet);
	flight_push(core, &(struct flight){when, core->flights->next_order++, walk->network->config.id, walk->from->id, packet});
}

void impair_walk(struct walk *walk, struct impairment *impairment)
{
	const struct msg_impair *config = &walk->network->config.impair[impairment - walk->network->impairments];
	struct instant when = walk->core->now;
	struct packet *packet, *second;
	bool overtakes;

	packet = walk_keep(walk);
	if (dice(impairment, config->loss_ppm)) {
		lose(walk, DROP_LINK_LOSS, packet);
		return;
	}
	if (dice(impairment, config->corrupt_ppm))
		corrupt(impairment, packet);
	if (config->rate_bps > 0 && !rate_pass(impairment, config->rate_bps, packet->size, &when)) {
		lose(walk, DROP_LINK_QUEUE, packet);
		return;
	}
	overtakes = dice(impairment, config->reorder_ppm);
	if (!overtakes) {
		when = instant_add(when, delay_of(impairment, config));
		if (instant_before(when, impairment->last))
			when = impairment->last;
		impairment->last = when;
	}
	second = dice(impairment, config->duplicate_ppm) ? packet_copy(walk->core->pool, packet) : NULL;
	take_off(walk, impairment, packet, when);
	if (second != NULL)
		take_off(walk, impairment, second, when);
}

static void add_words(char *out, size_t size, const char *name, enum quantity kind, uint64_t value)
{
	size_t used = strlen(out);
	char text[QUANTITY_TEXT_BYTES];

	if (value > 0)
		(void)snprintf(out + used, size - used, "%s%s %s", used > 0 ? ", " : "", name, quantity_text(kind, value, text));
}

void impair_text(const struct msg_impair *config, char *out, size_t size)
{
	out[0] = '\0';
	add_words(out, size, "delay", QUANTITY_TIME, config->delay_us);
	add_words(out, size, "jitter", QUANTITY_TIME, config->jitter_us);
	add_words(out, size, "loss", QUANTITY_SHARE, config->loss_ppm);
	add_words(out, size, "rate", QUANTITY_RATE, config->rate_bps);
	add_words(out, size, "corrupt", QUANTITY_SHARE, config->corrupt_ppm);
	add_words(out, size, "duplicate", QUANTITY_SHARE, config->duplicate_ppm);
	add_words(out, size, "reorder", QUANTITY_SHARE, config->reorder_ppm);
}

struct instant impair_next(const struct core *core)
{
	return core->flights != NULL && core->flights->count > 0 ? core->flights->heap[0].when : INSTANT_NEVER;
}

/* A packet is at the far end of its cable, if that is still there. */
static void land(struct core *core, const struct flight *flight)
{
	struct network *network = network_find(core, flight->network);
	struct member *from = NULL, *member;

	core->flights->large -= is_large(flight->packet);
	if (network != NULL) {
		list_each (member, &network->members, struct member, in_network)
			if (member->id == flight->from)
				from = member;
	}
	if (from != NULL && impair_of(network, from) != NULL && impair_of(network, from)->in_flight > 0)
		impair_of(network, from)->in_flight--;
	if (from == NULL || !network->config.up) {
		if (from != NULL)
			member_drop(from, DROP_NETWORK_DOWN, from->is_rif, 1);
		else
			core->lost++;
		core_release(core, flight->packet);
		return;
	}
	walk_from_cable(core, from, flight->packet);
}

void impair_tick(struct core *core, struct instant now)
{
	if (!instant_reached(impair_next(core), now))
		return;
	core_collect(core);
	while (instant_reached(impair_next(core), now)) {
		struct flight flight = flight_pop(core->flights);

		land(core, &flight);
	}
	core_walk_origins(core);
	core_send_collected(core);
}

void impair_free(struct core *core)
{
	for (unsigned i = 0; core->flights != NULL && i < core->flights->count; i++)
		core_release(core, core->flights->heap[i].packet);
	free(core->flights);
	core->flights = NULL;
}
