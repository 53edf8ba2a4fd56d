/* A child for one piece of work on a foreign file: the jail's stages as it gets them. */
#include "proc/confine.h"

#include "base/check.h"
#include "proc/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int limit_set(__rlimit_resource_t what, uint64_t limit, struct err *err)
{
	struct rlimit old, wanted = {limit, limit};

	if (getrlimit(what, &old) == 0 && old.rlim_max < limit)
		wanted = (struct rlimit){old.rlim_max, old.rlim_max};
	return setrlimit(what, &wanted) == 0 ? 0 : err_set(err, -errno, "can't limit what the work may use: %s", strerror(errno));
}

static int limits_set(const struct confine *confine, struct err *err)
{
	int error = limit_set(RLIMIT_CORE, 0, err);

	if (error == 0)
		error = limit_set(RLIMIT_FSIZE, confine->file_bytes_max, err);
	/* Sanitizers take address space by the terabyte. */
	if (error == 0 && jail_wanted())
		error = limit_set(RLIMIT_AS, confine->memory_bytes_max, err);
	return error ? error : limit_set(RLIMIT_CPU, confine->cpu_s_max, err);
}

static int shown_only(const struct confine *confine, struct err *err)
{
	struct jail_path paths[CONFINE_SHOWN_MAX + 9] = {{"/usr", false, true}, {"/bin", false, true}, {"/lib", false, true},
		{"/lib64", false, true}, {"/etc/ld.so.cache", false, false}, {"/dev/null", true, false}, {"/dev/urandom", false, false},
		{confine->folder, true, false}};
	unsigned count = 8;

	for (unsigned i = 0; i < CONFINE_SHOWN_MAX && confine->shown[i] != NULL; i++)
		paths[count++] = (struct jail_path){confine->shown[i], false, false};
	return jail_paths(paths, false, err);
}

int confine_enter(const struct confine *confine, struct err *err)
{
	static const struct jail_spec spec = {.files_read = true, .files_write = true, .execute = true, .threads = true, .alone = true};
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC), landlock = 0, error;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0)
		return err_set(err, -errno, "can't open /dev/null: %s", strerror(errno));
	(void)close(nothing);
	error = limits_set(confine, err);
	if (error == 0 && jail_wanted()) {
		landlock = shown_only(confine, err);
		error = landlock < 0 ? landlock : 0;
	}
	/* Reading any file is harmless where only those shown can be opened. */
	if (error == 0)
		error = jail_capabilities(landlock > 0, err);
	return error == 0 && jail_wanted() ? jail_filter(&spec, err) : error;
}
