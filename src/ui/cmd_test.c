/*
 * weft test: are the things true that the lab's file says must be?
 *
 * Theory of operation. Each test is asked again until it holds or its time (`within`) is over. Pings run in the guests themselves, by the
 * daemon's exec; which address to ping comes from the daemon's list of machines at that moment. Routes are looked up as weft show does.
 */
#include "ui/api_client.h"
#include "ui/junit.h"
#include "ui/lab_file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* How long a test may take to become true when its file says nothing, seconds. */
#define WITHIN_DEFAULT_S 10
/* How long one command in a guest may take, seconds. */
#define EXEC_TIMEOUT_S 60

/* What a try found out: `why` says in one sentence what was wrong. */
struct outcome {
	bool holds;
	char why[300];
};

struct testing {
	const struct call *call;
	const char *lab;
	const struct lab *flat;
	struct value *vms; /* as they are now */
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *lab_of(const struct testing *testing) { return testing->lab; }

/* The first IPv4 address of a machine without its length; "" when it has none yet. */
static const char *vm_address(const struct testing *testing, const char *name)
{
	for (size_t i = 0; i < value_count(testing->vms); i++) {
		const struct value *vm = value_at(testing->vms, i), *nics = value_get(vm, "nics");

		if (strcmp(value_text(vm, "name"), name) != 0)
			continue;
		for (size_t j = 0; j < value_count(nics); j++) {
			const char *ipv4 = value_text(value_at(nics, j), "ipv4");

			if (ipv4[0] != '\0' && ipv4[0] != '-')
				return arena_printf(testing->call->arena, "%.*s", (int)strcspn(ipv4, "/"), ipv4);
		}
	}
	return "";
}

static const char *vm_word(const struct testing *testing, const char *name)
{
	for (size_t i = 0; i < value_count(testing->vms); i++)
		if (strcmp(value_text(value_at(testing->vms, i), "name"), name) == 0)
			return value_text(value_at(testing->vms, i), "state");
	return "absent";
}

/* Runs a command in a guest; its output in the call's arena, NULL with the reason when it could not be run. */
static const char *run_in(const struct testing *testing, const char *vm, const char *command, int64_t *exit_status, struct outcome *outcome)
{
	const struct call *call = testing->call;
	struct value *body = value_object(), *answer = NULL;
	struct text json = {0};
	const char *output = NULL;
	struct call silent = *call;
	FILE *null = fopen("/dev/null", "w");

	value_set(body, "command", value_new_text(command));
	value_set(body, "timeout_s", value_new_int(EXEC_TIMEOUT_S));
	value_to_json(body, false, &json);
	value_free(body);
	/* A guest that can't answer yet is no error but a reason to try again. */
	if (null != NULL && call->verbose == 0)
		silent.err = null;
	if (client_request(&silent, "POST", client_path(call, "/v1/labs/%s/vms/%s/exec", lab_of(testing), vm), text_get(&json), &answer,
		    NULL) == STATUS_OK) {
		*exit_status = value_int(answer, "exit_status");
		output = arena_str(call->arena, value_text(answer, "output"));
	} else {
		(void)snprintf(outcome->why, sizeof(outcome->why), "%s (%s) runs no command", vm, vm_word(testing, vm));
	}
	if (null != NULL)
		(void)fclose(null);
	text_free(&json);
	value_free(answer);
	return output;
}

/* One ping from one machine to another. */
static void try_ping(const struct testing *testing, const struct lab_test *test, struct outcome *outcome)
{
	const char *from = test->machines[0], *to = test->machines[1], *address = vm_address(testing, to);
	int64_t status = 0;

	if (address[0] == '\0') {
		(void)snprintf(outcome->why, sizeof(outcome->why), "%s (%s) has no address yet", to, vm_word(testing, to));
		return;
	}
	if (run_in(testing, from, arena_printf(testing->call->arena, "ping -c 1 -W 1 %s", address), &status, outcome) == NULL)
		return;
	outcome->holds = status == 0;
	(void)snprintf(outcome->why, sizeof(outcome->why), "%s gets no answer from %s (%s)", from, to, address);
}

/* Must get no answer, although the asking guest is well. */
static void try_deny(const struct testing *testing, const struct lab_test *test, struct outcome *outcome)
{
	const char *from = test->machines[0], *to = test->machines[1], *address = vm_address(testing, to);
	int64_t status = 0;

	if (address[0] == '\0') {
		(void)snprintf(outcome->why, sizeof(outcome->why), "%s (%s) has no address yet", to, vm_word(testing, to));
		return;
	}
	if (run_in(testing, from, arena_printf(testing->call->arena, "ping -c 2 -W 1 %s", address), &status, outcome) == NULL)
		return;
	outcome->holds = status != 0;
	(void)snprintf(outcome->why, sizeof(outcome->why), "%s reaches %s (%s), which must not be", from, to, address);
}

/* Every machine pings every other: one command a machine, which names the addresses that don't answer. */
static void try_ping_all(const struct testing *testing, const struct lab_test *test, struct outcome *outcome)
{
	for (size_t i = 0; i < test->machine_count; i++) {
		struct text command = {0};
		const char *output;
		int64_t status = 0;

		text_add(&command, "for a in");
		for (size_t j = 0; j < test->machine_count; j++) {
			const char *address = vm_address(testing, test->machines[j]);

			if (address[0] == '\0') {
				(void)snprintf(outcome->why, sizeof(outcome->why), "%s (%s) has no address yet", test->machines[j],
					vm_word(testing, test->machines[j]));
				text_free(&command);
				return;
			}
			if (i != j)
				text_add(&command, " %s", address);
		}
		text_add(&command, "; do ping -c 1 -W 1 $a >/dev/null 2>&1 || echo $a; done");
		output = run_in(testing, test->machines[i], text_get(&command), &status, outcome);
		text_free(&command);
		if (output == NULL)
			return;
		if (output[0] != '\0') {
			(void)snprintf(outcome->why, sizeof(outcome->why), "%s gets no answer from %.*s", test->machines[i],
				(int)strcspn(output, "\r\n"), output);
			return;
		}
	}
	outcome->holds = true;
}

/* A router has a selected route to a prefix, by the protocol when one is named. */
static void try_route(const struct testing *testing, const struct lab_test *test, struct outcome *outcome)
{
	const struct call *call = testing->call;
	char prefix[PREFIX_TEXT_BYTES];
	struct value *rows = NULL;

	prefix_text(test->to, prefix);
	(void)snprintf(outcome->why, sizeof(outcome->why), "%s has no route to %s", test->router, prefix);
	if (client_get(call, client_path(call, "/v1/show/route?lab=%s&router=%s", lab_of(testing), test->router), &rows) != STATUS_OK)
		return;
	for (size_t i = 0; i < value_count(rows); i++) {
		const struct value *row = value_at(rows, i);

		if (strcmp(value_text(row, "prefix"), prefix) != 0 || !value_bool(row, "selected"))
			continue;
		outcome->holds = test->protocol == NULL || strcmp(test->protocol, value_text(row, "protocol")) == 0;
		(void)snprintf(outcome->why, sizeof(outcome->why), "%s has its route to %s by %s", test->router, prefix,
			value_text(row, "protocol"));
	}
	value_free(rows);
}

/* A router has so many OSPF neighbors in Full. */
static void try_ospf(const struct testing *testing, const struct lab_test *test, struct outcome *outcome)
{
	const struct call *call = testing->call;
	struct value *rows = NULL;
	unsigned full = 0;

	(void)snprintf(outcome->why, sizeof(outcome->why), "the OSPF neighbours of %s can't be asked for", test->router);
	if (client_get(call, client_path(call, "/v1/show/ospf-neighbors?lab=%s&router=%s", lab_of(testing), test->router), &rows) !=
		STATUS_OK)
		return;
	for (size_t i = 0; i < value_count(rows); i++)
		full += strcmp(value_text(value_at(rows, i), "state"), "Full") == 0;
	outcome->holds = full >= test->neighbors;
	(void)snprintf(
		outcome->why, sizeof(outcome->why), "%u of %s's %zu OSPF neighbours are Full", full, test->router, value_count(rows));
	value_free(rows);
}

static const struct {
	const char *name;
	void (*try)(const struct testing *testing, const struct lab_test *test, struct outcome *outcome);
} kinds[] = {
	[LAB_TEST_PING] = {"ping", try_ping},
	[LAB_TEST_PING_ALL] = {"ping-all", try_ping_all},
	[LAB_TEST_DENY] = {"deny", try_deny},
	[LAB_TEST_ROUTE] = {"route", try_route},
	[LAB_TEST_OSPF] = {"ospf", try_ospf},
};

/* "ping a1 b1", "route r1 10.2.0.0/24 rip". */
static const char *describe(const struct call *call, const struct lab_test *test)
{
	char prefix[PREFIX_TEXT_BYTES];
	struct text out = {0};
	const char *copy;

	text_add(&out, "%s", kinds[test->kind].name);
	for (size_t i = 0; i < test->machine_count; i++)
		text_add(&out, " %s", test->machines[i]);
	if (test->kind == LAB_TEST_ROUTE)
		text_add(&out, " %s %s %s", test->router, prefix_text(test->to, prefix), test->protocol ? test->protocol : "");
	if (test->kind == LAB_TEST_OSPF)
		text_add(&out, " %s neighbors %u", test->router, test->neighbors);
	copy = arena_str(call->arena, text_get(&out));
	text_free(&out);
	return copy;
}

/* Tries until it holds or the time is over. */
static bool run_test(struct testing *testing, const struct lab_test *test, struct value *results)
{
	const struct call *call = testing->call;
	int64_t begin = now_ms(), within_s = test->within_s > 0 ? test->within_s : WITHIN_DEFAULT_S;
	struct timespec pause = {.tv_nsec = 500000000};
	const char *name = describe(call, test);
	struct outcome outcome;
	struct value *result;
	double seconds;

	for (;;) {
		outcome = (struct outcome){.holds = false};
		value_free(testing->vms);
		testing->vms = NULL;
		if (client_get(call, client_path(call, "/v1/labs/%s/vms", lab_of(testing)), &testing->vms) == STATUS_OK)
			kinds[test->kind].try(testing, test, &outcome);
		if (outcome.holds || now_ms() - begin >= within_s * 1000)
			break;
		(void)nanosleep(&pause, NULL);
	}
	seconds = (double)(now_ms() - begin) / 1000.0;
	if (outcome.holds)
		call_say(call, "%sok%s    %s (%.1f s)", call->color ? "\033[32m" : "", call->color ? "\033[0m" : "", name, seconds);
	else
		call_say(call, "%sFAIL%s  %s: %s (tried for %.1f s)", call->color ? "\033[31m" : "", call->color ? "\033[0m" : "", name,
			outcome.why, seconds);
	result = value_object();
	value_set(result, "test", value_new_text(name));
	value_set(result, "passed", value_new_bool(outcome.holds));
	value_set(result, "seconds", value_new_int((int64_t)seconds));
	if (!outcome.holds)
		value_set(result, "why", value_new_text(outcome.why));
	value_append(results, result);
	return outcome.holds;
}

/* The tests of the running lab, from what the daemon keeps of its file. */
static enum status read_running(const struct call *call, const char *name, struct lab **flat)
{
	struct diags diags = {.arena = call->arena};
	struct value *answer = NULL;
	struct text json = {0};
	struct lab *lab;
	enum status status = client_get(call, client_path(call, "/v1/labs/%s", name), &answer);

	if (status != STATUS_OK)
		return status;
	value_to_json(value_get(answer, "lab"), false, &json);
	value_free(answer);
	lab = lab_parse_json(text_get(&json), json.used, &diags);
	text_free(&json);
	*flat = lab ? lab_expand(lab, &diags) : NULL;
	if (lab != NULL)
		arena_free(lab->arena);
	if (*flat == NULL)
		return call_fail(call, STATUS_FAILED, "the daemon's answer about lab %s makes no sense: %s", name,
			diags_text(&diags, name, NULL, 0));
	return STATUS_OK;
}

/* From a file, or from the running lab. */
static enum status read_tests(struct call *call, struct testing *testing, struct lab **flat)
{
	const char *argument = call_argument(call, 0);
	struct lab_file file = {0};

	if (argument == NULL || (strchr(argument, '/') == NULL && strstr(argument, ".yaml") == NULL)) {
		testing->lab = client_lab(call, argument);
		return testing->lab ? read_running(call, testing->lab, flat) : STATUS_FAILED;
	}
	if (lab_file_read(call, argument, &file) != STATUS_OK)
		return STATUS_USAGE;
	*flat = file.flat;
	file.flat = NULL;
	lab_file_free(&file);
	testing->lab = client_lab(call, (*flat)->name);
	return testing->lab ? STATUS_OK : STATUS_FAILED;
}

static bool write_junit(const struct call *call, const char *lab, const struct value *results)
{
	const char *path = call_option(call, "junit");
	FILE *file = fopen(path, "we");
	struct text out = {0};
	bool written;

	junit_write(lab, results, &out);
	written = file != NULL && fwrite(out.bytes, 1, out.used, file) == out.used;
	text_free(&out);
	if (file != NULL && fclose(file) != 0)
		written = false;
	if (!written)
		(void)call_fail(call, STATUS_FAILED, "can't write %s: %s", path, strerror(errno));
	return written;
}

enum status test_run(struct call *call)
{
	struct testing testing = {.call = call};
	struct value *results = value_array();
	size_t passed = 0, failed = 0;
	struct lab *flat = NULL;
	enum status status = read_tests(call, &testing, &flat);

	testing.flat = flat;
	for (size_t i = 0; status == STATUS_OK && flat != NULL && i < flat->test_count; i++) {
		if (run_test(&testing, &flat->tests[i], results))
			passed++;
		else
			failed++;
	}
	if (status == STATUS_OK && call_for_programs(call))
		call_print_value(call, results);
	if (status == STATUS_OK && passed + failed == 0)
		status = call_fail(call, STATUS_NOTHING, "lab %s has no tests: write some under tests: in its file", testing.lab);
	else if (status == STATUS_OK)
		call_say(call, "%zu passed, %zu failed", passed, failed);
	if (status == STATUS_OK && failed > 0)
		status = STATUS_FAILED;
	if (testing.lab != NULL && call_option(call, "junit") != NULL && !write_junit(call, testing.lab, results))
		status = STATUS_FAILED;
	value_free(testing.vms);
	value_free(results);
	if (flat != NULL)
		arena_free(flat->arena);
	return status;
}
