/* What is done to a machine in a pool thread (see machine_job.h). */
#include "vm/machine_job.h"

#include "base/check.h"
#include "base/text.h"
#include "vm/disk.h"
#include "vm/tiny.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes the folder that holds the file `path`; the one above it is there. */
static int make_folder_of(const char *path, struct err *err)
{
	char folder[FILE_BYTES];
	char *slash;

	CHECK(text_copy(folder, sizeof(folder), path));
	slash = strrchr(folder, '/');
	CHECK(slash != NULL);
	*slash = '\0';
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make the folder %s: %s", folder, strerror(errno));
	return 0;
}

static int prepare_tiny(struct job *job)
{
	struct machine_spec *spec = &job->spec;
	struct tiny_guest guest;
	int error;

	if (spec->memory_mib < TINY_MEMORY_MIB_MIN)
		return err_set(&job->err, -EINVAL, "%s does not boot with %u MiB of memory: give it at least %d", TINY_IMAGE,
			spec->memory_mib, TINY_MEMORY_MIB_MIN);
	error = tiny_make(job->cache, &guest, &job->err);
	if (error != 0)
		return error;
	(void)text_copy(spec->kernel, sizeof(spec->kernel), guest.kernel);
	(void)text_copy(spec->initrd, sizeof(spec->initrd), guest.initrd);
	tiny_command_line(job->hostname, spec->command_line, sizeof(spec->command_line));
	return 0;
}

static int prepare_disk(struct job *job)
{
	struct machine_spec *spec = &job->spec;
	int error = disk_probe(job->image, spec->disk_base_format, &job->err);

	if (error != 0)
		return error;
	if (!text_copy(spec->disk_base, sizeof(spec->disk_base), job->image) ||
		(job->kept_disk[0] != '\0'
				? !text_copy(spec->disk, sizeof(spec->disk), job->kept_disk)
				: snprintf(spec->disk, sizeof(spec->disk), "%s/disk.qcow2", job->folder) >= (int)sizeof(spec->disk)))
		return err_set(&job->err, -ENAMETOOLONG, "the name of the image or of the folder for its disk is too long");
	error = make_folder_of(job->folder, &job->err);
	if (error == 0)
		error = make_folder_of(spec->disk, &job->err);
	if (error == 0 && job->kept_disk[0] != '\0' && access(spec->disk, F_OK) == 0 && !disk_lies_over(spec->disk, spec->disk_base))
		return err_set(&job->err, -EEXIST, "its disk was kept in %s and lies over another image than %s: move it away", spec->disk,
			spec->disk_base);
	return error != 0 ? error : disk_make(spec->disk, spec->disk_base, spec->disk_base_format, &job->err);
}

static int prepare(struct job *job)
{
	if (job->hypervisor == NULL)
		return job->err.code;
	if (strcmp(job->image, NETWORK_IMAGE) == 0)
		return 0;
	return strcmp(job->image, TINY_IMAGE) == 0 ? prepare_tiny(job) : prepare_disk(job);
}

/* Looks for the machine: `found` says whether it runs. */
static int look(struct job *job)
{
	int error = job->driver->look(job->hypervisor, job->spec.name, &job->sight, &job->err);

	/* Without an answer `sight` says nothing. */
	if (error != 0 && error != -ENOENT)
		job->sight = (struct machine_sight){0};
	job->found = error == 0;
	return error == -ENOENT ? 0 : error;
}

void job_memory_path(const char *folder, char out[FILE_BYTES + 16]) { (void)snprintf(out, FILE_BYTES + 16, "%s/memory", folder); }

/* The memory that was saved is that of one moment: once it runs on it is of no use any more. */
static int restore(struct job *job)
{
	char path[FILE_BYTES + 16];
	int error;

	job_memory_path(job->folder, path);
	error = job->driver->restore(job->hypervisor, path, &job->err);
	if (error == 0)
		(void)unlink(path);
	return error;
}

static int save(struct job *job)
{
	char path[FILE_BYTES + 16];
	int error;

	job_memory_path(job->folder, path);
	error = make_folder_of(job->folder, &job->err);
	if (error == 0)
		error = make_folder_of(path, &job->err);
	if (error == 0)
		error = job->driver->save(job->hypervisor, job->spec.name, path, &job->err);
	if (error != 0)
		(void)unlink(path);
	return error;
}

static int start(struct job *job)
{
	struct machine_spec *spec = &job->spec;
	int error = make_folder_of(spec->console, &job->err);

	/* The kernel may have been upgraded, or the cache emptied, since the machine was prepared. */
	if (error == 0 && strcmp(job->image, TINY_IMAGE) == 0)
		error = prepare_tiny(job);
	/* Sockets of an earlier life would let others connect to nobody. */
	(void)unlink(spec->console);
	(void)unlink(spec->agent);
	for (unsigned i = 0; i < spec->nic_count && error == 0; i++) {
		error = make_folder_of(spec->nics[i].socket, &job->err);
		(void)unlink(spec->nics[i].socket);
	}
	if (error == 0 && job->restore)
		error = restore(job);
	else if (error == 0)
		error = job->driver->start(job->hypervisor, spec, &job->err);
	return error != 0 ? error : look(job);
}

static int link_nics(struct job *job)
{
	int error = 0;

	for (unsigned i = 0; i < job->spec.nic_count; i++) {
		int one = job->driver->set_link(job->hypervisor, job->spec.name, i, job->spec.nics[i].up, &job->err);

		error = error == 0 ? one : error;
	}
	return error;
}

/* Takes away all files of the machine. What isn't there is fine; what can't be removed is told. */
static int remove_files(struct job *job)
{
	static const char *const names[] = {"disk.qcow2", "disk.qcow2.new", "times", "times.new", "memory"};
	char path[FILE_BYTES + 16];

	if (job->hypervisor != NULL)
		job->driver->forget(job->hypervisor, job->spec.name);
	(void)unlink(job->spec.console);
	(void)unlink(job->spec.agent);
	for (unsigned i = 0; i < job->spec.nic_count; i++)
		(void)unlink(job->spec.nics[i].socket);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", job->folder, names[i]);
		(void)unlink(path);
	}
	if (rmdir(job->folder) != 0 && errno != ENOENT)
		return err_set(&job->err, -errno, "cannot remove the folder %s: %s", job->folder, strerror(errno));
	return 0;
}

static int act(struct job *job)
{
	static const enum machine_act acts[] = {[JOB_SHUT_DOWN] = MACHINE_SHUT_DOWN,
		[JOB_KILL] = MACHINE_KILL,
		[JOB_PAUSE] = MACHINE_PAUSE,
		[JOB_RESUME] = MACHINE_RESUME,
		[JOB_RESET] = MACHINE_RESET};

	return job->driver->act(job->hypervisor, job->spec.name, acts[job->kind], &job->err);
}

static int run(struct job *job)
{
	if (job->kind == JOB_PREPARE)
		return prepare(job);
	if (job->kind == JOB_REMOVE)
		return remove_files(job);
	/* Without a connection nothing of ours runs. */
	if (job->hypervisor == NULL)
		return job->kind == JOB_KILL || job->kind == JOB_LOOK ? 0 : job->err.code;
	switch (job->kind) {
	case JOB_START:
		return start(job);
	case JOB_LOOK:
		return look(job);
	case JOB_LINK:
		return link_nics(job);
	case JOB_SAVE:
		return save(job);
	case JOB_PREPARE:
	case JOB_SHUT_DOWN:
	case JOB_KILL:
	case JOB_PAUSE:
	case JOB_RESUME:
	case JOB_RESET:
	case JOB_REMOVE:
	default:
		return act(job);
	}
}

void job_run(struct job *job) { job->error = run(job); }
