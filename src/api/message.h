/*
 * Messages between the processes of weftd: what they are made of, and the one table that knows them all.
 *
 * Theory of operation. The processes are one program, so a message's body is a plain C struct of fixed size without pointers. What keeps
 * the other side honest is the table (messages.c): each row names the struct's fields, and `message_check` walks them before anyone
 * looks at the body: exact size, texts terminated, enums within their names, addresses well formed, counts within bounds. The same rows
 * print a body for the log and turn it into JSON for the API, so a new message is one struct and one row.
 *
 * A message may end in a tail: an array of bytes or of structs of which only `count` elements are sent.
 * Orders are imperative (PORT_SET) and are answered by exactly one DONE with the order's `seq`; events are past tense (VM_CHANGED) and
 * are not answered. A question (SHOW) is answered by any number of rows and then one DONE, all with its `seq`.
 * Objects are level-triggered: X_SET gives the whole wanted state of object `id` (create or change), X_DEL takes it away (also when it is
 * not there). A sender that starts anew sends SYNC_BEGIN, all objects, SYNC_END: what was not set in between is removed.
 */
#ifndef API_MESSAGE_H
#define API_MESSAGE_H

#include "base/err.h"
#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one name, of the path of an object ("lab/object" or "lab/project/object") and of a file path, each with its NUL. */
#define NAME_BYTES 64
/* Name of a socket in the folder for machines of somebody else. */
#define SOCKET_NAME_BYTES 32
#define PATH_BYTES 200
#define FILE_BYTES 400

/* The largest message with its head, bytes: fits a SOCK_SEQPACKET buffer several times over. */
#define MESSAGE_BYTES_MAX 32768

/* Who may send and receive. */
enum process_id { PROCESS_SUPER, PROCESS_CTL, PROCESS_SWITCH, PROCESS_ROUTE, PROCESS_VM, PROCESS_WEB, PROCESS_COUNT };

/* The name of a process ("ctl"). */
const char *process_name(enum process_id process);

/* What comes before each body. `seq` of a reply is that of its order. */
struct message_head {
	uint16_t type; /* enum message_type */
	uint16_t reserved;
	uint32_t seq;
};

/* Kinds of fields that a row may name. */
enum field_kind {
	FIELD_BOOL,   /* bool */
	FIELD_U8,     /* uint8_t */
	FIELD_U16,    /* uint16_t */
	FIELD_U32,    /* uint32_t */
	FIELD_U64,    /* uint64_t */
	FIELD_I32,    /* int32_t */
	FIELD_I64,    /* int64_t */
	FIELD_ENUM,   /* uint8_t, below `limit`, named by `names` */
	FIELD_TEXT,   /* char[size], NUL-terminated */
	FIELD_SECRET, /* as TEXT, never printed */
	FIELD_MAC,    /* struct mac */
	FIELD_IP,     /* struct ip */
	FIELD_PREFIX, /* struct prefix */
	FIELD_BYTES,  /* uint8_t[], only as a tail */
	FIELD_STRUCT, /* array of structs with their own fields; `count_offset` says where its uint16_t count is; a single field named ""
			 is the element itself (an array of prefixes) */
};

/* One field of a body. `name` is also its JSON key. */
struct field {
	const char *name;
	enum field_kind kind;
	uint16_t offset;
	uint16_t size;		      /* bytes of one element */
	uint16_t limit;		      /* ENUM: number of names; STRUCT, BYTES: most elements */
	uint16_t count_offset;	      /* STRUCT, BYTES: offset of the uint16_t count in the struct that holds the array */
	const char *const *names;     /* ENUM */
	const struct field *elements; /* STRUCT: fields of an element */
	uint16_t element_fields;
};

/* One message: a row of the table. `tail` is true when the last field is an array of which only `count` elements are sent. */
struct message_row {
	const char *name;
	uint16_t type;
	uint16_t size; /* of the whole struct */
	bool tail;
	uint16_t field_count;
	const struct field *fields;
};

/* The row of a type, or NULL when there is none. */
const struct message_row *message_row(unsigned type);

/* Bytes to send of a body: its size, less what its tail doesn't use. */
size_t message_size(const struct message_row *row, const void *body);

/*
 * Checks a received body of `size` bytes against its row; 0, or -EBADMSG with a text naming the field. A body with a short tail is
 * accepted as it was sent: copy it to a whole zeroed struct (message_copy) before use.
 */
int message_check(const struct message_row *row, const void *body, size_t size, struct err *err);

/* Copies a checked body of `size` bytes into `out`, a struct of row->size bytes, zeroing what was not sent. */
void message_copy(const struct message_row *row, const void *body, size_t size, void *out);

/* Writes "NAME {field=value ...}" into `out`, cut at `size`. Secrets are written as "***". */
void message_print(const struct message_row *row, const void *body, char *out, size_t size);

/*
 * Walks a body: over its fields in the row's order, into arrays of structs and out again, without recursion. Each call of
 * message_walk_next says what comes next; `field`, `value` (in the body, maybe unaligned) and `count` tell of it.
 */
enum walk_step {
	WALK_VALUE,   /* a field with its value; BYTES: `count` of them */
	WALK_OPEN,    /* an array of `count` structs begins; ELEMENT and values follow */
	WALK_ELEMENT, /* the next struct of the array begins; a field without a name is the element itself */
	WALK_CLOSE,   /* the array ends */
	WALK_END
};

/* Deepest nesting: body, array, array in an element. */
#define WALK_LEVELS 3

struct message_walk {
	const uint8_t *body;
	unsigned depth;
	struct walk_level {
		const struct field *array;
		const struct field *fields;
		unsigned field_count;
		unsigned next;
		unsigned left;
		size_t offset;
	} levels[WALK_LEVELS];
	const struct field *field;
	const void *value;
	unsigned count;
};

/* Starts a walk. The body must have been checked, or be one's own. */
void message_walk_begin(struct message_walk *walk, const struct message_row *row, const void *body);
enum walk_step message_walk_next(struct message_walk *walk);

/* The value of a number, bool or enum. */
uint64_t message_value_u64(const struct field *field, const void *value);
int64_t message_value_i64(const struct field *field, const void *value);

#endif
