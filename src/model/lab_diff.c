/*
 * The difference of two flat labs as an ordered list of changes, each with a text for people.
 *
 * Theory of operation. Objects are matched by name, section by section. Two objects of one name are encoded as trees and compared row by
 * row of the knob table, with a stack of pairs instead of recursion; a row knows what a change of it interrupts. The order is such that
 * whatever holds something (a machine its NICs, a port its TAP, a link its interfaces) lets go before something else may take it, and
 * what contains goes last.
 */
#include "base/check.h"
#include "base/map.h"
#include "model/knobs.h"
#include "model/lab_io.h"

#include <stdint.h>
#include <string.h>

#define ARROW " \xe2\x86\x92 "

/* A section of the lab in the order in which objects come; `holds`: it lets go before anything else comes. */
struct section {
	const char *key;
	bool holds;
};

static const struct section sections[] = {{"pools", false}, {"images", false}, {"security-groups", false}, {"prefix-sets", false},
	{"community-sets", false}, {"as-path-sets", false}, {"route-policies", false}, {"networks", false}, {"routers", false},
	{"links", true}, {"ports", true}, {"vms", true}};

/* Two objects to compare; either node may be NULL. `prefix` is where they are: "rip.auth." */
struct pair {
	const struct kind *kind;
	const struct node *old, *new;
	const char *prefix;
	const char *skip; /* a row that needs no telling here, NULL: none */
};

#define PAIRS_MAX 8192

struct diffing {
	struct arena *arena;
	struct changes *changes;
	size_t room;
	struct pair *pairs; /* the stack, PAIRS_MAX of them */
	size_t pair_count;
	/* of the object being compared: */
	struct text text;
	struct text effects;
	bool hot, restarts;
};

static void add_change(struct diffing *d, struct change change)
{
	struct changes *c = d->changes;

	if (c->count == d->room) {
		struct change *list = arena_alloc(d->arena, (d->room * 2 + 16) * sizeof(*list));

		if (c->count > 0)
			memcpy(list, c->list, c->count * sizeof(*list));
		c->list = list;
		d->room = d->room * 2 + 16;
	}
	c->list[c->count++] = change;
	c->adds += change.op == CHANGE_ADD;
	c->changes += change.op == CHANGE_CHANGE;
	c->removes += change.op == CHANGE_REMOVE;
	c->vm_restarts += change.restarts_vm;
}

/* A value for people: a scalar, or scalars in a list; what is not written is its default. */
static const char *shown(const struct diffing *d, const struct knob *knob, const struct node *node)
{
	struct text text = {0};
	const char *result;

	if (node == NULL)
		return knob->fallback ? knob->fallback : "none";
	if (knob->type == KNOB_SECRET)
		return "***";
	if (node->kind == NODE_SCALAR)
		return node->text;
	if (node->kind == NODE_LIST && node->first != NULL && node->first->kind == NODE_SCALAR)
		for (const struct node *n = node->first; n != NULL; n = n->next)
			text_add(&text, "%s%s", n == node->first ? "" : " ", n->text);
	else
		tree_to_json_hidden(node, &text);
	result = arena_str(d->arena, text_get(&text));
	text_free(&text);
	return result;
}

/* Notes one difference, and what it interrupts. */
static void note(struct diffing *d, const struct knob *knob, const char *text)
{
	text_add(&d->text, "%s%s", d->text.used ? ", " : "", text);
	d->restarts |= knob->restarts_vm;
	if (knob->effect == NULL)
		return;
	d->hot = false;
	if (d->effects.used == 0 || strstr(text_get(&d->effects), knob->effect) == NULL)
		text_add(&d->effects, "%s%s", d->effects.used ? ", " : "; ", knob->effect);
}

static bool same(const struct node *a, const struct node *b)
{
	struct text x = {0}, y = {0};
	bool result;

	if (a == NULL || b == NULL)
		return a == b;
	tree_to_json(a, &x);
	tree_to_json(b, &y);
	/* What stands before the value (comma, key) depends on the siblings. */
	result = strcmp(text_get(&x) + (x.bytes[0] == ','), text_get(&y) + (y.bytes[0] == ',')) == 0;
	text_free(&x);
	text_free(&y);
	return result;
}

static void push(
	struct diffing *d, const struct knob *knob, const struct node *old, const struct node *new, const char *prefix, const char *skip)
{
	if (d->pair_count < PAIRS_MAX)
		d->pairs[d->pair_count++] = (struct pair){knob->kind, old, new, prefix, skip};
	else
		note(d, knob, prefix);
}

/* A group of the object (RIP of a router) that differs: its elements, which follow it, needn't say so again. */
static const char *group_told(const struct pair *pair)
{
	for (size_t i = 0; i < pair->kind->knob_count; i++) {
		const char *key = pair->kind->knobs[i].key;

		if (pair->kind->knobs[i].type != KNOB_OBJECT)
			continue;
		if (!same(pair->old ? node_member(pair->old, key) : NULL, pair->new ? node_member(pair->new, key) : NULL))
			return key;
	}
	return NULL;
}

/* The elements of a map, matched by key. What goes is an interruption, what comes isn't. */
static void compare_map(struct diffing *d, const struct pair *pair, const struct knob *knob, const struct node *old, const struct node *new)
{
	const char *skip = group_told(pair);

	for (const struct node *n = new ? new->first : NULL; n != NULL; n = n->next)
		if (old == NULL || node_member(old, n->key) == NULL)
			note(d, knob, arena_printf(d->arena, "+%s%s.%s", pair->prefix, knob->key, n->key));
	for (const struct node *n = old ? old->first : NULL; n != NULL; n = n->next) {
		const struct node *other = new ? node_member(new, n->key) : NULL;

		if (other == NULL) {
			note(d, knob, arena_printf(d->arena, "-%s%s.%s", pair->prefix, knob->key, n->key));
			d->hot = false;
		} else if (!same(n, other))
			push(d, knob, n, other, arena_printf(d->arena, "%s%s.%s.", pair->prefix, knob->key, n->key), skip);
	}
}

/* An element of a list in a few words: a rule as "tcp/80 from 10.0.0.0/8". */
static const char *element_shown(struct diffing *d, const struct knob *knob, const struct node *element)
{
	const struct node *protocol = node_member(element, "protocol"), *port = node_member(element, "port");
	const struct node *from = node_member(element, "from"), *to = node_member(element, "to"), *type = node_member(element, "type");

	port = port ? port : type;
	return arena_printf(d->arena, "%s %s%s%s%s%s", knob->key, protocol ? protocol->text : "any", port ? "/" : "",
		port ? port->text : "", kind_knob(knob->kind, "to") ? " to " : " from ",
		from ? from->text
		: to ? to->text
		     : "any");
}

/* Elements of one list that the other hasn't; by what they say. */
static void list_only_in(struct diffing *d, const struct knob *knob, const struct node *list, const struct node *other, char sign)
{
	struct map known = {0};
	struct knob silent = *knob;

	/* A rule that comes interrupts nothing, unless it is the first of a list that allowed all while it was empty. */
	if (sign == '+' && (other != NULL || strcmp(knob->key, "egress") != 0)) {
		silent.effect = NULL;
		knob = &silent;
	}

	for (const struct node *n = other ? other->first : NULL; n != NULL; n = n->next)
		(void)map_set_str(&known, element_shown(d, knob, n), &known);
	for (const struct node *n = list ? list->first : NULL; n != NULL; n = n->next) {
		const char *shown = element_shown(d, knob, n);

		if (map_get_str(&known, shown) == NULL)
			note(d, knob, arena_printf(d->arena, "%c%s", sign, shown));
	}
	map_free(&known);
}

/* The elements of a list, matched by position; those of a list without order by what they say. */
static void compare_list(
	struct diffing *d, const struct pair *pair, const struct knob *knob, const struct node *old, const struct node *new)
{
	const struct node *a = old ? old->first : NULL, *b = new ? new->first : NULL;

	if (knob->unordered) {
		list_only_in(d, knob, new, old, '+');
		list_only_in(d, knob, old, new, '-');
		return;
	}
	for (size_t index = 0; a != NULL || b != NULL; index++) {
		if (a == NULL || b == NULL)
			note(d, knob, arena_printf(d->arena, "%c%s%s[%zu]", a ? '-' : '+', pair->prefix, knob->key, index));
		else if (!same(a, b))
			push(d, knob, a, b, arena_printf(d->arena, "%s%s[%zu].", pair->prefix, knob->key, index), NULL);
		a = a ? a->next : NULL;
		b = b ? b->next : NULL;
	}
}

static void compare_row(struct diffing *d, const struct pair *pair, const struct knob *knob)
{
	const struct node *old = pair->old ? node_member(pair->old, knob->key) : NULL;
	const struct node *new = pair->new ? node_member(pair->new, knob->key) : NULL;
	bool maps = (old == NULL || old->kind == NODE_MAP) && (new == NULL || new->kind == NODE_MAP);

	if (same(old, new))
		return;
	if (knob->type == KNOB_MAP)
		compare_map(d, pair, knob, old, new);
	else if (knob->type == KNOB_LIST)
		compare_list(d, pair, knob, old, new);
	else if (knob->type == KNOB_OBJECT && maps && (knob->flag == NOWHERE || (old != NULL && new != NULL)))
		push(d, knob, old, new, arena_printf(d->arena, "%s%s.", pair->prefix, knob->key), NULL);
	else if (knob->type == KNOB_OBJECT)
		note(d, knob,
			arena_printf(d->arena, "%s%s %s" ARROW "%s", pair->prefix, knob->key,
				old ? old->kind == NODE_MAP ? "on" : old->text : "off",
				new ? new->kind == NODE_MAP ? "on" : new->text : "off"));
	else
		note(d, knob,
			arena_printf(d->arena, "%s%s %s" ARROW "%s", pair->prefix, knob->key, shown(d, knob, old), shown(d, knob, new)));
}

static void compare_pair(struct diffing *d, struct pair pair)
{
	for (size_t i = 0; i < pair.kind->knob_count; i++)
		if (pair.kind->knobs[i].type != KNOB_LATER && (pair.skip == NULL || strcmp(pair.skip, pair.kind->knobs[i].key) != 0))
			compare_row(d, &pair, &pair.kind->knobs[i]);
}

/* Two objects of one name; adds a change when they differ. */
static void compare_objects(struct diffing *d, const struct kind *kind, const char *name, const void *old, const void *new)
{
	struct arena *scratch = arena_new(NULL);
	struct pair first = {kind, object_encode(kind, old, false, scratch), object_encode(kind, new, false, scratch), "", NULL};

	d->hot = true;
	d->restarts = false;
	d->pairs[d->pair_count++] = first;
	while (d->pair_count > 0)
		compare_pair(d, d->pairs[--d->pair_count]);
	if (d->text.used > 0)
		add_change(d, (struct change){CHANGE_CHANGE, kind->word, name,
				      arena_printf(d->arena, "%s%s", text_get(&d->text), text_get(&d->effects)), d->hot, d->restarts});
	text_free(&d->text);
	text_free(&d->effects);
	arena_free(scratch);
}

static const char *describe_vm(struct arena *arena, const struct lab_vm *vm)
{
	struct text text = {0};
	const char *result;

	text_add(&text, "%s %u cpu%s %uM", vm->image_name, vm->cpus, vm->cpus == 1 ? "" : "s", vm->memory_mib);
	for (size_t i = 0; i < vm->nic_count && i < 4; i++) {
		char address[IP_TEXT_BYTES];
		const struct lab_nic *nic = &vm->nics[i];

		text_add(&text, "%s %s", i == 0 ? ", nic on" : " and", nic->network_name ? nic->network_name : "a link");
		if (nic->ipv4.ip.family != IP_NONE)
			text_add(&text, " %s", ip_text(nic->ipv4.ip, address));
	}
	result = arena_str(arena, text_get(&text));
	text_free(&text);
	return result;
}

static const char *describe_subnet(struct arena *arena, struct prefix ipv4, const char *pool, const char *more)
{
	char text[PREFIX_TEXT_BYTES];

	if (ipv4.ip.family != IP_NONE && pool != NULL)
		return arena_printf(arena, "%s (pool %s)%s", prefix_text(ipv4, text), pool, more);
	if (ipv4.ip.family != IP_NONE)
		return arena_printf(arena, "%s%s", prefix_text(ipv4, text), more);
	return pool ? arena_printf(arena, "from pool %s%s", pool, more) : arena_printf(arena, "no subnet%s", more);
}

static const char *describe_port(struct arena *arena, const struct lab_port *port)
{
	return arena_printf(arena, "%s%s on %s%s%s", port->socket ? "socket " : "", port->socket ? port->socket : port->tap,
		port->network_name, port->netns ? ", in namespace " : "", port->netns ? port->netns : "");
}

/* What comes or goes, in a few words. */
static const char *describe(struct arena *arena, const char *section, const void *object)
{
	if (strcmp(section, "vms") == 0)
		return describe_vm(arena, object);
	if (strcmp(section, "networks") == 0) {
		const struct lab_network *n = object;

		return describe_subnet(arena, n->ipv4, n->pool_name, n->dhcp ? ", dhcp" : "");
	}
	if (strcmp(section, "links") == 0) {
		const struct lab_link *link = object;

		return describe_subnet(arena, link->ipv4, link->pool_name, arena_printf(arena, ", %s to %s", link->from, link->to));
	}
	if (strcmp(section, "routers") == 0) {
		const struct lab_router *r = object;

		return arena_printf(arena, "%zu interface%s%s%s%s", r->interface_count, r->interface_count == 1 ? "" : "s",
			r->rip ? ", rip" : "", r->ospf.on ? ", ospf" : "", r->bgp ? ", bgp" : "");
	}
	if (strcmp(section, "security-groups") == 0) {
		const struct lab_group *group = object;

		return arena_printf(arena, "%zu ingress, %zu egress rules%s", group->ingress_count, group->egress_count,
			group->egress_count == 0 ? " (all out)" : "");
	}
	if (strcmp(section, "ports") == 0)
		return describe_port(arena, object);
	return "";
}

static const char *object_name(const struct knob *row, const void *lab, size_t i)
{
	return *(const char *const *)((const uint8_t *)knob_element(row, lab, i) + row->kind->name);
}

/* The objects of a section that only `lab` has, in its order (`backwards`: from the last). */
static void only_in(
	struct diffing *d, const struct knob *row, const struct lab *lab, const struct lab *other, enum change_op op, bool backwards)
{
	struct map names = {0};
	size_t count = lab ? knob_count(row, lab) : 0;

	for (size_t i = 0; other != NULL && i < knob_count(row, other); i++)
		(void)map_set_str(&names, object_name(row, other, i), &names);
	for (size_t i = 0; i < count; i++) {
		size_t at = backwards ? count - 1 - i : i;
		const char *name = object_name(row, lab, at);

		if (map_get_str(&names, name) == NULL)
			add_change(d, (struct change){op, row->kind->word, arena_str(d->arena, name),
					      describe(d->arena, row->key, knob_element(row, lab, at)),
					      op == CHANGE_ADD || row->kind->passive, false});
	}
	map_free(&names);
}

/* The objects of a section that both have. */
static void in_both(struct diffing *d, const struct knob *row, const struct lab *running, const struct lab *wanted)
{
	struct map olds = {0};

	for (size_t i = 0; running != NULL && i < knob_count(row, running); i++)
		(void)map_set_str(&olds, object_name(row, running, i), knob_element(row, running, i));
	for (size_t i = 0; wanted != NULL && i < knob_count(row, wanted); i++) {
		const char *name = object_name(row, wanted, i);
		const void *old = map_get_str(&olds, name);

		if (old != NULL)
			compare_objects(d, row->kind, arena_str(d->arena, name), old, knob_element(row, wanted, i));
	}
	map_free(&olds);
}

/* Tests have no names: all of them together are one thing. */
static void compare_tests(struct diffing *d, const struct lab *running, const struct lab *wanted)
{
	const struct kind *kind = kind_knob(&kind_lab, "tests")->kind;
	struct arena *scratch = arena_new(NULL);
	bool differ = running->test_count != wanted->test_count;

	for (size_t i = 0; !differ && i < wanted->test_count; i++)
		differ = !same(
			object_encode(kind, &running->tests[i], false, scratch), object_encode(kind, &wanted->tests[i], false, scratch));
	if (differ)
		add_change(d, (struct change){CHANGE_CHANGE, "tests", "",
				      arena_printf(d->arena, "%zu" ARROW "%zu", running->test_count, wanted->test_count), true, false});
	arena_free(scratch);
}

static const struct knob *section_row(size_t i) { return kind_knob(&kind_lab, sections[i].key); }

struct changes *lab_diff(struct arena *arena, const struct lab *running, const struct lab *wanted)
{
	struct diffing d = {.arena = arena, .changes = arena_alloc(arena, sizeof(struct changes))};

	d.changes->arena = arena;
	d.pairs = arena_alloc(arena, PAIRS_MAX * sizeof(*d.pairs));
	for (size_t i = COUNT_OF(sections); i-- > 0;)
		if (sections[i].holds)
			only_in(&d, section_row(i), running, wanted, CHANGE_REMOVE, true);
	if (running != NULL && wanted != NULL)
		compare_objects(&d, kind_knob(&kind_lab, "schedule")->kind, "", &running->schedule, &wanted->schedule);
	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		only_in(&d, section_row(i), wanted, running, CHANGE_ADD, false);
		in_both(&d, section_row(i), running, wanted);
	}
	if (running != NULL && wanted != NULL)
		compare_tests(&d, running, wanted);
	for (size_t i = COUNT_OF(sections); i-- > 0;)
		if (!sections[i].holds)
			only_in(&d, section_row(i), running, wanted, CHANGE_REMOVE, true);
	return d.changes;
}
