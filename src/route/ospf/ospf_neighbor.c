/* The neighbor state machine (RFC 2328 10.3). */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

/*
 * Theory of operation. The machine is the table at the end of this file, row by row as in RFC 2328; what a state means:
 *
 *     Down --hello--> Init --they know us--> 2-Way --adjacency wanted--> ExStart --who is master--> Exchange --all described-->
 *     Loading --all asked for has come--> Full
 *
 * Anything that gets out of step goes back to ExStart, a Hello that doesn't know us back to Init, silence to Down, where a neighbor ends.
 */
const char *const ospf_neighbor_state_names[] = {"Down", "Init", "2-Way", "ExStart", "Exchange", "Loading", "Full"};

struct ospf_neighbor *ospf_neighbor_new(struct ospf_interface *interface, uint32_t router_id, uint32_t address)
{
	struct ospf_neighbor *neighbor = xalloc(sizeof(*neighbor));

	neighbor->interface = interface;
	neighbor->router_id = router_id;
	neighbor->address = address;
	neighbor->since = interface->ospf->now;
	neighbor->exchange_sequence = (uint32_t)rand_u64(&interface->ospf->rand);
	neighbor->dead_at = neighbor->describe_at = neighbor->ask_at = neighbor->resend_at = INSTANT_NEVER;
	list_init(&neighbor->wants);
	list_init(&neighbor->resends);
	list_append(&interface->neighbors, &neighbor->in_interface);
	interface->neighbor_count++;
	return neighbor;
}

/* Forgets what belongs to an exchange (RFC 2328 10.3: "the lists are cleared"). */
static void exchange_clear(struct ospf_neighbor *neighbor)
{
	struct ospf_want *want;

	list_each (want, &neighbor->wants, struct ospf_want, in_neighbor) {
		list_remove(&want->in_neighbor);
		free(want);
	}
	neighbor->want_count = neighbor->asked = 0;
	free(neighbor->summary);
	neighbor->summary = NULL;
	neighbor->summary_count = neighbor->sent_first = neighbor->sent_count = 0;
	neighbor->heard_any = false;
	ospf_resends_clear(neighbor);
	neighbor->describe_at = neighbor->ask_at = INSTANT_NEVER;
	ospf_neighbor_timer(neighbor, &neighbor->resend_at, INSTANT_NEVER);
}

void ospf_neighbor_free(struct ospf_neighbor *neighbor)
{
	exchange_clear(neighbor);
	timer_heap_set(&neighbor->interface->ospf->timers, &neighbor->timer, INSTANT_NEVER);
	map_free(&neighbor->resend_of);
	list_remove(&neighbor->in_interface);
	free(neighbor);
}

static void state_set(struct ospf_neighbor *neighbor, enum ospf_neighbor_state state)
{
	struct ospf_interface *interface = neighbor->interface;
	enum ospf_neighbor_state before = neighbor->state;
	struct ospf *ospf = interface->ospf;

	if (before == state)
		return;
	neighbor->state = state;
	neighbor->since = ospf->now;
	neighbor->changes++;
	if ((before == OSPF_NB_FULL) != (state == OSPF_NB_FULL)) {
		interface->full_count = state == OSPF_NB_FULL ? interface->full_count + 1 : interface->full_count - 1;
		interface->area->router_dirty = true;
		ospf->networks_dirty = true;
	}
}

/* RFC 2328 10.4. */
static bool adjacency_wanted(const struct ospf_neighbor *neighbor)
{
	const struct ospf_interface *interface = neighbor->interface;

	if (interface->settings.type == OSPF_POINT_TO_POINT)
		return true;
	if (interface->state == OSPF_IF_DESIGNATED || interface->state == OSPF_IF_BACKUP)
		return true;
	return neighbor->address == interface->designated || neighbor->address == interface->backup;
}

static void act_hello(struct ospf_neighbor *neighbor)
{
	struct instant dead_at = instant_add(neighbor->interface->ospf->now, span_s(neighbor->interface->settings.dead_s));

	if (neighbor->state == OSPF_NB_DOWN)
		state_set(neighbor, OSPF_NB_INIT);
	ospf_neighbor_timer(neighbor, &neighbor->dead_at, dead_at);
}

static struct span retransmit_of(const struct ospf_neighbor *neighbor) { return span_s(neighbor->interface->settings.retransmit_s); }

/* Says that the exchange begins and who should be master: we, for now. */
static void exchange_start(struct ospf_neighbor *neighbor)
{
	struct instant now = neighbor->interface->ospf->now;

	exchange_clear(neighbor);
	neighbor->exchange_sequence++;
	neighbor->master = true;
	state_set(neighbor, OSPF_NB_EX_START);
	ospf_send_description(neighbor);
	ospf_neighbor_timer(neighbor, &neighbor->describe_at, instant_add(now, retransmit_of(neighbor)));
}

static void act_two_way(struct ospf_neighbor *neighbor)
{
	struct ospf_interface *interface = neighbor->interface;
	bool first = neighbor->state == OSPF_NB_INIT;

	if (first)
		state_set(neighbor, OSPF_NB_TWO_WAY);
	if (adjacency_wanted(neighbor))
		exchange_start(neighbor);
	if (!first)
		return;
	/* An election among those that are there need not wait until whoever might be there has had time to speak. */
	if (interface->state == OSPF_IF_WAITING)
		ospf_interface_timer(interface, &interface->wait_at,
			instant_earlier(interface->wait_at, instant_add(interface->ospf->now, interface->ospf->settings.wait)));
	else
		ospf_interface_event(interface, OSPF_EVENT_NEIGHBOR_CHANGE);
}

static void act_adjacency(struct ospf_neighbor *neighbor)
{
	if (adjacency_wanted(neighbor))
		return;
	exchange_clear(neighbor);
	state_set(neighbor, OSPF_NB_TWO_WAY);
}

static void act_negotiated(struct ospf_neighbor *neighbor)
{
	state_set(neighbor, OSPF_NB_EXCHANGE);
	ospf_summary_make(neighbor);
	ospf_neighbor_timer(neighbor, &neighbor->describe_at, INSTANT_NEVER);
}

/* Keeps of what we described only the last packet, which a master that didn't hear it may ask for again (RFC 2328 10.8). */
static void summary_shrink(struct ospf_neighbor *neighbor)
{
	unsigned kept = neighbor->master ? 0 : neighbor->sent_count;

	memmove(neighbor->summary, neighbor->summary + neighbor->sent_first, kept * sizeof(struct ospf_lsa_header));
	neighbor->summary = xrealloc(neighbor->summary, (kept + 1) * sizeof(struct ospf_lsa_header));
	neighbor->summary_count = kept;
	neighbor->sent_first = 0;
}

static void act_exchanged(struct ospf_neighbor *neighbor)
{
	summary_shrink(neighbor);
	ospf_neighbor_timer(neighbor, &neighbor->describe_at, INSTANT_NEVER);
	state_set(neighbor, neighbor->want_count == 0 ? OSPF_NB_FULL : OSPF_NB_LOADING);
}

static void act_loaded(struct ospf_neighbor *neighbor) { state_set(neighbor, OSPF_NB_FULL); }

static void act_one_way(struct ospf_neighbor *neighbor)
{
	exchange_clear(neighbor);
	state_set(neighbor, OSPF_NB_INIT);
	ospf_interface_event(neighbor->interface, OSPF_EVENT_NEIGHBOR_CHANGE);
}

static void act_kill(struct ospf_neighbor *neighbor)
{
	struct ospf_interface *interface = neighbor->interface;
	bool counted = neighbor->state >= OSPF_NB_TWO_WAY;

	exchange_clear(neighbor);
	state_set(neighbor, OSPF_NB_DOWN);
	ospf_neighbor_timer(neighbor, &neighbor->dead_at, INSTANT_NEVER);
	list_remove(&neighbor->in_interface);
	list_append(&interface->ospf->gone, &neighbor->in_interface);
	interface->neighbor_count--;
	if (counted)
		ospf_interface_event(interface, OSPF_EVENT_NEIGHBOR_CHANGE);
}

#define IN(state) (1u << (state))
#define FROM(state) (0x7fu & ~(IN(state) - 1))

static const struct {
	unsigned states;
	enum ospf_neighbor_event event;
	void (*act)(struct ospf_neighbor *neighbor); /* sets the next state */
} machine[] = {
	{FROM(OSPF_NB_DOWN), OSPF_EVENT_HELLO, act_hello},
	{IN(OSPF_NB_INIT), OSPF_EVENT_TWO_WAY, act_two_way},
	{IN(OSPF_NB_EX_START), OSPF_EVENT_NEGOTIATED, act_negotiated},
	{IN(OSPF_NB_EXCHANGE), OSPF_EVENT_EXCHANGED, act_exchanged},
	{IN(OSPF_NB_LOADING), OSPF_EVENT_LOADED, act_loaded},
	{IN(OSPF_NB_TWO_WAY), OSPF_EVENT_ADJACENCY, act_two_way},
	{FROM(OSPF_NB_EX_START), OSPF_EVENT_ADJACENCY, act_adjacency},
	{FROM(OSPF_NB_EXCHANGE), OSPF_EVENT_OUT_OF_STEP, exchange_start},
	{FROM(OSPF_NB_TWO_WAY), OSPF_EVENT_ONE_WAY, act_one_way},
	{FROM(OSPF_NB_INIT), OSPF_EVENT_KILL, act_kill},
};

void ospf_neighbor_event(struct ospf_neighbor *neighbor, enum ospf_neighbor_event event)
{
	for (size_t i = 0; i < COUNT_OF(machine); i++)
		if (machine[i].event == event && (machine[i].states & IN(neighbor->state)) != 0) {
			machine[i].act(neighbor);
			return;
		}
}

/* Repeats what wasn't answered within RxmtInterval. */
void ospf_neighbor_fire(struct ospf_neighbor *neighbor)
{
	struct instant now = neighbor->interface->ospf->now;
	struct instant later = instant_add(now, retransmit_of(neighbor));

	if (instant_reached(neighbor->dead_at, now)) {
		ospf_neighbor_event(neighbor, OSPF_EVENT_KILL);
		return;
	}
	if (instant_reached(neighbor->describe_at, now)) {
		ospf_send_description(neighbor);
		neighbor->describe_at = later;
	}
	if (instant_reached(neighbor->ask_at, now)) {
		ospf_send_requests(neighbor);
		neighbor->ask_at = later;
	}
	if (instant_reached(neighbor->resend_at, now))
		ospf_resend_due(neighbor);
	ospf_neighbor_timer(neighbor, &neighbor->describe_at, neighbor->describe_at);
}
