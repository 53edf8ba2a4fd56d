/*
 * A ctl among fake processes, for tests: switch, route and vm are ends of channels in the same loop that keep what they are given, the
 * store is in memory and outlives a "crash", requests come over a real socket from libcurl in a thread.
 */
#ifndef CTL_TEST_DAEMON_H
#define CTL_TEST_DAEMON_H

#include "ctl/ctl_parts.h"

/* A fake process: what it has, and how it misbehaves. */
struct fake {
	struct daemon *daemon;
	enum process_id id;
	struct channel *channel; /* its own end; NULL while it is dead */
	struct map objects;	 /* kind << 32 | id -> body, of object_type(kind)->size */
	struct map stale;	 /* those not set since SYNC_BEGIN */
	bool syncing;
	unsigned orders;      /* SETs and DELs so far */
	const char *refuse;   /* orders about paths that contain this are refused; NULL: none */
	bool deaf;	      /* answers nothing */
	const char *vm_fails; /* machines whose path contains this fail to start */
	bool vms_wait;	      /* machines stay in the queue */
};

struct daemon {
	struct process process;
	struct store *store;
	struct ctl *ctl;
	struct fake fakes[PROCESS_COUNT];
	struct ctl_settings settings;
	char directory[64], socket[96];
	int crash_in; /* orders until ctl "crashes"; -1: never. Then the loop stops and `crashed` is set */
	bool crashed;
};

/* Starts everything; `kind` of store as in store_open, "sqlite" in a file of the daemon's directory. */
struct daemon *daemon_new(const char *kind);
void daemon_free(struct daemon *daemon);

/* ctl dies without a word and, in daemon_start, comes again. */
void daemon_crash(struct daemon *daemon);
void daemon_start(struct daemon *daemon);

/* A fake dies (what it had is gone, but for machines, which outlive vm) and comes again. */
void fake_kill(struct daemon *daemon, enum process_id id);
void fake_start(struct daemon *daemon, enum process_id id);

/* Runs the loop for a time, or until `test` says yes (false: not within ms). */
void daemon_run(struct daemon *daemon, unsigned ms);
bool daemon_until(struct daemon *daemon, bool (*test)(struct daemon *daemon, void *context), void *context, unsigned ms);

/* Asks the API and runs the loop meanwhile. The answer's status; its body (NULL: no JSON) for json_decref. -1: no answer, or a crash. */
int ask(struct daemon *daemon, const char *method, const char *path, const char *body, json_t **answer);

/* The same without a body to look at, and with JSON to send, which is taken over. */
int ask_json(struct daemon *daemon, const char *method, const char *path, json_t *body, json_t **answer);

/* Whether every fake has just what the world of ctl has for it. */
bool fakes_agree(struct daemon *daemon);

/* Waits for an operation's end; its state is copied to `state`. */
void operation_finish(struct daemon *daemon, json_int_t id, char state[16]);

#endif
