/* What is known of an image, as the file image.json in its folder. */
#include "base/check.h"
#include "image/image_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JSON_BYTES_MAX = 65536 };

static json_t *nics_of(const struct image_info *info)
{
	json_t *nics = json_array();

	for (unsigned i = 0; i < info->nic_count; i++)
		(void)json_array_append_new(nics, json_pack("{s:s, s:s}", "network", info->nics[i].network, "model", info->nics[i].model));
	return nics;
}

int image_json_write(int folder, const struct image_info *info, struct err *err)
{
	json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:i, s:I, s:b, s:o}", "name", info->name, "format",
		info->format, "file", info->file, "file_sha256", info->file_sha256, "sha256", info->sha256, "file_bytes",
		(json_int_t)info->file_bytes, "bytes", (json_int_t)info->bytes, "virtual_bytes", (json_int_t)info->virtual_bytes,
		"imported_ns", (json_int_t)info->imported_wall_ns, "system", info->system, "cpus", (int)info->cpus, "memory_mib",
		(json_int_t)info->memory_mib, "manifest", (int)info->manifest, "nics", nics_of(info));
	char *text = root != NULL ? json_dumps(root, JSON_INDENT(2)) : NULL;
	int fd = openat(folder, IMAGE_JSON, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644), error = 0;

	/* A name that is no UTF-8 can't be told in JSON. */
	if (text == NULL)
		error = err_set(err, -EINVAL, "the image or its path has a name that is no UTF-8: rename it");
	else if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) != 0)
		error = err_set(err, -errno, "cannot write what is known of the image: %s", strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	free(text);
	json_decref(root);
	return error;
}

static void get_text(const json_t *object, const char *key, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(object, key));

	(void)text_copy(to, size, text != NULL ? text : "");
}

static uint64_t get_number(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

int image_json_read(int folder, struct image_info *out, struct err *err)
{
	int fd = openat(folder, IMAGE_JSON, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = fd >= 0 ? calloc(1, JSON_BYTES_MAX) : NULL;
	ssize_t n = text != NULL ? read(fd, text, JSON_BYTES_MAX - 1) : -1;
	json_t *root = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
	const json_t *nics = json_object_get(root, "nics");

	if (fd >= 0)
		(void)close(fd);
	free(text);
	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(err, -EINVAL, "what is known of it cannot be read: import it again");
	}
	*out = (struct image_info){.file_bytes = get_number(root, "file_bytes"),
		.bytes = get_number(root, "bytes"),
		.virtual_bytes = get_number(root, "virtual_bytes"),
		.imported_wall_ns = (int64_t)get_number(root, "imported_ns"),
		.cpus = (uint16_t)get_number(root, "cpus"),
		.memory_mib = (uint32_t)get_number(root, "memory_mib"),
		.manifest = json_is_true(json_object_get(root, "manifest"))};
	get_text(root, "name", out->name, sizeof(out->name));
	get_text(root, "format", out->format, sizeof(out->format));
	get_text(root, "file", out->file, sizeof(out->file));
	get_text(root, "file_sha256", out->file_sha256, sizeof(out->file_sha256));
	get_text(root, "sha256", out->sha256, sizeof(out->sha256));
	get_text(root, "system", out->system, sizeof(out->system));
	for (size_t i = 0; i < json_array_size(nics) && out->nic_count < OVF_NICS_MAX; i++) {
		struct ovf_nic *nic = &out->nics[out->nic_count++];

		get_text(json_array_get(nics, i), "network", nic->network, sizeof(nic->network));
		get_text(json_array_get(nics, i), "model", nic->model, sizeof(nic->model));
	}
	json_decref(root);
	return 0;
}
