/* Assertions that stay on: the one place that prints and aborts. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *expression)
{
	fprintf(stderr, "%s:%d: impossible state: %s\n", file, line, expression);
	abort();
}
