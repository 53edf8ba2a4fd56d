/* weft init: writes a lab file to start from. */
#include "ui/call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char template[] =
	"# A lab of Weft: weft up makes it so, weft plan shows what a change would do, weft down removes it.\n"
	"version: 1\n"
	"name: %s\n"
	"\n"
	"# Networks are learning switches. Machines get their addresses by DHCP from the network's own prefix.\n"
	"networks:\n"
	"  left:  { ipv4: 10.1.0.0/24, dhcp: true }\n"
	"  right: { ipv4: 10.2.0.0/24, dhcp: true }\n"
	"\n"
	"# Routers have an interface in each network; between themselves they speak RIP over the link below.\n"
	"routers:\n"
	"  r1: { interfaces: { lan: left }, rip: {} }\n"
	"  r2: { interfaces: { lan: right }, rip: {} }\n"
	"\n"
	"# A link is a cable between two routers; its two addresses come from the prefix.\n"
	"links:\n"
	"  - { from: r1, to: r2, ipv4: 10.255.0.0/31 }\n"
	"\n"
	"# Machines. builtin:tiny is a small Linux made on the spot; an image of your own: images: { debian: { file: disk.qcow2 } }.\n"
	"# count: 2 makes a1 and a2.\n"
	"vms:\n"
	"  a: { count: 2, image: builtin:tiny, memory: 96M, nics: [left] }\n"
	"  b: { count: 2, image: builtin:tiny, memory: 96M, nics: [right] }\n"
	"\n"
	"# What must be true once it is up: weft test.\n"
	"tests:\n"
	"  - { ping: [a1, a2], within: 30s }\n"
	"  - { ping: [a1, b1], within: 60s }\n";

/* The lab's name: the file's, reduced to what a name may have. */
static const char *name_of(const struct call *call, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *name = arena_printf(call->arena, "%.*s", (int)strcspn(base, "."), base);

	for (char *c = name; *c; c++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *c) == NULL)
			*c = '-';
	return name[0] >= 'a' && name[0] <= 'z' ? name : "lab";
}

enum status init_run(struct call *call)
{
	const char *path = call_argument(call, 0) ? call_argument(call, 0) : "lab.weft.yaml";
	int fd, bad;

	if (strstr(path, ".yaml") == NULL)
		path = arena_printf(call->arena, "%s.weft.yaml", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return call_fail(call, STATUS_FAILED, "%s is there already and stays as it is; name another file", path);
	if (fd < 0)
		return call_fail(call, STATUS_FAILED, "can't write %s: %s", path, strerror(errno));
	bad = dprintf(fd, template, name_of(call, path)) < 0;
	if (close(fd) < 0 || bad)
		return call_fail(call, STATUS_FAILED, "can't write %s: %s", path, strerror(errno));
	call_say(call, "%s is written: read it, then weft up %s", path, path);
	return STATUS_OK;
}
