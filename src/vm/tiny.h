/* The guest builtin:tiny, made on the spot from Debian's cloud kernel, busybox and the guest agent. */
#ifndef VM_TINY_H
#define VM_TINY_H

#include "api/message.h"
#include "base/err.h"

#include <stdbool.h>

/* The image name by which a lab asks for it, and the least memory that it boots with. */
#define TINY_IMAGE "builtin:tiny"
#define TINY_MEMORY_MIB_MIN 80

/* What a machine boots: files of this host. `agent`: the guest agent is in it. */
struct tiny_guest {
	char kernel[FILE_BYTES];
	char initrd[FILE_BYTES];
	bool agent;
};

/*
 * Finds kernel, modules and busybox and makes the initramfs in `cache` (a folder of the caller's), unless it is there already, made of the
 * same inputs. Blocks for some tens of milliseconds; may be called from several threads. 0, or -ENOENT with a text that says what to
 * install, or another negative errno.
 */
int tiny_make(const char *cache, struct tiny_guest *out, struct err *err);

/* The kernel's command line for a machine: console on the serial line, quick boot, its host name. */
void tiny_command_line(const char *hostname, char *out, size_t size);

#endif
