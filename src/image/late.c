/* Libraries that are loaded when they are needed. */
#include "image/late.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int late_load(const char *library, const char *package, const struct late_symbol *symbols, size_t count, struct err *err)
{
	void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);

	for (size_t i = 0; handle != NULL && i < count; i++) {
		void *symbol = dlsym(handle, symbols[i].name);

		if (symbol == NULL)
			return err_set(err, -ELIBACC, "%s is too old: it has no %s", library, symbols[i].name);
		memcpy(symbols[i].call, &symbol, sizeof(symbol));
	}
	return handle != NULL ? 0 : err_set(err, -ELIBACC, "this needs %s (apt-get install %s)", library, package);
}
