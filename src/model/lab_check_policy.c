/*
 * Route policies: that every text of a set or rule means something, that names name something, that every rule can be reached, and that
 * what names a policy names one that is there. What can never matter (a rule behind one that takes all it would take, a set or a policy
 * that nobody names) is a warning.
 */
#include "model/lab_check.h"

#include "base/check.h"
#include "model/lab_policy.h"
#include "model/policy_text.h"
#include "net/as_pattern.h"

#include <string.h>

/* What the check goes through: the lab, its sets by name, and which of them are named by somebody. */
struct policy_check {
	const struct lab *lab;
	struct diags *diags;
	size_t errors; /* that there were before */
	struct sets {
		const char *section, *word;
		const struct lab_policy_set *list;
		size_t count;
		struct name_index index;
		struct map used;
		const char *(*wrong)(const char *text, struct diags *diags); /* NULL when the text is a member */
	} prefixes, communities, as_paths;
	struct name_index policies;
	struct map policies_used;
};

static const char *prefix_wrong(const char *text, struct diags *diags)
{
	struct policy_prefix prefix;
	const char *expected = policy_prefix_read(text, &prefix);

	return expected ? arena_printf(diags->arena, "expected %s, got \"%.64s\"", expected, text) : NULL;
}

static const char *community_wrong(const char *text, struct diags *diags)
{
	struct policy_community community;
	const char *expected = policy_community_read(text, &community);

	return expected ? arena_printf(diags->arena, "expected %s, got \"%.64s\"", expected, text) : NULL;
}

static const char *as_path_wrong(const char *text, struct diags *diags)
{
	struct err err = {0};
	struct as_pattern *pattern = as_pattern_new(text, &err);
	const char *wrong = pattern ? NULL : arena_str(diags->arena, err.text);

	as_pattern_free(pattern);
	return wrong;
}

static void sets_index(struct policy_check *c, struct sets *sets)
{
	sets->index = index_new(c->diags->arena, sets->count);
	for (size_t i = 0; i < sets->count; i++) {
		const char *path = path_of(c->diags, "%s.%.64s", sets->section, sets->list[i].name);

		if (!name_is_good(sets->list[i].name, LAB_NAME_BYTES_MAX) || !policy_text_is_name(sets->list[i].name))
			lab_error(c->lab, c->diags, path,
				"\"%.64s\" is no name of a set; it begins with a letter and isn't one of what sets contain",
				sets->list[i].name);
		(void)index_add(&sets->index, sets->list[i].name, i);
		if (sets->list[i].member_count == 0)
			lab_error(c->lab, c->diags, path, "an empty set holds nothing; write members, or take it out");
		for (size_t k = 0; k < sets->list[i].member_count; k++) {
			const char *wrong = sets->wrong(sets->list[i].members[k], c->diags);

			if (wrong != NULL)
				lab_error(c->lab, c->diags, path_of(c->diags, "%s[%zu]", path, k), "%s", wrong);
		}
	}
}

/* The items of a condition or change: names of sets, or values. */
static void check_items(struct policy_check *c, struct sets *sets, const char *const *items, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++) {
		const char *at = count == 1 ? path : path_of(c->diags, "%s[%zu]", path, i);
		const char *wrong;

		if (policy_text_is_name(items[i])) {
			check_reference(c->lab, c->diags, &sets->index, sets->word, at, items[i]);
			(void)map_set_str(&sets->used, items[i], c);
			continue;
		}
		wrong = sets->wrong(items[i], c->diags);
		if (wrong != NULL)
			lab_error(c->lab, c->diags, at, "%s; or the name of a %s", wrong, sets->word);
	}
}

/* What is added must be single communities, few enough; likewise what is removed, but for the wildcards. */
static void check_changes(struct policy_check *c, const struct lab_policy_rule *rule, const struct policy_rule *compiled, const char *path)
{
	for (unsigned i = 0; i < compiled->changes.add_count; i++)
		if (!policy_community_is_single(&compiled->changes.add[i]))
			lab_error(c->lab, c->diags, path_of(c->diags, "%s.set.add-community", path),
				"`*` can't be added to a route; write the number");
	if (rule->then == LAB_THEN_REJECT && (rule->local_pref_set || rule->metric_set || rule->prepend > 0 || rule->add_count > 0 ||
						     rule->remove_count > 0 || rule->clear_communities || rule->origin != 0))
		diag_warning(c->diags, rule->place, path, "what is rejected isn't changed: `set` does nothing here");
}

/* How many communities a list of names and values comes to. */
static size_t community_count(const struct policy_check *c, const char *const *items, size_t count)
{
	size_t all = 0;

	for (size_t i = 0; i < count; i++) {
		int at = policy_text_is_name(items[i]) ? index_find(&c->communities.index, items[i]) : -1;

		all += at >= 0 ? c->communities.list[at].member_count : 1;
	}
	return all;
}

static void check_rule(struct policy_check *c, const struct lab_policy_rule *rule, const char *path)
{
	size_t add = community_count(c, rule->add, rule->add_count), remove = community_count(c, rule->remove, rule->remove_count);

	check_items(c, &c->prefixes, rule->prefixes, rule->prefix_count, path_of(c->diags, "%s.match.prefix", path));
	check_items(c, &c->as_paths, rule->as_paths, rule->as_path_count, path_of(c->diags, "%s.match.as-path", path));
	check_items(c, &c->communities, rule->communities, rule->community_count, path_of(c->diags, "%s.match.community", path));
	check_items(c, &c->communities, rule->add, rule->add_count, path_of(c->diags, "%s.set.add-community", path));
	check_items(c, &c->communities, rule->remove, rule->remove_count, path_of(c->diags, "%s.set.remove-community", path));
	if (add > POLICY_ADD_MAX || remove > POLICY_ADD_MAX)
		lab_error(c->lab, c->diags, path_of(c->diags, "%s.set", path), "%zu communities; a rule adds and removes at most %d each",
			add > remove ? add : remove, POLICY_ADD_MAX);
	if (rule->path_least_set && rule->path_most_set && rule->path_least > rule->path_most)
		lab_error(c->lab, c->diags, path_of(c->diags, "%s.match", path), "no path has at least %u and at most %u numbers",
			rule->path_least, rule->path_most);
}

/* --- rules that are never reached --- */

static bool prefix_inside(const struct policy_prefix *inner, const struct policy_rule *outer)
{
	for (size_t i = 0; i < outer->prefix_count; i++) {
		const struct policy_prefix *p = &outer->prefixes[i];

		if (p->prefix.ip.family == inner->prefix.ip.family && p->prefix.length <= inner->prefix.length &&
			prefix_contains(p->prefix, inner->prefix.ip) && p->least <= inner->least && p->most >= inner->most)
			return true;
	}
	return false;
}

/* Whether each of the texts is one of the others, so that what matches these matches those. */
static bool texts_inside(const char *const *inner, size_t inner_count, const char *const *outer, size_t outer_count)
{
	for (size_t i = 0; i < inner_count; i++) {
		bool found = false;

		for (size_t k = 0; k < outer_count; k++)
			found = found || strcmp(inner[i], outer[k]) == 0;
		if (!found)
			return false;
	}
	return inner_count > 0;
}

static bool communities_inside(const struct policy_rule *inner, const struct policy_rule *outer)
{
	for (size_t i = 0; i < inner->community_count; i++)
		if (!policy_community_is_single(&inner->communities[i]) ||
			!policy_community_in(outer->communities, outer->community_count, &inner->communities[i]))
			return false;
	return inner->community_count > 0;
}

static bool mask_inside(uint32_t inner, uint32_t outer) { return outer == 0 || (inner != 0 && (inner & ~outer) == 0); }

/* Whether every route that meets `inner` meets `outer`, as far as it can be told. */
static bool rule_inside(const struct policy_rule *inner, const struct policy_rule *outer)
{
	bool inside = mask_inside(inner->protocols, outer->protocols) && mask_inside(inner->families, outer->families) &&
		      mask_inside(inner->origins, outer->origins);

	inside = inside && (outer->prefix_count == 0 || inner->prefix_count > 0);
	for (size_t i = 0; i < inner->prefix_count && inside && outer->prefix_count > 0; i++)
		inside = prefix_inside(&inner->prefixes[i], outer);
	inside = inside &&
		 (outer->as_path_count == 0 || texts_inside(inner->as_paths, inner->as_path_count, outer->as_paths, outer->as_path_count));
	inside = inside && (outer->community_count == 0 || communities_inside(inner, outer));
	return inside && (!outer->has_path_length || (inner->has_path_length && inner->path_least >= outer->path_least &&
							     inner->path_most <= outer->path_most));
}

static void check_reached(struct policy_check *c, const struct lab_route_policy *policy, const char *path)
{
	const struct policy_rule *rules = lab_policy_rules(c->lab, policy, c->diags->arena);

	for (size_t i = 0; i < policy->rule_count; i++) {
		const char *at = path_of(c->diags, "%s[%zu]", path, i);

		check_changes(c, &policy->rules[i], &rules[i], at);
		for (size_t k = 0; k < i; k++) {
			if (rules[k].verdict == POLICY_NEXT || !rule_inside(&rules[i], &rules[k]))
				continue;
			diag_warning(c->diags, policy->rules[i].place, at,
				"this rule is never reached: rule %zu (line %u) %ss all that it would match; move it up, or take it out", k,
				policy->rules[k].place.line, rules[k].verdict == POLICY_ACCEPT ? "accept" : "reject");
			break;
		}
	}
}

/* --- who names policies --- */

static void check_policy_name(struct policy_check *c, const char *name, const char *path)
{
	check_reference(c->lab, c->diags, &c->policies, "route policy", path, name);
	if (name != NULL)
		(void)map_set_str(&c->policies_used, name, c);
}

static void check_sources(
	struct policy_check *c, const struct lab_redistribution *list, size_t count, enum lab_from own, const char *word, const char *path)
{
	for (size_t i = 0; i < count; i++) {
		const char *at = path_of(c->diags, "%s[%zu]", path, i);

		if (list[i].from == (int)own)
			lab_error(c->lab, c->diags, at, "%s announces its own routes anyway", word);
		for (size_t k = 0; k < i; k++)
			if (list[k].from == list[i].from)
				lab_error(c->lab, c->diags, at, "the same source is there already as [%zu]", k);
		if (list[i].policy_name != NULL)
			check_policy_name(c, list[i].policy_name, path_of(c->diags, "%s.policy", at));
	}
}

/* Where a neighbor filters, every route is BGP's. */
static void check_filter(struct policy_check *c, const char *name, const char *path)
{
	const struct lab_route_policy *policy = lab_policy_find(c->lab, name);

	if (strcmp(name, "all") == 0 || strcmp(name, "none") == 0)
		return;
	check_policy_name(c, name, path);
	for (size_t i = 0; policy != NULL && i < policy->rule_count; i++) {
		const struct lab_policy_rule *rule = &policy->rules[i];

		if ((rule->from_connected || rule->from_static || rule->from_rip || rule->from_ospf) && !rule->from_bgp)
			diag_warning(c->diags, rule->place, path_of(c->diags, "route-policies.%s[%zu]", name, i),
				"%s uses this policy, where every route is BGP's: a rule of other protocols belongs into a policy of "
				"`advertise`",
				path);
	}
}

static void check_neighbors(struct policy_check *c, const struct lab_router *router)
{
	for (size_t k = 0; k < router->bgp_neighbor_count; k++) {
		const struct lab_bgp_neighbor *n = &router->bgp_neighbors[k];
		const char *path = path_of(c->diags, "routers.%s.bgp.neighbors[%zu]", router->name, k);

		check_filter(c, n->import, path_of(c->diags, "%s.import", path));
		check_filter(c, n->export, path_of(c->diags, "%s.export", path));
	}
}

static void check_routers_of(struct policy_check *c)
{
	for (size_t i = 0; i < c->lab->router_count; i++) {
		const struct lab_router *r = &c->lab->routers[i];

		check_sources(c, r->bgp_advertise, r->bgp_advertise_count, LAB_FROM_BGP, "BGP",
			path_of(c->diags, "routers.%s.bgp.advertise", r->name));
		check_sources(c, r->rip_redistribute, r->rip_redistribute_count, LAB_FROM_RIP, "RIP",
			path_of(c->diags, "routers.%s.rip.redistribute", r->name));
		check_sources(c, r->ospf.redistribute, r->ospf.redistribute_count, LAB_FROM_OSPF, "OSPF",
			path_of(c->diags, "routers.%s.ospf.redistribute", r->name));
		check_neighbors(c, r);
	}
}

static void warn_unused_sets(struct policy_check *c, struct sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		if (map_get_str(&sets->used, sets->list[i].name) == NULL)
			diag_warning(c->diags, sets->list[i].place, path_of(c->diags, "%s.%s", sets->section, sets->list[i].name),
				"no route policy names this %s", sets->word);
	index_free(&sets->index);
	map_free(&sets->used);
}

static void check_policy(struct policy_check *c, const struct lab_route_policy *policy)
{
	const char *path = path_of(c->diags, "route-policies.%.64s", policy->name);
	uint8_t bytes[POLICY_BYTES_MAX];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct err err = {0};

	if (!name_is_good(policy->name, LAB_NAME_BYTES_MAX) || strcmp(policy->name, "all") == 0 || strcmp(policy->name, "none") == 0)
		lab_error(
			c->lab, c->diags, path, "\"%.64s\" is no name of a policy; `all` and `none` have their own meaning", policy->name);
	for (size_t k = 0; k < policy->rule_count; k++)
		check_rule(c, &policy->rules[k], path_of(c->diags, "%s[%zu]", path, k));
	/* What isn't sound can't be compared, and errors of sets show here, too. */
	if (c->diags->errors != c->errors)
		return;
	check_reached(c, policy, path);
	if (lab_policy_encode(c->lab, policy, &w, &err) != 0)
		lab_error(c->lab, c->diags, path, "%s", err.text);
	if (map_get_str(&c->policies_used, policy->name) == NULL)
		diag_warning(c->diags, policy->place, path, "nothing names this policy; name it as `import` or `export` of a BGP neighbor");
}

void check_policies(const struct lab *lab, struct diags *diags)
{
	struct policy_check c = {.lab = lab,
		.diags = diags,
		.errors = diags->errors,
		.prefixes = {"prefix-sets", "prefix set", lab->prefix_sets, lab->prefix_set_count, .wrong = prefix_wrong},
		.communities = {"community-sets", "community set", lab->community_sets, lab->community_set_count, .wrong = community_wrong},
		.as_paths = {"as-path-sets", "AS path set", lab->as_path_sets, lab->as_path_set_count, .wrong = as_path_wrong},
		.policies = index_new(diags->arena, lab->route_policy_count)};

	sets_index(&c, &c.prefixes);
	sets_index(&c, &c.communities);
	sets_index(&c, &c.as_paths);
	for (size_t i = 0; i < lab->route_policy_count; i++)
		(void)index_add(&c.policies, lab->route_policies[i].name, i);
	check_routers_of(&c);
	for (size_t i = 0; i < lab->route_policy_count; i++)
		check_policy(&c, &lab->route_policies[i]);
	warn_unused_sets(&c, &c.prefixes);
	warn_unused_sets(&c, &c.communities);
	warn_unused_sets(&c, &c.as_paths);
	index_free(&c.policies);
	map_free(&c.policies_used);
}
