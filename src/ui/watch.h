/* --watch: a command that looks, again and again. */
#ifndef UI_WATCH_H
#define UI_WATCH_H

#include "base/text.h"
#include "ui/call.h"

/* Runs call->command every call->watch_s seconds until Ctrl-C or until nobody reads any more; returns the status of the last time. */
enum status watch_run(struct call *call);

/*
 * Makes a picture for a terminal of `rows` x `columns` of what a command printed: its lines, cut where they are too long or too many, each
 * ended by erasing the rest of the line. Colours (SGR sequences) take no room.
 */
void watch_frame(const char *printed, size_t rows, size_t columns, struct text *out);

#endif
