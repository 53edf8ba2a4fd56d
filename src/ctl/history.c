/* What machines did: a ring of lines of JSON, written behind into the store (see history.h). */
#include "ctl/history.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct run {
	int64_t arrived_ns; /* on the wall's clock */
	char *line;
};

struct history {
	struct loop *loop;
	struct store *store;
	struct loop_timer *timer;
	struct run runs[HISTORY_KEPT]; /* the one with number n at n % HISTORY_KEPT */
	uint64_t oldest, next;	       /* kept: oldest .. next - 1 */
	uint64_t written;	       /* numbers below are in the store */
};

static void key_of(uint64_t number, char key[24]) { (void)snprintf(key, 24, "%020" PRIu64, number); }

static void put(struct history *history, uint64_t number, int64_t arrived_ns, const char *line)
{
	struct run *run = &history->runs[number % HISTORY_KEPT];

	free(run->line);
	*run = (struct run){arrived_ns, xstrdup(line)};
	history->next = number + 1;
	if (history->next - history->oldest > HISTORY_KEPT)
		history->oldest = history->next - HISTORY_KEPT;
}

static int load_row(void *context, const char *key, const char *value)
{
	struct history *history = context;
	uint64_t number = strtoull(key, NULL, 10);
	json_t *row = json_loads(value, 0, NULL);
	json_int_t arrived_ns = json_integer_value(json_object_get(row, "arrived_ns"));

	json_decref(row);
	if (arrived_ns == 0 || number < history->next)
		return 0;
	/* The first one, or the first behind a gap. */
	if (number != history->next)
		history->oldest = number;
	put(history, number, arrived_ns, value);
	return 0;
}

static void write_due(void *context, struct instant now)
{
	struct history *history = context;
	struct store_batch *batch;
	struct err err;
	char key[24];

	if (history->written == history->next)
		return;
	batch = store_batch_new();
	for (uint64_t number = history->written; number < history->next; number++) {
		if (number >= history->oldest) {
			key_of(number, key);
			store_batch_put(batch, STORE_HISTORY, key, history->runs[number % HISTORY_KEPT].line);
		}
		if (number >= HISTORY_KEPT) {
			key_of(number - HISTORY_KEPT, key);
			store_batch_del(batch, STORE_HISTORY, key);
		}
	}
	if (store_write(history->store, batch, &err) < 0)
		log_warning("history", "%s", err.text);
	history->written = history->next;
	store_batch_free(batch);
}

int history_load(struct loop *loop, struct store *store, struct history **out, struct err *err)
{
	struct history *history = xalloc(sizeof(*history));
	int rc;

	history->loop = loop;
	history->store = store;
	history->oldest = history->next = 1;
	history->timer = loop_timer_new(loop, write_due, history);
	rc = store_each(store, STORE_HISTORY, "", load_row, history, err);
	history->written = history->next;
	if (rc < 0) {
		history_free(history);
		return rc;
	}
	*out = history;
	return 0;
}

void history_free(struct history *history)
{
	if (history == NULL)
		return;
	write_due(history, loop_now(history->loop));
	for (size_t i = 0; i < HISTORY_KEPT; i++)
		free(history->runs[i].line);
	loop_timer_free(history->timer);
	free(history);
}

static bool is_known(const struct history *history, int64_t arrived_ns)
{
	for (uint64_t number = history->next; number-- > history->oldest;)
		if (history->runs[number % HISTORY_KEPT].arrived_ns == arrived_ns)
			return true;
	return false;
}

/* The wall clock as "2026-11-24T08:15:00.123Z". */
static void time_text(int64_t wall_ns, char out[32])
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;
	size_t used;

	(void)gmtime_r(&seconds, &tm);
	used = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + used, 32 - used, ".%03dZ", (int)(wall_ns % 1000000000 / 1000000));
}

static char *line_of(const struct msg_vm_state *state)
{
	const char *slash = strchr(state->path, '/');
	char lab[PATH_BYTES], arrived[32], ended[32], *line;
	json_t *row;

	(void)snprintf(lab, sizeof(lab), "%.*s", slash != NULL ? (int)(slash - state->path) : 0, state->path);
	time_text(state->arrived_wall_ns, arrived);
	time_text(clock_wall_ns(), ended);
	row = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:f, s:f, s:f, s:I}", "lab", lab, "name",
		slash != NULL ? slash + 1 : state->path, "state", state->state == VM_STATE_FAILED ? "failed" : "stopped", "reason",
		state->reason, "priority", (int)state->priority, "arrived", arrived, "ended", ended, "waiting_s",
		(double)state->waiting_ns / 1e9, "service_s", (double)state->service_ns / 1e9, "turnaround_s",
		(double)state->turnaround_ns / 1e9, "arrived_ns", (json_int_t)state->arrived_wall_ns);
	CHECK(row != NULL);
	line = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(15));
	CHECK(line != NULL);
	json_decref(row);
	return line;
}

void history_note(struct history *history, const struct msg_vm_state *state)
{
	bool ended = state->state == VM_STATE_STOPPED || state->state == VM_STATE_FAILED;
	char *line;

	if (!ended || state->service_ns == 0 || state->arrived_wall_ns == 0 || is_known(history, state->arrived_wall_ns))
		return;
	line = line_of(state);
	if (history->written == history->next)
		loop_timer_set(history->timer, instant_add(loop_now(history->loop), span_ms(HISTORY_WRITE_MS)));
	put(history, history->next, state->arrived_wall_ns, line);
	free(line);
}

json_t *history_json(const struct history *history, const char *lab)
{
	json_t *list = json_array();

	CHECK(list != NULL);
	for (uint64_t number = history->oldest; number < history->next; number++) {
		json_t *row = json_loads(history->runs[number % HISTORY_KEPT].line, 0, NULL);
		const char *of = json_string_value(json_object_get(row, "lab"));

		if (row != NULL && (lab == NULL || (of != NULL && strcmp(lab, of) == 0)))
			(void)json_array_append(list, row);
		json_decref(row);
	}
	return list;
}
