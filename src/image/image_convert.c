/*
 * qemu-img, as the confined child runs it: told the format, shown one descriptor, its progress read from what it prints.
 *
 * Naming the format matters: an image that is taken for raw but begins like a qcow2 would be probed and its backing file followed.
 */
#include "image/image_parts.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECTOR_BYTES = 512, LINE_BYTES = 400 };

static _Noreturn void become_qemu_img(const char *source, const char *target, int fd, int output)
{
	static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	const char *const argv[] = {"qemu-img", "convert", "-p", "-O", "qcow2", "--image-opts", source, target, NULL};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 && fcntl(fd, F_SETFD, 0) == 0)
		(void)execve("/usr/bin/qemu-img", (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
	_exit(127);
}

/* A piece of output ended: "    (12.34/100%)" is progress, anything else perhaps the reason why it fails. */
static void take_line(struct work *work, const char *line, char said[LINE_BYTES])
{
	const char *at = line + strspn(line, " ");
	char *end;
	double percent;

	if (*at != '(') {
		if (*at != '\0' && said[0] == '\0')
			(void)snprintf(said, LINE_BYTES, "%s", at);
		return;
	}
	percent = strtod(at + 1, &end);
	if (strncmp(end, "/100%", 5) == 0 && percent >= 0 && percent <= 100)
		image_report(work, (unsigned)(percent * 10));
}

static void follow(struct work *work, int fd, char said[LINE_BYTES])
{
	char bytes[LINE_BYTES], line[LINE_BYTES];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)) {
		for (ssize_t i = 0; i < n; i++) {
			if (bytes[i] != '\r' && bytes[i] != '\n') {
				if (used + 1 < sizeof(line))
					memcpy(line + used++, (unsigned char)bytes[i] < 0x20 ? "?" : bytes + i, 1);
				continue;
			}
			line[used] = '\0';
			take_line(work, line, said);
			used = 0;
		}
	}
	line[used] = '\0';
	take_line(work, line, said);
}

static int judge(const struct work *work, int status, const char *said, struct err *err)
{
	static const char prefix[] = "qemu-img: ";

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(err, -ENOENT, "qemu-img is not there, which converts images: install qemu-utils");
	if ((WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) || strstr(said, "File too large") != NULL)
		return err_set(err, -EFBIG,
			"it unpacks to more than %" PRIu64
			" MiB: more than %d times its size, or than there is room for (--max-unpacked allows more)",
			work->disk_bytes_max >> 20, IMAGE_UNPACK_RATIO);
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
		return err_set(err, -ETIMEDOUT, "qemu-img took too much time or memory for it");
	if (WIFSIGNALED(status))
		return err_set(err, -EINVAL, "qemu-img crashed on it (signal %d)", WTERMSIG(status));
	if (strncmp(said, prefix, sizeof(prefix) - 1) == 0)
		said += sizeof(prefix) - 1;
	return err_set(err, -EINVAL, "qemu-img cannot read it: %s", said[0] != '\0' ? said : "it said nothing");
}

int image_convert(struct work *work, const char *driver, const struct package_file *disk, bool whole, struct err *err)
{
	char source[400], target[FILE_BYTES + 16], said[LINE_BYTES] = "";
	int pipes[2], status = 0;
	pid_t pid;

	if (whole)
		(void)snprintf(source, sizeof(source), "driver=%s,file.driver=file,file.locking=off,file.filename=/proc/self/fd/%d", driver,
			disk->fd);
	else
		(void)snprintf(source, sizeof(source),
			"driver=%s,file.driver=raw,file.offset=%" PRIu64 ",file.size=%" PRIu64
			",file.file.driver=file,file.file.locking=off,file.file.filename=/proc/self/fd/%d",
			driver, disk->offset, (disk->bytes + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES, disk->fd);
	(void)snprintf(target, sizeof(target), "%s/" IMAGE_DISK, work->scratch);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		become_qemu_img(source, target, disk->fd, pipes[1]);
	(void)close(pipes[1]);
	if (pid > 0) {
		follow(work, pipes[0], said);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(pipes[0]);
	return pid < 0 ? err_set(err, -errno, "cannot start a process: %s", strerror(errno)) : judge(work, status, said, err);
}
