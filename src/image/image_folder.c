/* The folder of all images: made, tidied, and what is done to a whole image in it. */
#include "image/image_head.h"
#include "image/image_parts.h"

#include "base/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool image_name_ok(const char *name)
{
	if (!((name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z') || (name[0] >= '0' && name[0] <= '9')))
		return false;
	return strlen(name) < IMAGE_NAME_BYTES &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

const char *image_disk(const struct places *places, const char *name, char out[FILE_BYTES])
{
	(void)snprintf(out, FILE_BYTES, "%s/images/%.*s/" IMAGE_DISK, places->state, IMAGE_NAME_BYTES, name);
	return out;
}

int image_folder_remove(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return -errno;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(fd, entry->d_name, 0);
	(void)closedir(dir);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

/* Removes the folders of imports and removals that died: those that nobody holds a lock on. */
static void tidy(int folder)
{
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int fd;

		if (strncmp(entry->d_name, ".import-", 8) != 0 && strncmp(entry->d_name, ".gone-", 6) != 0)
			continue;
		fd = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)image_folder_remove(folder, entry->d_name);
		if (fd >= 0)
			(void)close(fd);
	}
	if (dir != NULL)
		(void)closedir(dir);
	else if (again >= 0)
		(void)close(again);
}

/* Makes `path` and the folders above it. */
static int folders_make(const char *path)
{
	char part[FILE_BYTES];

	for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", slash != NULL ? (int)(slash - path) : (int)strlen(path), path);
		if (mkdir(part, geteuid() == 0 ? 0755 : 0700) != 0 && errno != EEXIST)
			return -errno;
		if (slash == NULL)
			return 0;
	}
}

int image_folder_open(const struct places *places, struct err *err)
{
	char path[FILE_BYTES];
	struct stat st;
	int error, fd;

	(void)snprintf(path, sizeof(path), "%s/images", places->state);
	error = folders_make(path);
	fd = error == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : error;
	if (fd < 0)
		return err_set(
			err, error != 0 ? error : -errno, "cannot make the folder %s: %s", path, strerror(error != 0 ? -error : errno));
	if (fstat(fd, &st) != 0 || st.st_uid != geteuid()) {
		(void)close(fd);
		return err_set(err, -EPERM, "the folder %s belongs to somebody else", path);
	}
	(void)flock(fd, LOCK_EX);
	tidy(fd);
	return fd;
}

int image_read(const struct places *places, const char *name, struct image_info *out, struct err *err)
{
	char path[FILE_BYTES];
	int folder = -1, error;

	(void)snprintf(path, sizeof(path), "%s/images/%.*s", places->state, IMAGE_NAME_BYTES, name);
	if (image_name_ok(name))
		folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return err_set(err, -ENOENT, "there is no image named \"%.64s\" (weft image ls shows those that are there)", name);
	error = image_json_read(folder, out, err);
	(void)close(folder);
	return error != 0 ? err_prefix(err, "image %s", name) : 0;
}

static int not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }

void image_each(const struct places *places, image_tell_fn *tell, void *context)
{
	static struct image_info info;
	char path[FILE_BYTES];
	struct dirent **names;
	int count;

	(void)snprintf(path, sizeof(path), "%s/images", places->state);
	count = scandir(path, &names, not_hidden, alphasort);
	for (int i = 0; i < count; i++) {
		if (image_read(places, names[i]->d_name, &info, NULL) == 0)
			tell(context, &info);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

int image_verify(const struct places *places, const char *name, hash_progress_fn *progress, void *context, struct err *err)
{
	char path[FILE_BYTES], digest[SHA256_TEXT_BYTES];
	static struct image_info info;
	int error = image_read(places, name, &info, err);

	if (error == 0)
		error = hash_path(image_disk(places, name, path), digest, progress, context, err);
	if (error == 0 && strcmp(digest, info.sha256) != 0)
		error = err_set(err, -EBADMSG, "image %s is not what was imported: the SHA-256 of its disk is %s, and was %s", name, digest,
			info.sha256);
	return error;
}

/* The first disk below `state`/`folder` that lies over `disk`, "" for none. Machines have folders of their own, kept disks have none. */
static void find_user(const struct places *places, const char *folder, const char *disk, char user[FILE_BYTES])
{
	char path[FILE_BYTES];
	struct dirent **names;
	int count;

	(void)snprintf(path, sizeof(path), "%s/%s", places->state, folder);
	count = scandir(path, &names, not_hidden, alphasort);
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%.64s", places->state, folder, names[i]->d_name);
		if (user[0] == '\0' && image_lies_over(path, disk))
			(void)text_copy(user, FILE_BYTES, path);
		(void)snprintf(path, sizeof(path), "%s/%s/%.64s/disk.qcow2", places->state, folder, names[i]->d_name);
		if (user[0] == '\0' && image_lies_over(path, disk))
			(void)text_copy(user, FILE_BYTES, path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

int image_remove(const struct places *places, const char *name, struct err *err)
{
	char path[FILE_BYTES], disk[PATH_MAX], user[FILE_BYTES] = "", gone[IMAGE_NAME_BYTES + 32];
	int folder, error = 0;

	if (!image_name_ok(name))
		return err_set(err, -ENOENT, "there is no image named \"%.64s\"", name);
	if (realpath(image_disk(places, name, path), disk) != NULL) {
		find_user(places, "vm", disk, user);
		find_user(places, "disks", disk, user);
	}
	if (user[0] != '\0')
		return err_set(err, -EBUSY, "image %s is in use: the disk %s lies over it (weft down removes disks)", name, user);
	folder = image_folder_open(places, err);
	if (folder < 0)
		return folder;
	(void)snprintf(gone, sizeof(gone), ".gone-%s-%d", name, (int)getpid());
	if (renameat(folder, name, folder, gone) != 0)
		error = errno == ENOENT ? err_set(err, -ENOENT, "there is no image named \"%s\"", name)
					: err_set(err, -errno, "image %s cannot be removed: %s", name, strerror(errno));
	else
		(void)image_folder_remove(folder, gone);
	(void)close(folder);
	return error;
}
