/*
 * A child for one piece of work on a foreign file: it may read what it is shown, write into one folder, run the system's programs, and
 * nothing else.
 *
 * Theory of operation. Not every stranger meets a process of weftd: an image is taken in by whoever imports it, with that user's rights.
 * The parent forks; the child calls confine_enter before it looks at a byte, does its work, perhaps through programs of the system that
 * inherit all of this, and tells what came of it through a pipe. Of the jail's stages (jail.h) it has limits, capabilities, files and
 * calls: no file but those shown, and of none its mode, owner or length by its path; no socket of any kind, no signal to others, no
 * network. It stays in its parent's hands: in the process group in which it began, and ends with it.
 */
#ifndef PROC_CONFINE_H
#define PROC_CONFINE_H

#include "base/err.h"

#include <stdint.h>

/* Most files and folders that are shown to it. */
#define CONFINE_SHOWN_MAX 4

struct confine {
	const char *shown[CONFINE_SHOWN_MAX]; /* files, or folders with what is in them; absolute; the rest NULL */
	const char *folder;		      /* where it may write */
	uint64_t file_bytes_max;	      /* of what it writes; more ends it by SIGXFSZ */
	uint64_t memory_bytes_max;	      /* of address space */
	unsigned cpu_s_max;
};

/* Confines the calling process for good; standard input and output become /dev/null. 0 or a negative errno. */
int confine_enter(const struct confine *confine, struct err *err);

#endif
