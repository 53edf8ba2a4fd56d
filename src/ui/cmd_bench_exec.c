/*
 * weft bench switch and weft bench lpm: the measurements that are programs of their own, since they hold a switch and guests in one
 * process.
 */
#include "base/arena.h"
#include "ui/call.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where programs lie, seen from weft: installed, or in the build's folder. */
static const char *find_program(const struct call *call, const char *name)
{
	static const char *const places[] = {"../libexec/weft", "../bench"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
		const char *path = arena_printf(call->arena, "%.*s/%s/%s", (int)(slash - self), self, places[i], name);

		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* Becomes the program; returns only when that isn't possible. */
static enum status become(struct call *call, const char *name, const char **argv)
{
	const char *path = find_program(call, name);

	if (path == NULL)
		return call_fail(call, STATUS_FAILED, "%s isn't there: expected it in libexec/weft beside the folder of weft", name);
	argv[0] = path;
	(void)execv(path, (char *const *)(uintptr_t)argv);
	return call_fail(call, STATUS_FAILED, "can't start %s: %s", path, strerror(errno));
}

enum status bench_switch_run(struct call *call)
{
	const char *argv[CALL_ARGUMENTS_MAX + 8], *rounds = call_option(call, "rounds");
	unsigned count = 1;

	argv[count++] = "-w";
	if (call_for_programs(call))
		argv[count++] = "-j";
	if (rounds != NULL) {
		argv[count++] = "-r";
		argv[count++] = rounds;
	}
	argv[count++] = "--";
	for (size_t i = 0; i < call->argument_count; i++)
		argv[count++] = call->arguments[i];
	argv[count] = NULL;
	return become(call, "switch_bench", argv);
}

enum status bench_lpm_run(struct call *call)
{
	const char *argv[4] = {NULL, call_for_programs(call) ? "-j" : "--", NULL, NULL}, *prefixes = call_option(call, "prefixes");

	argv[2] = prefixes;
	return become(call, "lpm_bench", argv);
}
