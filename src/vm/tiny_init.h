/* What the guest builtin:tiny runs: the text of its scripts. */
#ifndef VM_TINY_INIT_H
#define VM_TINY_INIT_H

#include <stddef.h>

/* A file of our own in the guest. */
struct tiny_text {
	const char *name;
	unsigned mode;
	const char *text;
};

extern const struct tiny_text tiny_texts[];
extern const size_t tiny_text_count;

/*
 * Kernel modules in the order in which they are loaded. One that the host doesn't have is taken to be built in.
 */
extern const char *const tiny_modules[];
extern const size_t tiny_module_count;

#endif
