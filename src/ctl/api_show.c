/* The API of what routers and switches know: rows of messages, with names in place of numbers. */
#include "api/message_json.h"
#include "base/check.h"
#include "base/text.h"
#include "ctl/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Time to answer, rows of one answer. */
#define SHOW_TIMEOUT_S 10
#define SHOW_ROWS_MAX 200000

/* What can be shown: who knows it, and of which object it can be asked. */
struct show_row {
	const char *name;
	enum process_id process;
	enum show_what what;
	enum object_kind object; /* OBJECT_KIND_COUNT: of all only */
	bool route_too;		 /* the process route adds rows of its own, when it is there */
};

static const struct show_row shows[] = {
	{"route", PROCESS_ROUTE, SHOW_ROUTES, OBJECT_ROUTER, false},
	{"rip", PROCESS_ROUTE, SHOW_RIP, OBJECT_ROUTER, false},
	{"rip-neighbors", PROCESS_ROUTE, SHOW_RIP_NEIGHBORS, OBJECT_ROUTER, false},
	{"ospf-neighbors", PROCESS_ROUTE, SHOW_OSPF_NEIGHBORS, OBJECT_ROUTER, false},
	{"ospf-interfaces", PROCESS_ROUTE, SHOW_OSPF_INTERFACES, OBJECT_ROUTER, false},
	{"ospf-database", PROCESS_ROUTE, SHOW_OSPF_DATABASE, OBJECT_ROUTER, false},
	{"ospf-routes", PROCESS_ROUTE, SHOW_OSPF_ROUTES, OBJECT_ROUTER, false},
	{"bgp", PROCESS_ROUTE, SHOW_BGP, OBJECT_ROUTER, false},
	{"bgp-neighbors", PROCESS_ROUTE, SHOW_BGP_NEIGHBORS, OBJECT_ROUTER, false},
	{"arp", PROCESS_SWITCH, SHOW_ARP, OBJECT_ROUTER, false},
	{"mac", PROCESS_SWITCH, SHOW_MAC, OBJECT_NETWORK, false},
	{"dhcp", PROCESS_SWITCH, SHOW_DHCP, OBJECT_NETWORK, false},
	{"interfaces", PROCESS_SWITCH, SHOW_INTERFACES, OBJECT_KIND_COUNT, false},
	{"connections", PROCESS_SWITCH, SHOW_CONNECTIONS, OBJECT_KIND_COUNT, false},
	{"groups", PROCESS_SWITCH, SHOW_GROUPS, OBJECT_KIND_COUNT, false},
	{"nat", PROCESS_SWITCH, SHOW_NAT, OBJECT_ROUTER, false},
	{"nat-rules", PROCESS_SWITCH, SHOW_NAT_RULES, OBJECT_ROUTER, false},
	{"drops", PROCESS_SWITCH, SHOW_DROPS, OBJECT_KIND_COUNT, true},
	{"queues", PROCESS_VM, SHOW_QUEUES, OBJECT_KIND_COUNT, false},
};

struct show {
	struct api_call *call;
	const char *lab;     /* NULL: all */
	const char *router;  /* keep rows of this router, or its interfaces; NULL: all */
	const char *network; /* likewise */
	json_t *rows;
	bool route_too; /* still to be asked */
};

static const char *name_in_lab(const struct object *object) { return object->path + strlen(object->lab) + 1; }

/* Replaces a number by the name of its object, which is returned; NULL when it isn't known (any more). */
static const struct object *name_for(const struct ctl *ctl, json_t *row, const char *key, const char *new_key)
{
	json_t *number = json_object_get(row, key);
	const struct object *object = json_is_integer(number) ? world_find_id(ctl->world, (uint32_t)json_integer_value(number)) : NULL;

	if (!json_is_integer(number))
		return NULL;
	if (object == NULL && json_integer_value(number) != 0)
		return NULL;
	if (strcmp(key, new_key) != 0)
		(void)json_object_del(row, key);
	(void)json_object_set_new(row, new_key, object ? json_string(name_in_lab(object)) : json_null());
	return object;
}

/* Gives a row its names and its lab. False when it is of nothing that is wanted. */
static bool translate(const struct show *show, json_t *row)
{
	static const char *const keys[][2] = {
		{"router", "router"}, {"network", "network"}, {"port", "port"}, {"rif", "rif"}, {"group", "group"}, {"id", "name"}};
	const struct ctl *ctl = show->call->ctl;
	const struct object *first = NULL;
	json_t *hop;
	size_t i;

	for (size_t k = 0; k < COUNT_OF(keys); k++) {
		const struct object *object = name_for(ctl, row, keys[k][0], keys[k][1]);

		first = first ? first : object;
	}
	json_array_foreach(json_object_get(row, "nexthops"), i, hop)(void) name_for(ctl, hop, "rif", "rif");
	if (first == NULL || (show->lab != NULL && strcmp(first->lab, show->lab) != 0))
		return false;
	(void)json_object_set_new(row, "lab", json_string(first->lab));
	return true;
}

/* Whether "r1" or "r1:lan" belongs to router r1. */
static bool is_of(const char *name, const char *owner)
{
	size_t length = strlen(owner);

	return name != NULL && strncmp(name, owner, length) == 0 && (name[length] == 0 || name[length] == ':');
}

static bool is_wanted(const struct show *show, const json_t *row)
{
	const char *router = json_string_value(json_object_get(row, "router")),
		   *network = json_string_value(json_object_get(row, "network"));
	const char *name = json_string_value(json_object_get(row, "name"));

	if (show->router != NULL && !is_of(router ? router : name, show->router))
		return false;
	return show->network == NULL || (network != NULL && strcmp(network, show->network) == 0) ||
	       (name != NULL && strcmp(name, show->network) == 0);
}

/* What rows are sorted by, the weightiest first. More rows than this stay as they come: sorting them would keep others waiting. */
static const char *const sort_keys[] = {"lab", "router", "name", "network", "port", "group", "rif", "prefix", "ip", "mac"};
#define SHOW_SORTED_MAX 20000

struct sortable {
	json_t *row;
	size_t at;
	const char *texts[COUNT_OF(sort_keys)];
};

static int compare_rows(const void *left, const void *right)
{
	const struct sortable *a = left, *b = right;
	int order = 0;

	for (size_t i = 0; i < COUNT_OF(sort_keys) && order == 0; i++)
		order = text_compare_natural(a->texts[i], b->texts[i]);
	return order != 0 ? order : a->at < b->at ? -1 : 1;
}

/* The rows as people look for them; those that are alike in all keys stay in the order in which they came. */
static void sort_rows(struct show *show)
{
	size_t count = json_array_size(show->rows);
	struct sortable *list;
	json_t *sorted;

	if (count > SHOW_SORTED_MAX)
		return;
	list = arena_alloc(show->call->arena, (count + 1) * sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		list[i] = (struct sortable){.row = json_array_get(show->rows, i), .at = i};
		for (size_t k = 0; k < COUNT_OF(sort_keys); k++) {
			const char *text = json_string_value(json_object_get(list[i].row, sort_keys[k]));

			list[i].texts[k] = text ? text : "";
		}
	}
	qsort(list, count, sizeof(*list), compare_rows);
	sorted = json_array();
	for (size_t i = 0; i < count; i++)
		(void)json_array_append(sorted, list[i].row);
	json_decref(show->rows);
	show->rows = sorted;
}

/* C = R / G of an interface. */
static void add_load(json_t *row)
{
	const json_t *bandwidth = json_object_get(row, "bandwidth_bps"), *throughput = json_object_get(row, "throughput_bps");

	if (json_is_integer(bandwidth) && json_integer_value(bandwidth) > 0)
		(void)json_object_set_new(
			row, "load", json_real((double)json_integer_value(throughput) / (double)json_integer_value(bandwidth)));
}

static channel_reply_fn more_came;

static void row_came(void *context, const struct message *message, int error, bool last)
{
	struct show *show = context;

	if (!last && json_array_size(show->rows) < SHOW_ROWS_MAX) {
		json_t *row = message_to_json(message->row, message->body);

		add_load(row);
		if (translate(show, row) && is_wanted(show, row))
			(void)json_array_append(show->rows, row);
		json_decref(row);
	}
	if (!last)
		return;
	if (error == 0 && show->route_too) {
		const struct msg_show order = {.what = SHOW_DROPS};
		struct ctl *ctl = show->call->ctl;

		show->route_too = false;
		channel_call(ctl->process->peers[PROCESS_ROUTE], ctl->loop, MSG_SHOW, &order, span_s(SHOW_TIMEOUT_S), more_came, show);
		return;
	}
	if (error < 0) {
		json_decref(show->rows);
		api_error(show->call, error, message ? ((const struct msg_done *)message->body)->text : NULL);
		return;
	}
	sort_rows(show);
	api_reply(show->call, 200, show->rows);
}

/* The same from the second process that is asked: without it the rows of the first will do. */
static void more_came(void *context, const struct message *message, int error, bool last)
{
	row_came(context, message, last ? 0 : error, last);
}

/* The id of the router or network that is asked for by name; 0: of all. False after a problem was sent. */
static bool find_object(struct show *show, const struct show_row *row, uint32_t *id)
{
	struct api_call *call = show->call;
	const char *name = row->object == OBJECT_ROUTER ? show->router : row->object == OBJECT_NETWORK ? show->network : NULL;
	const char *kind = row->object == OBJECT_ROUTER ? "router" : "network";
	const struct ctl_lab *lab;
	size_t cursor = 0, count = 0;

	*id = 0;
	if (name == NULL)
		return true;
	while ((lab = map_next(&call->ctl->labs, &cursor, NULL, NULL)) != NULL) {
		const struct object *object;

		if (show->lab != NULL && strcmp(show->lab, lab->name) != 0)
			continue;
		object = world_find_path(call->ctl->world, row->object, arena_printf(call->arena, "%s/%s", lab->name, name));
		if (object == NULL)
			continue;
		*id = object->id;
		count++;
	}
	if (count == 0)
		api_problem(call, 404, "no %s named \"%.60s\"", kind, name);
	if (count > 1)
		api_problem(call, 409, "%zu labs have a %s named \"%.60s\"; say which lab", count, kind, name);
	return count == 1;
}

void api_show(struct api_call *call)
{
	struct show *show = arena_alloc(call->arena, sizeof(*show));
	struct msg_show order = {0};

	*show = (struct show){call, api_query(call, "lab"), api_query(call, "router"), api_query(call, "network"), NULL, false};
	for (size_t i = 0; i < COUNT_OF(shows); i++) {
		if (strcmp(shows[i].name, call->arguments[0]) != 0)
			continue;
		if (show->lab != NULL && api_lab(call, show->lab) == NULL)
			return;
		order.what = (uint8_t)shows[i].what;
		if (!find_object(show, &shows[i], &order.object))
			return;
		show->rows = json_array();
		show->route_too = shows[i].route_too;
		channel_call(call->ctl->process->peers[shows[i].process], call->ctl->loop, MSG_SHOW, &order, span_s(SHOW_TIMEOUT_S),
			row_came, show);
		return;
	}
	api_problem(call, 404,
		"\"%.40s\" can't be shown; there are route, rip, rip-neighbors, ospf-neighbors, ospf-interfaces, "
		"ospf-database, ospf-routes, bgp, bgp-neighbors, arp, mac, dhcp, interfaces, connections, groups, drops, queues",
		call->arguments[0]);
}
