/* Operating errors that a person will read. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
	char text[ERR_TEXT_BYTES];
	va_list args;

	if (err == NULL)
		return code;
	/* Not at once into err->text: it may be one of the arguments. */
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	memcpy(err->text, text, strlen(text) + 1);
	err->code = code;
	return code;
}

int err_prefix(struct err *err, const char *format, ...)
{
	char old[ERR_TEXT_BYTES];
	va_list args;
	size_t used;

	if (err == NULL)
		return -EIO;
	memcpy(old, err->text, sizeof(old));
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", old);
	return err->code;
}
