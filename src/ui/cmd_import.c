/* weft import: labs of containerlab, netlab, GNS3 and libvirt as lab files. */
#include "base/check.h"
#include "ui/import.h"
#include "ui/lab_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const formats[] = {"containerlab", "netlab", "gns3", "libvirt"};

/* What a document looks like; NULL when like nothing that is known. */
static const char *format_of(const char *source, const struct node *root)
{
	if (source[strspn(source, " \t\r\n\xef\xbb\xbf")] == '<')
		return "libvirt";
	if (root == NULL)
		return NULL;
	if (node_member(root, "topology") != NULL && node_member(root, "type") != NULL)
		return "gns3";
	if (node_member(root, "topology") != NULL)
		return "containerlab";
	return node_member(root, "nodes") != NULL ? "netlab" : NULL;
}

bool import_is_containerlab(const char *source, size_t bytes)
{
	struct diags diags = {.arena = arena_new(NULL)};
	const struct node *root = tree_from_yaml(diags.arena, source, bytes, &diags);
	bool is = root != NULL && root->kind == NODE_MAP && node_member(root, "topology") != NULL && node_member(root, "version") == NULL;

	arena_free(diags.arena);
	return is;
}

static void print_findings(const struct import *import, const char *source, size_t bytes)
{
	const struct call *call = import->call;

	if (call->quiet && import->diags.errors == 0)
		return;
	(void)fflush(call->out);
	if (import->diags.count > 0)
		(void)fputs(diags_text(&import->diags, import->path, source, bytes), call->err);
	if (import->diags.dropped > 0)
		(void)fprintf(call->err, "%s: and %zu more\n", import->path, import->diags.dropped);
	(void)fputs(text_get(&import->more), call->err);
}

enum status import_read(const struct call *call, const char *format, const char *path, const char *source, size_t bytes, struct text *lab)
{
	struct arena *arena = arena_new(NULL);
	struct import import = {.call = call, .arena = arena, .path = path, .diags = {.arena = arena}};
	const char *looks = format_of(source, NULL);
	struct node *root = NULL;

	if (looks == NULL && (format == NULL || strcmp(format, "libvirt") != 0)) {
		/* JSON is YAML, too, and so its lines are known. */
		root = tree_from_yaml(arena, source, bytes, &import.diags);
		looks = root != NULL && root->kind == NODE_MAP ? format_of(source, root) : NULL;
	}
	format = format ? format : looks;
	if (import.diags.errors == 0 && format == NULL)
		diag_error(&import.diags, (struct place){0}, "",
			"looks like none of containerlab, netlab, gns3, libvirt; say which one it is");
	else if (import.diags.errors == 0 && strcmp(format, "libvirt") == 0)
		import_libvirt(&import, source, bytes);
	else if (import.diags.errors == 0 && (root == NULL || root->kind != NODE_MAP))
		diag_error(&import.diags, (struct place){0}, "", "expected a map at the top");
	else if (import.diags.errors == 0 && strcmp(format, "gns3") == 0)
		import_gns3(&import, root);
	else if (import.diags.errors == 0 && strcmp(format, "netlab") == 0)
		import_netlab(&import, root);
	else if (import.diags.errors == 0)
		import_containerlab(&import, root);
	if (import.diags.errors == 0)
		tree_to_yaml(import_lab(&import), lab);
	print_findings(&import, source, bytes);
	text_free(&import.more);
	arena_free(arena);
	return import.diags.errors > 0 ? STATUS_USAGE : STATUS_OK;
}

static enum status write_out(const struct call *call, const char *path, const struct text *text)
{
	int fd;
	ssize_t written;

	if (path == NULL || strcmp(path, "-") == 0) {
		(void)fputs(text_get(text), call->out);
		return STATUS_OK;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return call_fail(call, STATUS_FAILED, "can't write %s: %s", path, strerror(errno));
	written = write(fd, text_get(text), text->used);
	if (close(fd) < 0 || written != (ssize_t)text->used)
		return call_fail(call, STATUS_FAILED, "can't write %s: %s", path, strerror(errno));
	call_say(call, "%s: written; weft up %s", path, path);
	return STATUS_OK;
}

enum status import_run(struct call *call)
{
	const char *format = NULL, *path = call_argument(call, call->argument_count - 1);
	struct text source = {0}, lab = {0};
	enum status status;

	for (size_t i = 0; call->argument_count == 2 && i < COUNT_OF(formats); i++)
		if (strcmp(formats[i], call_argument(call, 0)) == 0)
			format = formats[i];
	if (call->argument_count == 2 && format == NULL)
		return call_fail(call, STATUS_USAGE, "\"%s\" can't be imported; expected containerlab, netlab, gns3 or libvirt",
			call_argument(call, 0));
	status = lab_file_source(call, path, &source);
	if (status == STATUS_OK)
		status = import_read(call, format, path, text_get(&source), source.used, &lab);
	if (status == STATUS_OK)
		status = write_out(call, call_option(call, "write"), &lab);
	text_free(&source);
	text_free(&lab);
	return status;
}
