/* Policies: from rules to bytes, from bytes to tables, and what a route meets there (route_policy.h). */
#include "net/route_policy.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/reader.h"
#include "net/as_pattern.h"
#include "net/lpm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define NO_ENTRY UINT16_MAX

/* An entry of a prefix condition; `wider` is the next one that holds all of it. */
struct prefix_entry {
	struct policy_prefix range;
	uint16_t wider;
};

struct rule {
	enum policy_verdict verdict;
	uint32_t protocols;
	uint8_t families, origins;
	bool has_path_length;
	uint16_t path_least, path_most;
	uint16_t prefix_count, pattern_count, community_count;
	struct prefix_entry *prefixes; /* from short to long */
	struct lpm *lpm[2];	       /* IPv4, IPv6: entries; NULL: none of the family */
	struct as_pattern **patterns;
	struct policy_community *communities;
	struct policy_changes changes;
};

struct route_policy {
	unsigned rule_count;
	struct rule rules[];
};

/* --- bytes --- */

static void community_write(struct writer *w, const struct policy_community *c)
{
	writer_u8(w, c->kind);
	for (int i = 0; i < 3; i++) {
		writer_u32(w, c->value[i]);
		writer_u32(w, c->mask[i]);
	}
}

static struct policy_community community_read(struct reader *r)
{
	struct policy_community c = {.kind = reader_u8(r)};

	for (int i = 0; i < 3; i++) {
		c.value[i] = reader_u32(r);
		c.mask[i] = reader_u32(r);
	}
	return c;
}

static void changes_write(struct writer *w, const struct policy_changes *c)
{
	writer_u8(w, (uint8_t)(c->has_local_pref | c->has_metric << 1 | c->has_origin << 2 | c->clear_communities << 4));
	writer_u8(w, c->origin);
	writer_u8(w, c->prepend);
	writer_u32(w, c->local_pref);
	writer_u32(w, c->metric);
	writer_u8(w, c->add_count);
	for (unsigned i = 0; i < c->add_count; i++)
		community_write(w, &c->add[i]);
	writer_u8(w, c->remove_count);
	for (unsigned i = 0; i < c->remove_count; i++)
		community_write(w, &c->remove[i]);
}

static void changes_read(struct reader *r, struct policy_changes *c)
{
	uint8_t flags = reader_u8(r);

	*c = (struct policy_changes){.has_local_pref = flags & 1,
		.has_metric = flags >> 1 & 1,
		.has_origin = flags >> 2 & 1,
		.clear_communities = flags >> 4 & 1};
	c->origin = reader_u8(r);
	c->prepend = reader_u8(r);
	c->local_pref = reader_u32(r);
	c->metric = reader_u32(r);
	c->add_count = reader_u8(r);
	for (unsigned i = 0; i < c->add_count && i < POLICY_ADD_MAX; i++)
		c->add[i] = community_read(r);
	c->remove_count = c->add_count <= POLICY_ADD_MAX ? reader_u8(r) : 0;
	for (unsigned i = 0; i < c->remove_count && i < POLICY_ADD_MAX; i++)
		c->remove[i] = community_read(r);
	if (c->add_count > POLICY_ADD_MAX || c->remove_count > POLICY_ADD_MAX || c->origin > 2)
		r->failed = true;
}

static void rule_write(struct writer *w, const struct policy_rule *rule)
{
	writer_u8(w, (uint8_t)rule->verdict);
	writer_u32(w, rule->protocols);
	writer_u8(w, rule->families);
	writer_u8(w, rule->origins);
	writer_u8(w, rule->has_path_length);
	writer_u16(w, rule->path_least);
	writer_u16(w, rule->path_most);
	writer_u16(w, (uint16_t)rule->prefix_count);
	for (size_t i = 0; i < rule->prefix_count; i++) {
		const struct policy_prefix *p = &rule->prefixes[i];

		writer_u8(w, p->prefix.ip.family);
		writer_bytes(w, p->prefix.ip.bytes, ip_bits((enum ip_family)p->prefix.ip.family) / 8);
		writer_u8(w, p->prefix.length);
		writer_u8(w, p->least);
		writer_u8(w, p->most);
	}
	writer_u16(w, (uint16_t)rule->as_path_count);
	for (size_t i = 0; i < rule->as_path_count; i++) {
		size_t length = strlen(rule->as_paths[i]);

		CHECK(length <= AS_PATTERN_TEXT_MAX);
		writer_u8(w, (uint8_t)length);
		writer_bytes(w, rule->as_paths[i], length);
	}
	writer_u16(w, (uint16_t)rule->community_count);
	for (size_t i = 0; i < rule->community_count; i++)
		community_write(w, &rule->communities[i]);
	changes_write(w, &rule->changes);
}

bool route_policy_encode(struct writer *w, const struct policy_rule *rules, size_t count)
{
	CHECK(count <= POLICY_RULES_MAX);
	writer_u8(w, VERSION);
	writer_u8(w, (uint8_t)count);
	for (size_t i = 0; i < count; i++) {
		if (rules[i].prefix_count > UINT16_MAX || rules[i].as_path_count > UINT16_MAX || rules[i].community_count > UINT16_MAX)
			return false;
		rule_write(w, &rules[i]);
	}
	return writer_ok(w);
}

/* --- compiling --- */

static int entry_compare(const void *a, const void *b)
{
	const struct prefix_entry *x = a, *y = b;

	return (int)x->range.prefix.length - (int)y->range.prefix.length;
}

/* Puts the entries into the tables, the widest first, so that each finds the one that holds it. */
static void rule_index(struct rule *rule)
{
	qsort(rule->prefixes, rule->prefix_count, sizeof(*rule->prefixes), entry_compare);
	for (uint16_t i = 0; i < rule->prefix_count; i++) {
		struct prefix_entry *entry = &rule->prefixes[i];
		struct lpm **lpm = &rule->lpm[entry->range.prefix.ip.family == IP_V6];
		uint32_t wider;

		if (*lpm == NULL)
			*lpm = lpm_new((enum ip_family)entry->range.prefix.ip.family);
		wider = lpm_lookup(*lpm, entry->range.prefix.ip.bytes);
		entry->wider = wider == LPM_NONE ? NO_ENTRY : (uint16_t)wider;
		(void)lpm_set(*lpm, entry->range.prefix, i);
	}
}

static void prefixes_read(struct reader *r, struct rule *rule)
{
	rule->prefix_count = reader_u16(r);
	if (rule->prefix_count > reader_left(r) / 8)
		r->failed = true;
	if (r->failed)
		rule->prefix_count = 0;
	rule->prefixes = xalloc(rule->prefix_count * sizeof(*rule->prefixes) + 1);
	for (uint16_t i = 0; i < rule->prefix_count; i++) {
		struct policy_prefix *p = &rule->prefixes[i].range;

		p->prefix.ip.family = reader_u8(r);
		if (p->prefix.ip.family != IP_V4 && p->prefix.ip.family != IP_V6) {
			rule->prefix_count = i;
			r->failed = true;
			return;
		}
		(void)reader_copy(r, p->prefix.ip.bytes, ip_bits((enum ip_family)p->prefix.ip.family) / 8);
		p->prefix.length = reader_u8(r);
		p->least = reader_u8(r);
		p->most = reader_u8(r);
		if (p->prefix.length > ip_bits((enum ip_family)p->prefix.ip.family)) {
			rule->prefix_count = i;
			r->failed = true;
			return;
		}
		p->prefix = prefix_masked(p->prefix);
	}
}

static int patterns_read(struct reader *r, struct rule *rule, struct err *err)
{
	uint16_t count = reader_u16(r);

	if (r->failed || count > reader_left(r))
		return err_set(err, -EINVAL, "a broken policy");
	rule->patterns = xalloc(count * sizeof(struct as_pattern *) + 1);
	for (uint16_t i = 0; i < count; i++) {
		uint8_t length = reader_u8(r);
		char text[UINT8_MAX + 1] = "";

		(void)reader_copy(r, text, length);
		rule->patterns[i] = as_pattern_new(text, err);
		if (rule->patterns[i] == NULL)
			return -EINVAL;
		rule->pattern_count++;
	}
	return 0;
}

static int rule_read(struct reader *r, struct rule *rule, struct err *err)
{
	uint8_t verdict = reader_u8(r);
	int rc;

	rule->verdict = verdict < POLICY_VERDICT_COUNT ? verdict : POLICY_REJECT;
	rule->protocols = reader_u32(r);
	rule->families = reader_u8(r);
	rule->origins = reader_u8(r);
	rule->has_path_length = reader_u8(r) != 0;
	rule->path_least = reader_u16(r);
	rule->path_most = reader_u16(r);
	prefixes_read(r, rule);
	rule_index(rule);
	rc = patterns_read(r, rule, err);
	if (rc != 0)
		return rc;
	rule->community_count = reader_u16(r);
	if (r->failed || rule->community_count > reader_left(r))
		rule->community_count = 0;
	rule->communities = xalloc(rule->community_count * sizeof(*rule->communities) + 1);
	for (uint16_t i = 0; i < rule->community_count; i++)
		rule->communities[i] = community_read(r);
	changes_read(r, &rule->changes);
	return reader_ok(r) && verdict < POLICY_VERDICT_COUNT ? 0 : err_set(err, -EINVAL, "a broken policy");
}

struct route_policy *route_policy_new(const uint8_t *bytes, size_t count, struct err *err)
{
	struct reader r = reader_over(bytes, count);
	uint8_t version = reader_u8(&r), rules = reader_u8(&r);
	struct route_policy *policy;
	int rc = 0;

	if (!reader_ok(&r) || version != VERSION || rules > POLICY_RULES_MAX) {
		(void)err_set(err, -EINVAL, "a broken policy");
		return NULL;
	}
	policy = xalloc(sizeof(*policy) + rules * sizeof(policy->rules[0]));
	while (policy->rule_count < rules && rc == 0)
		rc = rule_read(&r, &policy->rules[policy->rule_count++], err);
	if (rc == 0 && !reader_done(&r))
		rc = err_set(err, -EINVAL, "a broken policy");
	if (rc == 0)
		return policy;
	route_policy_free(policy);
	return NULL;
}

void route_policy_free(struct route_policy *policy)
{
	if (policy == NULL)
		return;
	for (unsigned i = 0; i < policy->rule_count; i++) {
		struct rule *rule = &policy->rules[i];

		for (uint16_t k = 0; k < rule->pattern_count; k++)
			as_pattern_free(rule->patterns[k]);
		lpm_free(rule->lpm[0]);
		lpm_free(rule->lpm[1]);
		free(rule->patterns);
		free(rule->prefixes);
		free(rule->communities);
	}
	free(policy);
}

/* --- routes --- */

bool policy_community_in(const struct policy_community *list, size_t count, const struct policy_community *community)
{
	for (size_t i = 0; i < count; i++) {
		const struct policy_community *c = &list[i];

		if (c->kind == community->kind && ((c->value[0] ^ community->value[0]) & c->mask[0]) == 0 &&
			((c->value[1] ^ community->value[1]) & c->mask[1]) == 0 && ((c->value[2] ^ community->value[2]) & c->mask[2]) == 0)
			return true;
	}
	return false;
}

bool policy_community_next(struct policy_bytes *bytes, enum policy_community_kind kind, struct policy_community *community)
{
	struct reader r = reader_over(bytes->at, bytes->count);

	if (bytes->count < 4u * (unsigned)kind)
		return false;
	*community = (struct policy_community){.kind = (uint8_t)kind};
	for (int i = 0; i < (int)kind; i++) {
		community->value[i] = reader_u32(&r);
		community->mask[i] = UINT32_MAX;
	}
	bytes->at += 4u * (unsigned)kind;
	bytes->count -= 4u * (unsigned)kind;
	return true;
}

static bool any_community(const struct rule *rule, struct policy_bytes bytes, enum policy_community_kind kind)
{
	struct policy_community community;

	while (policy_community_next(&bytes, kind, &community))
		if (policy_community_in(rule->communities, rule->community_count, &community))
			return true;
	return false;
}

static bool any_pattern(const struct rule *rule, const struct policy_route *route)
{
	for (uint16_t i = 0; i < rule->pattern_count; i++)
		if (as_pattern_matches(rule->patterns[i], route->as_path.at, route->as_path.count))
			return true;
	return false;
}

static bool rule_may_match(const struct rule *rule, const struct policy_route *route)
{
	if (rule->protocols != 0 && !(rule->protocols >> route->protocol & 1))
		return false;
	if (rule->origins != 0 && !(rule->origins >> route->origin & 1))
		return false;
	if (rule->has_path_length && (route->path_length < rule->path_least || route->path_length > rule->path_most))
		return false;
	if (rule->community_count > 0 && !any_community(rule, route->communities, POLICY_COMMUNITY) &&
		!any_community(rule, route->extended, POLICY_EXTENDED) && !any_community(rule, route->large, POLICY_LARGE))
		return false;
	return rule->pattern_count == 0 || any_pattern(rule, route);
}

uint64_t route_policy_candidates(const struct route_policy *policy, const struct policy_route *route)
{
	uint64_t candidates = 0;

	for (unsigned i = 0; i < policy->rule_count; i++)
		if (rule_may_match(&policy->rules[i], route))
			candidates |= UINT64_C(1) << i;
	return candidates;
}

static bool rule_has_prefix(const struct rule *rule, const struct prefix *prefix)
{
	const struct lpm *lpm = rule->lpm[prefix->ip.family == IP_V6];
	uint32_t at;

	if (rule->families != 0 && !(rule->families >> prefix->ip.family & 1))
		return false;
	if (rule->prefix_count == 0)
		return true;
	at = lpm != NULL ? lpm_lookup(lpm, prefix->ip.bytes) : LPM_NONE;
	for (; at != LPM_NONE && at != NO_ENTRY; at = rule->prefixes[at].wider) {
		const struct policy_prefix *p = &rule->prefixes[at].range;

		if (prefix->length >= p->prefix.length && prefix->length >= p->least && prefix->length <= p->most)
			return true;
	}
	return false;
}

struct policy_outcome route_policy_decide(const struct route_policy *policy, uint64_t candidates, const struct prefix *prefix)
{
	struct policy_outcome outcome = {.rule = POLICY_RULES_MAX};

	while (candidates != 0) {
		unsigned i = (unsigned)__builtin_ctzll(candidates);
		const struct rule *rule = &policy->rules[i];

		candidates &= candidates - 1;
		if (!rule_has_prefix(rule, prefix))
			continue;
		outcome.fired |= UINT64_C(1) << i;
		if (rule->verdict == POLICY_NEXT)
			continue;
		outcome.accept = rule->verdict == POLICY_ACCEPT;
		outcome.rule = (uint8_t)i;
		break;
	}
	return outcome;
}

static void list_add(struct policy_community *list, uint8_t *count, const struct policy_community *more, uint8_t more_count)
{
	for (unsigned i = 0; i < more_count && *count < POLICY_ADD_MAX; i++)
		list[(*count)++] = more[i];
}

void route_policy_changes(const struct route_policy *policy, uint64_t fired, struct policy_changes *changes)
{
	*changes = (struct policy_changes){0};
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_changes *c = &policy->rules[i].changes;

		if (!(fired >> i & 1))
			continue;
		if (c->has_local_pref)
			changes->has_local_pref = true, changes->local_pref = c->local_pref;
		if (c->has_metric)
			changes->has_metric = true, changes->metric = c->metric;
		if (c->has_origin)
			changes->has_origin = true, changes->origin = c->origin;
		if (c->clear_communities) {
			changes->clear_communities = true;
			changes->add_count = 0;
		}
		changes->prepend = (uint8_t)(changes->prepend + c->prepend > 32 ? 32 : changes->prepend + c->prepend);
		list_add(changes->add, &changes->add_count, c->add, c->add_count);
		list_add(changes->remove, &changes->remove_count, c->remove, c->remove_count);
	}
}
