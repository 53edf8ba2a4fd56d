/* Lab files for the commands: found, read, checked, with all that is wrong printed as a compiler does. */
#ifndef UI_LAB_FILE_H
#define UI_LAB_FILE_H

#include "model/lab_io.h"
#include "ui/call.h"

/* A file that is in order. */
struct lab_file {
	const char *path;
	struct lab *lab;  /* as written */
	struct lab *flat; /* expanded */
};

/*
 * The path of the lab file that is meant: `argument`, or the only *.weft.yaml of the folder when it is NULL or a folder. NULL with the
 * problem printed. Lives in the call's arena.
 */
const char *lab_file_find(const struct call *call, const char *argument);

/* Reads a file of at most LAB_FILE_BYTES_MAX into `source`. A pipe is as good as a file. Errors are printed: STATUS_USAGE. */
enum status lab_file_source(const struct call *call, const char *path, struct text *source);

/* Reads and checks a file, which may be one of containerlab; also that its images are there and what they must be. Errors are printed:
 * STATUS_USAGE. */
enum status lab_file_read(const struct call *call, const char *path, struct lab_file *file);
void lab_file_free(struct lab_file *file);

/* `{"lab": the model, "files": {image: absolute path}}`, the body of requests; the caller frees it. */
void lab_file_request(const struct lab_file *file, struct text *body);

#endif
