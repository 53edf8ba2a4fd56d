/*
 * Selections: which machines a text such as "vm[1-4]" or "h*" means; and the tests, whose machines are selections.
 */
#include "base/check.h"
#include "model/lab_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "name[first-last]": the parts. False when it is no such text. */
struct span_of_names {
	char stem[LAB_NAME_BYTES_MAX + 1];
	unsigned long first, last;
};

static bool span_parse(const char *selection, struct span_of_names *out)
{
	size_t stem = strcspn(selection, "[");
	const char *at = selection + stem;
	char *end;

	if (stem == 0 || stem > LAB_NAME_BYTES_MAX || at[0] != '[' || at[1] < '0' || at[1] > '9')
		return false;
	memcpy(out->stem, selection, stem);
	out->stem[stem] = '\0';
	out->first = out->last = strtoul(at + 1, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		out->last = strtoul(end + 1, &end, 10);
	return strcmp(end, "]") == 0 && out->first <= out->last && out->last <= LAB_OBJECTS_MAX;
}

/* True when `name` is the stem and a number of the span. */
static bool span_has(const struct span_of_names *span, const char *name)
{
	size_t stem = strlen(span->stem);
	unsigned long number;
	char *end;

	if (strncmp(name, span->stem, stem) != 0 || name[stem] < '0' || name[stem] > '9' || (name[stem] == '0' && name[stem + 1] != '\0'))
		return false;
	number = strtoul(name + stem, &end, 10);
	return *end == '\0' && number >= span->first && number <= span->last;
}

/* '*' stands for any characters, as in file names; one is enough for names such as vm*. */
static bool star_matches(const char *pattern, const char *name)
{
	size_t before = strcspn(pattern, "*"), length = strlen(name);
	const char *after = pattern + before + 1;

	return length >= before + strlen(after) && strncmp(pattern, name, before) == 0 && strcmp(name + length - strlen(after), after) == 0;
}

size_t lab_select_vms(const struct lab *flat, const char *selection, const char ***names, struct diags *diags)
{
	struct span_of_names span;
	bool is_span = span_parse(selection, &span), is_star = strchr(selection, '*') != NULL;
	size_t count = 0, room = 0;
	const char **found = NULL;

	for (size_t i = 0; i < flat->vm_count; i++) {
		const char *name = flat->vms[i].name;

		if (!(is_span ? span_has(&span, name) : is_star ? star_matches(selection, name) : strcmp(selection, name) == 0))
			continue;
		if (count == room) {
			const char **more = arena_alloc(diags->arena, (room * 2 + 4) * sizeof(*more));

			if (count > 0)
				memcpy(more, found, count * sizeof(*more));
			found = more;
			room = room * 2 + 4;
		}
		found[count++] = name;
	}
	*names = found;
	return count;
}

/* Why a selection found nothing. */
static void report_nothing(const struct lab *flat, const struct lab *lab, struct diags *diags, const char *path, const char *selection)
{
	struct name_index names = index_new(diags->arena, flat->vm_count);

	for (size_t i = 0; i < lab->vm_count && !diags_full(diags); i++)
		if (lab->vms[i].count > 0 && strcmp(lab->vms[i].name, selection) == 0) {
			lab_error(lab, diags, path, "\"%s\" has a count: write %s1, or \"%s[1-%u]\" for all of them", selection, selection,
				selection, lab->vms[i].count);
			return;
		}
	for (size_t i = 0; i < flat->vm_count && i < HINT_NAMES_MAX; i++)
		(void)index_add(&names, flat->vms[i].name, i);
	lab_error(lab, diags, path, "no machine is named \"%.64s\"%s", selection, index_hint(&names, selection));
	index_free(&names);
}

/* Most selections of the tests that aren't plain names, and machines that all of them may select together. */
#define PATTERNS_MAX 2000
#define SELECTED_MAX 1000000

struct test_expansion {
	struct lab *flat;
	const struct lab *lab;
	struct diags *diags;
	struct name_index vms;
	size_t patterns, selected;
};

/* What one selection means; plain names are looked up, others are matched against every machine. */
static size_t select_for_test(struct test_expansion *x, const char *selection, const char ***found)
{
	size_t count;

	if (strpbrk(selection, "[*") == NULL) {
		int at = index_find(&x->vms, selection);

		*found = at < 0 ? NULL : &x->vms.names[at];
		return at < 0 ? 0 : 1;
	}
	if (++x->patterns > PATTERNS_MAX || x->selected > SELECTED_MAX)
		return 0;
	count = lab_select_vms(x->flat, selection, found, x->diags);
	x->selected += count;
	return count;
}

/* All machines that a test's selections mean, each once. */
static void expand_test(struct test_expansion *x, size_t at)
{
	static const char *const keys[] = {"ping", "ping-all", "deny", "route", "ospf"};
	struct lab_test *test = &x->flat->tests[at];
	struct name_index names = index_new(x->diags->arena, x->flat->vm_count);
	bool one_each = test->kind != LAB_TEST_PING_ALL, all_found = true;

	for (size_t i = 0; i < test->machine_count; i++) {
		const char *path =
			path_of(x->diags, test->machine_count > 1 ? "tests[%zu].%s[%zu]" : "tests[%zu].%s", at, keys[test->kind], i);
		const char **found = NULL;
		size_t count = select_for_test(x, test->machines[i], &found);

		all_found &= count == 1;
		if (x->patterns > PATTERNS_MAX || x->selected > SELECTED_MAX) {
			lab_error(x->lab, x->diags, path, "the tests select more machines than is bearable");
			break;
		}
		if (count == 0)
			report_nothing(x->flat, x->lab, x->diags, path, test->machines[i]);
		else if (one_each && count > 1)
			lab_error(x->lab, x->diags, path, "\"%.64s\" selects %zu machines; a %s test is about two single ones",
				test->machines[i], count, keys[test->kind]);
		for (size_t k = 0; k < count; k++)
			(void)index_add(&names, found[k], k);
	}
	if (one_each && all_found && names.count == 1)
		lab_error(
			x->lab, x->diags, path_of(x->diags, "tests[%zu]", at), "a %s test needs two different machines", keys[test->kind]);
	test->machines = arena_copy(x->flat->arena, names.names, names.count * sizeof(*names.names));
	test->machine_count = names.count;
	index_free(&names);
}

void expand_tests(struct lab *flat, const struct lab *lab, struct diags *diags)
{
	struct name_index routers = index_new(diags->arena, flat->router_count);
	struct test_expansion x = {.flat = flat, .lab = lab, .diags = diags, .vms = index_new(diags->arena, flat->vm_count)};

	for (size_t i = 0; i < flat->vm_count; i++)
		(void)index_add(&x.vms, flat->vms[i].name, x.vms.count);
	for (size_t i = 0; i < flat->router_count; i++)
		(void)index_add(&routers, flat->routers[i].name, i);
	for (size_t i = 0; i < flat->test_count; i++) {
		const struct lab_test *test = &flat->tests[i];

		if (test->kind != LAB_TEST_ROUTE && test->kind != LAB_TEST_OSPF)
			expand_test(&x, i);
		else if (index_find(&routers, test->router) < 0)
			lab_error(lab, diags, path_of(diags, "tests[%zu].%s", i, test->kind == LAB_TEST_OSPF ? "ospf" : "route"),
				"no router is named \"%.64s\"%s", test->router, index_hint(&routers, test->router));
	}
	index_free(&x.vms);
	index_free(&routers);
}
