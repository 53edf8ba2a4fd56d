/*
 * What the switch is told of the routers' routes, and when (routing.h): a queue of routers that have something to tell, and a number of
 * batches that may be unanswered. A router goes to the end of the queue after each batch, so that a large table doesn't hold up the others.
 */
#include "route/protocol.h"

static bool router_has_protocol(const struct router *router)
{
	for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
		if (router->protocols[(*protocol)->id] != NULL)
			return true;
	return false;
}

/* Everything this router will know is known: it may be said that the rest is stale. */
static bool router_settled(const struct router *router)
{
	return router->routing->settled || router->fib_empty ||
	       (router->routing->ready_at.ns != INSTANT_NEVER.ns && !router_has_protocol(router));
}

static bool router_has_news(const struct router *router)
{
	switch (router->fib) {
	case FIB_UNKNOWN:
		return false;
	case FIB_BEGIN:
		return true;
	case FIB_FILLING:
		return rib_dirty(&router->rib) || router_settled(router);
	case FIB_SYNCED:
		break;
	}
	return rib_dirty(&router->rib);
}

void fib_pump_add(struct router *router)
{
	if (!list_linked(&router->in_pump) && router_has_news(router))
		list_append(&router->routing->pump, &router->in_pump);
}

static void send_sync(struct router *router, bool begin)
{
	const struct msg_fib_sync sync = {.router = router->id, .begin = begin};

	router->routing->ops->order(router->routing->context, MSG_FIB_SYNC, &sync);
}

static void router_send(struct router *router)
{
	struct routing *routing = router->routing;
	struct msg_fib *batch = &routing->batch;

	if (router->fib == FIB_BEGIN) {
		send_sync(router, true);
		rib_retell(&router->rib);
		router->fib = FIB_FILLING;
	}
	batch->router = router->id;
	batch->count = (uint16_t)rib_take(&router->rib, batch->entries, FIB_BATCH_MAX, !router_settled(router));
	if (batch->count > 0) {
		routing->unanswered++;
		routing->ops->order(routing->context, MSG_FIB_BATCH, batch);
	}
	if (router->fib == FIB_FILLING && !rib_dirty(&router->rib) && router_settled(router)) {
		send_sync(router, false);
		router->fib = FIB_SYNCED;
	}
	fib_pump_add(router);
}

void fib_pump_run(struct routing *routing)
{
	struct router *router;

	while (routing->switch_up && routing->unanswered < routing->limits.batches &&
		(router = list_first(&routing->pump, struct router, in_pump)) != NULL) {
		list_remove(&router->in_pump);
		router_send(router);
	}
}

static bool switch_has_none(const struct router *router)
{
	const struct rif *rif;

	list_each (rif, &router->rifs, struct rif, in_router)
		if (rif->switch_knows && rif->switch_routes > 0)
			return false;
	return true;
}

void fib_router_known(struct router *router)
{
	if (router->fib != FIB_UNKNOWN)
		return;
	router->fib = FIB_BEGIN;
	router->fib_empty = switch_has_none(router);
	fib_pump_add(router);
}

void fib_router_unknown(struct router *router)
{
	router->fib = FIB_UNKNOWN;
	list_remove(&router->in_pump);
}

void fib_router_retell(struct router *router)
{
	if (router->fib == FIB_UNKNOWN)
		return;
	router->fib = FIB_BEGIN;
	fib_pump_add(router);
}

struct instant fib_settle_next(const struct routing *routing)
{
	struct instant earliest, quiet;

	if (routing->settled || routing->ready_at.ns == INSTANT_NEVER.ns)
		return INSTANT_NEVER;
	earliest = instant_add(routing->ready_at, span_s(SETTLE_QUIET_S));
	quiet = instant_add(routing->learnt_at, span_s(SETTLE_QUIET_S));
	return instant_earlier(instant_before(earliest, quiet) ? quiet : earliest, instant_add(routing->ready_at, span_s(SETTLE_MAX_S)));
}

void fib_settle(struct routing *routing, struct instant now)
{
	struct router *router;

	if (routing->settled || !instant_reached(fib_settle_next(routing), now))
		return;
	routing->settled = true;
	list_each (router, &routing->all, struct router, in_routing) {
		rib_release(&router->rib);
		fib_pump_add(router);
	}
}
