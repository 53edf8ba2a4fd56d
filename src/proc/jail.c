/* The jail's stages; the order and the reasons are in jail.h. */
#include "proc/jail.h"

#include "base/check.h"
#include "base/log.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Descriptors that a process may have open when root raises the limit: ports take about six each. */
#define FILES_MAX 1048576

enum jail_mode { JAIL_EPERM, JAIL_KILL, JAIL_OFF };

static enum jail_mode jail_mode(void)
{
	const char *wish = getenv("WEFT_JAIL");

	if (wish != NULL && strcmp(wish, "kill") == 0)
		return JAIL_KILL;
	if (wish != NULL && strcmp(wish, "eperm") == 0)
		return JAIL_EPERM;
	return SANITIZED || (wish != NULL && strcmp(wish, "off") == 0) ? JAIL_OFF : JAIL_EPERM;
}

uid_t jail_uid(enum process_id process) { return JAIL_UID_BASE + (uid_t)process; }

/* Stage 1. */

void jail_limits(void)
{
	struct rlimit limit = {0, 0}, files = {FILES_MAX, FILES_MAX};

	(void)setrlimit(RLIMIT_CORE, &limit);
	if (setrlimit(RLIMIT_NOFILE, &files) == 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/* Stage 3. */

/* Whether a user who owns nothing of it may pass every folder above `path`. */
static bool others_may_pass(const char *path)
{
	char part[FILE_BYTES];
	struct stat status;

	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (stat(part, &status) != 0 || !(status.st_mode & S_IXOTH))
			return false;
	}
	return true;
}

/*
 * Makes over to the jailed user what it keeps writing: the files of one type (S_IFREG, S_IFSOCK) that `prepare` made as root in `folder`.
 * The folder stays root's with the sticky bit, so that the process can make and remove files of its own there but not touch others'.
 */
static void give_files(const char *folder, mode_t type, uid_t uid)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat st;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	(void)!fchown(fd, 0, uid);
	(void)fchmod(fd, 01775);
	while ((entry = readdir(dir)) != NULL) {
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_nlink != 1 || st.st_uid != 0)
			continue;
		if ((st.st_mode & S_IFMT) == type)
			(void)!fchownat(fd, entry->d_name, uid, uid, AT_SYMLINK_NOFOLLOW);
	}
	(void)closedir(dir);
}

static int jail_identity(enum process_id process, const struct jail_spec *spec, const struct places *places, bool own_root, struct err *err)
{
	bool files = spec->files_read || spec->files_write;
	uid_t uid = own_root || !files || others_may_pass(places->state) ? jail_uid(process) : 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, -errno, "can't give up new privileges: %s", strerror(errno));
	if (spec->keep_privilege)
		return 0;
	capng_clear(CAPNG_SELECT_ALL);
	if (geteuid() != 0) {
		/* What a user namespace gave us. */
		if (capng_apply(CAPNG_SELECT_CAPS) != 0)
			return err_set(err, -EPERM, "can't drop capabilities");
		return 0;
	}
	if (uid == 0) {
		log_warning(
			NULL, "jail: without a root of its own only root reaches %s: stays user 0, without capabilities", places->state);
		if (capng_apply(CAPNG_SELECT_BOTH) != 0)
			return err_set(err, -EPERM, "can't drop capabilities");
		return 0;
	}
	if (spec->files_write) {
		give_files(places->state, S_IFREG, uid);
		give_files(places->run, S_IFSOCK, uid);
	}
	if (capng_change_id((int)uid, (int)uid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
		return err_set(err, -EPERM, "can't change to user %u", uid);
	/* A change of user makes the kernel forget both. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

/* Stage 5. */

static bool reaches_others(const char *call)
{
	const char *const *name = jail_call_names(CALLS_REACHING);

	while (*name != NULL && strcmp(*name, call) != 0)
		name++;
	return *name != NULL;
}

/* Adds the calls of a list, `alone` without those that reach others; a name that this architecture doesn't have is passed over. */
static int add_calls(scmp_filter_ctx filter, uint32_t action, enum jail_calls which, bool alone)
{
	int error = 0;

	for (const char *const *name = jail_call_names(which); *name != NULL && error == 0; name++) {
		int number = seccomp_syscall_resolve_name(*name);

		if (number != __NR_SCMP_ERROR && !(alone && reaches_others(*name)))
			error = seccomp_rule_add(filter, action, number, 0);
		if (error == -EDOM || error == -EINVAL)
			error = 0;
	}
	return error;
}

/* Of the calls that reach others what concerns the caller alone: its limits, its threads and children, in no namespace of their own. */
static int add_own_calls(scmp_filter_ctx filter)
{
	const uint64_t namespaces =
		CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_EQ, 0));

	return error ? error : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));
}

/* Calls that are allowed only with certain arguments. */
static int add_special_calls(scmp_filter_ctx filter, const struct jail_spec *spec)
{
	static const uint32_t requests[] = {FIONREAD, FIONBIO, FIOCLEX, TCGETS, TIOCGWINSZ,
		/* of a TAP: features, offloads, header size, send buffer, name, carrier, persistence */
		_IOR('T', 207, unsigned), _IOW('T', 208, unsigned), _IOW('T', 216, int), _IOW('T', 212, int), _IOR('T', 210, unsigned),
		_IOW('T', 226, int), _IOW('T', 203, int)};
	int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < COUNT_OF(requests) && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
	if (error == 0 && spec->alone)
		error = add_own_calls(filter);
	if (error == 0 && !spec->network && !spec->alone)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if (error == 0 && spec->threads && !spec->execute)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	return error;
}

static int allowlist(scmp_filter_ctx filter, const struct jail_spec *spec)
{
	int error = add_calls(filter, SCMP_ACT_ALLOW, CALLS_BASE, spec->alone);

	/* Without file rights there is nothing to see; but libc looks for this and that (CPUs, names of threads) and does without. */
	if (error == 0)
		error = add_calls(
			filter, spec->files_read || spec->files_write ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EACCES), CALLS_READ, spec->alone);
	if (error == 0 && spec->files_write)
		error = add_calls(filter, SCMP_ACT_ALLOW, CALLS_WRITE, spec->alone);
	if (error == 0 && spec->execute)
		error = add_calls(filter, SCMP_ACT_ALLOW, CALLS_EXECUTE, spec->alone);
	if (error == 0 && spec->network)
		error = add_calls(filter, SCMP_ACT_ALLOW, CALLS_NETWORK, spec->alone);
	return error ? error : add_special_calls(filter, spec);
}

static int jail_calls(const struct jail_spec *spec, enum jail_mode mode, struct err *err)
{
	uint32_t refuse = mode == JAIL_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
	scmp_filter_ctx filter = seccomp_init(spec->keep_privilege ? SCMP_ACT_ALLOW : refuse);
	int error;

	if (filter == NULL)
		return err_set(err, -ENOMEM, "can't make the jail's call filter");
	error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (error == 0)
		error = spec->keep_privilege ? add_calls(filter, SCMP_ACT_ERRNO(EPERM), CALLS_DENIED, false) : allowlist(filter, spec);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error ? err_set(err, error, "can't close the jail's call filter: %s", strerror(-error)) : 0;
}

bool jail_wanted(void) { return jail_mode() != JAIL_OFF; }

/* Never kills: programs of others probe for calls. */
int jail_filter(const struct jail_spec *spec, struct err *err) { return jail_calls(spec, JAIL_EPERM, err); }

int jail_capabilities(bool read_any, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, -errno, "can't give up new privileges: %s", strerror(errno));
	capng_clear(CAPNG_SELECT_ALL);
	if (geteuid() == 0 && read_any &&
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, CAP_DAC_READ_SEARCH) != 0)
		return err_set(err, -EPERM, "can't choose capabilities");
	if (capng_apply(geteuid() == 0 ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
		return err_set(err, -EPERM, "can't drop capabilities");
	return 0;
}

int jail_enter(enum process_id process, const struct jail_spec *spec, const struct places *places, struct err *err)
{
	enum jail_mode mode = jail_mode();
	int error, landlock = 0;

	jail_limits();
	error = jail_namespaces(spec, places);
	if (error != 0)
		log_warning(NULL, "jail: no namespaces of its own: %s", strerror(-error));
	error = jail_identity(process, spec, places, error == 0, err);
	if (error != 0)
		return error;
	if (mode != JAIL_OFF && !spec->keep_privilege) {
		landlock = jail_files(spec, places, err);
		if (landlock < 0)
			return landlock;
		if (landlock == 0)
			log_warning(NULL, "jail: this kernel has no landlock: files are guarded by their owners only");
	}
	if (mode != JAIL_OFF)
		error = jail_calls(spec, mode, err);
	if (error == 0)
		log_info(NULL, "jailed as user %u, landlock %d, call filter %s", geteuid(), landlock,
			mode == JAIL_OFF       ? "off"
			: spec->keep_privilege ? "denies"
			: mode == JAIL_KILL    ? "kills"
					       : "allows");
	return error;
}
