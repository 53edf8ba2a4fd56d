/* What the show commands share: asking for rows, writing ages. */
#ifndef UI_SHOW_ROWS_H
#define UI_SHOW_ROWS_H

#include "ui/call.h"

#include <stdint.h>

/* Asks for the rows of one kind, with the filters that were given; prints them when they are for programs. Free with value_free. */
enum status show_rows_get(const struct call *call, const char *what, struct value **rows);

/* True when the rows come from more than one lab, so that each must say from which. */
bool show_several_labs(const struct value *rows);

/* Seconds as vtysh writes ages: 00:01:02, 3d04h05m. Returns `out`. */
const char *show_age_text(int64_t seconds, char out[32]);

#endif
