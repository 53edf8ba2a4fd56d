/*
 * The start of weftd: makes the places, takes the lock, goes into the background, becomes the guard.
 *
 * The lock is on a file in `run` and belongs to an open file that guard and super share, so it lives exactly as long as one of them and
 * needs no cleaning after a crash. A start that finds the lock taken by a weftd that is about to end waits for it.
 */
#include "base/log.h"
#include "proc/spawn.h"
#include "proc/super.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long the API may take to answer, and an old weftd to end. */
#define READY_PATIENCE_MS 120000
#define ENDING_PATIENCE_MS 30000

/* The log may grow to the first and is cut to the second. */
#define LOG_BYTES_MAX (8 << 20)
#define LOG_BYTES_KEPT (1 << 20)

#define RUN_PATH_BYTES (FILE_BYTES / 2 + 32)

static const char *run_path(const struct places *places, const char *name, char out[RUN_PATH_BYTES])
{
	(void)snprintf(out, RUN_PATH_BYTES, "%s/%s", places->run, name);
	return out;
}

/* Makes a folder and those above it. What is there already (also behind a link) must be ours: others could lay traps in it. */
static int folder_make(const char *path, struct err *err)
{
	mode_t mode = geteuid() == 0 ? 0755 : 0700;
	char part[FILE_BYTES];
	const char *slash = path;
	struct stat st;

	do {
		slash = strchr(slash + 1, '/');
		(void)snprintf(part, sizeof(part), "%.*s", slash != NULL ? (int)(slash - path) : (int)strlen(path), path);
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return err_set(err, -errno, "can't make the folder %s: %s", part, strerror(errno));
	} while (slash != NULL);
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s is no folder", path);
	if (st.st_uid != geteuid())
		return err_set(err, -EPERM,
			"the folder %s belongs to user %u, not to user %u who starts weftd: remove it, or set WEFT_ROOT", path, st.st_uid,
			geteuid());
	return 0;
}

static int places_make(const struct places *places, struct err *err)
{
	char vhost[RUN_PATH_BYTES], ports[RUN_PATH_BYTES];
	const char *folders[] = {
		places->run, run_path(places, "vhost", vhost), run_path(places, "ports", ports), places->state, places->cache};
	int error = 0;

	(void)umask(022);
	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]) && error == 0; i++)
		error = folder_make(folders[i], err);
	return error;
}

void lock_write(int lock, pid_t pid, bool stopping)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d%s\n", (int)pid, stopping ? " ending" : "");

	(void)!ftruncate(lock, 0);
	(void)!pwrite(lock, text, (size_t)n, 0);
}

/* True when the lock's holder said that it is about to end. `who` gets its process number. */
static bool lock_read(int lock, long *who)
{
	char text[32] = "";
	char *end;

	(void)!pread(lock, text, sizeof(text) - 1, 0);
	*who = strtol(text, &end, 10);
	return strncmp(end, " ending", 7) == 0;
}

/* Takes the lock: its descriptor, or a negative errno (-EALREADY: another weftd runs). */
static int lock_take(const struct places *places, struct err *err)
{
	char path[RUN_PATH_BYTES];
	struct stat held, named;
	long who;

	(void)run_path(places, "weftd.lock", path);
	for (int waited_ms = 0;; waited_ms += 50) {
		int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (lock < 0)
			return err_set(err, -errno, "can't open the lock %s: %s", path, strerror(errno));
		if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
			bool ending = lock_read(lock, &who);

			(void)close(lock);
			if (!ending || waited_ms >= ENDING_PATIENCE_MS)
				return err_set(err, -EALREADY, "already running for %s (process %ld)", places->run, who);
			(void)poll(NULL, 0, 50);
			continue;
		}
		/* An ending weftd removes the file: ours must be the one that others find. */
		if (fstat(lock, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			return lock;
		(void)close(lock);
		if (folder_make(places->run, err) != 0)
			return err->code;
	}
}

static int log_open_file(const struct places *places)
{
	char path[RUN_PATH_BYTES];

	return open(run_path(places, "weftd.log", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
}

void log_file_trim(const struct places *places)
{
	char path[RUN_PATH_BYTES];
	struct stat ours, file;
	char *kept;
	ssize_t n;
	int fd;

	if (fstat(STDERR_FILENO, &ours) != 0 || !S_ISREG(ours.st_mode) || ours.st_size <= LOG_BYTES_MAX)
		return;
	fd = open(run_path(places, "weftd.log", path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	kept = malloc(LOG_BYTES_KEPT);
	if (fd >= 0 && kept != NULL && fstat(fd, &file) == 0 && file.st_ino == ours.st_ino && file.st_dev == ours.st_dev) {
		n = pread(fd, kept, LOG_BYTES_KEPT, file.st_size - LOG_BYTES_KEPT);
		(void)!ftruncate(STDERR_FILENO, 0);
		if (n > 0)
			(void)!write(STDERR_FILENO, kept, (size_t)n);
	}
	if (fd >= 0)
		(void)close(fd);
	free(kept);
}

void places_clean(const struct places *places, bool keep_log)
{
	static const char *const names[] = {"api.sock", "weftd.lock", "weftd.log"};
	char path[RUN_PATH_BYTES];

	(void)rmdir(run_path(places, "vhost", path));
	(void)rmdir(run_path(places, "ports", path));
	(void)rmdir(run_path(places, "vm", path));
	for (unsigned i = 0; i < (keep_log ? 2 : 3); i++)
		(void)unlink(run_path(places, names[i], path));
	/* Each only when it is empty. */
	(void)rmdir(places->run);
	(void)rmdir(places->state);
	(void)rmdir(places->cache);
}

/* Prints what the daemon logged since `from`, its last lines. */
static void print_log(const struct places *places, off_t from)
{
	char path[RUN_PATH_BYTES], text[4096];
	int fd = open(run_path(places, "weftd.log", path), O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		off_t start = st.st_size - (off_t)sizeof(text) > from ? st.st_size - (off_t)sizeof(text) : from;

		n = pread(fd, text, sizeof(text), start);
	}
	if (fd >= 0)
		(void)close(fd);
	(void)fprintf(stderr, "weftd: did not start; %s says:\n", path);
	if (n > 0)
		(void)fwrite(text, 1, (size_t)n, stderr);
}

/* In the first process: waits for the daemon to say that its API answers. */
static int wait_ready(const struct places *places, int ready, off_t log_from)
{
	struct pollfd wait = {ready, POLLIN, 0};
	char byte;

	while (poll(&wait, 1, READY_PATIENCE_MS) < 0 && errno == EINTR)
		;
	if (wait.revents != 0 && read(ready, &byte, 1) == 1)
		return EXIT_SUCCESS;
	print_log(places, log_from);
	return EXIT_FAILURE;
}

/* Becomes the guard. */
static int become_guard(int null, int lock, int ready)
{
	int error;

	lock_write(lock, getpid(), false);
	error = spawn_exec("guard", (int[]){null, lock, ready}, 3);
	(void)fprintf(stderr, "weftd: can't execute itself: %s\n", strerror(-error));
	return EXIT_FAILURE;
}

static int go_background(const struct places *places, int null, int lock)
{
	int log = log_open_file(places), ready[2];
	struct stat st = {0};
	pid_t pid;

	if (log < 0 || fstat(log, &st) != 0 || pipe2(ready, O_CLOEXEC) != 0) {
		(void)fprintf(stderr, "weftd: can't open the log in %s: %s\n", places->run, strerror(errno));
		return EXIT_FAILURE;
	}
	pid = fork();
	if (pid < 0) {
		(void)fprintf(stderr, "weftd: can't go into the background: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	if (pid > 0) {
		(void)close(ready[1]);
		return wait_ready(places, ready[0], st.st_size);
	}
	(void)setsid();
	(void)!chdir("/");
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(log, STDOUT_FILENO);
	(void)dup2(log, STDERR_FILENO);
	return become_guard(null, lock, ready[1]);
}

int super_run(const struct process_row *rows, unsigned row_count, const struct places *places, bool foreground)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), lock = -1;
	struct err err = {0};

	(void)rows; /* the program that the guard executes has the same table */
	(void)row_count;
	if (null < 0)
		(void)err_set(&err, -errno, "can't open /dev/null: %s", strerror(errno));
	else if (places_make(places, &err) == 0)
		lock = lock_take(places, &err);
	if (lock < 0) {
		(void)fprintf(stderr, "weftd: %s\n", err.text);
		return err.code == -EALREADY ? EXIT_WEFTD_RUNNING : EXIT_FAILURE;
	}
	return foreground ? become_guard(null, lock, null) : go_background(places, null, lock);
}
