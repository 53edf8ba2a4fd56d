/*
 * Stage 4 of the jail: landlock, by system call since Debian 12's libc has no wrapper and its headers know only the first versions.
 * Rights of versions the kernel doesn't have are not asked for. Rights on descriptors that are open already are not touched.
 */
#include "proc/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct landlock_ruleset_attr as of version 6. */
struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scoped;
};

#define ACCESS_REFER (1ULL << 13)     /* version 2 */
#define ACCESS_TRUNCATE (1ULL << 14)  /* version 3 */
#define ACCESS_IOCTL_DEV (1ULL << 15) /* version 5 */
#define NET_BIND_CONNECT_TCP 3ULL     /* version 4 */
#define SCOPE_ABSTRACT_SIGNAL 3ULL    /* version 6 */

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE                                                                                                                       \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |    \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | ACCESS_TRUNCATE)
/* All of version 1. */
#define ACCESS_ALL ((1ULL << 13) - 1)

static uint64_t files_of_version(int version)
{
	uint64_t files = ACCESS_ALL;

	if (version >= 2)
		files |= ACCESS_REFER;
	if (version >= 3)
		files |= ACCESS_TRUNCATE;
	if (version >= 5)
		files |= ACCESS_IOCTL_DEV;
	return files;
}

/* Allows `access` below `path`; a path that isn't there needs no rule. */
static int allow(int ruleset, const char *path, uint64_t access, struct err *err)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
	int error = 0;

	if (rule.parent_fd < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "can't open %s for its jail rule: %s", path, strerror(errno));
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
		error = err_set(err, -errno, "can't allow %s in the jail: %s", path, strerror(errno));
	(void)close(rule.parent_fd);
	return error;
}

static int allow_all(int ruleset, const struct jail_spec *spec, const struct places *places, uint64_t handled, struct err *err)
{
	const uint64_t run = LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_READ;
	const struct {
		const char *path;
		uint64_t access;
		bool wanted;
	} rules[] = {
		{"/usr", ACCESS_READ, spec->files_read},
		{"/lib", ACCESS_READ, spec->files_read},
		{"/lib64", ACCESS_READ, spec->files_read},
		{"/etc", ACCESS_READ, spec->files_read},
		{"/proc", ACCESS_READ, spec->files_read},
		{places->state, ACCESS_READ, spec->files_read},
		{places->cache, ACCESS_READ, spec->files_read},
		{places->run, ACCESS_READ, spec->files_read},
		{places->state, ACCESS_READ | ACCESS_WRITE, spec->files_write},
		{places->run, ACCESS_READ | ACCESS_WRITE, spec->files_write},
		{"/usr", run, spec->execute},
		{"/bin", run, spec->execute},
		{"/sbin", run, spec->execute},
		{"/lib", run, spec->execute},
		{"/lib64", run, spec->execute},
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && error == 0; i++)
		if (rules[i].wanted)
			error = allow(ruleset, rules[i].path, rules[i].access & handled, err);
	return error;
}

/* A ruleset that forbids all that this kernel knows. Its descriptor and what files it handles; 0: the kernel has none. */
static int ruleset_new(bool network, int *version, uint64_t *handled, struct err *err)
{
	struct ruleset ruleset = {0};
	size_t size;
	int fd;

	*version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	size = *version >= 6 ? sizeof(ruleset) : *version >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, network);
	if (*version < 1)
		return 0;
	ruleset.files = *handled = files_of_version(*version);
	if (*version >= 4 && !network)
		ruleset.network = NET_BIND_CONNECT_TCP;
	if (*version >= 6)
		ruleset.scoped = SCOPE_ABSTRACT_SIGNAL;
	fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	return fd < 0 ? err_set(err, -errno, "can't make the jail's file rules: %s", strerror(errno)) : fd;
}

/* Closes it around the caller unless an error came before. Returns the version or the error. */
static int ruleset_close(int fd, int version, int error, struct err *err)
{
	if (error == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		error = err_set(err, -errno, "can't close the jail's file rules: %s", strerror(errno));
	(void)close(fd);
	return error ? error : version;
}

int jail_files(const struct jail_spec *spec, const struct places *places, struct err *err)
{
	uint64_t handled;
	int version, fd = ruleset_new(spec->network, &version, &handled, err);

	return fd <= 0 ? fd : ruleset_close(fd, version, allow_all(fd, spec, places, handled, err), err);
}

int jail_paths(const struct jail_path *paths, bool network, struct err *err)
{
	uint64_t handled;
	int version, error = 0, fd = ruleset_new(network, &version, &handled, err);

	if (fd <= 0)
		return fd;
	for (; paths->path != NULL && error == 0; paths++) {
		uint64_t access = ACCESS_READ | (paths->write ? ACCESS_WRITE : 0) | (paths->execute ? LANDLOCK_ACCESS_FS_EXECUTE : 0);
		struct stat st;

		/* Rules of a file may not speak of folders. */
		if (stat(paths->path, &st) == 0 && !S_ISDIR(st.st_mode))
			access &=
				LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_TRUNCATE;
		error = allow(fd, paths->path, access & handled, err);
	}
	return ruleset_close(fd, version, error, err);
}
