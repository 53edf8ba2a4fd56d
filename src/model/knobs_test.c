/* The knob table against itself: random objects made from its rows survive decoding, printing as JSON and YAML, and parsing again. */
#include "base/check.h"
#include "base/rand.h"
#include "model/knobs.h"
#include "model/lab_io.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 300

static uint64_t seed;

/* A text with all that makes printers stumble. Never empty, at most 24 bytes. */
static const char *random_text(struct rand *rand, struct arena *arena)
{
	static const char *const parts[] = {"a", "Z", "0", "7", " ", ":", ": ", "#", " #", "\"", "'", "\\", "-", "- ", "{", "}", "[", "]",
		",", "&", "*", "!", "|", ">", "%", "@", "`", "?", "~", "null", "true", "no", "1e3", "0x1", "=", "<<", "\xc3\xa9",
		"\xe2\x86\x92"};
	struct text text = {0};
	const char *result;

	for (uint64_t n = 1 + rand_below(rand, 6); n > 0 && text.used < 20; n--)
		text_add(&text, "%s", parts[rand_below(rand, COUNT_OF(parts))]);
	result = arena_str(arena, text_get(&text));
	text_free(&text);
	return result;
}

static int64_t random_number(struct rand *rand, const struct knob *knob)
{
	uint64_t width = (uint64_t)knob->max - (uint64_t)knob->min;
	uint64_t pick = rand_below(rand, 4);

	return pick == 0   ? knob->min
	       : pick == 1 ? knob->max
			   : (int64_t)((uint64_t)knob->min + (width == UINT64_MAX ? rand_u64(rand) : rand_below(rand, width + 1)));
}

static const char *random_prefix(struct rand *rand, struct arena *arena, const struct knob *knob)
{
	bool six = knob->family == IP_V6 || (knob->family == IP_NONE && rand_below(rand, 2) == 0);
	struct prefix prefix = {.ip = {.family = six ? IP_V6 : IP_V4}};
	char text[PREFIX_TEXT_BYTES];

	for (unsigned i = 0; i < ip_bits(prefix.ip.family) / 8; i++)
		prefix.ip.bytes[i] = rand_below(rand, 3) == 0 ? 0 : (uint8_t)rand_u64(rand);
	prefix.length = (uint8_t)(1 + rand_below(rand, ip_bits(prefix.ip.family)));
	if (knob->type == KNOB_PREFIX)
		prefix = prefix_masked(prefix);
	if (knob->type == KNOB_IP || (knob->type == KNOB_ADDRESS && rand_below(rand, 2) == 0))
		return arena_str(arena, ip_text(prefix.ip, text));
	return arena_str(arena, prefix_text(prefix, text));
}

static const char *random_hex(struct rand *rand, struct arena *arena, int64_t digits)
{
	char *text = arena_alloc(arena, (size_t)digits + 1);

	for (int64_t i = 0; i < digits; i++)
		text[i] = "0123456789abcdefABCDEF"[rand_below(rand, 22)];
	return text;
}

/* A text that the row accepts. */
static const char *random_value(struct rand *rand, struct arena *arena, const struct knob *knob)
{
	switch (knob->type) {
	case KNOB_TEXT:
	case KNOB_SECRET:
	case KNOB_REF:
		return knob->max < 24 ? "tap0" : random_text(rand, arena);
	case KNOB_HEX:
		return random_hex(rand, arena, knob->max);
	case KNOB_BOOL:
		return rand_below(rand, 2) ? "true" : "false";
	case KNOB_INT:
		return arena_printf(arena, "%" PRId64, random_number(rand, knob));
	case KNOB_TIME:
		return arena_printf(arena, "%" PRId64 "%s", random_number(rand, knob), "s");
	case KNOB_MEMORY:
		return arena_printf(arena, "%" PRId64 "M", random_number(rand, knob));
	case KNOB_RATIO:
		return arena_printf(arena, "%g", (double)random_number(rand, knob) / 1000);
	case KNOB_PERCENT:
		return arena_printf(arena, "%" PRId64 "%%", random_number(rand, knob));
	case KNOB_WORD:
	case KNOB_ENUM:
	case KNOB_FLAGS:
		return knob->words[rand_below(rand, knob->word_count)];
	case KNOB_PREFIX:
	case KNOB_ADDRESS:
	case KNOB_IP:
		return knob->type == KNOB_IP && knob->flag != NOWHERE && rand_below(rand, 3) == 0 ? "none"
												  : random_prefix(rand, arena, knob);
	case KNOB_MAC:
		return knob->flag != NOWHERE && rand_below(rand, 3) == 0
			       ? "pool:macs"
			       : arena_printf(
					 arena, "52:54:00:%02x:%02x:01", (unsigned)rand_below(rand, 256), (unsigned)rand_below(rand, 256));
	case KNOB_MAC_RANGE:
		return "52:54:00:00:00:00/24";
	case KNOB_PORTS:
		return arena_printf(arena, "%u", 1 + (unsigned)rand_below(rand, 65535));
	case KNOB_AS_RANGE:
		return "65001-65999";
	case KNOB_NAMES:
	case KNOB_OBJECT:
	case KNOB_MAP:
	case KNOB_LIST:
	case KNOB_LATER:
		break;
	}
	return "x";
}

/* Objects that wait to be filled: no recursion here either. */
struct waiting {
	const struct kind *kind;
	struct node *node;
	struct waiting *next;
};

static void wait_for(struct arena *arena, struct waiting **list, const struct kind *kind, struct node *node)
{
	struct waiting *w = arena_alloc(arena, sizeof(*w));

	*w = (struct waiting){kind, node, *list};
	*list = w;
}

static void random_row(struct rand *rand, struct arena *arena, struct node *object, const struct knob *knob, struct waiting **list)
{
	struct node *node;
	uint64_t count = knob->type == KNOB_NAMES ? (uint64_t)(knob->min == 0 ? 1 : knob->min) : 1 + rand_below(rand, 3);

	if (knob->type == KNOB_OBJECT && knob->flag != NOWHERE && rand_below(rand, 3) == 0) {
		(void)node_new(arena, object, knob->key, NODE_SCALAR, rand_below(rand, 2) ? "true" : "false");
	} else if (knob->type == KNOB_OBJECT) {
		wait_for(arena, list, knob->kind, node_new(arena, object, knob->key, NODE_MAP, NULL));
	} else if (knob->type == KNOB_MAP || knob->type == KNOB_LIST) {
		node = node_new(arena, object, knob->key, knob->type == KNOB_MAP ? NODE_MAP : NODE_LIST, NULL);
		for (uint64_t i = 0; i < count; i++)
			wait_for(arena, list, knob->kind,
				node_new(arena, node,
					knob->type == KNOB_MAP ? arena_printf(arena, "%s%" PRIu64, random_text(rand, arena), i) : NULL,
					NODE_MAP, NULL));
	} else if (knob->type == KNOB_NAMES) {
		node = node_new(arena, object, knob->key, NODE_LIST, NULL);
		for (uint64_t i = 0; i < count; i++)
			(void)node_new(arena, node, NULL, NODE_SCALAR, random_text(rand, arena));
	} else {
		(void)node_new(arena, object, knob->key, NODE_SCALAR, random_value(rand, arena, knob));
	}
}

static void random_object(struct rand *rand, struct arena *arena, const struct waiting *w, struct waiting **list)
{
	size_t cases = 0, chosen;

	for (size_t i = 0; i < w->kind->knob_count; i++)
		cases += w->kind->knobs[i].is_case;
	chosen = cases ? rand_below(rand, cases) : 0;
	for (size_t i = 0; i < w->kind->knob_count; i++) {
		const struct knob *knob = &w->kind->knobs[i];

		if (knob->type == KNOB_LATER || (knob->is_case && chosen-- != 0))
			continue;
		if (knob->required || knob->is_case || rand_below(rand, 2) == 0)
			random_row(rand, arena, w->node, knob, list);
	}
}

static struct node *random_tree(struct rand *rand, struct arena *arena)
{
	struct node *root = node_new(arena, NULL, NULL, NODE_MAP, NULL);
	struct waiting *list = NULL;

	wait_for(arena, &list, &kind_lab, root);
	while (list != NULL) {
		struct waiting *w = list;

		list = w->next;
		random_object(rand, arena, w, &list);
	}
	return root;
}

static void fail_with(struct diags *diags, const char *source)
{
	print_error("seed %" PRIu64 "\n%s\n%s", seed, source, diags_text(diags, "lab", source, strlen(source)));
	fail();
}

/* Parses `source`, decodes it, and gives it back as canonical JSON. */
static void parse_and_print(
	struct node *(*parse)(struct arena *, const char *, size_t, struct diags *), const char *source, struct text *json)
{
	struct lab lab = {.arena = arena_new(NULL)};
	struct diags diags = {.arena = lab.arena};
	struct node *root = parse(lab.arena, source, strlen(source), &diags);

	if (root != NULL)
		lab_decode(&lab, root, &diags);
	if (diags.errors > 0)
		fail_with(&diags, source);
	lab_to_json(&lab, json);
	arena_free(lab.arena);
}

static void printed_is_parsed(void **state)
{
	struct rand rand = rand_seeded(seed);

	for (int round = 0; round < ROUNDS; round++) {
		struct lab lab = {.arena = arena_new(NULL)};
		struct diags diags = {.arena = lab.arena};
		struct text json = {0}, yaml = {0}, json_again = {0}, yaml_again = {0};

		lab_decode(&lab, random_tree(&rand, lab.arena), &diags);
		if (diags.errors > 0)
			fail_with(&diags, "");
		lab_to_json(&lab, &json);
		lab_to_yaml(&lab, &yaml);
		parse_and_print(tree_from_json, json.bytes, &json_again);
		parse_and_print(tree_from_yaml, yaml.bytes, &yaml_again);
		if (strcmp(json.bytes, json_again.bytes) != 0 || strcmp(json.bytes, yaml_again.bytes) != 0)
			fail_with(&diags, yaml.bytes);
		text_free(&json);
		text_free(&yaml);
		text_free(&json_again);
		text_free(&yaml_again);
		arena_free(lab.arena);
	}
}

/* Rows that would break the walkers: no help, bounds the wrong way round, a default that isn't accepted, words without a list. */
static void check_kind(const struct kind *kind, struct arena *arena)
{
	for (size_t i = 0; i < kind->knob_count; i++) {
		const struct knob *knob = &kind->knobs[i];

		assert_non_null(knob->help);
		assert_true(knob->min <= knob->max);
		assert_ptr_equal(kind_knob(kind, knob->key), knob);
		assert_true(strspn(knob->key, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(knob->key));
		if (knob->type == KNOB_LATER)
			continue;
		assert_true(strlen(knob_expects(knob, arena)) > 0);
		assert_true((knob->kind != NULL) == (knob->type == KNOB_OBJECT || knob->type == KNOB_MAP || knob->type == KNOB_LIST));
		assert_true((knob->words != NULL) == (knob->type == KNOB_ENUM || knob->type == KNOB_WORD || knob->type == KNOB_FLAGS));
	}
	if (kind->short_key != NULL)
		assert_non_null(kind_knob(kind, kind->short_key));
}

static void rows_are_whole(void **state)
{
	const struct kind *kinds[64] = {&kind_lab};
	struct arena *arena = arena_new(NULL);
	size_t count = 1;

	for (size_t at = 0; at < count; at++) {
		check_kind(kinds[at], arena);
		for (size_t i = 0; i < kinds[at]->knob_count; i++)
			if (kinds[at]->knobs[i].kind != NULL && count < COUNT_OF(kinds))
				kinds[count++] = kinds[at]->knobs[i].kind;
	}
	assert_true(count > 10 && count < COUNT_OF(kinds));
	arena_free(arena);
}

/* The schema is JSON, and knows every key. */
static void schema_is_json(void **state)
{
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};
	struct text out = {0}, manual = {0};
	struct node *root;

	lab_schema(&out);
	root = tree_from_json(arena, out.bytes, out.used, &diags);
	assert_non_null(root);
	assert_non_null(node_member(node_at(root, "$defs.network.anyOf[2].properties"), "dhcp"));
	assert_string_equal(node_at(root, "$defs.vm.anyOf[1].properties.priority.default")->text, "0");
	lab_manual(&manual);
	assert_non_null(strstr(manual.bytes, "max\\-starting"));
	text_free(&out);
	text_free(&manual);
	arena_free(arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(printed_is_parsed),
		cmocka_unit_test(schema_is_json),
	};

	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	printf("seed %" PRIu64 "\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
