/* Lab files for the commands. */
#include "ui/lab_file.h"

#include "image/image.h"
#include "ui/import.h"
#include "ui/value.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *lab_file_find(const struct call *call, const char *argument)
{
	const char *folder = argument ? argument : ".", *path = NULL;
	struct text list = {0};
	glob_t found;

	if (argument != NULL && !is_folder(argument))
		return argument;
	if (glob(arena_printf(call->arena, "%s/*.weft.yaml", folder), 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			text_add(&list, "%s%s", i > 0 ? ", " : "", found.gl_pathv[i] + (argument ? 0 : 2));
		if (found.gl_pathc == 1)
			path = arena_str(call->arena, found.gl_pathv[0] + (argument ? 0 : 2));
	}
	globfree(&found);
	if (path == NULL && list.used > 0)
		(void)call_fail(call, STATUS_USAGE, "several lab files here (%s): say which one", text_get(&list));
	else if (path == NULL)
		(void)call_fail(call, STATUS_USAGE, "no lab file (*.weft.yaml) in %s: name one, or make one with weft init",
			argument ? argument : "this folder");
	text_free(&list);
	return path;
}

enum status lab_file_source(const struct call *call, const char *path, struct text *source)
{
	char buffer[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return call_fail(call, STATUS_USAGE, "can't read %s: %s", path, strerror(errno));
	while ((n = read(fd, buffer, sizeof(buffer))) > 0 && source->used <= LAB_FILE_BYTES_MAX)
		text_add_bytes(source, buffer, (size_t)n);
	(void)close(fd);
	if (n < 0)
		return call_fail(call, STATUS_USAGE, "can't read %s: %s", path, strerror(errno));
	if (source->used > LAB_FILE_BYTES_MAX)
		return call_fail(call, STATUS_USAGE, "%s is longer than %u bytes, the most a lab file may have", path, LAB_FILE_BYTES_MAX);
	return STATUS_OK;
}

/* The path of an image as its file says it is meant: relative to the lab file. In the lab's arena. */
static const char *image_path(const struct lab *lab, const char *lab_path, const char *image)
{
	const char *slash = strrchr(lab_path, '/');

	if (image[0] == '/' || slash == NULL)
		return image;
	return arena_printf(lab->arena, "%.*s/%s", (int)(slash - lab_path), lab_path, image);
}

/* The file has the digest that the lab wants. */
static void check_digest(const struct lab_image *image, const char *path, struct diags *diags)
{
	const char *name = arena_printf(diags->arena, "images.%s.sha256", image->name);
	char digest[SHA256_TEXT_BYTES];
	struct err err = {0};

	if (image->sha256 == NULL)
		return;
	if (hash_path(path, digest, NULL, NULL, &err) != 0)
		diag_error(diags, image->place, name, "%s", err.text);
	else if (strcasecmp(digest, image->sha256) != 0)
		diag_error(diags, image->place, name, "%s has another: %s", path, digest);
}

/* The client looks for images, since the daemon may not see what its user sees. */
static void check_image_file(const struct lab *lab, const struct lab_image *image, const char *lab_path, struct diags *diags)
{
	const char *name = arena_printf(diags->arena, "images.%s.file", image->name), *path = image_path(lab, lab_path, image->file);
	struct stat st;

	if (stat(path, &st) < 0)
		diag_error(diags, image->place, name, "%s: %s; a path is meant relative to the lab file", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		diag_error(diags, image->place, name, "%s is neither a file nor a block device", path);
	else if (access(path, R_OK) < 0)
		diag_error(diags, image->place, name, "%s: %s", path, strerror(errno));
	else
		check_digest(image, path, diags);
}

/* An imported image gives its machines what its descriptor wished for, where the lab says nothing. */
static void check_imported(struct lab *lab, const struct lab_image *image, struct diags *diags)
{
	const char *name = arena_printf(diags->arena, "images.%s.imported", image->name);
	static struct image_info info;
	struct places places;
	struct err err = {0};

	if (places_find(&places, &err) != 0 || image_read(&places, image->imported, &info, &err) != 0) {
		diag_error(diags, image->place, name, "%s", err.text);
		return;
	}
	if (image->sha256 != NULL && strcasecmp(image->sha256, info.file_sha256) != 0 && strcasecmp(image->sha256, info.sha256) != 0)
		diag_error(diags, image->place, name, "what was imported as %s had another SHA-256: %s", info.name, info.file_sha256);
	for (size_t i = 0; i < lab->vm_count; i++) {
		struct lab_vm *vm = &lab->vms[i];

		if (vm->image_name == NULL || strcmp(vm->image_name, image->name) != 0)
			continue;
		if (vm->cpus == 0)
			vm->cpus = info.cpus;
		if (vm->memory_mib == 0)
			vm->memory_mib = info.memory_mib;
	}
}

static void check_images(struct lab *lab, const char *lab_path, struct diags *diags)
{
	for (size_t i = 0; i < lab->image_count; i++) {
		const struct lab_image *image = &lab->images[i];

		if (image->kind == LAB_IMAGE_IMPORTED && image->imported != NULL)
			check_imported(lab, image, diags);
		else if (image->file != NULL)
			check_image_file(lab, image, lab_path, diags);
	}
}

static void print_diags(const struct call *call, const struct diags *diags, const char *path, const struct text *source)
{
	if (diags->count == 0)
		return;
	(void)fflush(call->out);
	(void)fputs(diags_text(diags, path, source->bytes, source->used), call->err);
	if (diags->dropped > 0)
		(void)fprintf(call->err, "%s: and %zu more\n", path, diags->dropped);
}

/* A file of containerlab becomes the lab that it means here. */
static enum status take_import(const struct call *call, const char *path, struct text *source)
{
	struct text lab = {0};
	enum status status = import_read(call, "containerlab", path, text_get(source), source->used, &lab);

	text_free(source);
	*source = lab;
	return status;
}

enum status lab_file_read(const struct call *call, const char *path, struct lab_file *file)
{
	struct diags diags = {.arena = arena_new(NULL)};
	struct text source = {0};
	enum status status = lab_file_source(call, path, &source);

	*file = (struct lab_file){.path = path};
	if (status == STATUS_OK && import_is_containerlab(text_get(&source), source.used))
		status = take_import(call, path, &source);
	if (status != STATUS_OK)
		goto out;
	file->lab = lab_parse_yaml(text_get(&source), source.used, &diags);
	if (file->lab != NULL) {
		check_images(file->lab, path, &diags);
		file->flat = lab_expand(file->lab, &diags);
	}
	print_diags(call, &diags, path, &source);
	if (file->flat == NULL || diags.errors > 0)
		status = STATUS_USAGE;
out:
	if (status != STATUS_OK)
		lab_file_free(file);
	text_free(&source);
	arena_free(diags.arena);
	return status;
}

void lab_file_free(struct lab_file *file)
{
	if (file->flat != NULL)
		arena_free(file->flat->arena);
	if (file->lab != NULL)
		arena_free(file->lab->arena);
	file->flat = NULL;
	file->lab = NULL;
}

/* The absolute path of an image's file, or NULL. */
static const char *real_path(const struct lab_file *file, const struct lab_image *image, char out[PATH_MAX])
{
	char disk[FILE_BYTES];
	struct places places;

	if (image->kind == LAB_IMAGE_FILE)
		return image->file != NULL ? realpath(image_path(file->lab, file->path, image->file), out) : NULL;
	return places_find(&places, NULL) == 0 ? realpath(image_disk(&places, image->imported, disk), out) : NULL;
}

void lab_file_request(const struct lab_file *file, struct text *body)
{
	struct value *files = value_object();
	char real[PATH_MAX];

	for (size_t i = 0; i < file->lab->image_count; i++) {
		const struct lab_image *image = &file->lab->images[i];

		if (real_path(file, image, real) != NULL)
			value_set(files, image->name, value_new_text(real));
	}
	text_add(body, "{\"lab\":");
	lab_to_json(file->lab, body);
	text_add(body, ",\"files\":");
	value_to_json(files, false, body);
	text_add(body, "}");
	value_free(files);
}
