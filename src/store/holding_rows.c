/* The holdings of one pool: rows in segments, and slots by the numbers of names. */
#include "store/holding_rows.h"

#include "base/arena.h"
#include "base/check.h"

/* Rows of the first segment, slots to begin with; powers of two. */
#define SEGMENT_ROWS 16
#define SLOTS_LEAST 16

/* `row` is the row's number + 1, 0 in an empty slot. */
struct holding_slot {
	uint32_t number; /* of the owner's name */
	uint32_t row;
};

/* Segment k has the rows from SEGMENT_ROWS * (2^k - 1) on. */
static unsigned segment_of(uint32_t row) { return 31u - (unsigned)__builtin_clz(row / SEGMENT_ROWS + 1); }

static size_t segment_bytes(unsigned segment) { return (sizeof(struct holding) * SEGMENT_ROWS) << segment; }

struct holding *holding_row_at(const struct holding_rows *rows, uint32_t row)
{
	unsigned segment = segment_of(row);

	return &rows->segments[segment][row - SEGMENT_ROWS * ((1u << segment) - 1)];
}

void holding_rows_free(struct holding_rows *rows)
{
	for (unsigned i = 0; i < HOLDING_SEGMENTS && rows->segments[i] != NULL; i++)
		table_free(rows->segments[i], segment_bytes(i));
	table_free(rows->slots, rows->size * sizeof(*rows->slots));
	*rows = (struct holding_rows){0};
}

uint32_t holding_row_find(const struct holding_rows *rows, const struct name_entry *name)
{
	uint32_t mask = rows->size - 1;

	if (rows->size == 0)
		return HOLDING_NO_ROW;
	for (uint32_t i = name->number & mask; rows->slots[i].row != 0; i = (i + 1) & mask)
		if (rows->slots[i].number == name->number && holding_row_at(rows, rows->slots[i].row - 1)->owner == name->text)
			return rows->slots[i].row - 1;
	return HOLDING_NO_ROW;
}

static void slot_put(struct holding_rows *rows, struct holding_slot slot)
{
	uint32_t i = slot.number & (rows->size - 1);

	while (rows->slots[i].row != 0)
		i = (i + 1) & (rows->size - 1);
	rows->slots[i] = slot;
}

/* Takes a slot away, moving later ones of the same run back so that no tomb is needed (Knuth 6.4, algorithm R). */
static void slot_take(struct holding_rows *rows, uint32_t number, uint32_t row)
{
	uint32_t mask = rows->size - 1, gap = number & mask;

	while (rows->slots[gap].row != row + 1)
		gap = (gap + 1) & mask;
	for (uint32_t i = (gap + 1) & mask; rows->slots[i].row != 0; i = (i + 1) & mask) {
		uint32_t home = rows->slots[i].number & mask;

		if (((i - home) & mask) >= ((i - gap) & mask)) {
			rows->slots[gap] = rows->slots[i];
			gap = i;
		}
	}
	rows->slots[gap] = (struct holding_slot){0};
}

/* At most half of the slots are in use. */
static void slots_reserve(struct holding_rows *rows)
{
	struct holding_slot *old = rows->slots;
	uint32_t size = rows->size;

	if ((rows->used + 1) * 2 <= size)
		return;
	CHECK(size < UINT32_C(1) << 30);
	rows->size = size ? size * 2 : SLOTS_LEAST;
	rows->slots = table_alloc(rows->size * sizeof(*rows->slots));
	for (uint32_t i = 0; i < size; i++)
		if (old[i].row != 0)
			slot_put(rows, old[i]);
	table_free(old, size * sizeof(*old));
}

/* The number of a row that nobody uses. */
static uint32_t row_new(struct holding_rows *rows)
{
	uint32_t row = rows->count;
	unsigned segment = segment_of(row);

	if (rows->unused != 0) {
		row = rows->unused - 1;
		rows->unused = (uint32_t)holding_row_at(rows, row)->value;
		return row;
	}
	CHECK(segment < HOLDING_SEGMENTS);
	if (rows->segments[segment] == NULL)
		rows->segments[segment] = table_alloc(segment_bytes(segment));
	rows->count++;
	return row;
}

uint32_t holding_row_add(struct holding_rows *rows, const struct name_entry *name)
{
	uint32_t row = row_new(rows);

	*holding_row_at(rows, row) = (struct holding){.owner = name->text};
	slots_reserve(rows);
	slot_put(rows, (struct holding_slot){name->number, row + 1});
	rows->used++;
	return row;
}

void holding_row_remove(struct holding_rows *rows, uint32_t row)
{
	struct holding *holding = holding_row_at(rows, row);

	slot_take(rows, name_of_text(holding->owner)->number, row);
	*holding = (struct holding){.value = rows->unused};
	rows->unused = row + 1;
	rows->used--;
}

struct holding *holding_row_next(const struct holding_rows *rows, uint32_t *cursor)
{
	while (*cursor < rows->count) {
		struct holding *holding = holding_row_at(rows, (*cursor)++);

		if (holding->owner != NULL)
			return holding;
	}
	return NULL;
}
