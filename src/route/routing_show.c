/* What the routers show of themselves: rows for questions, and the checks of their own consistency. */
#include "base/text.h"
#include "route/protocol.h"

#include <errno.h>

static const char *const drop_names[ROUTER_DROP_COUNT] = {
	[ROUTER_DROP_MALFORMED] = "punt_malformed",
	[ROUTER_DROP_CHECKSUM] = "punt_checksum",
	[ROUTER_DROP_FRAGMENT] = "punt_fragment",
	[ROUTER_DROP_NO_PROTOCOL] = "punt_no_protocol",
};

/* Where the rows of a question go. */
struct show {
	struct routing *routing;
	uint32_t seq;
};

static void show_route(void *context, const struct row_route *row)
{
	const struct show *show = context;

	show->routing->ops->row(show->routing->context, show->seq, MSG_ROW_ROUTE, row);
}

static void show_router(struct router *router, uint32_t seq, enum show_what what, struct instant now)
{
	struct routing *routing = router->routing;
	struct show show = {routing, seq};

	if (what == SHOW_ROUTES)
		rib_show(&router->rib, router->id, now, show_route, &show);
	for (unsigned i = 0; what == SHOW_DROPS && i < ROUTER_DROP_COUNT; i++) {
		struct row_drop row = {.id = router->id, .packets = router->drops[i]};

		(void)text_copy(row.reason, sizeof(row.reason), drop_names[i]);
		if (row.packets > 0)
			routing->ops->row(routing->context, seq, MSG_ROW_DROP, &row);
	}
	for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
		(*protocol)->show(router, seq, what, now);
}

int routing_show(struct routing *routing, uint32_t seq, const struct msg_show *show, struct instant now, struct err *err)
{
	enum show_what what = show->what;
	struct router *router;
	struct rif *rif;

	if (what != SHOW_ROUTES && what != SHOW_DROPS && (what < SHOW_RIP || what > SHOW_BGP_NEIGHBORS))
		return err_set(err, -EINVAL, "route answers questions about routes, routing protocols and drops only");
	if (show->object == 0) {
		list_each (router, &routing->all, struct router, in_routing)
			show_router(router, seq, what, now);
		return 0;
	}
	router = routing_router(routing, show->object);
	rif = routing_rif(routing, show->object);
	if (router == NULL && rif != NULL)
		router = rif->router;
	if (router != NULL)
		show_router(router, seq, what, now);
	else if (what != SHOW_DROPS)
		return err_set(err, -ENOENT, "no router with id %u", show->object);
	return 0;
}

void routing_check_invariants(const struct routing *routing)
{
	const struct router *router;
	size_t count = 0;

	list_each (router, &routing->all, struct router, in_routing) {
		const struct rif *rif;

		CHECK(routing_router(routing, router->id) == router);
		list_each (rif, &router->rifs, struct rif, in_router)
			CHECK(rif->router == router && routing_rif(routing, rif->id) == rif);
		for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
			(*protocol)->check_invariants(router);
		count++;
	}
	CHECK(count == routing->routers.used && routing->unanswered <= routing->limits.batches);
}
