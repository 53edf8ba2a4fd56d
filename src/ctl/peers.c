/* Giving the world to processes that came up. */
#include "ctl/peers.h"

#include "base/check.h"
#include "base/log.h"
#include "ctl/apply.h"

#include <errno.h>
#include <stdlib.h>

enum peer_state { PEER_AWAY, PEER_SYNCING, PEER_READY };

struct peer {
	struct ctl *ctl;
	enum process_id id;
	enum peer_state state;
	bool again;	     /* the world changed while it was given */
	uint32_t generation; /* of the channel, so that late answers of an old one are told apart */
	struct arena *arena; /* of the list that is being given */
	struct object_list list;
	size_t next; /* to send */
	unsigned outstanding;
	bool end_sent;
	struct loop_timer *restart; /* gives the world once more */
};

struct peers {
	struct peer list[PROCESS_COUNT];
};

/* An order of a synchronization that waits for its answer. */
struct sync_call {
	struct peer *peer;
	uint32_t generation;
	enum object_kind kind; /* OBJECT_KIND_COUNT: SYNC_BEGIN or SYNC_END */
	uint32_t id;
	bool end;
};

static void sync_again(void *context, struct instant now);

struct peers *peers_new(struct ctl *ctl)
{
	struct peers *peers = xalloc(sizeof(*peers));

	for (enum process_id id = 0; id < PROCESS_COUNT; id++) {
		peers->list[id] = (struct peer){.ctl = ctl, .id = id};
		peers->list[id].restart = loop_timer_new(ctl->loop, sync_again, &peers->list[id]);
	}
	return peers;
}

void peers_free(struct peers *peers)
{
	if (peers == NULL)
		return;
	for (enum process_id id = 0; id < PROCESS_COUNT; id++) {
		arena_free(peers->list[id].arena);
		loop_timer_free(peers->list[id].restart);
	}
	free(peers);
}

static void sync_go_on(struct peer *peer);

static void sync_finish(struct peer *peer)
{
	arena_free(peer->arena);
	peer->arena = NULL;
	if (peer->again) {
		loop_timer_set(peer->restart, loop_now(peer->ctl->loop));
		return;
	}
	peer->state = PEER_READY;
	log_info(process_name(peer->id), "has all %zu objects", peer->list.count);
	apply_peer_ready(peer->ctl, peer->id);
}

static void sync_answered(void *context, const struct message *message, int error, bool last)
{
	struct sync_call call = *(struct sync_call *)context;
	struct peer *peer = call.peer;

	if (!last)
		return;
	free(context);
	if (call.generation != peer->generation || peer->state != PEER_SYNCING || error == -ECONNRESET)
		return; /* of a channel that is gone: peers_down follows */
	peer->outstanding--;
	if (error < 0 && message != NULL) {
		const struct msg_done *done = message->body;
		const struct object *object = call.kind < OBJECT_KIND_COUNT ? world_find(peer->ctl->world, call.kind, call.id) : NULL;
		const char *text = done->text[0] ? done->text : "refused";

		if (object != NULL) {
			events_add(peer->ctl->events, object->lab, object->path, "object-refused", NULL, "%s: %s %s: %s",
				process_name(peer->id), object_type(object->kind)->name, object->path, text);
			apply_object_refused(peer->ctl, object, error, text);
		}
	}
	if (call.end)
		sync_finish(peer);
	else
		sync_go_on(peer);
}

static void sync_send(struct peer *peer, enum message_type type, const void *body, const struct object *object)
{
	struct ctl *ctl = peer->ctl;
	struct sync_call *call = xalloc(sizeof(*call));

	*call = (struct sync_call){
		peer, peer->generation, object ? object->kind : OBJECT_KIND_COUNT, object ? object->id : 0, type == MSG_SYNC_END};
	peer->outstanding++;
	channel_call(ctl->process->peers[peer->id], ctl->loop, type, body,
		peer->id == PROCESS_VM ? ctl->settings.vm_timeout : ctl->settings.step_timeout, sync_answered, call);
}

static void sync_go_on(struct peer *peer)
{
	while (peer->next < peer->list.count && peer->outstanding < PEERS_WINDOW) {
		const struct object *object = &peer->list.items[peer->next++];

		sync_send(peer, object_type(object->kind)->set, object->body, object);
	}
	if (peer->next < peer->list.count || peer->end_sent)
		return;
	if (!peer->ctl->incomplete) {
		peer->end_sent = true;
		sync_send(peer, MSG_SYNC_END, &(struct msg_sync){0}, NULL);
	} else if (peer->outstanding == 0) {
		sync_finish(peer);
	}
}

static void sync_start(struct peer *peer)
{
	peer->state = PEER_SYNCING;
	peer->again = peer->end_sent = false;
	peer->next = peer->outstanding = 0;
	peer->arena = arena_new(NULL);
	peer->list = world_list(peer->ctl->world, NULL, 1u << peer->id, peer->arena);
	if (!peer->ctl->incomplete)
		sync_send(peer, MSG_SYNC_BEGIN, &(struct msg_sync){0}, NULL);
	sync_go_on(peer);
}

static void sync_again(void *context, struct instant now) { sync_start(context); }

void peers_up(struct ctl *ctl, enum process_id id)
{
	if ((CTL_PEERS & 1u << id) == 0)
		return;
	peers_down(ctl, id);
	sync_start(&ctl->peers->list[id]);
}

void peers_down(struct ctl *ctl, enum process_id id)
{
	struct peer *peer = &ctl->peers->list[id];

	peer->generation++;
	peer->state = PEER_AWAY;
	loop_timer_set(peer->restart, INSTANT_NEVER);
	arena_free(peer->arena);
	peer->arena = NULL;
}

bool peers_ready(const struct ctl *ctl, enum process_id peer) { return ctl->peers->list[peer].state == PEER_READY; }

void peers_touch(struct ctl *ctl, enum process_id id)
{
	if (ctl->peers->list[id].state == PEER_SYNCING)
		ctl->peers->list[id].again = true;
}

/* --- changes outside of an apply --- */

static void push_answered(void *context, const struct message *message, int error, bool last)
{
	struct sync_call call = *(struct sync_call *)context;
	const struct object *object;

	if (!last)
		return;
	free(context);
	object = world_find(call.peer->ctl->world, call.kind, call.id);
	if (error < 0 && message != NULL && object != NULL)
		events_add(call.peer->ctl->events, object->lab, object->path, "object-refused", NULL, "%s: %s", process_name(call.peer->id),
			((const struct msg_done *)message->body)->text);
}

void peers_push(struct ctl *ctl, const struct object *object)
{
	for (enum process_id id = 0; id < PROCESS_COUNT; id++) {
		struct peer *peer = &ctl->peers->list[id];
		struct sync_call *call;

		if ((object_type(object->kind)->targets & 1u << id) == 0)
			continue;
		peers_touch(ctl, id);
		if (peer->state != PEER_READY)
			continue;
		call = xalloc(sizeof(*call));
		*call = (struct sync_call){peer, peer->generation, object->kind, object->id, false};
		channel_call(ctl->process->peers[id], ctl->loop, object_type(object->kind)->set, object->body, ctl->settings.vm_timeout,
			push_answered, call);
	}
}
