/* Results of tests as JUnit's XML, which CI systems show. */
#ifndef UI_JUNIT_H
#define UI_JUNIT_H

#include "ui/value.h"

/* Adds a document with one suite named `suite`; `results` are objects of test, passed, seconds and, where one failed, why. */
void junit_write(const char *suite, const struct value *results, struct text *out);

#endif
