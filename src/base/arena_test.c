/* Tests of arenas: alignment, zeroing, large pieces, and that freeing a tree of any shape frees all of it (a leak checker sees the rest).
 */
#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_pieces(void **state)
{
	struct arena *arena = arena_new(NULL);
	uint8_t *last = NULL;

	for (size_t size = 0; size < 9000; size += 37) {
		uint8_t *p = arena_alloc(arena, size);

		assert_int_equal((uintptr_t)p % 16, 0);
		assert_ptr_not_equal(p, last);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
		last = size ? p : last;
	}
	arena_free(arena);
	arena_free(NULL);
}

static void test_copies(void **state)
{
	struct arena *arena = arena_new(NULL);
	char text[] = "weft";
	char *copy = arena_str(arena, text), *bytes = arena_copy(arena, text, 2);
	char *printed = arena_printf(arena, "%s-%d", text, 42);

	text[0] = 'l';
	assert_string_equal(copy, "weft");
	assert_memory_equal(bytes, "we", 2);
	assert_string_equal(printed, "weft-42");
	arena_free(arena);
}

/* A chain so deep that recursion would overflow the stack, with leaves at each level. */
static void test_deep_tree(void **state)
{
	struct arena *root = arena_new(NULL), *at = root;

	for (int i = 0; i < 200000; i++) {
		(void)arena_alloc(arena_new(at), 8);
		at = arena_new(at);
	}
	arena_free(root);
}

static void test_branch(void **state)
{
	struct arena *root = arena_new(NULL), *branch = arena_new(root), *other = arena_new(root);
	char *kept = arena_str(other, "kept");

	(void)arena_str(arena_new(branch), "leaf");
	arena_free(branch);
	assert_string_equal(kept, "kept");
	arena_free(root);
}

static void test_plain(void **state)
{
	uint8_t *p = xalloc(3);
	char *s = xstrdup("x");

	assert_int_equal(p[0] | p[1] | p[2], 0);
	p = xrealloc(p, 100);
	p[99] = 1;
	assert_string_equal(s, "x");
	free(p);
	free(s);
	free(xalloc(0));
}

struct item {
	int number;
	struct list node;
};

static void test_list(void **state)
{
	struct item items[5] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}, {.number = 5}}, *item;
	struct list head;
	int sum = 0;

	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_first(&head, struct item, node));
	for (int i = 0; i < 4; i++)
		list_append(&head, &items[i].node);
	list_prepend(&head, &items[4].node);
	item = list_first(&head, struct item, node);
	assert_ptr_equal(item, &items[4]);
	list_remove(&items[4].node);
	list_remove(&items[4].node);
	assert_false(list_linked(&items[4].node));
	list_insert_before(&items[1].node, &items[4].node);
	/* 1 5 2 3 4; each may go while it is visited. */
	list_each (item, &head, struct item, node) {
		sum = sum * 10 + item->number;
		if (item->number % 2)
			list_remove(&item->node);
	}
	assert_int_equal(sum, 15234);
	sum = 0;
	list_each (item, &head, struct item, node)
		sum = sum * 10 + item->number;
	assert_int_equal(sum, 24);
	assert_true(list_linked(&items[1].node));
}

/* Small and large tables are zeroed and can be filled to the last byte. */
static void test_tables(void **state)
{
	static const size_t sizes[] = {1, 4096, (2u << 20) - 1, 2u << 20, (4u << 20) + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint8_t *table = table_alloc(sizes[i]);

		assert_int_equal(table[0] | table[sizes[i] / 2] | table[sizes[i] - 1], 0);
		memset(table, 0xff, sizes[i]);
		table_free(table, sizes[i]);
	}
	table_free(NULL, 0);
	table_free(NULL, 4u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_deep_tree),
		cmocka_unit_test(test_branch),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
