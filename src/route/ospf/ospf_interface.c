/* The interface state machine (RFC 2328 9) and the election of the designated router (9.4). */
#include "route/ospf/ospf_engine.h"

const char *const ospf_interface_state_names[] = {"Down", "Loopback", "Waiting", "Point-To-Point", "DROther", "Backup", "DR"};

uint8_t ospf_interface_options(const struct ospf_interface *interface) { return interface->area->settings.stub ? 0 : OSPF_OPTION_E; }

uint32_t ospf_interface_group(const struct ospf_interface *interface)
{
	return interface->state == OSPF_IF_OTHER || interface->state == OSPF_IF_WAITING ? OSPF_ALL_DESIGNATED : OSPF_ALL_ROUTERS;
}

/* A router that may be elected, as the others hear it. */
struct candidate {
	uint32_t router_id;
	uint32_t address;
	uint8_t priority;
	uint32_t designated, backup; /* as it says itself */
};

#define CANDIDATES_MAX 1025

static const struct candidate *candidate_better(const struct candidate *a, const struct candidate *b)
{
	if (a == NULL || b == NULL)
		return a ? a : b;
	if (a->priority != b->priority)
		return a->priority > b->priority ? a : b;
	return a->router_id > b->router_id ? a : b;
}

static bool says_designated(const struct candidate *c) { return c->designated == c->address; }
static bool says_backup(const struct candidate *c) { return c->backup == c->address; }

/* 9.4 (2): of those that don't say that they are designated, those that say backup first. */
static const struct candidate *elect_backup(const struct candidate *candidates, unsigned count)
{
	const struct candidate *sayers = NULL, *others = NULL;

	for (unsigned i = 0; i < count; i++) {
		if (says_designated(&candidates[i]))
			continue;
		if (says_backup(&candidates[i]))
			sayers = candidate_better(sayers, &candidates[i]);
		others = candidate_better(others, &candidates[i]);
	}
	return sayers ? sayers : others;
}

/* 9.4 (3). */
static const struct candidate *elect_designated(const struct candidate *candidates, unsigned count, const struct candidate *backup)
{
	const struct candidate *best = NULL;

	for (unsigned i = 0; i < count; i++)
		if (says_designated(&candidates[i]))
			best = candidate_better(best, &candidates[i]);
	return best ? best : backup;
}

static unsigned candidates_list(const struct ospf_interface *interface, struct candidate *candidates)
{
	const struct ospf_neighbor *neighbor;
	unsigned count = 0;

	if (interface->settings.priority > 0)
		candidates[count++] = (struct candidate){interface->ospf->settings.router_id, interface->address,
			interface->settings.priority, interface->designated, interface->backup};
	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		if (neighbor->state >= OSPF_NB_TWO_WAY && neighbor->priority > 0 && count < CANDIDATES_MAX)
			candidates[count++] = (struct candidate){
				neighbor->router_id, neighbor->address, neighbor->priority, neighbor->designated, neighbor->backup};
	return count;
}

static void elect_once(struct ospf_interface *interface)
{
	struct candidate candidates[CANDIDATES_MAX];
	unsigned count = candidates_list(interface, candidates);
	const struct candidate *backup = elect_backup(candidates, count);
	const struct candidate *designated = elect_designated(candidates, count, backup);

	/* Who is both was promoted: the backup is elected anew by the second pass or by the next change. */
	interface->designated = designated ? designated->address : 0;
	interface->backup = backup ? backup->address : 0;
	if (designated == backup && designated != NULL && designated->address != interface->address)
		interface->backup = 0;
}

static void adjacencies_look(struct ospf_interface *interface)
{
	struct ospf_neighbor *neighbor;

	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		if (neighbor->state >= OSPF_NB_TWO_WAY)
			ospf_neighbor_event(neighbor, OSPF_EVENT_ADJACENCY);
}

static void state_set(struct ospf_interface *interface, enum ospf_interface_state state)
{
	if (interface->state == state)
		return;
	interface->state = state;
	interface->area->router_dirty = true;
	interface->ospf->networks_dirty = true;
}

/* 9.4 as a whole; the next state follows from who was elected. */
static void act_elect(struct ospf_interface *interface)
{
	uint32_t designated = interface->designated, backup = interface->backup, self = interface->address;

	elect_once(interface);
	/* (4): a new role of our own, or the end of one, changes what we say of ourselves, so it is done once more. */
	if ((interface->designated == self) != (designated == self) || (interface->backup == self) != (backup == self))
		elect_once(interface);
	if (interface->backup == interface->designated)
		interface->backup = 0;
	ospf_interface_timer(interface, &interface->wait_at, INSTANT_NEVER);
	if (interface->designated == self)
		state_set(interface, OSPF_IF_DESIGNATED);
	else
		state_set(interface, interface->backup == self ? OSPF_IF_BACKUP : OSPF_IF_OTHER);
	if (designated == interface->designated && backup == interface->backup)
		return;
	interface->area->router_dirty = true;
	interface->ospf->networks_dirty = true;
	ospf_interface_timer(interface, &interface->hello_at, interface->ospf->now); /* the others wait for it */
	adjacencies_look(interface);
}

static void act_up(struct ospf_interface *interface)
{
	struct instant now = interface->ospf->now;

	interface->area->up_count++;
	ospf_say_all_again(interface->ospf);
	if (interface->settings.type == OSPF_LOOPBACK) {
		state_set(interface, OSPF_IF_LOOPBACK);
		return;
	}
	if (interface->settings.type == OSPF_POINT_TO_POINT)
		state_set(interface, OSPF_IF_POINT_TO_POINT);
	else
		state_set(interface, interface->settings.priority > 0 && !interface->settings.passive ? OSPF_IF_WAITING : OSPF_IF_OTHER);
	if (interface->settings.passive)
		return;
	if (interface->state == OSPF_IF_WAITING)
		ospf_interface_timer(interface, &interface->wait_at, instant_add(now, span_s(interface->settings.dead_s)));
	ospf_interface_timer(interface, &interface->hello_at, now);
}

static void act_down(struct ospf_interface *interface)
{
	struct ospf_neighbor *neighbor;

	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		ospf_neighbor_event(neighbor, OSPF_EVENT_KILL);
	ospf_interface_timer(interface, &interface->hello_at, INSTANT_NEVER);
	ospf_interface_timer(interface, &interface->wait_at, INSTANT_NEVER);
	ospf_interface_timer(interface, &interface->ack_at, INSTANT_NEVER);
	ospf_interface_timer(interface, &interface->flood_at, INSTANT_NEVER);
	interface->designated = interface->backup = 0;
	interface->ack_count = 0;
	interface->flood_count = 0;
	if (interface->links != NULL)
		ospf_db_clear(interface->ospf, interface->links);
	interface->area->up_count--;
	state_set(interface, OSPF_IF_DOWN);
	ospf_say_all_again(interface->ospf);
}

#define IN(state) (1u << (state))
#define IN_ELECTED (IN(OSPF_IF_OTHER) | IN(OSPF_IF_BACKUP) | IN(OSPF_IF_DESIGNATED))
#define IN_ANY (IN_ELECTED | IN(OSPF_IF_LOOPBACK) | IN(OSPF_IF_WAITING) | IN(OSPF_IF_POINT_TO_POINT))

/* RFC 2328 9.3. An event that no row knows is none in this state. */
static const struct {
	unsigned states;
	enum ospf_interface_event event;
	void (*act)(struct ospf_interface *interface);
} machine[] = {
	{IN(OSPF_IF_DOWN), OSPF_EVENT_UP, act_up},
	{IN(OSPF_IF_WAITING), OSPF_EVENT_BACKUP_SEEN, act_elect},
	{IN(OSPF_IF_WAITING), OSPF_EVENT_WAIT_OVER, act_elect},
	{IN_ELECTED, OSPF_EVENT_NEIGHBOR_CHANGE, act_elect},
	{IN_ANY, OSPF_EVENT_DOWN, act_down},
};

void ospf_interface_event(struct ospf_interface *interface, enum ospf_interface_event event)
{
	for (size_t i = 0; i < COUNT_OF(machine); i++)
		if (machine[i].event == event && (machine[i].states & IN(interface->state)) != 0) {
			machine[i].act(interface);
			return;
		}
}

/* A tenth less at random keeps routers from falling into step. */
static struct instant next_hello(struct ospf_interface *interface)
{
	uint64_t period = (uint64_t)interface->settings.hello_s * 1000000000;

	return instant_add(interface->ospf->now, span_ns((int64_t)(period - rand_below(&interface->ospf->rand, period / 10))));
}

void ospf_interface_fire(struct ospf_interface *interface)
{
	struct instant now = interface->ospf->now;

	if (instant_reached(interface->wait_at, now))
		ospf_interface_event(interface, OSPF_EVENT_WAIT_OVER);
	if (instant_reached(interface->ack_at, now)) {
		ospf_send_acks(interface, ospf_interface_group(interface), interface->acks, interface->ack_count);
		interface->ack_count = 0;
		interface->ack_at = INSTANT_NEVER;
	}
	ospf_flood_flush(interface);
	if (instant_reached(interface->hello_at, now)) {
		ospf_send_hello(interface);
		interface->hello_at = next_hello(interface);
	}
	ospf_interface_timer(interface, &interface->hello_at, interface->hello_at);
}
