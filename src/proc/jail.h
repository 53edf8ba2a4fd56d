/*
 * The jail: what a process gives up for good before it meets anything foreign.
 *
 * Theory of operation. Five stages, in this order, each a function in jail.c or a file of its own; each says what it should do and
 * what it must not break. What a kernel or a user can't do is said in a warning and left out; what should work and doesn't ends the
 * process.
 *
 *   1 limits      descriptors up to the hard limit (thousands of ports), no core files (they would hold guests' memory).
 *   2 namespaces  own mount, IPC, UTS and, without `network`, network namespace; a root directory with what the spec names and no more.
 *                 A user gets them through a user namespace of its own, and only where no file and no peer credential is needed.
 *                 Must not: for `keep_privilege` (guests outlive us and must not live in our namespaces).
 *   3 identity    an uid and gid of its own for each process, no capability, no way back (no_new_privs, empty bounding set).
 *                 Must not: change who owns what `state` and `run` hold, but for the files that the process keeps writing.
 *   4 files       landlock: only what the spec names; no TCP without `network`; no signals and abstract sockets to the outside.
 *   5 calls       seccomp: an allowlist of system calls; a short denylist for `keep_privilege`, since hypervisors inherit it.
 *
 * Threads that exist before the jail escape stages 4 and (partly) 3, so `prepare` must not start any; `started` is the place.
 *
 * Refused calls return EPERM rather than kill: libraries probe for calls and do without, and a process that dies again and again would
 * stop forwarding. Tests set WEFT_JAIL=kill, so that a call which is missing from the list shows as a death, not as a puzzle.
 * WEFT_JAIL=off leaves out stages 4 and 5; that is also the default of builds with a sanitizer, whose run-time needs more than we do.
 */
#ifndef PROC_JAIL_H
#define PROC_JAIL_H

#include "proc/process.h"

#include <sys/types.h>

/* User and group ids of jailed processes: this plus the process's number. Debian leaves the range to nobody. */
#define JAIL_UID_BASE 65100

/* The uid of a jailed process when weftd was started as root. */
uid_t jail_uid(enum process_id process);

/* Raises the limit of open files to the hard one (as root beyond), sets that of core files to 0. */
void jail_limits(void);

/* Closes the jail around the calling process. 0 or a negative errno. */
int jail_enter(enum process_id process, const struct jail_spec *spec, const struct places *places, struct err *err);

/* Stage 2, in jail_namespaces.c. 0, or a negative errno when the kernel or our rights don't allow it. */
int jail_namespaces(const struct jail_spec *spec, const struct places *places);

/* Stage 4, in jail_files.c. Returns landlock's version, 0 when the kernel has none, or a negative errno. */
int jail_files(const struct jail_spec *spec, const struct places *places, struct err *err);

/* Stage 4 with rules of the caller's own: only these, ended by a NULL path; `execute` allows programs, too. Returns as jail_files. */
struct jail_path {
	const char *path; /* one that isn't there needs no rule */
	bool write;
	bool execute;
};
int jail_paths(const struct jail_path *paths, bool network, struct err *err);

/* Stages 4 and 5 as far as WEFT_JAIL wants them; that is all for processes that are no row of weftd (confine.h). */
bool jail_wanted(void);
int jail_filter(const struct jail_spec *spec, struct err *err);

/* Stage 3 without a change of user: no capability but reading any file that stage 4 leaves, no way back. */
int jail_capabilities(bool read_any, struct err *err);

/* Stage 5's lists, in jail_calls.c: NULL-terminated names of system calls. `which` is a bit of enum jail_calls. */
enum jail_calls { CALLS_BASE, CALLS_READ, CALLS_WRITE, CALLS_EXECUTE, CALLS_NETWORK, CALLS_DENIED, CALLS_REACHING, CALLS_COUNT };
const char *const *jail_call_names(enum jail_calls which);

#endif
