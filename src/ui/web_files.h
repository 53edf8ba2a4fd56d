/* The files of the window, packed into the program by tools/build-web. */
#ifndef UI_WEB_FILES_H
#define UI_WEB_FILES_H

#include <stddef.h>

/* A file: gzipped, under the path that it is asked for by. */
struct web_file {
	const char *path;
	const char *type;
	const unsigned char *bytes;
	size_t size;
};

/* All of them; none when the program was built without the window, and why. */
extern const struct web_file web_files[];
extern const size_t web_file_count;
extern const char web_files_missing[];

#endif
