/* The reported states of machines and ports. */
#include "ctl/machines.h"

#include "base/check.h"
#include "base/list.h"
#include "ctl/apply.h"
#include "ctl/history.h"
#include "ctl/peers.h"
#include "ctl/switched.h"

#include <stdlib.h>
#include <string.h>

struct machines {
	struct map vms;	  /* id -> struct msg_vm_state */
	struct map ports; /* id -> struct msg_port_state */
	struct map rifs;  /* id -> up_mark or down_mark */
};

struct machines *machines_new(void) { return xalloc(sizeof(struct machines)); }

static void free_all(struct map *map)
{
	size_t cursor = 0;
	void *entry;

	while ((entry = map_next(map, &cursor, NULL, NULL)) != NULL)
		free(entry);
	map_free(map);
}

void machines_free(struct machines *machines)
{
	if (machines == NULL)
		return;
	free_all(&machines->vms);
	free_all(&machines->ports);
	map_free(&machines->rifs);
	free(machines);
}

json_t *machines_times(const struct msg_vm_state *state)
{
	json_t *times;

	if (state == NULL || state->arrived_wall_ns == 0)
		times = json_pack("{s:n, s:n, s:n}", "waiting_s", "service_s", "turnaround_s");
	else
		times = json_pack("{s:f, s:f, s:f}", "waiting_s", (double)state->waiting_ns / 1e9, "service_s",
			(double)state->service_ns / 1e9, "turnaround_s", (double)state->turnaround_ns / 1e9);
	CHECK(times != NULL);
	return times;
}

/* The name of a machine within its lab, from the path "lab/vm1". */
static const char *name_of(const struct object *object) { return object->path + strlen(object->lab) + 1; }

/* Notes in the store whether a NIC has got its address: the lease outlives all of us. */
static void set_leased(struct ctl *ctl, const struct object *port, bool leased)
{
	struct store_batch *batch;

	if (switched_get(ctl, port->lab, "leased", name_of(port), false) == leased)
		return;
	batch = store_batch_new();
	if (leased)
		switched_set(ctl, port->lab, "leased", name_of(port), true, batch);
	else
		switched_forget(ctl, port->lab, "leased", name_of(port), batch);
	(void)store_write(ctl->store, batch, NULL);
	store_batch_free(batch);
}

/* A machine starts anew: its NICs have no addresses yet. */
static void forget_leases(struct ctl *ctl, const struct msg_vm *vm)
{
	for (uint16_t i = 0; i < vm->nic_count; i++) {
		const struct object *port = world_find(ctl->world, OBJECT_PORT, vm->nics[i].port);

		if (port != NULL)
			set_leased(ctl, port, false);
	}
}

void machines_vm_changed(struct ctl *ctl, const struct msg_vm_state *state)
{
	static const char *const words[VM_STATE_COUNT] = {
		[VM_STATE_WAITING] = "vm-waiting",
		[VM_STATE_STARTING] = "vm-starting",
		[VM_STATE_RUNNING] = "vm-running",
		[VM_STATE_PAUSED] = "vm-paused",
		[VM_STATE_STOPPED] = "vm-stopped",
		[VM_STATE_FAILED] = "vm-failed",
		[VM_STATE_SAVED] = "vm-saved",
	};
	const struct object *object = world_find(ctl->world, OBJECT_VM, state->id);
	struct msg_vm_state *entry = map_get(&ctl->machines->vms, state->id);
	bool news = entry == NULL || entry->state != state->state;
	bool queued = state->state == VM_STATE_WAITING && state->queued && (news || !entry->queued);

	history_note(ctl->history, state);
	if (object == NULL) /* it was taken away meanwhile */
		return;
	if (entry == NULL) {
		entry = xalloc(sizeof(*entry));
		(void)map_set(&ctl->machines->vms, state->id, entry);
	}
	*entry = *state;
	/* One that goes on from its saved memory has its addresses. */
	if (news && state->state == VM_STATE_STARTING && state->service_ns == 0)
		forget_leases(ctl, object->body);
	if ((news || queued) && words[state->state] != NULL)
		events_add(ctl->events, object->lab, name_of(object), words[state->state], machines_times(state), "%s", state->reason);
	apply_vm_changed(ctl, state);
}

/* A port of a machine came up whose cable is out: the guest must be told again (its carrier comes back with the connection). */
static void tell_carrier(struct ctl *ctl, const struct object *port)
{
	struct arena *arena = arena_new(NULL);
	struct object_list vms = world_list(ctl->world, port->lab, 1u << PROCESS_VM, arena);

	for (size_t i = 0; i < vms.count; i++) {
		const struct msg_vm *vm = vms.items[i].body;

		for (uint16_t n = 0; vms.items[i].kind == OBJECT_VM && n < vm->nic_count; n++)
			if (vm->nics[n].port == port->id && !vm->nics[n].up)
				peers_push(ctl, &vms.items[i]);
	}
	arena_free(arena);
}

static struct msg_port_state *port_entry(struct ctl *ctl, uint32_t id)
{
	struct msg_port_state *entry = map_get(&ctl->machines->ports, id);

	if (entry == NULL) {
		entry = xalloc(sizeof(*entry));
		(void)map_set(&ctl->machines->ports, id, entry);
	}
	return entry;
}

void machines_port_changed(struct ctl *ctl, const struct msg_port_state *state)
{
	const struct object *object = world_find(ctl->world, OBJECT_PORT, state->port);
	struct msg_port_state *entry;
	bool was_up;

	if (object == NULL)
		return;
	entry = port_entry(ctl, state->port);
	was_up = entry->state == PORT_STATE_UP;
	*entry = *state;
	if (state->state == PORT_STATE_UP && !was_up)
		events_add(ctl->events, object->lab, name_of(object), "port-up", NULL, "%s", "");
	if (state->state != PORT_STATE_UP && was_up)
		events_add(ctl->events, object->lab, name_of(object), "port-down", NULL, "%s", state->error);
	if (state->state != PORT_STATE_DOWN)
		tell_carrier(ctl, object);
}

void machines_leased(struct ctl *ctl, const struct msg_leased *leased)
{
	const struct object *object = world_find(ctl->world, OBJECT_PORT, leased->port);
	char text[IP_TEXT_BYTES];

	if (object == NULL)
		return;
	if (!switched_get(ctl, object->lab, "leased", name_of(object), false))
		events_add(ctl->events, object->lab, name_of(object), "leased", json_pack("{s:s}", "ipv4", ip_text(leased->ip, text)), "%s",
			text);
	set_leased(ctl, object, true);
}

static char up_mark, down_mark;

bool machines_rif_news(struct ctl *ctl, const struct msg_rif_state *state)
{
	void *mark = state->up ? &up_mark : &down_mark, *before = map_set(&ctl->machines->rifs, state->rif, mark);

	return before != NULL && before != mark;
}

const struct msg_vm_state *machines_vm(const struct ctl *ctl, uint32_t id) { return map_get(&ctl->machines->vms, id); }

enum port_state machines_port(const struct ctl *ctl, uint32_t id, bool *leased)
{
	const struct msg_port_state *entry = map_get(&ctl->machines->ports, id);
	const struct object *port = world_find(ctl->world, OBJECT_PORT, id);

	*leased = port != NULL && switched_get(ctl, port->lab, "leased", name_of(port), false);
	return entry ? entry->state : PORT_STATE_DOWN;
}

void machines_forget(struct ctl *ctl, uint32_t id)
{
	free(map_remove(&ctl->machines->vms, id));
	free(map_remove(&ctl->machines->ports, id));
	(void)map_remove(&ctl->machines->rifs, id);
}
