/* The import as its caller sees it: a scratch folder, a confined child that does the work, the rename that makes it an image. */
#include "base/check.h"
#include "base/instant.h"
#include "image/image_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that says nothing for so long hangs. What stays free on the disk. */
enum { SILENCE_MAX_S = 300, POLL_MS = 200 };
#define FREE_BYTES_MIN (256ULL << 20)

struct import {
	const struct image_wish *wish;
	struct work work;
	int folder; /* of all images */
	int scratch;
	char name[IMAGE_NAME_BYTES];
	char scratch_name[IMAGE_NAME_BYTES + 32];
};

/* The name of a file without what its format adds, as far as a name may have its letters. */
static void name_of_file(const char *file, char out[IMAGE_NAME_BYTES])
{
	static const char *const tails[] = {".ova", ".ovf", ".qcow2", ".img", ".raw", ".vmdk", ".vdi"};
	const char *base = strrchr(file, '/');
	size_t length, used = 0;

	base = base != NULL ? base + 1 : file;
	length = strlen(base);
	for (size_t i = 0; i < COUNT_OF(tails); i++)
		if (length > strlen(tails[i]) && strcasecmp(base + length - strlen(tails[i]), tails[i]) == 0) {
			length -= strlen(tails[i]);
			break;
		}
	for (size_t i = 0; i < length && used + 1 < IMAGE_NAME_BYTES; i++) {
		const char one[] = {base[i], '\0'};

		if (used > 0 ? image_name_ok((const char[]){'a', base[i], '\0'}) : image_name_ok(one))
			out[used++] = base[i];
	}
	out[used] = '\0';
}

static int open_file(struct import *import, struct err *err)
{
	struct work *work = &import->work;
	const char *path = import->wish->file, *slash;
	char real[PATH_MAX];
	struct stat st;

	work->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (work->file < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fstat(work->file, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(err, -EINVAL, "%s is no regular file with something in it", path);
	if (realpath(path, real) == NULL || !text_copy(work->info.file, sizeof(work->info.file), real))
		return err_set(err, -ENAMETOOLONG, "the path of %s is too long", path);
	slash = strrchr(real, '/');
	if (!text_copy(work->name, sizeof(work->name), slash + 1))
		return err_set(err, -ENAMETOOLONG, "the name of %s is too long: rename it", path);
	work->info.file_bytes = (uint64_t)st.st_size;
	/* A descriptor's files lie beside it. */
	if (strlen(work->name) > 4 && strcasecmp(work->name + strlen(work->name) - 4, ".ovf") == 0) {
		(void)snprintf(work->folder_path, sizeof(work->folder_path), "%.*s", slash > real ? (int)(slash - real) : 1, real);
		work->folder = open(work->folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (work->folder < 0)
			return err_set(err, -errno, "%s: %s", work->folder_path, strerror(errno));
	}
	return 0;
}

static int choose_name(struct import *import, struct err *err)
{
	const struct image_wish *wish = import->wish;

	if (wish->name != NULL && !image_name_ok(wish->name))
		return err_set(err, -EINVAL,
			"an image's name has letters, digits, '.', '_' and '-', begins with a letter or digit, and is shorter than %d: not "
			"\"%s\"",
			IMAGE_NAME_BYTES, wish->name);
	if (wish->name != NULL)
		(void)text_copy(import->name, sizeof(import->name), wish->name);
	else
		name_of_file(wish->file, import->name);
	if (!image_name_ok(import->name))
		return err_set(err, -EINVAL, "no name can be made of %s: give one with --name", wish->file);
	if (faccessat(import->folder, import->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, -EEXIST, "there is an image named %s: choose another with --name, or remove it (weft image rm %s)",
			import->name, import->name);
	(void)text_copy(import->work.info.name, sizeof(import->work.info.name), import->name);
	return 0;
}

/* How much may be written: what the ratio allows, what the disk has. */
static int choose_limits(struct import *import, struct err *err)
{
	struct work *work = &import->work;
	struct statvfs st;
	uint64_t free_bytes, ratio = work->info.file_bytes * IMAGE_UNPACK_RATIO;

	work->virtual_bytes_max = import->wish->virtual_bytes_max != 0 ? import->wish->virtual_bytes_max : IMAGE_VIRTUAL_BYTES_MAX;
	if (work->info.file_bytes > UINT64_MAX / IMAGE_UNPACK_RATIO || fstatvfs(import->folder, &st) != 0)
		return err_set(err, -EFBIG, "%s is too long", import->wish->file);
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	if (free_bytes < 2 * FREE_BYTES_MIN)
		return err_set(err, -ENOSPC, "there is no room for an image below %s", import->wish->places->state);
	work->disk_bytes_max = ratio > IMAGE_UNPACK_BYTES_MIN ? ratio : IMAGE_UNPACK_BYTES_MIN;
	if (import->wish->disk_bytes_max != 0)
		work->disk_bytes_max = import->wish->disk_bytes_max;
	if (work->disk_bytes_max > free_bytes - FREE_BYTES_MIN)
		work->disk_bytes_max = free_bytes - FREE_BYTES_MIN;
	return 0;
}

/* The scratch folder, locked; the lock on all images, under which it is made, is given back. */
static int make_scratch(struct import *import, struct err *err)
{
	(void)snprintf(import->scratch_name, sizeof(import->scratch_name), ".import-%s-%d", import->name, (int)getpid());
	if (mkdirat(import->folder, import->scratch_name, 0755) != 0)
		return err_set(err, -errno, "cannot make a folder below %s: %s", import->wish->places->state, strerror(errno));
	import->scratch = openat(import->folder, import->scratch_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (import->scratch < 0 || flock(import->scratch, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, -errno, "cannot lock the folder of the import: %s", strerror(errno));
	(void)snprintf(
		import->work.scratch, sizeof(import->work.scratch), "%s/images/%s", import->wish->places->state, import->scratch_name);
	(void)flock(import->folder, LOCK_UN);
	return 0;
}

/* What the child says of itself may be anything once it read something foreign. */
static bool report_ok(struct report *report, ssize_t size)
{
	struct image_info *info = &report->info;
	char *const texts[] = {info->name, info->format, info->file, info->file_sha256, info->sha256, info->system};
	const size_t sizes[] = {sizeof(info->name), sizeof(info->format), sizeof(info->file), sizeof(info->file_sha256),
		sizeof(info->sha256), sizeof(info->system)};

	if (size != (ssize_t)sizeof(*report) || report->stage >= IMAGE_STAGE_COUNT || info->nic_count > OVF_NICS_MAX)
		return false;
	report->err.text[sizeof(report->err.text) - 1] = '\0';
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		texts[i][sizes[i] - 1] = '\0';
	for (size_t i = 0; i < OVF_NICS_MAX; i++)
		info->nics[i].network[OVF_TEXT_BYTES - 1] = info->nics[i].model[OVF_TEXT_BYTES - 1] = '\0';
	for (char *at = report->err.text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	return true;
}

/* Listens until the child is done. 0 with what it found. */
static int listen_to(struct import *import, int reports, struct err *err)
{
	struct instant deadline = instant_add(clock_monotonic(), span_s(SILENCE_MAX_S));
	const struct image_wish *wish = import->wish;
	static struct report report;

	for (;;) {
		struct pollfd poller = {.fd = reports, .events = POLLIN};
		ssize_t n;

		if (wish->interrupted != NULL && *wish->interrupted != 0)
			return err_set(err, -ECANCELED, "interrupted: nothing was imported");
		if (instant_reached(deadline, clock_monotonic()))
			return err_set(err, -ETIMEDOUT, "nothing went on for %d s: %s was given up", SILENCE_MAX_S, wish->file);
		if (poll(&poller, 1, POLL_MS) <= 0)
			continue;
		n = recv(reports, &report, sizeof(report), MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return err_set(err, -EINVAL, "the import died of %s: it may be broken, or more than its limits allow", wish->file);
		if (!report_ok(&report, n))
			return err_set(err, -EBADMSG, "the import of %s said something that makes no sense", wish->file);
		deadline = instant_add(clock_monotonic(), span_s(SILENCE_MAX_S));
		if (report.kind == REPORT_FAILED)
			return err_set(err, report.err.code < 0 ? report.err.code : -EIO, "%s", report.err.text);
		if (report.kind == REPORT_DONE) {
			(void)text_copy(report.info.name, sizeof(report.info.name), import->name);
			import->work.info = report.info;
			return 0;
		}
		if (wish->progress != NULL)
			wish->progress(wish->context, report.stage, report.permille);
	}
}

static int run_work(struct import *import, struct err *err)
{
	int ends[2], error;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set(err, -errno, "cannot make a channel: %s", strerror(errno));
	import->work.reports = ends[1];
	pid = fork();
	if (pid == 0) {
		/* The lock is the parent's alone. */
		(void)close(import->scratch);
		(void)close(import->folder);
		(void)close(ends[0]);
		(void)setpgid(0, 0);
		image_work(&import->work);
	}
	(void)close(ends[1]);
	error = pid < 0 ? err_set(err, -errno, "cannot start a process: %s", strerror(errno)) : listen_to(import, ends[0], err);
	(void)close(ends[0]);
	/* With what it started, and also when all went well: nobody goes on writing into a disk that has its name. */
	if (pid > 0 && kill(-pid, SIGKILL) != 0)
		(void)kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return error;
}

/* Makes it an image: all of it on the disk before its name is. */
static int publish(struct import *import, struct err *err)
{
	int fd = openat(import->scratch, IMAGE_DISK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error;

	import->work.info.imported_wall_ns = clock_wall_ns();
	error = fd < 0 || fchmod(fd, 0444) != 0 || fsync(fd) != 0 ? err_set(err, -errno, "cannot write the disk: %s", strerror(errno)) : 0;
	if (fd >= 0)
		(void)close(fd);
	if (error == 0)
		error = image_json_write(import->scratch, &import->work.info, err);
	if (error == 0 && fsync(import->scratch) != 0)
		error = err_set(err, -errno, "cannot write the image: %s", strerror(errno));
	if (error == 0 && renameat2(import->folder, import->scratch_name, import->folder, import->name, RENAME_NOREPLACE) != 0)
		error = errno == EEXIST ? err_set(err, -EEXIST, "an image named %s was imported meanwhile", import->name)
					: err_set(err, -errno, "cannot give the image its name: %s", strerror(errno));
	if (error == 0)
		(void)fsync(import->folder);
	return error;
}

int image_import(const struct image_wish *wish, struct image_info *out, struct err *err)
{
	static struct import import;
	int error;

	import = (struct import){.wish = wish, .scratch = -1, .folder = image_folder_open(wish->places, err)};
	import.work = (struct work){.file = -1, .folder = -1, .raw = wish->raw, .sha256 = wish->sha256};
	if (import.folder < 0)
		return import.folder;
	error = open_file(&import, err);
	if (error == 0)
		error = choose_name(&import, err);
	if (error == 0)
		error = choose_limits(&import, err);
	if (error == 0)
		error = make_scratch(&import, err);
	if (error == 0)
		error = run_work(&import, err);
	if (error == 0)
		error = publish(&import, err);
	if (error != 0 && import.scratch_name[0] != '\0')
		(void)image_folder_remove(import.folder, import.scratch_name);
	else if (error == 0)
		*out = import.work.info;
	for (size_t i = 0; i < 4; i++) {
		const int fds[] = {import.scratch, import.folder, import.work.file, import.work.folder};

		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	return error;
}
