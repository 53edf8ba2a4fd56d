/* Dot text to a picture. */
#ifndef UI_RENDERER_H
#define UI_RENDERER_H

#include "base/text.h"
#include "ui/call.h"

/*
 * Writes dot text, or what graphviz makes of it in `format` ("svg", "png"; NULL: the text itself), to the file `path` (NULL: the standard
 * output). A picture is not written to a terminal.
 */
enum status renderer_write(const struct call *call, const struct text *dot, const char *format, const char *path);

#endif
