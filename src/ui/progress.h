/* Watching an operation of the daemon: its steps and the machines it starts, line by line. */
#ifndef UI_PROGRESS_H
#define UI_PROGRESS_H

#include "ui/api_client.h"

/* What has been seen of the daemon's events. */
struct progress {
	const struct call *call;
	const char *lab;
	int64_t seq;	  /* of the last event that was seen */
	bool live;	  /* a line at the bottom is rewritten */
	bool interrupted; /* by Ctrl-C */
	int64_t steps;
	int64_t done;
};

/* Starts with what happens from now on. Ctrl-C ends the watching, not the operation. */
void progress_begin(struct progress *progress, const struct call *call, const char *lab);
void progress_end(struct progress *progress);

/* Prints what happened since. Returns false after Ctrl-C. */
bool progress_show(struct progress *progress);

/*
 * Watches operation `id` until it ends. STATUS_OK when done; STATUS_FAILED with its error printed, or when interrupted (said so).
 */
enum status progress_operation(struct progress *progress, int64_t id);

#endif
