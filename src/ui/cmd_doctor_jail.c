/*
 * weft doctor --jail: what each process of weftd is allowed to do at this moment.
 *
 * Theory of operation. The kernel is asked (/proc/PID/status, /proc/PID/ns), not weftd: what a process says of its own jail is worth
 * nothing. Processes that meet guests, routing peers and clients must have no capability, no way to gain one, and a filter of system calls;
 * one of them that lacks any of this is a failure. Their namespaces are only seen by root.
 */
#include "base/check.h"
#include "ui/api_client.h"
#include "ui/grid.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is known of one process. */
struct rights {
	bool known;
	long uid;
	uint64_t capabilities;
	bool no_new_privileges;
	bool filtered;
	struct text namespaces; /* its own ones, by name; "?" when that can't be seen */
	const char *root;
};

static const char *const namespaces[] = {"mnt", "net", "ipc", "uts", "user"};

/* The value of a line "KEY:\tVALUE" of /proc/PID/status as a number; -1 when it isn't there. */
static int64_t status_number(const char *status, const char *key, int base)
{
	size_t length = strlen(key);

	for (const char *line = status; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ':')
			return (int64_t)strtoull(line + length + 1, NULL, base);
	}
	return -1;
}

static void read_namespaces(struct rights *rights, int64_t pid)
{
	char path[64];
	struct stat theirs, ours;

	for (size_t i = 0; i < COUNT_OF(namespaces); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/ns/%s", pid, namespaces[i]);
		if (stat(path, &theirs) != 0) {
			text_add(&rights->namespaces, "?");
			return;
		}
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[i]);
		if (stat(path, &ours) == 0 && ours.st_ino != theirs.st_ino)
			text_add(&rights->namespaces, "%s%s", rights->namespaces.used > 0 ? "," : "", namespaces[i]);
	}
	(void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/root", pid);
	rights->root = stat(path, &theirs) != 0 || stat("/", &ours) != 0	      ? "?"
		       : theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev ? "the host's"
										      : "its own";
}

static void read_rights(struct rights *rights, int64_t pid)
{
	char path[64], status[4096];
	FILE *file;
	size_t bytes;

	memset(rights, 0, sizeof(*rights));
	rights->root = "?";
	(void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/status", pid);
	file = pid > 0 ? fopen(path, "re") : NULL;
	if (file == NULL)
		return;
	bytes = fread(status, 1, sizeof(status) - 1, file);
	(void)fclose(file);
	status[bytes] = '\0';
	rights->known = bytes > 0;
	rights->uid = (long)status_number(status, "Uid", 10);
	rights->capabilities = (uint64_t)status_number(status, "CapEff", 16);
	rights->no_new_privileges = status_number(status, "NoNewPrivs", 10) == 1;
	rights->filtered = status_number(status, "Seccomp", 10) == 2;
	read_namespaces(rights, pid);
}

/* These meet somebody foreign. */
static bool must_be_jailed(const char *name)
{
	return strcmp(name, "ctl") == 0 || strcmp(name, "switch") == 0 || strcmp(name, "route") == 0;
}

static bool is_jailed(const struct rights *rights)
{
	return rights->known && rights->capabilities == 0 && rights->no_new_privileges && rights->filtered;
}

static struct value *rights_value(const char *name, int64_t pid, const struct rights *rights, bool good)
{
	struct value *one = value_object();
	char hex[32];

	(void)snprintf(hex, sizeof(hex), "%016" PRIx64, rights->capabilities);
	value_set(one, "process", value_new_text(name));
	value_set(one, "pid", value_new_int(pid));
	value_set(one, "uid", value_new_int(rights->uid));
	value_set(one, "capabilities", value_new_text(hex));
	value_set(one, "no_new_privileges", value_new_bool(rights->no_new_privileges));
	value_set(one, "call_filter", value_new_bool(rights->filtered));
	value_set(one, "namespaces", value_new_text(text_get(&rights->namespaces)));
	value_set(one, "root", value_new_text(rights->root));
	value_set(one, "verdict", value_new_text(good ? "ok" : "fail"));
	return one;
}

static void rights_row(struct grid *grid, const char *name, int64_t pid, const struct rights *rights, bool good)
{
	grid_text(grid, name);
	grid_add(grid, "%" PRId64, pid);
	grid_add(grid, "%ld", rights->uid);
	grid_add(grid, "%s", rights->capabilities == 0 ? "none" : "some");
	grid_text(grid, rights->no_new_privileges ? "no" : "yes");
	grid_text(grid, rights->filtered ? "filtered" : "all");
	grid_text(grid, text_get(&rights->namespaces));
	grid_text(grid, rights->root);
	grid_text(grid, good ? "ok" : "FAIL");
}

enum status doctor_jail_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "PROCESS"}, {.title = "PID", .right = true}, {.title = "UID", .right = true},
		{.title = "CAPABILITIES"}, {.title = "MAY GAIN"}, {.title = "CALLS"}, {.title = "OWN NAMESPACES"}, {.title = "ROOT FOLDER"},
		{.title = "VERDICT"}};
	struct value *version = NULL;
	const struct value *processes;
	struct value *list;
	struct grid *grid;
	enum status status = client_get(call, "/v1/version", &version);

	if (status != STATUS_OK)
		return status;
	processes = value_get(version, "processes");
	list = value_array();
	grid = grid_new(columns, COUNT_OF(columns));
	for (size_t i = 0; i < value_count(processes); i++) {
		const char *name = value_text(value_at(processes, i), "name");
		int64_t pid = value_int(value_at(processes, i), "pid");
		struct rights rights;
		bool good;

		read_rights(&rights, pid);
		good = !must_be_jailed(name) || is_jailed(&rights);
		if (!good)
			status = STATUS_FAILED;
		rights_row(grid, name, pid, &rights, good);
		value_append(list, rights_value(name, pid, &rights, good));
		text_free(&rights.namespaces);
	}
	if (call_for_programs(call)) {
		call_print_value(call, list);
		grid_free(grid);
	} else {
		call_print_grid(call, grid);
	}
	value_free(list);
	value_free(version);
	return status;
}
