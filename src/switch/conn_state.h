/* States of connections: the table of TCP's flags, and how long a state lasts without a packet. */
#ifndef SWITCH_CONN_STATE_H
#define SWITCH_CONN_STATE_H

#include "switch/conn.h"

/* The state after a packet of `direction`; `conn` only read, but for the FINs seen. */
enum conn_state conn_state_next(struct conn *conn, enum conn_direction direction, uint8_t tcp_flags);

/* The state of a connection whose first packet has these flags. */
enum conn_state conn_state_first(uint8_t protocol, uint8_t tcp_flags);

/* Seconds without a packet after which it ends. */
uint32_t conn_timeout_s(const struct conn *conn);

/* True while the other side hasn't answered, or the handshake isn't complete. */
static inline bool conn_state_is_half(enum conn_state state) { return state < CONN_ESTABLISHED; }

#endif
