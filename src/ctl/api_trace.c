/*
 * The API of traces: finds who is meant by the two ends, asks the switch to walk the packet in dry-run, gives its steps names.
 *
 * Theory of operation. An end is a machine or its NIC ("vm1", "vm1:eth0"), a TAP port, a router or its interface ("r1", "r1:lan"), or, as
 * destination, an address. What is found out is only which port or router sends and which address it sends to: all else is decided by the
 * tables of the switch.
 */
#include "api/message_json.h"
#include "base/check.h"
#include "base/text.h"
#include "ctl/api.h"
#include "net/ipv4.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_TIMEOUT_S 10
#define TRACE_STEPS_MAX 1000

/* A port of clients that nobody has, to send from. */
#define SOURCE_PORT 50000

/* One end of a trace. */
struct end {
	const struct object *port;   /* machine's NIC or TAP */
	const struct object *router; /* or a router */
	const struct object *rif;    /* and its interface, where one is named */
	struct ip ip;
};

struct tracing {
	struct api_call *call;
	const struct ctl_lab *lab;
	struct msg_trace question;
	json_t *answer;
	json_t *steps;
};

static const char *name_of(const struct object *object) { return object->path + strlen(object->lab) + 1; }

/* The address of a family that an object's message gives. */
static struct ip address_of(const struct object *object, enum ip_family family)
{
	if (object->kind == OBJECT_PORT) {
		const struct msg_port *port = object->body;

		return family == IP_V4 ? port->ipv4 : port->ipv6;
	}
	if (object->kind == OBJECT_RIF) {
		const struct msg_rif *rif = object->body;

		for (unsigned i = 0; i < rif->address_count; i++)
			if (rif->addresses[i].ip.family == family)
				return rif->addresses[i].ip;
	}
	return (struct ip){0};
}

/* The first port or interface of a machine or router that has an address of the family (IP_NONE: the very first). */
static const struct object *first_of(const struct tracing *tracing, enum object_kind kind, const char *owner, enum ip_family family)
{
	const struct object_list *list = &tracing->lab->value->objects;
	size_t length = strlen(owner);

	for (size_t i = 0; i < list->count; i++) {
		const struct object *object = &list->items[i];

		if (object->kind != kind || strncmp(name_of(object), owner, length) != 0 || name_of(object)[length] != ':')
			continue;
		if (family == IP_NONE || address_of(object, family).family != IP_NONE)
			return object;
	}
	return NULL;
}

/* Whom a name means; false after a problem was sent. */
static bool find_end(struct tracing *tracing, const char *name, enum ip_family family, struct end *end)
{
	struct api_call *call = tracing->call;
	const struct world *world = call->ctl->world;
	const char *path = arena_printf(call->arena, "%s/%s", tracing->lab->name, name);

	*end = (struct end){.port = world_find_path(world, OBJECT_PORT, path),
		.router = world_find_path(world, OBJECT_ROUTER, path),
		.rif = world_find_path(world, OBJECT_RIF, path)};
	if (end->port == NULL && end->rif == NULL && end->router == NULL) {
		end->port = first_of(tracing, OBJECT_PORT, name, family);
		if (end->port == NULL)
			end->port = first_of(tracing, OBJECT_PORT, name, IP_NONE);
	}
	if (end->router != NULL)
		end->rif = first_of(tracing, OBJECT_RIF, name, family);
	else if (end->rif != NULL)
		end->router = world_find_id(world, ((const struct msg_rif *)end->rif->body)->router);
	if (end->port == NULL && end->router == NULL) {
		api_problem(call, 404, "lab %s has no machine, port or router named \"%.60s\"", tracing->lab->name, name);
		return false;
	}
	if (end->port != NULL || end->rif != NULL)
		end->ip = address_of(end->port != NULL ? end->port : end->rif, family);
	return true;
}

static bool find_destination(struct tracing *tracing, const char *name, enum ip_family family)
{
	struct end end;

	if (ip_parse(name, &tracing->question.destination))
		return true;
	if (!find_end(tracing, name, family, &end))
		return false;
	if (end.ip.family == IP_NONE) {
		api_problem(tracing->call, 422, "%.60s has no %s address: name one as the destination", name,
			family == IP_V6 ? "IPv6" : "IPv4");
		return false;
	}
	tracing->question.destination = end.ip;
	return true;
}

/* A number of a query within bounds; `fallback` where there is none. False after a problem was sent. */
static bool query_number(struct api_call *call, const char *name, unsigned long max, unsigned long *value, unsigned long fallback)
{
	const char *text = api_query(call, name);
	char *end = NULL;

	*value = text != NULL ? strtoul(text, &end, 10) : fallback;
	if (text == NULL || (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *value <= max))
		return true;
	api_problem(call, 400, "%s is a number from 0 to %lu, not \"%.40s\"", name, max, text);
	return false;
}

static bool read_protocol(struct tracing *tracing)
{
	const char *name = api_query(tracing->call, "protocol");
	struct msg_trace *question = &tracing->question;
	unsigned long number;

	if (name == NULL || strcmp(name, "icmp") == 0)
		question->protocol = question->destination.family == IP_V6 ? IP_PROTOCOL_ICMPV6 : IP_PROTOCOL_ICMP;
	else if (strcmp(name, "tcp") == 0)
		question->protocol = IP_PROTOCOL_TCP;
	else if (strcmp(name, "udp") == 0)
		question->protocol = IP_PROTOCOL_UDP;
	else if (!query_number(tracing->call, "protocol", 255, &number, 0))
		return false;
	else
		question->protocol = (uint8_t)number;
	return true;
}

static bool read_question(struct tracing *tracing)
{
	struct api_call *call = tracing->call;
	struct msg_trace *question = &tracing->question;
	unsigned long port, source_port, ttl, size;

	if (!read_protocol(tracing) || !query_number(call, "port", 65535, &port, 0) ||
		!query_number(call, "source_port", 65535, &source_port, SOURCE_PORT) || !query_number(call, "ttl", 255, &ttl, 0) ||
		!query_number(call, "size", PACKET_BYTES_MAX, &size, 0))
		return false;
	if (port == 0 && (question->protocol == IP_PROTOCOL_TCP || question->protocol == IP_PROTOCOL_UDP)) {
		api_problem(call, 400, "tcp and udp need a port: tcp/22");
		return false;
	}
	question->destination_port = (uint16_t)port;
	question->source_port = (uint16_t)source_port;
	question->ttl = (uint8_t)ttl;
	question->size = (uint16_t)size;
	return true;
}

/* "demo/r1:lan" becomes "r1:lan" wherever it stands. */
static void shorten(char *text, const char *lab)
{
	size_t length = strlen(lab);

	for (char *at = text; (at = strstr(at, lab)) != NULL;) {
		bool starts = at == text || at[-1] == ' ' || at[-1] == '(';

		if (starts && at[length] == '/')
			memmove(at, at + length + 1, strlen(at + length + 1) + 1);
		else
			at += length;
	}
}

static void add_step(struct tracing *tracing, struct row_trace *row)
{
	const struct world *world = tracing->call->ctl->world;
	const struct object *at = row->id != 0 ? world_find_id(world, row->id) : NULL;
	const struct object *router = row->router != 0 ? world_find_id(world, row->router) : NULL;
	json_t *step;

	shorten(row->text, tracing->lab->name);
	shorten(row->fix, tracing->lab->name);
	step = message_to_json(message_row(MSG_ROW_TRACE), row);
	(void)json_object_del(step, "id");
	(void)json_object_set_new(step, "at",
		at != NULL	 ? json_string(name_of(at))
		: router != NULL ? json_string(name_of(router))
				 : json_null());
	(void)json_object_set_new(step, "router", router != NULL ? json_string(name_of(router)) : json_null());
	if (row->verdict != TRACE_GOES_ON)
		(void)json_object_set(tracing->answer, "verdict", json_object_get(step, "verdict"));
	(void)json_array_append_new(tracing->steps, step);
}

static void step_came(void *context, const struct message *message, int error, bool last)
{
	struct tracing *tracing = context;

	if (!last) {
		struct row_trace row = *(const struct row_trace *)message->body;

		if (message->row->type == MSG_ROW_TRACE && json_array_size(tracing->steps) < TRACE_STEPS_MAX)
			add_step(tracing, &row);
		return;
	}
	if (error < 0) {
		json_decref(tracing->answer);
		api_error(tracing->call, error, message ? ((const struct msg_done *)message->body)->text : NULL);
		return;
	}
	api_reply(tracing->call, 200, tracing->answer);
}

/* What is asked, as the answer's head. */
static void begin_answer(struct tracing *tracing, const char *from, const char *to)
{
	const struct msg_trace *question = &tracing->question;
	char source[IP_TEXT_BYTES], destination[IP_TEXT_BYTES];

	tracing->steps = json_array();
	tracing->answer = json_pack("{s:s, s:s, s:s?, s:s, s:s, s:i, s:i, s:n, s:O}", "lab", tracing->lab->name, "from", from, "source",
		question->source.family != IP_NONE ? ip_text(question->source, source) : NULL, "to", to, "destination",
		ip_text(question->destination, destination), "protocol", (int)question->protocol, "port", (int)question->destination_port,
		"verdict", "steps", tracing->steps);
	CHECK(tracing->answer != NULL);
	json_decref(tracing->steps); /* the answer holds it */
}

void api_trace(struct api_call *call)
{
	struct tracing *tracing = arena_alloc(call->arena, sizeof(*tracing));
	const char *from = api_query(call, "from"), *to = api_query(call, "to"), *source = api_query(call, "source");
	enum ip_family family = IP_V4;
	struct end end;

	*tracing = (struct tracing){.call = call, .lab = api_lab(call, call->arguments[0])};
	if (tracing->lab == NULL)
		return;
	if (from == NULL || to == NULL) {
		api_problem(call, 400, "a trace needs from= and to=");
		return;
	}
	if (source != NULL && !ip_parse(source, &tracing->question.source)) {
		api_problem(call, 400, "source is an address, not \"%.60s\"", source);
		return;
	}
	if (tracing->question.source.family == IP_V6)
		family = IP_V6;
	if (!find_destination(tracing, to, family))
		return;
	family = (enum ip_family)tracing->question.destination.family;
	if (!find_end(tracing, from, family, &end) || !read_question(tracing))
		return;
	if (tracing->question.source.family == IP_NONE)
		tracing->question.source = end.ip;
	if (end.port != NULL)
		tracing->question.port = end.port->id;
	else
		tracing->question.router = end.router->id;
	begin_answer(tracing, name_of(end.port != NULL ? end.port : end.router), to);
	channel_call(call->ctl->process->peers[PROCESS_SWITCH], call->ctl->loop, MSG_TRACE, &tracing->question, span_s(TRACE_TIMEOUT_S),
		step_came, tracing);
}
