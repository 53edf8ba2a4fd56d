/*
 * weft doctor: what this machine offers and lacks, and what to do about it.
 *
 * Theory of operation. Each check is a function that looks at one thing and fills in a finding: ok, warn (works, but less well) or fail
 * (labs can't run). The table below is the list; nothing is changed on the machine.
 */
#include "base/check.h"
#include "proc/process.h"
#include "ui/api_client.h"
#include "ui/grid.h"
#include "ui/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Host memory that one emulated builtin:tiny takes, MiB. */
#define TINY_HOST_MIB 200

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct finding {
	enum verdict verdict;
	char text[256];
	char advice[256];
};

static void found(struct finding *finding, enum verdict verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void found(struct finding *finding, enum verdict verdict, const char *format, ...)
{
	va_list args;

	finding->verdict = verdict;
	va_start(args, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

static void advise(struct finding *finding, const char *advice) { (void)snprintf(finding->advice, sizeof(finding->advice), "%s", advice); }

/* Reads the start of a small file as text; "" when it can't. */
static const char *read_start(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

	if (fd >= 0)
		(void)close(fd);
	out[n > 0 ? n : 0] = '\0';
	return out;
}

/* The word stands alone in the text. */
static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
		if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\n'))
			return true;
	return false;
}

static void check_virtualization(struct finding *finding)
{
	char cpu[8192];

	read_start("/proc/cpuinfo", cpu, sizeof(cpu));
	if (!has_word(cpu, "vmx") && !has_word(cpu, "svm")) {
		found(finding, VERDICT_WARN, "the CPU offers no virtualization (neither vmx nor svm): machines are emulated");
		advise(finding,
			"all works, but machines are about ten times slower; inside a virtual machine, turn on nested virtualization");
	} else if (access("/dev/kvm", R_OK | W_OK) < 0) {
		found(finding, VERDICT_WARN, "the CPU has virtualization, but /dev/kvm: %s; machines are emulated", strerror(errno));
		advise(finding, errno == ENOENT ? "modprobe kvm_intel or kvm_amd" : "adduser YOU kvm, then log in again");
	} else {
		found(finding, VERDICT_OK, "KVM");
	}
}

/* Looks for a program as execvp would. */
static bool program_exists(const char *name, char *out, size_t size)
{
	const char *path = getenv("PATH");

	for (path = path ? path : "/usr/bin:/bin"; *path; path += strcspn(path, ":"), path += *path == ':') {
		if ((size_t)snprintf(out, size, "%.*s/%s", (int)strcspn(path, ":"), path, name) < size && access(out, X_OK) == 0)
			return true;
	}
	return false;
}

static void check_qemu(struct finding *finding)
{
	char path[512];

	if (program_exists("qemu-system-x86_64", path, sizeof(path)))
		found(finding, VERDICT_OK, "%.200s", path);
	else
		found(finding, VERDICT_FAIL, "qemu-system-x86_64 is not installed");
	advise(finding, finding->verdict == VERDICT_OK ? "" : "apt-get install --no-install-recommends qemu-system-x86");
}

static void check_libvirt(struct finding *finding)
{
	static const char *const places[] = {
		"/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so",
		"/usr/lib64/libvirt/connection-driver/libvirt_driver_qemu.so",
		"/usr/lib/libvirt/connection-driver/libvirt_driver_qemu.so",
	};

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		if (access(places[i], R_OK) < 0)
			continue;
		if (geteuid() == 0 && getpwnam("libvirt-qemu") == NULL) {
			found(finding, VERDICT_FAIL,
				"libvirt's QEMU driver is there, but the user libvirt-qemu that it looks up as root is not");
			advise(finding, "apt-get install --no-install-recommends libvirt-daemon-system");
			return;
		}
		found(finding, VERDICT_OK, "embedded QEMU driver");
		return;
	}
	found(finding, VERDICT_FAIL, "libvirt's QEMU driver is not installed");
	advise(finding, "apt-get install --no-install-recommends libvirt-daemon-driver-qemu libvirt-daemon-system");
}

static void check_busybox(struct finding *finding)
{
	char path[512];

	if (program_exists("busybox", path, sizeof(path)))
		found(finding, VERDICT_OK, "%.200s", path);
	else
		found(finding, VERDICT_FAIL, "busybox is not installed: builtin:tiny can't be made");
	advise(finding, finding->verdict == VERDICT_OK ? "" : "apt-get install --no-install-recommends busybox-static");
}

/* The folders where a guest kernel may lie (vm/tiny.c looks there too), then a cloud kernel of the host's own. */
static void check_kernel(struct finding *finding)
{
	static const char *const near[] = {"guest", "../guest"};
	const char *named = getenv("WEFT_GUEST_DIR");
	struct places places = {.cache = ""};
	char self[512], path[1200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	glob_t kernels;

	self[n > 0 ? n : 0] = '\0';
	if (strrchr(self, '/') != NULL)
		*strrchr(self, '/') = '\0';
	(void)places_find(&places, NULL);
	for (size_t i = 0; i < COUNT_OF(near) + 3; i++) {
		if (i < COUNT_OF(near))
			(void)snprintf(path, sizeof(path), "%s/%s/vmlinuz", self, near[i]);
		else if (i == COUNT_OF(near))
			(void)snprintf(path, sizeof(path), "%s/vmlinuz", named ? named : "");
		else
			(void)snprintf(
				path, sizeof(path), "%s/guest/vmlinuz", i == COUNT_OF(near) + 1 ? places.cache : WEFT_DATADIR "/weft");
		if (access(path, R_OK) == 0) {
			found(finding, VERDICT_OK, "%.240s", path);
			return;
		}
	}
	if (glob("/boot/vmlinuz-*-cloud-*", 0, NULL, &kernels) == 0) {
		found(finding, VERDICT_OK, "%.240s", kernels.gl_pathv[0]);
		globfree(&kernels);
		return;
	}
	found(finding, VERDICT_FAIL, "none: builtin:tiny can't be made");
	(void)snprintf(finding->advice, sizeof(finding->advice), "tools/fetch-guest-kernel %.150s/guest (needs no root)", places.cache);
}

static void check_tun(struct finding *finding)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		(void)close(fd);
		found(finding, VERDICT_OK, "TAP ports work%s", geteuid() == 0 ? "" : " with a weftd of root only");
	} else {
		found(finding, VERDICT_WARN, "/dev/net/tun: %s; labs with ports to the host or a namespace won't come up", strerror(errno));
		advise(finding, "modprobe tun; labs without ports: need nothing");
	}
}

static void check_memory(struct finding *finding)
{
	char info[4096];
	const char *line = strstr(read_start("/proc/meminfo", info, sizeof(info)), "MemAvailable:");
	long mib = line ? strtol(line + strlen("MemAvailable:"), NULL, 10) / 1024 : 0;

	found(finding, mib < 2L * TINY_HOST_MIB ? VERDICT_WARN : VERDICT_OK, "%ld MiB free: about %ld builtin:tiny of 96M at once", mib,
		mib / TINY_HOST_MIB);
	advise(finding, finding->verdict == VERDICT_OK ? "" : "stop something big, or give machines less memory");
}

static void check_limits(struct finding *finding)
{
	struct rlimit files;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max < 4096) {
		found(finding, VERDICT_WARN, "at most %lu open files: large labs won't fit", (unsigned long)files.rlim_max);
		advise(finding, "raise the hard limit of open files (limits.conf, LimitNOFILE=) to 65536");
		return;
	}
	found(finding, VERDICT_OK, "%lu open files", (unsigned long)files.rlim_max);
}

/* The longest part of a path that is there. */
static void existing_part(char *path)
{
	struct stat st;

	while (stat(path, &st) < 0 && strrchr(path, '/') != path && strrchr(path, '/') != NULL)
		*strrchr(path, '/') = '\0';
}

static void check_places(struct finding *finding)
{
	struct places places;
	struct err err = {0};
	char part[sizeof(places.run)];

	if (places_find(&places, &err) < 0) {
		found(finding, VERDICT_FAIL, "%.240s", err.text);
		advise(finding, "set XDG_RUNTIME_DIR, or WEFT_ROOT to a folder of yours");
		return;
	}
	(void)text_copy(part, sizeof(part), places.run);
	existing_part(part);
	if (access(part, W_OK) < 0) {
		found(finding, VERDICT_FAIL, "%.100s can't be written: %s", part, strerror(errno));
		advise(finding, "as an ordinary user set XDG_RUNTIME_DIR, or WEFT_ROOT to a folder of yours");
		return;
	}
	found(finding, VERDICT_OK, "%.100s, %.100s", places.run, places.state);
}

static void check_graphviz(struct finding *finding)
{
	char path[512];

	if (program_exists("dot", path, sizeof(path))) {
		found(finding, VERDICT_OK, "%.200s", path);
		return;
	}
	found(finding, VERDICT_WARN, "graphviz is not installed: weft graph prints dot text, but no SVG or PNG");
	advise(finding, "apt-get install --no-install-recommends graphviz");
}

static const struct {
	const char *name;
	void (*check)(struct finding *finding);
} checks[] = {
	{"virtualization", check_virtualization},
	{"qemu", check_qemu},
	{"libvirt", check_libvirt},
	{"guest kernel", check_kernel},
	{"busybox", check_busybox},
	{"TAP devices", check_tun},
	{"memory", check_memory},
	{"limits", check_limits},
	{"folders", check_places},
	{"graphviz", check_graphviz},
};

/* All findings as JSON. */
static struct value *findings_value(const struct finding *findings)
{
	static const char *const words[] = {"ok", "warn", "fail"};
	struct value *list = value_array();

	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		struct value *one = value_object();

		value_set(one, "check", value_new_text(checks[i].name));
		value_set(one, "verdict", value_new_text(words[findings[i].verdict]));
		value_set(one, "text", value_new_text(findings[i].text));
		value_set(one, "advice", value_new_text(findings[i].advice));
		value_append(list, one);
	}
	return list;
}

enum status doctor_run(struct call *call)
{
	static const char *const words[] = {"ok", "warn", "FAIL"};
	struct finding findings[COUNT_OF(checks)];
	size_t fails = 0;

	if (call_option(call, "jail") != NULL)
		return doctor_jail_run(call);
	memset(findings, 0, sizeof(findings));
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		const struct finding *finding = &findings[i];

		checks[i].check(&findings[i]);
		fails += finding->verdict == VERDICT_FAIL;
		call_say(call, "%-5s %-15s %s", words[finding->verdict], checks[i].name, finding->text);
		if (finding->advice[0] != '\0')
			call_say(call, "%22s-> %s", "", finding->advice);
	}
	if (call_for_programs(call)) {
		struct value *list = findings_value(findings);

		call_print_value(call, list);
		value_free(list);
	}
	call_say(call, "weftd %s; weft " WEFT_VERSION, client_daemon_runs(call) ? "runs" : "is not running (weft up starts it)");
	return fails > 0 ? STATUS_FAILED : STATUS_OK;
}
