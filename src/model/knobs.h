/*
 * The knob table: every key of a lab file, once.
 *
 * Theory of operation. Each kind of object (network, router, nic, ...) is a C struct and a table of rows. A row says the key, what its
 * value is, where it lies in the struct, its bounds, its default, what a change of it interrupts, and what it is for. The decoder, the
 * encoder, the difference, the JSON Schema and the manual page all walk these rows and nothing else: a new key is one field and one row.
 * Kinds contain kinds (a router its interfaces); no kind contains itself.
 */
#ifndef MODEL_KNOBS_H
#define MODEL_KNOBS_H

#include "model/lab.h"
#include "model/tree.h"

enum knob_type {
	KNOB_TEXT,   /* const char *: min-max bytes */
	KNOB_SECRET, /* the same, never shown in a plan */
	KNOB_REF,    /* const char *: the name of another object */
	KNOB_WORD,   /* const char *: one of `words` */
	KNOB_HEX,    /* const char *: min-max hexadecimal digits */
	KNOB_BOOL,   /* bool */
	KNOB_INT,  /* a whole number in an integer of `size` bytes, min-max; 0 is unset, unless a bool at `set` says that it was written */
	KNOB_ENUM, /* int: index of one of `words` */
	KNOB_TIME, /* seconds in an integer of `size` bytes; "30s" */
	KNOB_MEMORY,	/* MiB in a uint32_t; "512M" */
	KNOB_RATIO,	/* thousandths in a uint32_t; "1.5" */
	KNOB_PERCENT,	/* a whole number in an integer of `size` bytes; "80%" */
	KNOB_PREFIX,	/* struct prefix without host bits, of `family` (0: any) */
	KNOB_ADDRESS,	/* struct prefix with host bits, or an address alone (length 0), of `family` */
	KNOB_IP,	/* struct ip of `family` (0: any); "none" sets the bool at `flag` when there is one */
	KNOB_MAC,	/* struct mac; "pool:NAME" sets the text at `flag` when there is one */
	KNOB_MAC_RANGE, /* struct mac and uint8_t bits at `flag`: "52:54:00:00:00:00/24" */
	KNOB_AS_RANGE,	/* uint32_t and uint32_t at `flag`: "65001-65999" */
	KNOB_PORTS,	/* uint16_t and uint16_t at `flag`, 0 and 0 when unset: "80", "8000-8080" */
	KNOB_NAMES,	/* const char ** and size_t at `flag`: min-max texts */
	KNOB_FLAGS,	/* a list of `words`, each a bool at `flags[i]` */
	KNOB_OBJECT, /* the keys of `kind` lie in the struct at `offset`; a bool at `flag` says it is on, one at `set` that it was written
		      */
	KNOB_MAP,    /* array of `kind` and size_t at `flag`: a map from names; at most `max` */
	KNOB_LIST,   /* array of `kind` and size_t at `flag`; at most `max` */
	KNOB_LATER,  /* part of the language, not built yet: an error */
};

/* No such offset. */
#define NOWHERE UINT16_MAX

struct knob {
	const char *key;
	enum knob_type type;
	uint8_t size;	/* bytes of an integer */
	uint8_t family; /* enum ip_family */
	bool required;
	bool is_case; /* exactly one of the cases of a kind is written; it sets the int at the kind's `case_offset` to `case_value` */
	uint8_t case_value;
	uint16_t offset;
	uint16_t flag, set;
	const uint16_t *flags;
	int64_t min, max;
	const char *fallback; /* default, as it would be written; NULL: unset */
	const char *const *words;
	size_t word_count;
	const struct kind *kind;
	bool unordered;	    /* LIST: the order of its elements means nothing */
	const char *effect; /* what a change interrupts, for a plan; NULL: nothing */
	bool restarts_vm;
	const char *help;
};

/* A kind of object. `short_key`: the key that a plain text in place of the map means. */
struct kind {
	const char *word;
	const char *help;
	size_t size;
	uint16_t name, place, case_offset;
	const char *short_key;
	bool passive; /* nothing runs because of it alone, so that nothing is interrupted when it goes */
	const struct knob *knobs;
	size_t knob_count;
};

/* Whether a number has a bool of its own that says whether it was written. */
static inline bool knob_has_set(const struct knob *knob) { return knob->set != 0 && knob->set != NOWHERE; }

extern const struct kind kind_lab;

/* The row of a key, or NULL. */
const struct knob *kind_knob(const struct kind *kind, const char *key);

/* The keys of a kind that are built: "a, b, c". */
const char *kind_key_list(const struct kind *kind, struct arena *arena);

/* What a value of this row looks like, for errors, schema and manual: "a time such as 30s". Borrowed or in the arena. */
const char *knob_expects(const struct knob *knob, struct arena *arena);

/*
 * Reads a scalar (or, for NAMES and FLAGS, a list of them) into the object at `base`. Reports an error at the node and returns false when
 * it doesn't fit; the object is unchanged then.
 */
bool knob_read(const struct knob *knob, void *base, const struct node *node, const char *path, struct arena *arena, struct diags *diags);

/* Sets all defaults of a kind in a zeroed object. */
void kind_defaults(const struct kind *kind, void *base, struct arena *arena);

/* Adds the value of a scalar row to the map `parent` as it would be written, unless it is unset or the default. */
void knob_write(const struct knob *knob, const void *base, struct arena *arena, struct node *parent);

/* The array and count of a MAP or LIST row. */
size_t knob_count(const struct knob *knob, const void *base);
void *knob_element(const struct knob *knob, const void *base, size_t index);

/* Decodes a tree into a zeroed lab (with its arena set); all errors in `diags`. */
void lab_decode(struct lab *lab, const struct node *root, struct diags *diags);

/* An object (kind_lab: a whole lab) as a tree; `short_forms`: plain texts in place of maps where that is possible. */
struct node *object_encode(const struct kind *kind, const void *base, bool short_forms, struct arena *arena);

#endif
