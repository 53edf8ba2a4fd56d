/*
 * GET /metrics: counters of ports and router interfaces, drops by reason, states of machines and processes, in Prometheus' text format.
 *
 * Names follow Prometheus: base units, _total for what only grows. A name in the lab file can't break a label: it is escaped all the same.
 */
#include "api/message_nat.h"
#include "base/check.h"
#include "base/map.h"
#include "base/text.h"
#include "ctl/api.h"
#include "ctl/machines.h"
#include "ctl/pool_catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define METRICS_TIMEOUT_S 10

/* Under way: rows of the switch are kept until all are there, since a metric's lines must stand together. */
struct metrics {
	struct api_call *call;
	struct row_interface *interfaces;
	struct row_drop *drops;
	struct row_nat_rule *nat_rules;
	size_t interface_count, interface_room, drop_count, drop_room, nat_count, nat_room;
	struct text out;
};

/* The next place of an array in the call's arena. */
static void *grow(struct arena *arena, void *array, size_t *count, size_t *room, size_t bytes)
{
	if (*count == *room) {
		char *more = arena_alloc(arena, (*room * 2 + 64) * bytes);

		if (*count > 0)
			memcpy(more, array, *count * bytes);
		*room = *room * 2 + 64;
		array = more;
	}
	(*count)++;
	return array;
}

static void add_label(struct text *out, const char *name, const char *value)
{
	text_add(out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			text_add(out, "\\%c", *value);
		else if (*value == '\n')
			text_add(out, "\\n");
		else
			text_add(out, "%c", *value);
	}
	text_add(out, "\"");
}

static void add_head(struct text *out, const char *name, const char *type, const char *help)
{
	text_add(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* lab="demo",port="vm1:eth0"; false for an object that is gone. */
static bool add_object(struct metrics *metrics, const char *metric, uint32_t id)
{
	const struct object *object = world_find_id(metrics->call->ctl->world, id);

	if (object == NULL)
		return false;
	text_add(&metrics->out, "%s{", metric);
	add_label(&metrics->out, "lab", object->lab);
	text_add(&metrics->out, ",");
	add_label(&metrics->out,
		object->kind == OBJECT_RIF	? "interface"
		: object->kind == OBJECT_ROUTER ? "router"
						: "port",
		object->path + strlen(object->lab) + 1);
	return true;
}

static void add_interfaces(struct metrics *metrics)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} rows[] = {
		{"receive_bytes_total", "Bytes received", offsetof(struct row_interface, rx_bytes)},
		{"receive_packets_total", "Packets received", offsetof(struct row_interface, rx_packets)},
		{"transmit_bytes_total", "Bytes sent", offsetof(struct row_interface, tx_bytes)},
		{"transmit_packets_total", "Packets sent", offsetof(struct row_interface, tx_packets)},
	};

	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		bool routers = i >= COUNT_OF(rows);
		size_t row = i % COUNT_OF(rows);
		const char *name = arena_printf(metrics->call->arena, "weft_%s_%s", routers ? "router_interface" : "port", rows[row].name);

		add_head(&metrics->out, name, "counter", rows[row].help);
		for (size_t j = 0; j < metrics->interface_count; j++) {
			uint64_t value;

			if (metrics->interfaces[j].is_router != routers || !add_object(metrics, name, metrics->interfaces[j].id))
				continue;
			memcpy(&value, (const char *)&metrics->interfaces[j] + rows[row].offset, sizeof(value));
			text_add(&metrics->out, "} %" PRIu64 "\n", value);
		}
	}
}

/* Sums over the interfaces of a router, which may be named by their numbers. */
struct rate_sum {
	double bandwidth, throughput;
};

static void sum_routers(struct metrics *metrics, struct map *sums)
{
	for (size_t i = 0; i < metrics->interface_count; i++) {
		const struct row_interface *row = &metrics->interfaces[i];
		const struct object *object = world_find_id(metrics->call->ctl->world, row->id);
		struct rate_sum *sum;
		uint32_t router;

		if (object == NULL || object->kind != OBJECT_RIF)
			continue;
		router = ((const struct msg_rif *)object->body)->router;
		sum = map_get(sums, router);
		if (sum == NULL) {
			sum = arena_alloc(metrics->call->arena, sizeof(*sum));
			*sum = (struct rate_sum){0};
			(void)map_set(sums, router, sum);
		}
		sum->bandwidth += (double)row->bandwidth_bps;
		sum->throughput += (double)row->throughput_bps;
	}
}

/* The value of a gauge: G, R or C = R / G. */
static double rate_of(double bandwidth, double throughput, size_t which)
{
	return which == 0 ? bandwidth : which == 1 ? throughput : bandwidth > 0 ? throughput / bandwidth : 0;
}

/* R = G x C of ports and router interfaces (in the direction with the higher load) and of routers. */
static void add_rates(struct metrics *metrics)
{
	static const char *const units[] = {"bandwidth_bits_per_second", "throughput_bits_per_second", "load_ratio"};
	static const char *const helps[] = {"G: bandwidth that is there", "R: bits a second since the last question", "C = R / G"};
	static const char *const owners[] = {"port", "router_interface", "router"};
	struct map sums = {0};

	sum_routers(metrics, &sums);
	for (size_t i = 0; i < COUNT_OF(owners) * COUNT_OF(units); i++) {
		size_t owner = i / COUNT_OF(units), unit = i % COUNT_OF(units), cursor = 0;
		const char *name = arena_printf(metrics->call->arena, "weft_%s_%s", owners[owner], units[unit]);
		const struct rate_sum *sum;
		uint64_t id;

		add_head(&metrics->out, name, "gauge", helps[unit]);
		for (size_t j = 0; owner < 2 && j < metrics->interface_count; j++) {
			const struct row_interface *row = &metrics->interfaces[j];

			if (row->is_router == (owner == 1) && add_object(metrics, name, row->id))
				text_add(&metrics->out, "} %.9g\n", rate_of((double)row->bandwidth_bps, (double)row->throughput_bps, unit));
		}
		while (owner == 2 && (sum = map_next(&sums, &cursor, &id, NULL)) != NULL)
			if (add_object(metrics, name, (uint32_t)id))
				text_add(&metrics->out, "} %.9g\n", rate_of(sum->bandwidth, sum->throughput, unit));
	}
	map_free(&sums);
}

static void add_drops(struct metrics *metrics)
{
	add_head(&metrics->out, "weft_drops_total", "counter", "Packets dropped, by where and why");
	for (size_t i = 0; i < metrics->drop_count; i++) {
		if (!add_object(metrics, "weft_drops_total", metrics->drops[i].id))
			continue;
		text_add(&metrics->out, ",");
		add_label(&metrics->out, "reason", metrics->drops[i].reason);
		text_add(&metrics->out, "} %" PRIu64 "\n", metrics->drops[i].packets);
	}
}

/* Rows are of rules: what is a router's own stands in each of its rows, which follow each other. */
static void add_nat(struct metrics *metrics)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} rows[] = {
		{"weft_nat_connections", "Translated connections of a router", offsetof(struct row_nat_rule, connections)},
		{"weft_nat_ports_used", "Ports of translated addresses in use", offsetof(struct row_nat_rule, ports_used)},
		{"weft_nat_ports_taken", "Ports of translated addresses in blocks of hosts", offsetof(struct row_nat_rule, ports_taken)},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		add_head(&metrics->out, rows[i].name, "gauge", rows[i].help);
		for (size_t j = 0; j < metrics->nat_count; j++) {
			const struct row_nat_rule *row = &metrics->nat_rules[j];
			char ip[IP_TEXT_BYTES], rule[2 * IP_TEXT_BYTES];
			uint32_t value;

			if (i == 0 ? j > 0 && metrics->nat_rules[j - 1].router == row->router : row->kind != NAT_SOURCE)
				continue;
			if (!add_object(metrics, rows[i].name, row->router))
				continue;
			if (i > 0) {
				char prefix[PREFIX_TEXT_BYTES];

				text_add(&metrics->out, ",");
				(void)snprintf(rule, sizeof(rule), "%s %s", prefix_text(row->match, prefix), ip_text(row->to, ip));
				add_label(&metrics->out, "snat", rule);
			}
			memcpy(&value, (const char *)row + rows[i].offset, sizeof(value));
			text_add(&metrics->out, "} %" PRIu32 "\n", value);
		}
	}
}

static void add_machines(struct metrics *metrics)
{
	struct ctl *ctl = metrics->call->ctl;
	struct object_list vms = world_list(ctl->world, NULL, 1u << PROCESS_VM, metrics->call->arena);

	add_head(&metrics->out, "weft_vm_running", "gauge", "Whether the machine runs");
	for (size_t i = 0; i < vms.count; i++) {
		const struct msg_vm_state *state = vms.items[i].kind == OBJECT_VM ? machines_vm(ctl, vms.items[i].id) : NULL;

		if (vms.items[i].kind != OBJECT_VM)
			continue;
		text_add(&metrics->out, "weft_vm_running{");
		add_label(&metrics->out, "lab", vms.items[i].lab);
		text_add(&metrics->out, ",");
		add_label(&metrics->out, "vm", vms.items[i].path + strlen(vms.items[i].lab) + 1);
		text_add(&metrics->out, "} %d\n", state != NULL && state->state == VM_STATE_RUNNING);
	}
}

static void add_processes(struct metrics *metrics)
{
	const struct ctl *ctl = metrics->call->ctl;

	add_head(&metrics->out, "weft_process_restarts_total", "counter", "How often a process of weftd was started again");
	for (enum process_id id = 0; id < PROCESS_COUNT; id++)
		if (ctl->processes[id].pid != 0)
			text_add(&metrics->out, "weft_process_restarts_total{process=\"%s\"} %" PRIu32 "\n", process_name(id),
				ctl->processes[id].restarts);
	add_head(&metrics->out, "weft_labs", "gauge", "Labs that are wanted");
	text_add(&metrics->out, "weft_labs %zu\n", (size_t)ctl->labs.used);
}

/* pool="demo/network/lan",lab="demo"; a pool of the whole daemon has no lab. */
static void add_pool(struct text *out, const char *metric, const struct pool_entry *entry, uint64_t value)
{
	text_add(out, "%s{", metric);
	add_label(out, "pool", entry->key);
	if (entry->lab != NULL) {
		text_add(out, ",");
		add_label(out, "lab", entry->lab);
	}
	text_add(out, "} %" PRIu64 "\n", value);
}

static void add_pools(struct metrics *metrics)
{
	static const char *const rows[][2] = {
		{"weft_pool_size", "Numbers that a pool has, excluded ones among them"},
		{"weft_pool_held", "Numbers of a pool that are held"},
		{"weft_pool_reserved", "Numbers of a pool that were reserved by command, among those that are held"},
		{"weft_pool_quarantined", "Numbers of a pool that were given back and still rest"},
	};
	struct api_call *call = metrics->call;
	struct pool_catalog pools = pool_catalog_make(call->ctl, call->arena);
	struct pool_tally *tallies = arena_alloc(call->arena, (pools.count + 1) * sizeof(*tallies));

	for (size_t i = 0; i < pools.count; i++)
		tallies[i] = pool_tally(call->ctl, &pools.entries[i]);
	for (size_t row = 0; row < COUNT_OF(rows); row++) {
		add_head(&metrics->out, rows[row][0], "gauge", rows[row][1]);
		for (size_t i = 0; i < pools.count; i++) {
			const uint64_t values[COUNT_OF(rows)] = {
				pools.entries[i].size, tallies[i].held, tallies[i].reserved, tallies[i].resting};

			/* Nobody knows the size of one that is gone from its lab's file. */
			if (row > 0 || values[row] > 0)
				add_pool(&metrics->out, rows[row][0], &pools.entries[i], values[row]);
		}
	}
}

static void metrics_reply(struct metrics *metrics)
{
	struct api_call *call = metrics->call;

	add_interfaces(metrics);
	add_rates(metrics);
	add_drops(metrics);
	add_nat(metrics);
	add_machines(metrics);
	add_processes(metrics);
	add_pools(metrics);
	if (call->request != NULL)
		http_reply(call->request, 200, "text/plain; version=0.0.4; charset=utf-8", text_get(&metrics->out), metrics->out.used);
	text_free(&metrics->out);
	api_call_free(call);
}

static void nat_came(void *context, const struct message *message, int error, bool last)
{
	struct metrics *metrics = context;

	if (last) {
		metrics_reply(metrics);
	} else if (message->row->type == MSG_ROW_NAT_RULE) {
		metrics->nat_rules = grow(
			metrics->call->arena, metrics->nat_rules, &metrics->nat_count, &metrics->nat_room, sizeof(*metrics->nat_rules));
		metrics->nat_rules[metrics->nat_count - 1] = *(const struct row_nat_rule *)message->body;
	}
}

static void drop_came(void *context, const struct message *message, int error, bool last)
{
	struct metrics *metrics = context;
	struct ctl *ctl = metrics->call->ctl;
	const struct msg_show rules = {.what = SHOW_NAT_RULES};

	if (last) {
		channel_call(
			ctl->process->peers[PROCESS_SWITCH], ctl->loop, MSG_SHOW, &rules, span_s(METRICS_TIMEOUT_S), nat_came, metrics);
	} else if (message->row->type == MSG_ROW_DROP) {
		metrics->drops =
			grow(metrics->call->arena, metrics->drops, &metrics->drop_count, &metrics->drop_room, sizeof(*metrics->drops));
		metrics->drops[metrics->drop_count - 1] = *(const struct row_drop *)message->body;
	}
}

/* Without the switch its metrics are left out: what is asked for every few seconds must not fail because a process starts anew. */
static void interface_came(void *context, const struct message *message, int error, bool last)
{
	struct metrics *metrics = context;
	struct ctl *ctl = metrics->call->ctl;
	const struct msg_show drops = {.what = SHOW_DROPS};

	if (last) {
		channel_call(
			ctl->process->peers[PROCESS_SWITCH], ctl->loop, MSG_SHOW, &drops, span_s(METRICS_TIMEOUT_S), drop_came, metrics);
	} else if (message->row->type == MSG_ROW_INTERFACE) {
		metrics->interfaces = grow(metrics->call->arena, metrics->interfaces, &metrics->interface_count, &metrics->interface_room,
			sizeof(*metrics->interfaces));
		metrics->interfaces[metrics->interface_count - 1] = *(const struct row_interface *)message->body;
	}
}

void api_metrics(struct api_call *call)
{
	struct metrics *metrics = arena_alloc(call->arena, sizeof(*metrics));
	const struct msg_show interfaces = {.what = SHOW_INTERFACES};

	*metrics = (struct metrics){.call = call};
	channel_call(call->ctl->process->peers[PROCESS_SWITCH], call->ctl->loop, MSG_SHOW, &interfaces, span_s(METRICS_TIMEOUT_S),
		interface_came, metrics);
}
