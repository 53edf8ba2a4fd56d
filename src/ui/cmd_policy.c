/* weft policy test: what a route policy of a lab file makes of a route, and by which of its rules. Asks no daemon. */
#include "base/check.h"
#include "base/text.h"
#include "model/lab_policy.h"
#include "model/policy_text.h"
#include "ui/lab_file.h"
#include "ui/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PATH_NUMBERS_MAX 255
#define COMMUNITIES_MAX 64

/* The route that is asked about; what `route` borrows lies here. */
struct question {
	struct prefix prefix;
	struct policy_route route;
	uint8_t as_path[2 + 4 * PATH_NUMBERS_MAX];
	uint8_t communities[POLICY_LARGE + 1][12 * COMMUNITIES_MAX];
};

/* "65001 65002" as one sequence. */
static bool path_read(struct question *q, const char *text)
{
	struct writer w = writer_over(q->as_path, sizeof(q->as_path));
	unsigned count = 0;

	writer_u8(&w, 2);
	writer_u8(&w, 0);
	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		char *end;
		unsigned long long number = strtoull(text, &end, 10);

		if (end == text || text[0] == '-' || number > UINT32_MAX || count == PATH_NUMBERS_MAX || (*end != ' ' && *end != '\0'))
			return false;
		writer_u32(&w, (uint32_t)number);
		count++;
		text = end;
	}
	q->as_path[1] = (uint8_t)count;
	q->route.as_path = (struct policy_bytes){q->as_path, count > 0 ? writer_used(&w) : 0};
	q->route.path_length = (uint16_t)count;
	return true;
}

/* "65001:1,no-export": each goes to those of its kind. Returns what is wrong, or NULL. */
static const char *communities_read(const struct call *call, struct question *q, const char *text)
{
	/* By kind, of which there is no 0. */
	struct policy_bytes *const lists[] = {&q->route.communities, &q->route.communities, &q->route.extended, &q->route.large};

	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		const char *word = arena_printf(call->arena, "%.*s", (int)length, text);
		struct policy_community community;
		const char *wrong = policy_community_read(word, &community);
		struct writer w;

		if (wrong != NULL)
			return wrong;
		if (!policy_community_is_single(&community))
			return "a community without *";
		w = writer_over(q->communities[community.kind], sizeof(q->communities[0]));
		w.at += lists[community.kind]->count;
		for (unsigned i = 0; i < community.kind; i++)
			writer_u32(&w, community.value[i]);
		if (!writer_ok(&w))
			return "fewer communities";
		*lists[community.kind] = (struct policy_bytes){w.start, writer_used(&w)};
		text += length + (text[length] == ',');
	}
	return NULL;
}

static enum status question_read(const struct call *call, const char *prefix, struct question *q)
{
	static const char *const protocols[] = {"connected", "static", "rip", "ospf", "bgp"};
	static const char *const origins[] = {"igp", "egp", "incomplete"};
	const char *protocol = call_option(call, "protocol"), *origin = call_option(call, "origin");
	const char *path = call_option(call, "as-path"), *communities = call_option(call, "community"), *wrong = NULL;
	unsigned at = COUNT_OF(protocols) - 1, origin_at = 0;

	if (!prefix_parse(prefix, &q->prefix) || !prefix_equal(q->prefix, prefix_masked(q->prefix)))
		return call_fail(call, STATUS_USAGE, "expected a prefix without host bits, such as 10.1.0.0/16, got \"%.64s\"", prefix);
	for (at = 0; protocol != NULL && at < COUNT_OF(protocols) && strcmp(protocols[at], protocol) != 0;)
		at++;
	for (; origin != NULL && origin_at < COUNT_OF(origins) && strcmp(origins[origin_at], origin) != 0;)
		origin_at++;
	if (at == COUNT_OF(protocols))
		return call_fail(call, STATUS_USAGE, "--protocol is connected, static, rip, ospf or bgp, not \"%.64s\"", protocol);
	if (origin_at == COUNT_OF(origins))
		return call_fail(call, STATUS_USAGE, "--origin is igp, egp or incomplete, not \"%.64s\"", origin);
	q->route.protocol = (uint8_t)(protocol != NULL ? at : COUNT_OF(protocols) - 1);
	q->route.origin = (uint8_t)origin_at;
	if (!path_read(q, path ? path : ""))
		return call_fail(call, STATUS_USAGE, "--as-path takes AS numbers, such as \"65001 65002\", not \"%.64s\"", path);
	wrong = communities ? communities_read(call, q, communities) : NULL;
	return wrong == NULL ? STATUS_OK : call_fail(call, STATUS_USAGE, "--community: expected %s, got \"%.64s\"", wrong, communities);
}

static void community_text(const struct policy_community *c, struct text *out)
{
	if (c->kind == POLICY_COMMUNITY)
		text_add(out, "%u:%u", c->value[0] >> 16, c->value[0] & UINT16_MAX);
	else if (c->kind == POLICY_LARGE)
		text_add(out, "%u:%u:%u", c->value[0], c->value[1], c->value[2]);
	else
		text_add(out, "0x%08x%08x", c->value[0], c->value[1]);
}

static void add_number(struct value *to, const char *key, bool has, uint32_t number)
{
	if (has)
		value_set(to, key, value_new_int(number));
}

/* What becomes of the route, by the keys of the lab file. */
static struct value *changes_value(const struct policy_changes *changes)
{
	static const char *const origins[] = {"igp", "egp", "incomplete"};
	struct value *set = value_object(), *add = value_array();

	add_number(set, "local-pref", changes->has_local_pref, changes->local_pref);
	add_number(set, "metric", changes->has_metric, changes->metric);
	add_number(set, "prepend", changes->prepend > 0, changes->prepend);
	if (changes->has_origin)
		value_set(set, "origin", value_new_text(origins[changes->origin]));
	for (unsigned i = 0; i < changes->add_count; i++) {
		struct text text = {0};

		community_text(&changes->add[i], &text);
		value_append(add, value_new_text(text_get(&text)));
		text_free(&text);
	}
	if (changes->add_count > 0)
		value_set(set, "add-community", add);
	else
		value_free(add);
	if (changes->clear_communities)
		value_set(set, "clear-communities", value_new_bool(true));
	add_number(set, "removed-communities", changes->remove_count > 0, changes->remove_count);
	return set;
}

static void answer(const struct call *call, const struct lab_file *file, const struct lab_route_policy *policy, const char *prefix,
	const struct policy_outcome *outcome, const struct policy_changes *changes)
{
	const struct lab_policy_rule *rule = outcome->rule < policy->rule_count ? &policy->rules[outcome->rule] : NULL;
	const char *verdict = outcome->accept ? "accepted" : "rejected";
	struct value *result = value_object(), *set = changes_value(changes);
	struct text text = {0};

	value_set(result, "policy", value_new_text(policy->name));
	value_set(result, "prefix", value_new_text(prefix));
	value_set(result, "accepted", value_new_bool(outcome->accept));
	if (rule != NULL) {
		value_set(result, "rule", value_new_int(outcome->rule));
		value_set(result, "line", value_new_int(rule->place.line));
		call_say(
			call, "%s %s by rule %u of %s (%s:%u)", prefix, verdict, outcome->rule, policy->name, file->path, rule->place.line);
	} else {
		call_say(call, "%s %s: no rule of %s accepts it (%s:%u)", prefix, verdict, policy->name, file->path, policy->place.line);
	}
	value_to_json(set, false, &text);
	if (outcome->accept && strcmp(text_get(&text), "{}") != 0)
		call_say(call, "set %s", text_get(&text));
	if (outcome->accept)
		value_set(result, "set", set);
	else
		value_free(set);
	if (call_for_programs(call))
		call_print_value(call, result);
	text_free(&text);
	value_free(result);
}

static enum status ask(const struct call *call, const struct lab_file *file, const char *name, const char *prefix)
{
	const struct lab_route_policy *policy = lab_policy_find(file->lab, name);
	struct question *q = arena_alloc(call->arena, sizeof(*q));
	enum status status = question_read(call, prefix, q);
	uint8_t *bytes = arena_alloc(call->arena, POLICY_BYTES_MAX);
	struct writer w = writer_over(bytes, POLICY_BYTES_MAX);
	struct policy_outcome outcome;
	struct policy_changes changes;
	struct route_policy *compiled;
	struct err err = {0};

	if (status != STATUS_OK)
		return status;
	if (policy == NULL)
		return call_fail(call, STATUS_USAGE, "%s has no route policy named \"%.64s\"", file->path, name);
	compiled = lab_policy_encode(file->lab, policy, &w, &err) == 0 ? route_policy_new(bytes, writer_used(&w), &err) : NULL;
	if (compiled == NULL)
		return call_fail(call, STATUS_FAILED, "route policy %s: %s", name, err.text);
	outcome = route_policy_decide(compiled, route_policy_candidates(compiled, &q->route), &q->prefix);
	route_policy_changes(compiled, outcome.fired, &changes);
	route_policy_free(compiled);
	answer(call, file, policy, prefix, &outcome, &changes);
	return outcome.accept ? STATUS_OK : STATUS_FAILED;
}

enum status policy_test_run(struct call *call)
{
	size_t first = call->argument_count - 2;
	const char *path = lab_file_find(call, first > 0 ? call_argument(call, 0) : NULL);
	struct lab_file file = {0};
	enum status status = path ? lab_file_read(call, path, &file) : STATUS_USAGE;

	if (status == STATUS_OK) {
		status = ask(call, &file, call_argument(call, first), call_argument(call, first + 1));
		lab_file_free(&file);
	}
	return status;
}
