/*
 * From the words of a command line to a command.
 *
 * Theory of operation. All rows (and their aliases) start as candidates. Word by word, those are kept whose word at that place is the typed
 * one, or, when there is none such, those whose word starts with it. A candidate whose words are used up is the answer when no longer
 * candidate can take the next word.
 */
#include "ui/words.h"

#include "base/check.h"

#include <string.h>

/* Rows and aliases together; more than the table will ever have. */
#define CANDIDATES_MAX 256

struct candidate {
	const struct command *row;
	const char *name;
};

struct candidates {
	struct candidate list[CANDIDATES_MAX];
	size_t count;
};

/* The n-th word of a name: its length, 0 when there are fewer; *word points at it. */
static size_t word_at(const char *name, size_t n, const char **word)
{
	size_t length = strcspn(name, " ");

	while (n-- > 0) {
		name += length;
		name += strspn(name, " ");
		length = strcspn(name, " ");
	}
	*word = name;
	return length;
}

static void candidates_fill(struct candidates *all, const struct command *table, size_t count)
{
	all->count = 0;
	for (size_t i = 0; i < count; i++) {
		CHECK(all->count + 2 <= CANDIDATES_MAX);
		all->list[all->count++] = (struct candidate){&table[i], table[i].name};
		if (table[i].alias != NULL)
			all->list[all->count++] = (struct candidate){&table[i], table[i].alias};
	}
}

/* Keeps the candidates whose n-th word is `typed` (whole) or starts with it. Returns how many stay; none: nothing is changed. */
static size_t candidates_narrow(struct candidates *all, size_t n, const char *typed, bool whole)
{
	size_t length = strlen(typed), kept = 0;
	struct candidates next = {.count = 0};
	const char *word;

	for (size_t i = 0; i < all->count; i++) {
		size_t have = word_at(all->list[i].name, n, &word);

		if (have < length || strncmp(word, typed, length) != 0 || (whole && have != length))
			continue;
		next.list[kept++] = all->list[i];
	}
	next.count = kept;
	if (kept > 0)
		*all = next;
	return kept;
}

/* True when all candidates have the same n-th word. */
static bool candidates_agree(const struct candidates *all, size_t n)
{
	const char *first, *word;
	size_t length = word_at(all->list[0].name, n, &first);

	for (size_t i = 1; i < all->count; i++)
		if (word_at(all->list[i].name, n, &word) != length || strncmp(word, first, length) != 0)
			return false;
	return true;
}

/* The candidate of exactly `n` words, or NULL. */
static const struct command *candidates_complete(const struct candidates *all, size_t n)
{
	const char *word;

	for (size_t i = 0; i < all->count; i++)
		if (word_at(all->list[i].name, n, &word) == 0)
			return all->list[i].row;
	return NULL;
}

/* Adds the different n-th words of the candidates to `out`, as "a, b, c". */
static void candidates_list(const struct candidates *all, size_t n, struct text *out)
{
	const char *word, *other;

	for (size_t i = 0; i < all->count; i++) {
		size_t length = word_at(all->list[i].name, n, &word);
		bool seen = length == 0;

		for (size_t j = 0; j < i && !seen; j++)
			seen = word_at(all->list[j].name, n, &other) == length && strncmp(word, other, length) == 0;
		if (!seen)
			text_add(out, "%s%.*s", out->used > 0 && out->bytes[out->used - 1] != ' ' ? ", " : "", (int)length, word);
	}
}

/* Says that `typed` is no n-th word of the candidates, and which is meant or which there are. */
static void problem_unknown(const struct candidates *all, size_t n, const char *typed, struct text *problem)
{
	const char *words[CANDIDATES_MAX], *word, *nearest;
	char copies[CANDIDATES_MAX][24];

	for (size_t i = 0; i < all->count; i++) {
		size_t length = word_at(all->list[i].name, n, &word);

		if (length >= sizeof(copies[i]))
			length = sizeof(copies[i]) - 1;
		memcpy(copies[i], word, length);
		copies[i][length] = '\0';
		words[i] = copies[i];
	}
	nearest = text_nearest(typed, words, all->count);
	if (n == 0) {
		text_add(problem, "there is no command \"%s\"", typed);
		text_add(problem, nearest ? " (did you mean \"%s\"?)" : "; weft help lists them", nearest);
		return;
	}
	word_at(all->list[0].name, n, &word);
	text_add(problem, "\"%s\" can't follow \"%.*s\"", typed, (int)(word - all->list[0].name - 1), all->list[0].name);
	if (nearest != NULL) {
		text_add(problem, " (did you mean \"%s\"?)", nearest);
	} else {
		text_add(problem, "; expected one of ");
		candidates_list(all, n, problem);
	}
}

/* "show ip route" is "show route": skips the word when it is there and no command has it. */
static bool word_is_filler(const char *const *words, size_t at, const char *typed)
{
	return at == 1 && words[0][0] == 's' && strcmp(typed, "ip") == 0;
}

const struct command *words_find(
	const struct command *table, size_t count, const char *const *words, size_t word_count, size_t *used, struct text *problem)
{
	struct candidates all;
	size_t depth = 0;

	candidates_fill(&all, table, count);
	for (size_t i = 0; i < word_count && depth < WORDS_MAX; i++) {
		const struct command *whole = depth > 0 ? candidates_complete(&all, depth) : NULL;

		*used = i;
		if (word_is_filler(words, i, words[i]))
			continue;
		if (candidates_narrow(&all, depth, words[i], true) == 0 && candidates_narrow(&all, depth, words[i], false) == 0) {
			if (whole != NULL)
				return whole;
			problem_unknown(&all, depth, words[i], problem);
			return NULL;
		}
		if (!candidates_agree(&all, depth)) {
			text_add(problem, "\"%s\" is not unique: ", words[i]);
			candidates_list(&all, depth, problem);
			return NULL;
		}
		depth++;
		*used = i + 1;
		if (all.count == 1 && candidates_complete(&all, depth) != NULL)
			break;
	}
	if (candidates_complete(&all, depth) != NULL && depth > 0)
		return candidates_complete(&all, depth);
	text_add(problem, depth == 0 ? "no command given; weft help lists them" : "expected one of ");
	if (depth > 0)
		candidates_list(&all, depth, problem);
	return NULL;
}
