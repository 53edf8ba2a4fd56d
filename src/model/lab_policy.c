/* From the policies of a lab to rules: names of sets give way to what is in them. */
#include "model/lab_policy.h"

#include "base/arena.h"
#include "base/check.h"
#include "model/policy_text.h"

#include <errno.h>
#include <string.h>

const struct lab_route_policy *lab_policy_find(const struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->route_policy_count; i++)
		if (strcmp(lab->route_policies[i].name, name) == 0)
			return &lab->route_policies[i];
	return NULL;
}

/* Texts of values: those that are written, and those of the sets that are named. */
static const char *const *members(const struct lab_policy_set *sets, size_t set_count, const char *const *items, size_t item_count,
	struct arena *arena, size_t *count)
{
	const char **out;
	size_t room = item_count;

	for (size_t i = 0; i < item_count; i++)
		for (size_t k = 0; k < set_count && policy_text_is_name(items[i]); k++)
			if (strcmp(sets[k].name, items[i]) == 0)
				room += sets[k].member_count;
	out = arena_alloc(arena, (room + 1) * sizeof(*out));
	*count = 0;
	for (size_t i = 0; i < item_count; i++) {
		if (!policy_text_is_name(items[i])) {
			out[(*count)++] = items[i];
			continue;
		}
		for (size_t k = 0; k < set_count; k++)
			if (strcmp(sets[k].name, items[i]) == 0)
				for (size_t m = 0; m < sets[k].member_count; m++)
					out[(*count)++] = sets[k].members[m];
	}
	return out;
}

static const struct policy_prefix *prefixes_of(
	const struct lab *lab, const struct lab_policy_rule *rule, struct arena *arena, size_t *count)
{
	const char *const *texts = members(lab->prefix_sets, lab->prefix_set_count, rule->prefixes, rule->prefix_count, arena, count);
	struct policy_prefix *out = arena_alloc(arena, (*count + 1) * sizeof(*out));

	for (size_t i = 0; i < *count; i++) {
		const char *wrong = policy_prefix_read(texts[i], &out[i]);

		CHECK(wrong == NULL); /* the lab was checked */
	}
	return out;
}

static const struct policy_community *communities_of(
	const struct lab *lab, const char *const *items, size_t item_count, struct arena *arena, size_t *count)
{
	const char *const *texts = members(lab->community_sets, lab->community_set_count, items, item_count, arena, count);
	struct policy_community *out = arena_alloc(arena, (*count + 1) * sizeof(*out));

	for (size_t i = 0; i < *count; i++) {
		const char *wrong = policy_community_read(texts[i], &out[i]);

		CHECK(wrong == NULL);
	}
	return out;
}

static void changes_of(const struct lab *lab, const struct lab_policy_rule *rule, struct arena *arena, struct policy_changes *changes)
{
	size_t add_count, remove_count;
	const struct policy_community *add = communities_of(lab, rule->add, rule->add_count, arena, &add_count);
	const struct policy_community *remove = communities_of(lab, rule->remove, rule->remove_count, arena, &remove_count);

	CHECK(add_count <= POLICY_ADD_MAX && remove_count <= POLICY_ADD_MAX);
	*changes = (struct policy_changes){
		.has_local_pref = rule->local_pref_set,
		.local_pref = rule->local_pref,
		.has_metric = rule->metric_set,
		.metric = rule->metric,
		.has_origin = rule->origin != LAB_ORIGIN_AS_IT_IS,
		.origin = (uint8_t)(rule->origin != LAB_ORIGIN_AS_IT_IS ? rule->origin - 1 : 0),
		.prepend = rule->prepend,
		.clear_communities = rule->clear_communities,
		.add_count = (uint8_t)add_count,
		.remove_count = (uint8_t)remove_count,
	};
	memcpy(changes->add, add, add_count * sizeof(*add));
	memcpy(changes->remove, remove, remove_count * sizeof(*remove));
}

static void rule_of(const struct lab *lab, const struct lab_policy_rule *rule, struct arena *arena, struct policy_rule *out)
{
	static const enum policy_verdict verdicts[] = {POLICY_ACCEPT, POLICY_REJECT, POLICY_NEXT};

	*out = (struct policy_rule){
		.verdict = verdicts[rule->then],
		.families = (uint8_t)(rule->ipv4 << IP_V4 | rule->ipv6 << IP_V6),
		.origins = (uint8_t)(rule->origin_igp | rule->origin_egp << 1 | rule->origin_incomplete << 2),
		.has_path_length = rule->path_least_set || rule->path_most_set,
		.path_least = rule->path_least,
		.path_most = rule->path_most_set ? rule->path_most : UINT16_MAX,
	};
	/* In the order of enum route_protocol, which is of a higher floor. */
	out->protocols = (uint32_t)(rule->from_connected | rule->from_static << 1 | rule->from_rip << 2 | rule->from_ospf << 3 |
				    rule->from_bgp << 4);
	out->prefixes = prefixes_of(lab, rule, arena, &out->prefix_count);
	out->as_paths = members(lab->as_path_sets, lab->as_path_set_count, rule->as_paths, rule->as_path_count, arena, &out->as_path_count);
	out->communities = communities_of(lab, rule->communities, rule->community_count, arena, &out->community_count);
	changes_of(lab, rule, arena, &out->changes);
}

const struct policy_rule *lab_policy_rules(const struct lab *lab, const struct lab_route_policy *policy, struct arena *arena)
{
	struct policy_rule *rules = arena_alloc(arena, (policy->rule_count + 1) * sizeof(*rules));

	CHECK(policy->rule_count <= POLICY_RULES_MAX);
	for (size_t i = 0; i < policy->rule_count; i++)
		rule_of(lab, &policy->rules[i], arena, &rules[i]);
	return rules;
}

int lab_policy_encode(const struct lab *lab, const struct lab_route_policy *policy, struct writer *w, struct err *err)
{
	struct arena *arena = arena_new(NULL);
	bool fits = route_policy_encode(w, lab_policy_rules(lab, policy, arena), policy->rule_count);

	arena_free(arena);
	return fits ? 0
		    : err_set(err, -E2BIG, "with its sets it has more than %d bytes; name fewer prefixes, or shorter ones with `le`",
			      POLICY_BYTES_MAX);
}
