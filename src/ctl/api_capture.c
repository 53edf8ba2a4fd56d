/* The API of captures: the stream of a port's or interface's packets as pcapng, on an upgraded connection. */
#include "base/check.h"
#include "base/text.h"
#include "ctl/console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURE_TIMEOUT_S 10
#define CAPTURE_PROTOCOL "weft-capture"

/* Hexadecimal digits of an instruction: code 4, jt 2, jf 2, k 8. */
#define INSN_DIGITS 16

static bool read_hex(const char *digits, unsigned count, uint32_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < count; i++) {
		const char *all = "0123456789abcdef", *at = digits[i] != '\0' ? strchr(all, digits[i]) : NULL;

		if (at == NULL)
			return false;
		*value = *value << 4 | (uint32_t)(at - all);
	}
	return true;
}

/* A filter: instructions of classic BPF, each as 16 hexadecimal digits. The switch checks the program itself. */
static bool read_filter(const char *text, struct msg_capture *order)
{
	size_t digits = strlen(text);

	if (digits % INSN_DIGITS != 0 || digits / INSN_DIGITS > CAPTURE_INSNS_MAX)
		return false;
	for (const char *at = text; *at != '\0'; at += INSN_DIGITS) {
		uint32_t code, jt, jf, k;

		if (!read_hex(at, 4, &code) || !read_hex(at + 4, 2, &jt) || !read_hex(at + 6, 2, &jf) || !read_hex(at + 8, 8, &k))
			return false;
		order->insns[order->insn_count++] = (struct capture_insn){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k};
	}
	return true;
}

static void capture_came(void *context, const struct message *message, int error, bool last)
{
	struct api_call *call = context;

	if (!last)
		return;
	if (error == 0 && message != NULL && message->fd >= 0)
		console_serve(call, message->fd, CAPTURE_PROTOCOL);
	else
		api_error(call, error ? error : -EPROTO, message && error ? ((const struct msg_done *)message->body)->text : NULL);
}

/* The port or router interface of a name ("vm1:eth0", "r1:lan"); a machine with one NIC may be named alone. */
static const struct object *find_member(struct api_call *call, const struct ctl_lab *lab, const char *name)
{
	const struct object_list *list = &lab->value->objects;
	const struct object *found = NULL;
	size_t length = strlen(name), count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct object *object = &list->items[i];
		const char *own = object->path + strlen(object->lab) + 1;

		if ((object->kind != OBJECT_PORT && object->kind != OBJECT_RIF) || strncmp(own, name, length) != 0)
			continue;
		if (own[length] == '\0')
			return object;
		if (own[length] == ':') {
			found = object;
			count++;
		}
	}
	if (count == 0)
		api_problem(call, 404, "lab %s has no port or interface named \"%.60s\"", lab->name, name);
	else if (count > 1)
		api_problem(call, 409, "%.60s has %zu interfaces: say which, as in %s", name, count, found->path + strlen(found->lab) + 1);
	return count == 1 ? found : NULL;
}

void api_capture(struct api_call *call)
{
	const char *upgrade = http_header(call->request, "Upgrade"), *port = api_query(call, "port"), *filter = api_query(call, "filter");
	const char *snaplen = api_query(call, "snaplen");
	const struct ctl_lab *lab;
	const struct object *member;
	struct msg_capture *order = arena_alloc(call->arena, sizeof(*order));
	char *end = NULL;

	if (upgrade == NULL || strcmp(upgrade, CAPTURE_PROTOCOL) != 0 || port == NULL) {
		api_problem(call, 400, "a capture needs port= and the header \"Upgrade: %s\"", CAPTURE_PROTOCOL);
		return;
	}
	order->snaplen = snaplen != NULL ? (uint32_t)strtoul(snaplen, &end, 10) : 0;
	if (end != NULL && (*end != '\0' || end == snaplen)) {
		api_problem(call, 400, "snaplen is a number of bytes, not \"%.40s\"", snaplen);
		return;
	}
	if (filter != NULL && !read_filter(filter, order)) {
		api_problem(call, 400, "filter is at most %d instructions of BPF, each as %d hexadecimal digits", CAPTURE_INSNS_MAX,
			INSN_DIGITS);
		return;
	}
	lab = api_lab(call, call->arguments[0]);
	member = lab != NULL ? find_member(call, lab, port) : NULL;
	if (member == NULL)
		return;
	order->id = member->id;
	(void)text_copy(order->name, sizeof(order->name), member->path + strlen(member->lab) + 1);
	channel_call(call->ctl->process->peers[PROCESS_SWITCH], call->ctl->loop, MSG_CAPTURE, order, span_s(CAPTURE_TIMEOUT_S),
		capture_came, call);
}
