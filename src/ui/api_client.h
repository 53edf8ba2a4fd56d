/* The daemon as the commands see it: questions, orders and their errors in words. */
#ifndef UI_API_CLIENT_H
#define UI_API_CLIENT_H

#include "ui/call.h"
#include "ui/value.h"

/* The path of the API's socket; NULL with the error printed when it can't be told. Lives in the call's arena. */
const char *client_socket(const struct call *call);

/* A formatted path of the API; its %s are percent-encoded as path segments. Lives in the call's arena. */
const char *client_path(const struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Asks the daemon. `body` is JSON text or NULL. On success returns STATUS_OK with *answer (may be NULL: not wanted) for the caller to free
 * and, when asked for, the HTTP status. A refusal or no daemon is printed; returns STATUS_FAILED, or STATUS_USAGE for a refused lab.
 */
enum status client_request(
	const struct call *call, const char *method, const char *path, const char *body, struct value **answer, int *http_status);

/* GET. */
enum status client_get(const struct call *call, const char *path, struct value **answer);

/* True when a daemon answers at the socket. Prints nothing. */
bool client_daemon_runs(const struct call *call);

/* Starts weftd unless one runs and waits until it answers. Says on which virtualization it is when it was started here. */
enum status client_daemon_start(const struct call *call);

/* The lab that is meant: `wanted` or option --lab, else the only one. NULL with the problem printed. Lives in the call's arena. */
const char *client_lab(const struct call *call, const char *wanted);

/*
 * A machine by name ("vm1") or by lab and name ("demo/vm1"), heeding --lab: sets lab and name (in the call's arena). The problem (none,
 * several, did you mean) is printed.
 */
enum status client_find_vm(const struct call *call, const char *wanted, const char **lab, const char **name);

/* Prints the detail of a problem document (RFC 9457), or `fallback`. */
void client_print_problem(const struct call *call, const struct value *problem, const char *fallback);

#endif
