/*
 * The guest builtin:tiny, made on the spot from Debian's cloud kernel, busybox and the guest agent.
 *
 * Theory of operation. The parts lie in a folder as tools/fetch-guest-kernel fills it:
 *
 *	vmlinuz, busybox, qemu-ga, the folder modules with NAME.ko, the folder lib with the libraries of qemu-ga
 *
 * looked for in $WEFT_GUEST_DIR, beside the program (a build folder), in the installed data folder and in the cache. Where there is none
 * the host's own cloud kernel, /bin/busybox and guest agent serve. One initramfs is made for all machines, since what differs (the host
 * name) travels on the kernel's command line. It is named after a hash of its parts' paths, sizes and times and of our scripts, so that an
 * upgrade makes a new one; it is written beside and renamed, so that nobody ever boots half of it.
 */
#include "vm/tiny.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"
#include "vm/tiny_cpio.h"
#include "vm/tiny_init.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef WEFT_DATADIR
#define WEFT_DATADIR "/usr/share"
#endif

enum { PARTS_MAX = 64, PATH_MAX_BYTES = 512, KEEP_S = 24 * 60 * 60 };

/* A file of this host and its place in the guest ("" for the kernel, which stays outside). */
struct part {
	char source[PATH_MAX_BYTES];
	char name[128];
	unsigned mode;
};

struct parts {
	struct part part[PARTS_MAX];
	unsigned count;
	bool agent;
	char order[512]; /* of the modules found, one word each */
};

/* The guest agent's libraries, by the names under which it asks for them. */
static const char *const agent_libraries[] = {"libudev.so.1", "libnuma.so.1", "liburing.so.2", "libglib-2.0.so.0", "libgmodule-2.0.so.0",
	"libpcre2-8.so.0", "libm.so.6", "libc.so.6"};

static const char *const guest_folders[] = {"bin", "sbin", "usr", "usr/bin", "usr/sbin", "etc", "lib", "lib64", "lib/modules", "dev",
	"proc", "sys", "run", "tmp", "root", "var", "var/run", "mnt"};

static bool readable(const char *path) { return access(path, R_OK) == 0; }

/* Adds a part when its file is there; false when it isn't (or there are too many). */
static bool add_part(struct parts *parts, const char *source, const char *name, unsigned mode)
{
	struct part *part = &parts->part[parts->count];

	if (parts->count == PARTS_MAX || !readable(source))
		return false;
	CHECK(text_copy(part->name, sizeof(part->name), name));
	part->mode = mode;
	if (!text_copy(part->source, sizeof(part->source), source))
		return false;
	parts->count++;
	return true;
}

/* True for an ELF program that needs no loader: the guest's shell must run without libraries. */
static bool is_static_program(const char *path)
{
	Elf64_Ehdr elf;
	Elf64_Phdr segment;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_static = fd >= 0 && pread(fd, &elf, sizeof(elf), 0) == (ssize_t)sizeof(elf) && memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0;

	for (unsigned i = 0; is_static && i < elf.e_phnum && i < 64; i++) {
		off_t at = (off_t)(elf.e_phoff + i * sizeof(segment));

		is_static = pread(fd, &segment, sizeof(segment), at) == (ssize_t)sizeof(segment) && segment.p_type != PT_INTERP;
	}
	if (fd >= 0)
		close(fd);
	return is_static;
}

/* "folder/name", or "" (which no file is called) when that is too long. */
static void path_join(char out[PATH_MAX_BYTES], const char *folder, const char *name)
{
	if (snprintf(out, PATH_MAX_BYTES, "%s/%s", folder, name) >= PATH_MAX_BYTES)
		out[0] = '\0';
}

static void add_module(struct parts *parts, const char *source, const char *module)
{
	char name[128];
	size_t used = strlen(parts->order);

	(void)snprintf(name, sizeof(name), "lib/modules/%s.ko", module);
	if (add_part(parts, source, name, 0644))
		(void)snprintf(parts->order + used, sizeof(parts->order) - used, "%s\n", module);
}

/* Adds the guest agent with its loader and all its libraries, or, when one of them is missing, nothing. */
static void add_agent(struct parts *parts, const char *agent, const char *libraries, const char *loader)
{
	unsigned before = parts->count;
	bool all = add_part(parts, agent, "usr/sbin/qemu-ga", 0755) && add_part(parts, loader, "lib64/ld-linux-x86-64.so.2", 0755);
	char source[PATH_MAX_BYTES], name[128];

	for (size_t i = 0; all && i < COUNT_OF(agent_libraries); i++) {
		path_join(source, libraries, agent_libraries[i]);
		(void)snprintf(name, sizeof(name), "lib/%s", agent_libraries[i]);
		all = add_part(parts, source, name, 0755);
	}
	parts->agent = all;
	if (!all)
		parts->count = before;
}

/* The parts in a folder that tools/fetch-guest-kernel filled; false when it isn't one. */
static bool parts_of_folder(struct parts *parts, const char *folder)
{
	char source[PATH_MAX_BYTES], libraries[PATH_MAX_BYTES], loader[PATH_MAX_BYTES], name[128];

	*parts = (struct parts){0};
	path_join(source, folder, "vmlinuz");
	if (!add_part(parts, source, "", 0))
		return false;
	path_join(source, folder, "busybox");
	if (!is_static_program(source) || !add_part(parts, source, "bin/busybox", 0755))
		return false;
	for (size_t i = 0; i < tiny_module_count; i++) {
		(void)snprintf(name, sizeof(name), "modules/%s.ko", tiny_modules[i]);
		path_join(source, folder, name);
		add_module(parts, source, tiny_modules[i]);
	}
	path_join(source, folder, "qemu-ga");
	path_join(libraries, folder, "lib");
	path_join(loader, libraries, "ld-linux-x86-64.so.2");
	add_agent(parts, source, libraries, loader);
	return true;
}

/* The newest cloud kernel in /boot by name; false when there is none. `version` gets what comes after "vmlinuz-". */
static bool newest_host_kernel(char *version, size_t size)
{
	DIR *boot = opendir("/boot");

	version[0] = '\0';
	for (struct dirent *entry; boot != NULL && (entry = readdir(boot)) != NULL;) {
		const char *name = entry->d_name;

		if (strncmp(name, "vmlinuz-", 8) == 0 && strstr(name, "-cloud-") != NULL && strverscmp(name + 8, version) > 0)
			(void)text_copy(version, size, name + 8);
	}
	if (boot != NULL)
		closedir(boot);
	return version[0] != '\0';
}

/* The parts as the host itself has them installed. */
static bool parts_of_host(struct parts *parts)
{
	static const char *const places[] = {"drivers/virtio", "net/core", "drivers/net", "drivers/char"};
	char version[128], source[PATH_MAX_BYTES];

	*parts = (struct parts){0};
	if (!newest_host_kernel(version, sizeof(version)))
		return false;
	(void)snprintf(source, sizeof(source), "/boot/vmlinuz-%s", version);
	if (!add_part(parts, source, "", 0))
		return false;
	if (!is_static_program("/bin/busybox") || !add_part(parts, "/bin/busybox", "bin/busybox", 0755))
		return false;
	for (size_t i = 0; i < tiny_module_count; i++) {
		for (size_t j = 0; j < COUNT_OF(places); j++) {
			(void)snprintf(source, sizeof(source), "/lib/modules/%s/kernel/%s/%s.ko", version, places[j], tiny_modules[i]);
			add_module(parts, source, tiny_modules[i]);
		}
	}
	add_agent(parts, "/usr/sbin/qemu-ga", "/lib/x86_64-linux-gnu", "/lib64/ld-linux-x86-64.so.2");
	return true;
}

/* The folder `guest` or `build/guest` beside the running program or up to two above: where a build leaves it. */
static bool parts_of_build(struct parts *parts)
{
	char program[PATH_MAX_BYTES - 16], folder[PATH_MAX_BYTES];
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
	bool found = false;

	if (size <= 0)
		return false;
	program[size] = '\0';
	for (unsigned up = 0; up < 3 && !found; up++) {
		char *slash = strrchr(program, '/');

		if (slash == NULL || slash == program)
			return false;
		*slash = '\0';
		path_join(folder, program, "guest");
		found = parts_of_folder(parts, folder);
		path_join(folder, program, "build/guest");
		found = found || parts_of_folder(parts, folder);
	}
	return found;
}

static int find_parts(struct parts *parts, const char *cache, struct err *err)
{
	const char *named = getenv("WEFT_GUEST_DIR");
	char folder[PATH_MAX_BYTES];

	if (named != NULL && named[0] != '\0') {
		if (parts_of_folder(parts, named))
			return 0;
		return err_set(err, -ENOENT, "WEFT_GUEST_DIR=%s has no vmlinuz and static busybox in it: run tools/fetch-guest-kernel %s",
			named, named);
	}
	path_join(folder, cache, "guest");
	if (parts_of_build(parts) || parts_of_folder(parts, WEFT_DATADIR "/weft/guest") || parts_of_folder(parts, folder) ||
		parts_of_host(parts))
		return 0;
	return err_set(err, -ENOENT,
		"builtin:tiny needs a Linux kernel and a static busybox, and there are none: run tools/fetch-guest-kernel %s (fetches them "
		"from "
		"Debian's packages, without root), or apt-get install linux-image-cloud-amd64 busybox-static qemu-guest-agent",
		folder);
}

/* A number for all that goes into the initramfs: another one when anything changed. */
static uint64_t parts_hash(const struct parts *parts)
{
	struct text all = {0};
	uint64_t hash;

	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *part = &parts->part[i];
		struct stat st = {0};

		(void)stat(part->source, &st);
		text_add(&all, "%s=%s %u %lld %lld.%ld\n", part->name, part->source, part->mode, (long long)st.st_size,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
	for (size_t i = 0; i < tiny_text_count; i++)
		text_add(&all, "%s %u %s", tiny_texts[i].name, tiny_texts[i].mode, tiny_texts[i].text);
	hash = hash_stable(all.bytes, all.used);
	text_free(&all);
	return hash;
}

static int write_initramfs(const struct parts *parts, int fd, struct err *err)
{
	struct cpio cpio = cpio_over(fd);
	int error = 0;

	for (size_t i = 0; i < COUNT_OF(guest_folders); i++)
		cpio_folder(&cpio, guest_folders[i]);
	cpio_char_device(&cpio, "dev/console", 0600, 5, 1);
	cpio_char_device(&cpio, "dev/null", 0666, 1, 3);
	cpio_link(&cpio, "init", "bin/busybox");
	cpio_link(&cpio, "bin/sh", "busybox");
	for (size_t i = 0; i < tiny_text_count; i++)
		cpio_file(&cpio, tiny_texts[i].name, tiny_texts[i].mode, tiny_texts[i].text, strlen(tiny_texts[i].text));
	cpio_file(&cpio, "lib/modules/order", 0644, parts->order, strlen(parts->order));
	for (unsigned i = 0; i < parts->count && error == 0; i++)
		if (parts->part[i].name[0] != '\0')
			error = cpio_copy(&cpio, parts->part[i].name, parts->part[i].mode, parts->part[i].source, err);
	if (error == 0 && (error = cpio_end(&cpio)) != 0)
		error = err_set(err, error, "cannot write the guest's initramfs: %s", strerror(-error));
	return error;
}

/*
 * Removes initramfs files of earlier parts. One that was made within the last day may be another weftd's, which shares the cache and is
 * about to boot it.
 */
static void remove_old(const char *cache, const char *keep)
{
	DIR *folder = opendir(cache);
	struct stat st;

	for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
		if (strncmp(entry->d_name, "tiny-", 5) == 0 && strcmp(entry->d_name, keep) != 0 &&
			fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime + KEEP_S < time(NULL))
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder != NULL)
		closedir(folder);
}

static int make_initramfs(const struct parts *parts, const char *cache, const char *name, const char *path, struct err *err)
{
	char scratch[PATH_MAX_BYTES];
	int error, fd;

	(void)snprintf(scratch, sizeof(scratch), "%s/tiny-new-%d", cache, (int)getpid());
	fd = open(scratch, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(err, -errno, "cannot write %s: %s", scratch, strerror(errno));
	error = write_initramfs(parts, fd, err);
	close(fd);
	if (error == 0 && rename(scratch, path) != 0)
		error = err_set(err, -errno, "cannot make %s: %s", path, strerror(errno));
	if (error != 0)
		(void)unlink(scratch);
	else
		remove_old(cache, name);
	return error;
}

int tiny_make(const char *cache, struct tiny_guest *out, struct err *err)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	struct parts *parts = malloc(sizeof(*parts));
	char name[64];
	int error;

	CHECK(parts != NULL);
	pthread_mutex_lock(&one_at_a_time);
	error = find_parts(parts, cache, err);
	if (error == 0) {
		(void)snprintf(name, sizeof(name), "tiny-%016llx.cpio", (unsigned long long)parts_hash(parts));
		(void)snprintf(out->initrd, sizeof(out->initrd), "%s/%s", cache, name);
		(void)text_copy(out->kernel, sizeof(out->kernel), parts->part[0].source);
		out->agent = parts->agent;
		if (!readable(out->initrd))
			error = make_initramfs(parts, cache, name, out->initrd, err);
	}
	pthread_mutex_unlock(&one_at_a_time);
	free(parts);
	return error;
}

/* Copies the letters, digits, dots and hyphens of a name: what a host name may have, and nothing that ends a word of the command line. */
static void copy_hostname(char *out, size_t size, const char *name)
{
	size_t used = 0;

	for (; *name != '\0' && used + 1 < size; name++)
		if ((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9') || *name == '-' ||
			*name == '.')
			out[used++] = *name;
	out[used] = '\0';
}

void tiny_command_line(const char *hostname, char *out, size_t size)
{
	char name[NAME_BYTES];

	copy_hostname(name, sizeof(name), hostname);
	/* An emulated processor that has to share its core fails the kernel's check of the timer interrupt. */
	(void)snprintf(out, size,
		"console=ttyS0 quiet panic=1 no_timer_check noreplace-smp random.trust_cpu=on cryptomgr.notests audit=0 "
		"rcupdate.rcu_expedited=1 "
		"8250.nr_uarts=1 i8042.noaux weft.hostname=%s",
		name);
}
