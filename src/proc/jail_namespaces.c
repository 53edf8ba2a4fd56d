/*
 * Stage 2 of the jail: namespaces of its own and a root directory with nothing in it but what the spec names, at the same paths.
 *
 * The trees are taken hold of before anything is mounted (open_tree), since the new root may cover them. A folder above a place that only
 * root may pass is no obstacle inside: there it is an empty folder of the new root.
 */
#include "base/check.h"
#include "base/log.h"
#include "proc/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the new root is put together; what is there now is seen through the trees only. */
#define ASSEMBLY "/tmp"

#define TREES_MAX 8

/* A part of the old root that the new one gets. */
struct tree {
	const char *path;
	int fd;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	(void)close(fd);
	return error;
}

/* A user namespace in which our ids stay what they are. */
static int own_user_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];
	int error;

	if (unshare(CLONE_NEWUSER) != 0)
		return -errno;
	(void)snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	error = write_file("/proc/self/setgroups", "deny");
	if (error == 0)
		error = write_file("/proc/self/uid_map", map);
	(void)snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return error ? error : write_file("/proc/self/gid_map", map);
}

static unsigned trees_take(const struct jail_spec *spec, const struct places *places, struct tree trees[TREES_MAX])
{
	const struct {
		const char *path;
		bool wanted;
	} wishes[TREES_MAX] = {
		{"/usr", spec->files_read || spec->execute},
		{"/lib", spec->files_read || spec->execute},
		{"/lib64", spec->files_read || spec->execute},
		{"/etc", spec->files_read},
		{"/proc", spec->files_read},
		{places->cache, spec->files_read},
		{places->state, spec->files_read || spec->files_write},
		{places->run, spec->files_read || spec->files_write},
	};
	unsigned count = 0;

	for (unsigned i = 0; i < TREES_MAX; i++) {
		int fd = wishes[i].wanted ? open_tree(AT_FDCWD, wishes[i].path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE) : -1;

		if (fd >= 0)
			trees[count++] = (struct tree){wishes[i].path, fd};
	}
	return count;
}

/* Makes the folder `path` and those above it in the new root, which is the current folder. */
static int folders_make(const char *path)
{
	char part[FILE_BYTES];

	for (const char *slash = path; slash != NULL;) {
		slash = strchr(slash + 1, '/');
		(void)snprintf(part, sizeof(part), "%.*s", slash != NULL ? (int)(slash - path) : (int)strlen(path), path);
		if (mkdir(part + 1, 0755) != 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int trees_put(const struct tree *trees, unsigned count)
{
	int error = 0;

	for (unsigned i = 0; i < count && error == 0; i++) {
		error = folders_make(trees[i].path);
		if (error == 0 && move_mount(trees[i].fd, "", AT_FDCWD, trees[i].path + 1, MOVE_MOUNT_F_EMPTY_PATH) != 0)
			error = -errno;
	}
	return error;
}

/* Mounts an empty file system, moves the trees into it, makes it the root and takes the old one away. */
static int new_root(const struct tree *trees, unsigned count)
{
	int error;

	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0 ||
		mount("weftd", ASSEMBLY, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,nr_inodes=64,mode=755") != 0 ||
		chdir(ASSEMBLY) != 0)
		return -errno;
	error = trees_put(trees, count);
	if (error != 0)
		return error;
	if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0 ||
		mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
		return -errno;
	return 0;
}

int jail_namespaces(const struct jail_spec *spec, const struct places *places)
{
	bool files = spec->files_read || spec->files_write || spec->execute;
	struct tree trees[TREES_MAX];
	unsigned count;
	int error = 0;

	if (spec->keep_privilege || (geteuid() != 0 && files))
		return 0;
	if (geteuid() != 0)
		error = own_user_namespace();
	if (error == 0 && unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (spec->network ? 0 : CLONE_NEWNET)) != 0)
		error = -errno;
	if (error != 0)
		return error;
	count = trees_take(spec, places, trees);
	error = new_root(trees, count);
	for (unsigned i = 0; i < count; i++)
		(void)close(trees[i].fd);
	return error;
}
