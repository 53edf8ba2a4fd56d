/*
 * The API: a table of methods and paths (api.c) whose handlers are grouped by what they are about (api_NAME.c). doc/api.md says what each
 * takes and gives.
 *
 * Theory of operation. A request becomes a call: its decoded path parts, its body as JSON where it has one, and an arena that lives until
 * the answer. A handler answers at once (api_reply, api_problem) or keeps the call and answers later; a call whose client is gone is still
 * answered, which only frees it.
 */
#ifndef CTL_API_H
#define CTL_API_H

#include "ctl/labs.h"

/* Path parts that a row leaves open. */
#define API_ARGUMENTS_MAX 4

struct api_call {
	struct ctl *ctl;
	struct http_request *request; /* NULL: the client is gone */
	struct arena *arena;
	const char *arguments[API_ARGUMENTS_MAX]; /* the parts in capitals, in the row's order */
	json_t *body;				  /* NULL when there is none */
	void (*gone)(struct api_call *call);	  /* the client went away; NULL: wait for the answer all the same */
	void *state;				  /* the handler's */
};

/* Answers and frees the call. The JSON is taken over. */
void api_reply(struct api_call *call, unsigned status, json_t *json);
void api_problem(struct api_call *call, unsigned status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Answers 422 with all errors of a refused lab. */
void api_refuse(struct api_call *call, const struct diags *diags);

/* Answers by a negative errno: the status that fits. */
void api_error(struct api_call *call, int error, const char *text);

/* A decoded query value in the call's arena, or NULL. */
const char *api_query(struct api_call *call, const char *name);

/* The lab or machine or link that a part names; NULL after a 404 with "did you mean". A lab without a value is none. */
struct ctl_lab *api_lab(struct api_call *call, const char *name);
const struct object *api_vm(struct api_call *call, const struct ctl_lab *lab, const char *name);

/* Frees a call without an answer: it became a stream or an upgraded connection. */
void api_call_free(struct api_call *call);

/* The handler of all requests (context: struct ctl). */
void api_handle(void *context, struct http_request *request);

/* Handlers. */
typedef void api_fn(struct api_call *call);
api_fn api_version, api_labs, api_lab_show, api_plan, api_lab_put, api_lab_delete, api_operation;
api_fn api_vms, api_lab_vms, api_vm_action, api_vm_exec, api_vm_console, api_link_action, api_link_set;
api_fn api_capture, api_history, api_metrics, api_openapi, api_trace, api_show, api_events, api_pools, api_holdings, api_pool_reserve,
	api_pool_release, api_pool_plan, api_pool_check;

#endif
