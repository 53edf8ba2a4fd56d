/* Fuzzes lab files in YAML: whatever parses must expand or say why not, and print to what parses to the same. */
#include "base/check.h"
#include "model/lab_io.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The lab as printed by `print` and read by `parse` prints the same JSON again. */
static void check_again(const struct lab *lab, void (*print)(const struct lab *, struct text *),
	struct lab *(*parse)(const char *, size_t, struct diags *), struct arena *arena)
{
	struct diags diags = {.arena = arena};
	struct text printed = {0}, json = {0}, again = {0};
	struct lab *lab_again;

	print(lab, &printed);
	lab_to_json(lab, &json);
	lab_again = parse(printed.bytes, printed.used, &diags);
	CHECK(lab_again != NULL);
	lab_to_json(lab_again, &again);
	CHECK(strcmp(json.bytes, again.bytes) == 0);
	arena_free(lab_again->arena);
	text_free(&printed);
	text_free(&json);
	text_free(&again);
}

/*
 * libfyaml 0.7.12 loses the list of pieces of a scalar that has many of them (a long row of '' in single quotes). Only that is passed over;
 * to be told from what we lose, stacks must be whole.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "fast_unwind_on_malloc=0"; }
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:fy_atom_iter_chunk_next\n"; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};
	struct lab *lab = lab_parse_yaml((const char *)data, size, &diags), *flat = NULL;

	CHECK((lab == NULL) == (diags.errors > 0));
	if (lab != NULL) {
		check_again(lab, lab_to_json, lab_parse_json, arena);
		check_again(lab, lab_to_yaml, lab_parse_yaml, arena);
		flat = lab_expand(lab, &diags);
		CHECK((flat == NULL) == (diags.errors > 0));
		arena_free(lab->arena);
	}
	if (flat != NULL) {
		check_again(flat, lab_to_json, lab_parse_json, arena);
		CHECK(lab_diff(arena, flat, flat)->count == 0);
		arena_free(flat->arena);
	}
	(void)diags_text(&diags, "fuzz", (const char *)data, size);
	arena_free(arena);
	return 0;
}
