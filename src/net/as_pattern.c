/* AS path patterns: a parser by precedence, an automaton of positions, a table of states (as_pattern.h). */
#include "net/as_pattern.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Characters of a path's text, numbered. */
static const char alphabet[] = "0123456789 ,{}()[]";
enum { SYMBOL_BLANK = 10, SYMBOL_COMMA, SYMBOL_SET, SYMBOL_SET_END, SYMBOL_CONFED, SYMBOL_CONFED_END, SYMBOL_CONFED_SET };
enum { SYMBOL_CONFED_SET_END = SYMBOL_CONFED_SET + 1, SYMBOL_START, SYMBOL_END, SYMBOL_COUNT };
#define DIGITS 0x3ffu
#define ENDS (1u << SYMBOL_START | 1u << SYMBOL_END)
#define SEPARATORS                                                                                                                         \
	(ENDS | 1u << SYMBOL_BLANK | 1u << SYMBOL_COMMA | 1u << SYMBOL_SET | 1u << SYMBOL_SET_END | 1u << SYMBOL_CONFED |                  \
		1u << SYMBOL_CONFED_END | 1u << SYMBOL_CONFED_SET | 1u << SYMBOL_CONFED_SET_END)
#define ALL ((1u << SYMBOL_COUNT) - 1)

#define POSITIONS_MAX 192
#define WORDS (POSITIONS_MAX / 64)
#define STATES_MAX 512
#define DEPTH_MAX 64

/* Positions: places of the pattern where a character is matched. */
struct positions {
	uint64_t words[WORDS];
};

/* A part of the pattern: where a match may begin and end, and whether nothing matches it, too. */
struct part {
	struct positions first, last;
	bool nullable;
};

struct parser {
	const char *text;
	const char *at;
	struct err *err;
	unsigned position_count;
	uint32_t symbols[POSITIONS_MAX];
	struct positions follow[POSITIONS_MAX];
	struct part parts[DEPTH_MAX];
	unsigned part_count;
	char operators[DEPTH_MAX]; /* '(', '|', '.' for one after the other */
	unsigned operator_count;
	bool failed;
};

struct as_pattern {
	uint16_t state_count;
	uint16_t (*next)[SYMBOL_COUNT];
	bool *accepts;
};

static void positions_add(struct positions *set, const struct positions *other)
{
	for (int i = 0; i < WORDS; i++)
		set->words[i] |= other->words[i];
}

static bool positions_has(const struct positions *set, unsigned position) { return set->words[position / 64] >> (position % 64) & 1; }

static void fail(struct parser *p, const char *why)
{
	if (!p->failed)
		(void)err_set(p->err, -EINVAL, "\"%.64s\" is no pattern: %s", p->text, why);
	p->failed = true;
}

static void part_push(struct parser *p, struct part part)
{
	if (p->part_count == DEPTH_MAX)
		fail(p, "it is nested too deeply");
	else
		p->parts[p->part_count++] = part;
}

/* Whoever ends in `last` may go on in `first`. */
static void follow_add(struct parser *p, const struct positions *last, const struct positions *first)
{
	for (unsigned i = 0; i < p->position_count; i++)
		if (positions_has(last, i))
			positions_add(&p->follow[i], first);
}

/* Joins the two topmost parts by an operator. */
static void reduce(struct parser *p, char operator)
{
	struct part *a, *b;

	if (p->part_count < 2) {
		fail(p, "something is missing beside `|` or in `()`");
		return;
	}
	b = &p->parts[--p->part_count];
	a = &p->parts[p->part_count - 1];
	if (operator== '|') {
		positions_add(&a->first, &b->first);
		positions_add(&a->last, &b->last);
		a->nullable = a->nullable || b->nullable;
		return;
	}
	follow_add(p, &a->last, &b->first);
	if (a->nullable)
		positions_add(&a->first, &b->first);
	if (b->nullable)
		positions_add(&b->last, &a->last);
	a->last = b->last;
	a->nullable = a->nullable && b->nullable;
}

/* Joins what binds at least as strongly as `operator`, down to an open parenthesis. */
static void reduce_above(struct parser *p, char operator)
{
	while (p->operator_count > 0 && !p->failed) {
		char top = p->operators[p->operator_count - 1];

		if (top == '(' || (operator== '.' && top == '|'))
			return;
		p->operator_count--;
		reduce(p, top);
	}
}

static void operator_push(struct parser *p, char operator)
{
	if (p->operator_count == DEPTH_MAX)
		fail(p, "it is nested too deeply");
	else
		p->operators[p->operator_count++] = operator;
}

static void atom_push(struct parser *p, uint32_t symbols)
{
	struct part part = {0};

	if (p->position_count == POSITIONS_MAX) {
		fail(p, "it is too long");
		return;
	}
	p->symbols[p->position_count] = symbols;
	part.first.words[p->position_count / 64] = part.last.words[p->position_count / 64] = UINT64_C(1) << (p->position_count % 64);
	p->position_count++;
	part_push(p, part);
}

static uint32_t symbol_of(struct parser *p, char c)
{
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

	if (at == NULL)
		fail(p, "a path has digits, blanks and , { } ( ) [ ] only");
	return at ? 1u << (at - alphabet) : 0;
}

/* The inside of brackets; `at` stands behind the opening one. */
static uint32_t class_read(struct parser *p)
{
	bool negated = *p->at == '^';
	uint32_t symbols = 0;

	p->at += negated;
	do {
		char from = *p->at, to = from;

		if (from == '\0') {
			fail(p, "a `]` is missing");
			return 0;
		}
		p->at++;
		if (p->at[0] == '-' && p->at[1] != ']' && p->at[1] != '\0') {
			to = p->at[1];
			p->at += 2;
			if (from < '0' || to > '9' || from > to)
				fail(p, "a range is of digits, such as [1-5]");
		}
		for (char c = from; c <= to && !p->failed; c++)
			symbols |= c == '_' ? SEPARATORS : symbol_of(p, c);
	} while (*p->at != ']' && !p->failed);
	p->at += !p->failed;
	return negated ? ALL & ~ENDS & ~symbols : symbols;
}

static void postfix(struct parser *p, char c)
{
	struct part *top = &p->parts[p->part_count - 1];

	if (c != '?')
		follow_add(p, &top->last, &top->first);
	top->nullable = top->nullable || c != '+';
}

static void close_group(struct parser *p)
{
	reduce_above(p, '|');
	if (p->operator_count == 0)
		fail(p, "a `(` is missing");
	else
		p->operator_count--;
}

/* The character behind a backslash. */
static char escaped_read(struct parser *p)
{
	char c = *p->at;

	if (c != '\0')
		p->at++;
	return c;
}

static void atom_read(struct parser *p, char c)
{
	if (c == '[')
		atom_push(p, class_read(p));
	else if (c == '.')
		atom_push(p, ALL & ~ENDS);
	else if (c == '_')
		atom_push(p, SEPARATORS);
	else if (c == '^')
		atom_push(p, 1u << SYMBOL_START);
	else if (c == '$')
		atom_push(p, 1u << SYMBOL_END);
	else if (c == '\\')
		atom_push(p, symbol_of(p, escaped_read(p)));
	else if (c == '{' || c == '}' || c == ']')
		fail(p, "write \\{, \\} or \\] for the character itself; counts such as {2} are not built");
	else
		atom_push(p, symbol_of(p, c));
}

/* `*`, `+`, `?`, `|`, `)`: what needs a part before it. Returns whether a part stands before what comes next. */
static bool operator_read(struct parser *p, char c, bool after_part)
{
	bool is_postfix = c == '*' || c == '+' || c == '?';

	if (!after_part) {
		fail(p, is_postfix ? "nothing stands before `*`, `+` or `?`" : "something is missing beside `|` or in `()`");
		return false;
	}
	if (is_postfix) {
		postfix(p, c);
	} else if (c == ')') {
		close_group(p);
	} else {
		reduce_above(p, '|');
		operator_push(p, '|');
	}
	return c != '|';
}

/* A part, or the parenthesis that opens one, behind what stands before it. Returns whether it was a part. */
static bool operand_read(struct parser *p, char c, bool after_part)
{
	if (after_part) {
		reduce_above(p, '.');
		operator_push(p, '.');
	}
	if (c == '(')
		operator_push(p, '(');
	else
		atom_read(p, c);
	return c != '(';
}

/* Reads the whole text into one part. */
static void parse(struct parser *p)
{
	bool after_part = false; /* what stands before may be followed by `*`, `|`, `)` */

	while (*p->at != '\0' && !p->failed) {
		char c = *p->at++;

		after_part = strchr("*+?|)", c) != NULL ? operator_read(p, c, after_part) : operand_read(p, c, after_part);
	}
	if (!p->failed && !after_part)
		fail(p, p->text[0] == '\0' ? "it is empty; ^$ is the empty path" : "something is missing at its end");
	reduce_above(p, '|');
	if (p->operator_count > 0)
		fail(p, "a `)` is missing");
}

/* The number of a set of positions as a state, made when it is new; STATES_MAX: there is no room. */
static unsigned state_of(struct positions *sets, uint16_t *count, const struct positions *set)
{
	for (unsigned i = 0; i < *count; i++)
		if (memcmp(&sets[i], set, sizeof(*set)) == 0)
			return i;
	if (*count == STATES_MAX)
		return STATES_MAX;
	sets[*count] = *set;
	return (*count)++;
}

/* Where a state goes on a character: a match may also begin here. */
static struct positions state_step(const struct parser *p, const struct positions *from, unsigned symbol)
{
	struct positions reach = p->parts[0].first, to = {0};

	for (unsigned i = 0; i < p->position_count; i++)
		if (positions_has(from, i))
			positions_add(&reach, &p->follow[i]);
	for (unsigned i = 0; i < p->position_count; i++)
		if (positions_has(&reach, i) && (p->symbols[i] >> symbol & 1))
			to.words[i / 64] |= UINT64_C(1) << (i % 64);
	return to;
}

static bool state_accepts(const struct parser *p, const struct positions *set)
{
	bool any = p->parts[0].nullable;

	for (int i = 0; i < WORDS; i++)
		any = any || (set->words[i] & p->parts[0].last.words[i]) != 0;
	return any;
}

/* Makes the table; an accepting state is never left. */
static bool build(const struct parser *p, struct as_pattern *pattern)
{
	struct positions *sets = xalloc(STATES_MAX * sizeof(*sets));
	bool fits = true;

	pattern->next = xalloc(STATES_MAX * sizeof(*pattern->next));
	pattern->accepts = xalloc(STATES_MAX * sizeof(bool));
	pattern->state_count = 1;
	for (unsigned i = 0; i < pattern->state_count && fits; i++) {
		pattern->accepts[i] = state_accepts(p, &sets[i]);
		for (unsigned symbol = 0; symbol < SYMBOL_COUNT && fits; symbol++) {
			const struct positions to = state_step(p, &sets[i], symbol);
			unsigned next = pattern->accepts[i] ? i : state_of(sets, &pattern->state_count, &to);

			fits = next < STATES_MAX;
			pattern->next[i][symbol] = (uint16_t)next;
		}
	}
	free(sets);
	if (fits) {
		pattern->next = xrealloc(pattern->next, pattern->state_count * sizeof(*pattern->next));
		pattern->accepts = xrealloc(pattern->accepts, pattern->state_count * sizeof(bool));
	}
	return fits;
}

struct as_pattern *as_pattern_new(const char *text, struct err *err)
{
	struct as_pattern *pattern = NULL;
	struct parser *p = xalloc(sizeof(*p));

	p->text = p->at = text;
	p->err = err;
	if (strlen(text) > AS_PATTERN_TEXT_MAX)
		fail(p, "it is too long");
	if (!p->failed)
		parse(p);
	if (!p->failed) {
		CHECK(p->part_count == 1);
		pattern = xalloc(sizeof(*pattern));
		if (!build(p, pattern)) {
			fail(p, "it is too complex; write several patterns");
			as_pattern_free(pattern);
			pattern = NULL;
		}
	}
	free(p);
	return pattern;
}

void as_pattern_free(struct as_pattern *pattern)
{
	if (pattern == NULL)
		return;
	free(pattern->next);
	free(pattern->accepts);
	free(pattern);
}

static unsigned number_walk(const struct as_pattern *pattern, unsigned state, uint32_t number)
{
	uint8_t digits[10];
	unsigned count = 0;

	do {
		digits[count++] = (uint8_t)(number % 10);
		number /= 10;
	} while (number > 0);
	while (count > 0)
		state = pattern->next[state][digits[--count]];
	return state;
}

bool as_pattern_matches(const struct as_pattern *pattern, const uint8_t *path, size_t bytes)
{
	/* By segment type (RFC 4271 4.3 b, RFC 5065 3): what opens, separates and ends its numbers; SYMBOL_COUNT: nothing. */
	static const uint8_t marks[][3] = {{SYMBOL_SET, SYMBOL_COMMA, SYMBOL_SET_END}, {SYMBOL_COUNT, SYMBOL_BLANK, SYMBOL_COUNT},
		{SYMBOL_CONFED, SYMBOL_BLANK, SYMBOL_CONFED_END}, {SYMBOL_CONFED_SET, SYMBOL_COMMA, SYMBOL_CONFED_SET_END}};
	struct reader r = reader_over(path, bytes);
	unsigned state = pattern->next[pattern->next[0][SYMBOL_START]][SYMBOL_START];

	for (bool first = true; reader_left(&r) > 0; first = false) {
		uint8_t type = reader_u8(&r), count = reader_u8(&r);
		const uint8_t *mark = marks[type >= 1 && type <= COUNT_OF(marks) ? type - 1 : 1];

		if (!first)
			state = pattern->next[state][SYMBOL_BLANK];
		if (mark[0] != SYMBOL_COUNT)
			state = pattern->next[state][mark[0]];
		for (uint8_t i = 0; i < count && reader_left(&r) >= 4; i++) {
			if (i > 0)
				state = pattern->next[state][mark[1]];
			state = number_walk(pattern, state, reader_u32(&r));
		}
		if (mark[2] != SYMBOL_COUNT)
			state = pattern->next[state][mark[2]];
	}
	return pattern->accepts[pattern->next[pattern->next[state][SYMBOL_END]][SYMBOL_END]];
}
