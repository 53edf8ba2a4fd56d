/* Libraries that only few commands need, loaded when they do: most commands must be there at once. */
#ifndef IMAGE_LATE_H
#define IMAGE_LATE_H

#include "base/err.h"

#include <stddef.h>

/* A function of the library, and the pointer that gets it. */
struct late_symbol {
	const char *name;
	void *call;
};

/* Loads `library` (a file name with its version) and fills the pointers. 0, or -ELIBACC saying that `package` is needed. */
int late_load(const char *library, const char *package, const struct late_symbol *symbols, size_t count, struct err *err);

#endif
