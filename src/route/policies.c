/* Policies by id, and redistribution by them. */
#include "route/policies.h"

#include "base/arena.h"
#include "base/check.h"
#include "route/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Most policies: of all labs of the host. */
#define POLICIES_MAX 4096

struct policy_entry {
	uint32_t id;
	bool stale;
	uint16_t size;
	uint8_t *bytes;
	struct route_policy *compiled;
};

static void entry_free(struct policy_entry *entry)
{
	route_policy_free(entry->compiled);
	free(entry->bytes);
	free(entry);
}

static void tell_protocols(struct routing *routing, uint32_t id, struct instant now)
{
	struct router *router;

	list_each (router, &routing->all, struct router, in_routing) {
		for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
			(*protocol)->policy_changed(router, id, now);
		router_timer_update(router);
	}
}

int policies_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_route_policy *message = body;
	struct policy_entry *entry = map_get(&routing->policies, message->id);
	struct route_policy *compiled, *old = NULL;

	if (entry != NULL && entry->size == message->size && memcmp(entry->bytes, message->bytes, message->size) == 0) {
		entry->stale = false;
		return 0;
	}
	if (entry == NULL && routing->policies.used >= POLICIES_MAX)
		return err_set(err, -ENOSPC, "more than %d route policies", POLICIES_MAX);
	compiled = route_policy_new(message->bytes, message->size, err);
	if (compiled == NULL)
		return -EINVAL;
	if (entry == NULL) {
		entry = xalloc(sizeof(*entry));
		entry->id = message->id;
		(void)map_set(&routing->policies, entry->id, entry);
	}
	old = entry->compiled;
	entry->compiled = compiled;
	entry->stale = false;
	entry->size = message->size;
	entry->bytes = xrealloc(entry->bytes, message->size + 1u);
	memcpy(entry->bytes, message->bytes, message->size);
	tell_protocols(routing, entry->id, now);
	route_policy_free(old);
	return 0;
}

static void entry_remove(struct routing *routing, struct policy_entry *entry, struct instant now)
{
	(void)map_remove(&routing->policies, entry->id);
	tell_protocols(routing, entry->id, now);
	entry_free(entry);
}

int policies_del(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	struct policy_entry *entry = map_get(&routing->policies, ((const struct msg_id *)body)->id);

	(void)err;
	if (entry != NULL)
		entry_remove(routing, entry, now);
	return 0;
}

void policies_sync(struct routing *routing, bool begin, struct instant now)
{
	struct policy_entry *entry;
	size_t cursor = 0;

	while ((entry = map_next(&routing->policies, &cursor, NULL, NULL)) != NULL) {
		if (begin) {
			entry->stale = true;
		} else if (entry->stale) {
			entry_remove(routing, entry, now);
			cursor = 0;
		}
	}
}

void policies_free(struct routing *routing)
{
	struct policy_entry *entry;
	size_t cursor = 0;

	while ((entry = map_next(&routing->policies, &cursor, NULL, NULL)) != NULL)
		entry_free(entry);
	map_free(&routing->policies);
	route_policy_free(routing->reject_all);
}

const struct route_policy *policies_get(struct routing *routing, uint32_t id)
{
	const struct policy_entry *entry = id ? map_get(&routing->policies, id) : NULL;
	uint8_t bytes[8];
	struct writer w = writer_over(bytes, sizeof(bytes));

	if (id == 0)
		return NULL;
	if (entry != NULL)
		return entry->compiled;
	if (routing->reject_all == NULL && route_policy_encode(&w, NULL, 0))
		routing->reject_all = route_policy_new(bytes, writer_used(&w), NULL);
	CHECK(routing->reject_all != NULL);
	return routing->reject_all;
}

bool redistribute_wants(struct routing *routing, const struct redistribution *list, unsigned count, const struct prefix *prefix,
	const struct rib_route *best, struct redistributed *out)
{
	for (unsigned i = 0; i < count && best != NULL; i++) {
		const struct route_policy *policy = policies_get(routing, list[i].policy);
		const struct policy_route route = {.protocol = (uint8_t)best->protocol};
		struct policy_outcome outcome = {.accept = true};

		if (list[i].from != (uint8_t)best->protocol)
			continue;
		*out = (struct redistributed){.has_metric = list[i].has_metric, .metric = list[i].metric};
		if (policy != NULL) {
			outcome = route_policy_decide(policy, route_policy_candidates(policy, &route), prefix);
			route_policy_changes(policy, outcome.fired, &out->changes);
		}
		if (out->changes.has_metric) {
			out->has_metric = true;
			out->metric = out->changes.metric;
		}
		return outcome.accept;
	}
	return false;
}

bool redistribute_has(const struct redistribution *list, unsigned count, enum route_protocol from)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].from == (uint8_t)from)
			return true;
	return false;
}

bool redistribute_uses(const struct redistribution *list, unsigned count, uint32_t policy)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].policy == policy)
			return true;
	return false;
}
