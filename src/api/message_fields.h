/*
 * How the rows of messages are written (messages.c, messages_ospf.c).
 *
 * A field's kind follows from its C type (FIELD), so a row can't disagree with its struct; what C's type doesn't say is said by the macro:
 * NAMED (another name), ENUM (a uint8_t with names), SECRET (a text that is never printed), BYTES and ARRAY (with the member that counts).
 * Names are JSON keys.
 */
#ifndef API_MESSAGE_FIELDS_H
#define API_MESSAGE_FIELDS_H

#include "api/message_types.h"
#include "base/check.h"

#define MEMBER(s, m) (((struct s *)0)->m)
#define PLACE(s, m) .name = #m, .offset = offsetof(struct s, m)

/* clang-format off */
#define KIND(value) _Generic((value), \
	bool: FIELD_BOOL, uint8_t: FIELD_U8, uint16_t: FIELD_U16, uint32_t: FIELD_U32, uint64_t: FIELD_U64, \
	int32_t: FIELD_I32, int64_t: FIELD_I64, char *: FIELD_TEXT, \
	struct mac: FIELD_MAC, struct ip: FIELD_IP, struct prefix: FIELD_PREFIX)

#define FIELD(s, m) {PLACE(s, m), .kind = KIND(MEMBER(s, m)), .size = sizeof(MEMBER(s, m))}
#define SECRET(s, m) {PLACE(s, m), .kind = FIELD_SECRET, .size = sizeof(MEMBER(s, m))}
#define ENUM(s, m, n) {PLACE(s, m), .kind = FIELD_ENUM, .size = sizeof(MEMBER(s, m)), .limit = COUNT_OF(n), .names = (n)}
#define NAMED(s, m, n) {.name = (n), .offset = offsetof(struct s, m), .kind = KIND(MEMBER(s, m)), .size = sizeof(MEMBER(s, m))}
#define BYTES(s, m, c) {PLACE(s, m), .kind = FIELD_BYTES, .size = 1, .limit = COUNT_OF(MEMBER(s, m)), .count_offset = offsetof(struct s, c)}
#define ARRAY(s, m, c, e) {PLACE(s, m), .kind = FIELD_STRUCT, .size = sizeof(MEMBER(s, m)[0]), .limit = COUNT_OF(MEMBER(s, m)), \
	.count_offset = offsetof(struct s, c), .elements = (e), .element_fields = COUNT_OF(e)}

/* ROW: a message of fixed size. TAIL: its last field is an array of which only the counted elements are sent. EMPTY: only its type speaks. */
#define ROW(id, s, f) [MSG_##id] = {#id, MSG_##id, sizeof(struct s), false, COUNT_OF(f), (f)}
#define TAIL(id, s, f) [MSG_##id] = {#id, MSG_##id, sizeof(struct s), true, COUNT_OF(f), (f)}
#define EMPTY(id, s) [MSG_##id] = {#id, MSG_##id, sizeof(struct s), false, 0, NULL}
/* clang-format on */

/* What more than one of the files names. */
#define RIP_AUTH_NAMES 7
#define NEXTHOP_FIELDS 2
#define REDISTRIBUTION_FIELDS 4
extern const char *const rip_auth_names[RIP_AUTH_NAMES];
extern const struct field nexthop_elements[NEXTHOP_FIELDS];
extern const struct field redistribution_elements[REDISTRIBUTION_FIELDS];

/* Of messages_nat.c. */
extern const char *const track_state_names[7];
extern const struct field nat_fields[2], row_nat_fields[14], row_nat_rule_fields[17];

/* The row of a message of OSPF, NULL for another type. */
const struct message_row *ospf_message_row(unsigned type);

#endif
