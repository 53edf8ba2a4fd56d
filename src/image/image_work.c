/*
 * The work of an import, in a confined child: the only place where foreign bytes are looked at.
 *
 * Theory of operation. Told a descriptor of the file (and, for an OVF, of its folder) it finds out what it is, holds its digests against
 * those that are known, has the disk converted, and reports. Its limits: no other file, no network, the bytes that it may write, address
 * space, processor time. It dies with its parent.
 */
#include "base/check.h"
#include "image/image_head.h"
#include "image/image_parts.h"
#include "proc/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMORY_BYTES_MAX_SHIFT = 32, CPU_S_MAX = 7200 };

static void send_report(const struct work *work, enum report_kind kind, const struct err *err)
{
	struct report report = {.kind = kind, .stage = work->stage, .permille = work->permille, .info = work->info};

	if (err != NULL)
		report.err = *err;
	while (send(work->reports, &report, sizeof(report), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

void image_report(struct work *work, unsigned permille)
{
	if (permille > work->permille) {
		work->permille = permille;
		send_report(work, REPORT_PROGRESS, NULL);
	}
}

static void enter_stage(struct work *work, enum image_stage stage, uint64_t total)
{
	work->stage = stage;
	work->done = 0;
	work->total = total;
	work->permille = 0;
	send_report(work, REPORT_PROGRESS, NULL);
}

static bool on_bytes(void *context, uint64_t bytes)
{
	struct work *work = context;

	work->done += bytes;
	image_report(work, work->total > 0 && work->done < work->total ? (unsigned)(work->done * 1000 / work->total) : 1000);
	return true;
}

/* The head of a disk, which must be of a format that is taken and no larger than allowed. */
static int look_at_disk(const struct work *work, const struct package_file *disk, struct image_head *head, struct err *err)
{
	static uint8_t start[IMAGE_HEAD_BYTES];
	ssize_t n = pread(disk->fd, start, disk->bytes < sizeof(start) ? disk->bytes : sizeof(start), (off_t)disk->offset);
	const char *what = disk->name;
	int error =
		n < 0 ? err_set(err, -EIO, "%s cannot be read: %s", what, strerror(errno)) : image_head(what, start, (size_t)n, head, err);

	if (error != 0)
		return error;
	if (head->format == IMAGE_UNKNOWN && !work->raw)
		return err_set(err, -EINVAL,
			"%s is no disk image: it has no head of qcow2, VMDK, VDI or OVA, and no boot sector (--raw takes it as it is)",
			what);
	if (head->format == IMAGE_UNKNOWN)
		*head = (struct image_head){.format = IMAGE_RAW, .name = "raw"};
	if (head->format == IMAGE_OTHER)
		return err_set(err, -EINVAL, "%s is of the format %s: %s", what, head->name, head->advice);
	if (head->format > IMAGE_VDI)
		return err_set(err, -EINVAL, "%s is no disk image", what);
	if (head->format == IMAGE_RAW)
		head->virtual_bytes = disk->bytes;
	if (head->virtual_bytes < 512)
		return err_set(err, -EINVAL, "%s is empty", what);
	if (head->virtual_bytes > work->virtual_bytes_max)
		return err_set(err, -EFBIG,
			"%s has a virtual size of %" PRIu64 " MiB; %" PRIu64 " MiB are allowed (--max-size allows more)", what,
			head->virtual_bytes >> 20, work->virtual_bytes_max >> 20);
	return 0;
}

/* Takes a disk; `whole`: it is all of its file. */
static int take_disk(struct work *work, const struct package_file *disk, bool whole, struct err *err)
{
	static const char *const drivers[] = {[IMAGE_RAW] = "raw", [IMAGE_QCOW2] = "qcow2", [IMAGE_VMDK] = "vmdk", [IMAGE_VDI] = "vdi"};
	struct image_head head = {.format = IMAGE_UNKNOWN};
	int error = look_at_disk(work, disk, &head, err);

	if (error != 0)
		return error;
	CHECK(head.format <= IMAGE_VDI);
	(void)snprintf(work->info.format, sizeof(work->info.format), "%s%s", work->in_package ? "OVF with " : "", head.name);
	enter_stage(work, IMAGE_CONVERTING, 0);
	return image_convert(work, drivers[head.format], disk, whole, err);
}

static int take_package(struct work *work, struct package *package, struct err *err)
{
	const struct ovf *ovf = &package->ovf;
	const struct package_file *disk;
	int error;

	if (ovf->disk_count != 1)
		return err_set(err, -EINVAL, "the package has %u disks with data; machines have one", ovf->disk_count);
	disk = package_find(package, ovf->disks[0].file, err);
	if (disk == NULL)
		return -ENOENT;
	if (ovf->disks[0].file_bytes != 0 && ovf->disks[0].file_bytes != disk->bytes)
		return err_set(err, -EINVAL, "%s has %" PRIu64 " bytes; the descriptor says %" PRIu64, disk->name, disk->bytes,
			ovf->disks[0].file_bytes);
	work->total += disk->bytes;
	error = package_verify(package, on_bytes, work, err);
	if (error != 0)
		return error;
	work->info.manifest = package->has_manifest;
	work->info.cpus = ovf->cpus;
	work->info.memory_mib = ovf->memory_mib;
	work->info.nic_count = ovf->nic_count;
	memcpy(work->info.nics, ovf->nics, sizeof(work->info.nics));
	memcpy(work->info.system, ovf->system, sizeof(work->info.system));
	work->in_package = true;
	return take_disk(work, disk, package->folder >= 0, err);
}

/* The digest of what is imported, as its owner may know it. */
static int check_digest(struct work *work, struct err *err)
{
	uint8_t digest[DIGEST_BYTES_MAX];
	int error = hash_file(&(struct hash_range){work->file, 0, work->info.file_bytes}, DIGEST_SHA256, digest, on_bytes, work, err);

	if (error != 0)
		return error;
	hash_text(digest, work->info.file_sha256);
	if (work->sha256 != NULL && strcasecmp(work->sha256, work->info.file_sha256) != 0)
		return err_set(err, -EBADMSG, "%s is not what was expected: its SHA-256 is %s", work->name, work->info.file_sha256);
	return 0;
}

static int take_file(struct work *work, struct err *err)
{
	static struct package package;
	static struct package_file whole;
	static uint8_t bytes[IMAGE_HEAD_BYTES];
	ssize_t n = pread(work->file, bytes, sizeof(bytes), 0);
	struct image_head head = {.format = IMAGE_UNKNOWN};
	int error = n < 0 ? err_set(err, -EIO, "%s cannot be read: %s", work->name, strerror(errno))
			  : image_head(work->name, bytes, (size_t)n, &head, err);

	if (error != 0)
		return error;
	/* What is refused by its head is not read to its end first. */
	if (head.format == IMAGE_OTHER)
		return err_set(err, -EINVAL, "%s is of the format %s: %s", work->name, head.name, head.advice);
	enter_stage(work, IMAGE_CHECKING, work->info.file_bytes);
	error = check_digest(work, err);
	if (error != 0)
		return error;
	whole = (struct package_file){.fd = work->file, .bytes = work->info.file_bytes};
	CHECK(text_copy(whole.name, sizeof(whole.name), work->name));
	if (head.format != IMAGE_TAR && head.format != IMAGE_XML)
		return take_disk(work, &whole, true, err);
	if (head.format == IMAGE_XML && work->folder < 0)
		return err_set(err, -EINVAL, "%s is XML, but not named NAME.ovf", work->name);
	error = head.format == IMAGE_TAR ? package_open_archive(work->file, &package, err)
					 : package_open_folder(work->folder, work->name, &package, err);
	if (error == 0)
		error = take_package(work, &package, err);
	package_close(&package);
	return error;
}

/* The new disk: whole, of itself, and its digest. */
static int check_disk(struct work *work, struct err *err)
{
	static uint8_t bytes[IMAGE_HEAD_BYTES];
	char path[FILE_BYTES + 16];
	struct image_head head;
	struct stat st;
	int fd, error;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/" IMAGE_DISK, work->scratch);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	n = fd >= 0 ? pread(fd, bytes, sizeof(bytes), 0) : -1;
	if (n < 0 || fstat(fd, &st) != 0)
		return err_set(err, -errno, "the converted disk cannot be read: %s", strerror(errno));
	(void)close(fd);
	error = image_head("the converted disk", bytes, (size_t)n, &head, err);
	if (error != 0 || head.format != IMAGE_QCOW2)
		return error != 0 ? error : err_set(err, -EIO, "the converted disk is no qcow2");
	if (head.virtual_bytes > work->virtual_bytes_max)
		return err_set(err, -EFBIG, "the disk has a virtual size of %" PRIu64 " MiB, which its head hid", head.virtual_bytes >> 20);
	work->info.virtual_bytes = head.virtual_bytes;
	work->info.bytes = (uint64_t)st.st_blocks * 512;
	enter_stage(work, IMAGE_HASHING, (uint64_t)st.st_size);
	return hash_path(path, work->info.sha256, on_bytes, work, err);
}

void image_work(struct work *work)
{
	char file[64];
	struct confine confine = {.shown = {file, work->folder >= 0 ? work->folder_path : NULL},
		.folder = work->scratch,
		.file_bytes_max = work->disk_bytes_max,
		.memory_bytes_max = 1ULL << MEMORY_BYTES_MAX_SHIFT,
		.cpu_s_max = CPU_S_MAX};
	struct err err = {0};
	int error;

	(void)snprintf(file, sizeof(file), "/proc/self/fd/%d", work->file);
	error = confine_enter(&confine, &err);
	if (error == 0)
		error = take_file(work, &err);
	if (error == 0)
		error = check_disk(work, &err);
	send_report(work, error == 0 ? REPORT_DONE : REPORT_FAILED, &err);
	_exit(error == 0 ? 0 : 1);
}
