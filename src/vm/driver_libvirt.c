/*
 * The driver for all that libvirt speaks to: its QEMU driver embedded in this process (the default), or any other URI. The only file that
 * knows libvirt. Long because no other file may.
 *
 * Theory of operation. "" means `qemu:///embed?root=FOLDER`: no daemon, everything libvirt keeps is below FOLDER, QEMU processes are
 * daemons of their own that outlive us, and the next open of the same FOLDER attaches to them again. libvirt's event loop runs in a thread
 * of its own, since its calls and its callbacks may block. Domains are transient: nothing of them is left when they end.
 */
#include "vm/driver.h"

#include "base/arena.h"
#include "base/check.h"
#include "vm/domain_xml.h"
#include "vm/kvm.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* What libvirt puts behind the root folder for a machine's monitor: "/lib/qemu/domain-ID-NAME/monitor.sock", NAME cut at 20 bytes. */
enum { MONITOR_PATH_BYTES = 60 };

enum { FOLDER_BYTES = 512, COMMAND_BYTES = 256, PID_TEXT_BYTES = 16, LOG_TAIL_BYTES = 4096 };

/* How long a look waits for a guest that has shut down to be gone: steps of milliseconds. */
enum { ENDING_STEP_MS = 20, ENDING_STEPS = 250 };

struct hypervisor {
	virConnectPtr connection;
	struct driver_config config;
	enum domain_kind kind;
	bool embedded;
	char root[FOLDER_BYTES]; /* of the embedded driver */
};

static bool libvirt_accepts(const char *uri) { return uri[0] == '\0' || strstr(uri, "://") != NULL; }

/* ---- errors ---- */

/* The negative errno that fits libvirt's last error. */
static int last_code(void)
{
	switch (virGetLastErrorCode()) {
	case VIR_ERR_NO_DOMAIN:
		return -ENOENT;
	case VIR_ERR_AGENT_UNRESPONSIVE:
	case VIR_ERR_AGENT_UNSYNCED:
		return -ENOTCONN;
	case VIR_ERR_OPERATION_TIMEOUT:
		return -ETIMEDOUT;
	case VIR_ERR_OPERATION_INVALID:
		return -EBUSY;
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_OPERATION_UNSUPPORTED:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_ARGUMENT_UNSUPPORTED:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* What a person should read of libvirt's error: the last thing QEMU said, if it spoke, without its time stamps and the line's end. */
static void person_text(const char *message, char *out, size_t size)
{
	static const char qemu[] = "qemu-system-x86_64: ";
	const char *at = message;
	size_t used = 0;

	for (const char *next; (next = strstr(at, qemu)) != NULL;)
		at = next + sizeof(qemu) - 1;
	if (at == message && strncmp(message, "internal error: ", 16) == 0)
		at += 16;
	for (; *at != '\0' && used + 1 < size; at++)
		out[used++] = isprint((unsigned char)*at) ? *at : ' ';
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
}

/* Fills `err` from libvirt's last error. */
static int fail(struct err *err, const char *what)
{
	const char *message = virGetLastErrorMessage();
	char text[ERR_TEXT_BYTES / 2];
	int code = last_code();

	person_text(message != NULL ? message : "unknown error", text, sizeof(text));
	return err_set(err, code, "%s: %s", what, text);
}

static void stay_silent(void *context, virErrorPtr error) {}

/* ---- libvirt's event loop ---- */

static void *run_events(void *context)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	for (;;)
		if (virEventRunDefaultImpl() < 0)
			(void)nanosleep(&pause, NULL);
	return NULL;
}

/* A timer that never matters: libvirt's loop returns only when something happens, and needs something to wait for. */
static void tick(int timer, void *context) {}

static int events_error;

static void start_events(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int started;

	/*
	 * What matters of its errors comes back from each call; its own log would say it a second time. The variable is gone again before
	 * QEMU is started, since the start fails on it.
	 */
	if (getenv("LIBVIRT_LOG_OUTPUTS") == NULL && setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0) == 0) {
		started = virInitialize();
		(void)unsetenv("LIBVIRT_LOG_OUTPUTS");
	} else {
		started = virInitialize();
	}
	virSetErrorFunc(NULL, stay_silent);
	if (started < 0 || virEventRegisterDefaultImpl() < 0 || virEventAddTimeout(60000, tick, NULL, NULL) < 0) {
		events_error = -EIO;
		return;
	}
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	events_error = -pthread_create(&thread, &attributes, run_events, NULL);
	pthread_attr_destroy(&attributes);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *context)
{
	struct hypervisor *hypervisor = context;
	const char *name = virDomainGetName(domain);
	enum machine_event what = MACHINE_EVENT_CHANGED;

	if (strncmp(name, hypervisor->config.prefix, strlen(hypervisor->config.prefix)) != 0)
		return 0;
	if (event == VIR_DOMAIN_EVENT_STOPPED && detail == VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)
		what = MACHINE_EVENT_SHUT_DOWN;
	else if (event == VIR_DOMAIN_EVENT_STOPPED && detail == VIR_DOMAIN_EVENT_STOPPED_DESTROYED)
		what = MACHINE_EVENT_KILLED;
	else if (event == VIR_DOMAIN_EVENT_STOPPED && detail == VIR_DOMAIN_EVENT_STOPPED_SAVED)
		what = MACHINE_EVENT_SAVED;
	else if (event == VIR_DOMAIN_EVENT_STOPPED)
		what = MACHINE_EVENT_CRASHED;
	hypervisor->config.event(hypervisor->config.context, name, what);
	return 0;
}

static void on_close(virConnectPtr connection, int reason, void *context)
{
	struct hypervisor *hypervisor = context;

	hypervisor->config.event(hypervisor->config.context, "", MACHINE_EVENT_DISCONNECTED);
}

/* ---- opening ---- */

static int make_folder(const char *path, struct err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return err_set(err, -errno, "cannot make the folder %s: %s", path, strerror(errno));
}

/* Writes the embedded driver's settings: output of QEMU goes to plain files; as root nothing of the host is changed for a machine. */
static int write_settings(const char *root, struct err *err)
{
	static const char for_user[] = "stdio_handler = \"file\"\n";
	static const char for_root[] = "stdio_handler = \"file\"\nuser = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\n"
				       "remember_owner = 0\ncgroup_controllers = []\nnamespaces = []\nsecurity_driver = \"none\"\n";
	const char *settings = geteuid() == 0 ? for_root : for_user;
	char path[FOLDER_BYTES + 16];
	int error, fd;

	(void)snprintf(path, sizeof(path), "%s/etc", root);
	if ((error = make_folder(root, err)) != 0 || (error = make_folder(path, err)) != 0)
		return error;
	(void)snprintf(path, sizeof(path), "%s/etc/qemu.conf", root);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, settings, strlen(settings)) != (ssize_t)strlen(settings))
		error = err_set(err, -EIO, "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return error;
}

/* The URI of the embedded driver, with the bytes of its root folder that a URI can't hold written as %XX. */
static void embedded_uri(const char *root, struct text *out)
{
	text_add(out, "qemu:///embed?root=");
	for (const char *at = root; *at != '\0'; at++) {
		if (isalnum((unsigned char)*at) || strchr("/-._~", *at) != NULL)
			text_add_bytes(out, at, 1);
		else
			text_add(out, "%%%02X", (unsigned char)*at);
	}
}

/*
 * Opens the connection on the first processor this thread may use: libvirt asks the processor what it can do and throws its (slowly made)
 * notes away when the answer differs, which it does from core to core on some hosts. Making it list its capabilities here lets it probe
 * QEMU now and not at the first start.
 */
static virConnectPtr open_pinned(const char *uri)
{
	cpu_set_t before, first;
	bool pinned = sched_getaffinity(0, sizeof(before), &before) == 0;
	virConnectPtr connection;
	int processor = 0;

	CPU_ZERO(&first);
	while (pinned && processor < CPU_SETSIZE - 1 && !CPU_ISSET(processor, &before))
		processor++;
	CPU_SET(processor, &first);
	pinned = pinned && sched_setaffinity(0, sizeof(first), &first) == 0;
	connection = virConnectOpen(uri);
	if (connection != NULL)
		free(virConnectGetCapabilities(connection));
	if (pinned)
		(void)sched_setaffinity(0, sizeof(before), &before);
	return connection;
}

/* Finds out what answers, and asks for its events. */
static int greet(struct hypervisor *hypervisor, struct err *err)
{
	const char *type = virConnectGetType(hypervisor->connection);

	if (type != NULL && strcmp(type, "QEMU") == 0)
		hypervisor->kind = kvm_usable() ? DOMAIN_KVM : DOMAIN_EMULATED;
	else if (type != NULL && strcasecmp(type, "test") == 0)
		hypervisor->kind = DOMAIN_TEST;
	else
		return err_set(err, -EOPNOTSUPP, "the hypervisor behind %s (%s) has no vhost-user NICs: only QEMU can be used",
			hypervisor->config.uri, type != NULL ? type : "unknown");
	if (virConnectDomainEventRegisterAny(hypervisor->connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		    VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), hypervisor, NULL) < 0)
		return fail(err, "libvirt gives no events");
	(void)virConnectRegisterCloseCallback(hypervisor->connection, on_close, hypervisor, NULL);
	return 0;
}

static void libvirt_close(struct hypervisor *hypervisor)
{
	if (hypervisor == NULL)
		return;
	if (hypervisor->connection != NULL)
		(void)virConnectClose(hypervisor->connection);
	free(hypervisor);
}

/* Puts libvirt's cache where ours is: what QEMU can do takes seconds to find out, and is the same for every lab of this host. */
static int link_cache(const struct hypervisor *hypervisor, struct err *err)
{
	char path[FOLDER_BYTES + 16];

	(void)snprintf(path, sizeof(path), "%s/cache", hypervisor->root);
	if (symlink(hypervisor->config.cache, path) != 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make the link %s: %s", path, strerror(errno));
	return make_folder(hypervisor->config.cache, err);
}

static int prepare_root(struct hypervisor *hypervisor, struct text *uri, struct err *err)
{
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path) - MONITOR_PATH_BYTES;
	int error;

	if (!text_copy(hypervisor->root, sizeof(hypervisor->root), hypervisor->config.state) || strlen(hypervisor->root) > room)
		return err_set(err, -ENAMETOOLONG,
			"the folder %s has too long a name for QEMU's sockets in it (at most %zu bytes): set WEFT_ROOT to "
			"a shorter one",
			hypervisor->config.state, room);
	embedded_uri(hypervisor->root, uri);
	error = write_settings(hypervisor->root, err);
	return error != 0 ? error : link_cache(hypervisor, err);
}

static int libvirt_open(const struct driver_config *config, struct hypervisor **out, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct hypervisor *hypervisor = xalloc(sizeof(*hypervisor));
	struct text uri = {0};
	int error = 0;

	hypervisor->config = *config;
	hypervisor->embedded = config->uri[0] == '\0';
	pthread_once(&once, start_events);
	if (events_error != 0)
		error = err_set(err, events_error, "libvirt's event loop does not start");
	else if (hypervisor->embedded)
		error = prepare_root(hypervisor, &uri, err);
	else
		text_add(&uri, "%s", config->uri);
	if (error == 0 && (hypervisor->connection = open_pinned(text_get(&uri))) == NULL)
		error = fail(err, hypervisor->embedded
					  ? "libvirt's QEMU driver does not start (are libvirt-daemon-driver-qemu and qemu-system-x86 "
					    "installed?)"
					  : "the hypervisor does not answer");
	if (error == 0)
		error = greet(hypervisor, err);
	text_free(&uri);
	if (error != 0)
		libvirt_close(hypervisor);
	else
		*out = hypervisor;
	return error;
}

/* ---- machines ---- */

static virDomainPtr find(struct hypervisor *hypervisor, const char *name, struct err *err)
{
	virDomainPtr domain = virDomainLookupByName(hypervisor->connection, name);

	if (domain == NULL)
		(void)fail(err, "the machine is not running");
	return domain;
}

static int libvirt_start(struct hypervisor *hypervisor, const struct machine_spec *spec, struct err *err)
{
	struct text xml = {0};
	virDomainPtr domain;
	int error = 0;

	domain_xml(spec, hypervisor->kind, &xml);
	domain = virDomainCreateXML(hypervisor->connection, text_get(&xml), 0);
	if (domain == NULL)
		error = fail(err, "cannot start");
	else
		(void)virDomainFree(domain);
	text_free(&xml);
	return error;
}

/* Asks the guest's agent, else presses the power button. Drivers that know no choice get none. */
static int shut_down(virDomainPtr domain)
{
	int result = virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT | VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);

	return result == 0 ? 0 : virDomainShutdown(domain);
}

static int act_on(virDomainPtr domain, enum machine_act act)
{
	switch (act) {
	case MACHINE_SHUT_DOWN:
		return shut_down(domain);
	case MACHINE_KILL:
		/* It may end by itself while we are at it; then it is as dead as asked for. */
		return virDomainDestroy(domain) == 0 || virDomainIsActive(domain) != 1 ? 0 : -1;
	case MACHINE_PAUSE:
		return virDomainSuspend(domain);
	case MACHINE_RESUME:
		return virDomainResume(domain);
	case MACHINE_RESET:
		return virDomainReset(domain, 0);
	default:
		CHECK(!"known act");
		return -1;
	}
}

static int libvirt_act(struct hypervisor *hypervisor, const char *name, enum machine_act act, struct err *err)
{
	static const char *const failed[] = {[MACHINE_SHUT_DOWN] = "cannot ask the guest to shut down",
		[MACHINE_KILL] = "cannot end the machine",
		[MACHINE_PAUSE] = "cannot pause",
		[MACHINE_RESUME] = "cannot resume",
		[MACHINE_RESET] = "cannot reset"};
	virDomainPtr domain = find(hypervisor, name, err);
	int error = 0;

	if (domain == NULL)
		return act == MACHINE_KILL && last_code() == -ENOENT ? 0 : last_code();
	if (act_on(domain, act) != 0)
		error = fail(err, failed[act]);
	(void)virDomainFree(domain);
	return error;
}

static int libvirt_save(struct hypervisor *hypervisor, const char *name, const char *path, struct err *err)
{
	virDomainPtr domain = find(hypervisor, name, err);
	int error = 0;

	if (domain == NULL)
		return last_code();
	if (virDomainSaveFlags(domain, path, NULL, VIR_DOMAIN_SAVE_RUNNING) != 0)
		error = fail(err, "cannot save");
	(void)virDomainFree(domain);
	return error;
}

static int libvirt_restore(struct hypervisor *hypervisor, const char *path, struct err *err)
{
	return virDomainRestoreFlags(hypervisor->connection, path, NULL, VIR_DOMAIN_SAVE_RUNNING) != 0 ? fail(err, "cannot restore") : 0;
}

/* By QEMU's own order: libvirt changes the link of other kinds of NIC, but not of vhost-user ones. */
static int set_link_by_monitor(virDomainPtr domain, unsigned nic, bool up)
{
	char alias[16], command[COMMAND_BYTES];
	char *reply = NULL;
	int result;

	domain_nic_alias(nic, alias, sizeof(alias));
	(void)snprintf(command, sizeof(command), "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"%s\",\"up\":%s}}", alias,
		up ? "true" : "false");
	result = virDomainQemuMonitorCommand(domain, command, &reply, 0);
	free(reply);
	return result;
}

static int libvirt_set_link(struct hypervisor *hypervisor, const char *name, unsigned nic, bool up, struct err *err)
{
	virDomainPtr domain = find(hypervisor, name, err);
	int error = 0;

	if (domain == NULL)
		return last_code();
	if (set_link_by_monitor(domain, nic, up) != 0)
		error = fail(err, up ? "cannot plug the NIC in" : "cannot unplug the NIC");
	(void)virDomainFree(domain);
	return error;
}

/* The pid of a machine's QEMU as the embedded driver notes it; 0 when unknown. */
static uint32_t read_pid(const struct hypervisor *hypervisor, const char *name)
{
	char path[FOLDER_BYTES + MACHINE_NAME_BYTES + 24], text[PID_TEXT_BYTES] = "";
	ssize_t size;
	int fd;

	if (!hypervisor->embedded)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/run/qemu/%s.pid", hypervisor->root, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	return size > 0 ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/*
 * How a machine ended, from the line that the embedded driver wrote into the machine's log when it saw that. Unlike its event it is there
 * also when we were not.
 */
static enum machine_event read_end(const struct hypervisor *hypervisor, const char *name)
{
	static const char mark[] = "shutting down, reason=";
	char path[FOLDER_BYTES + MACHINE_NAME_BYTES + 24], text[LOG_TAIL_BYTES + 1];
	const char *reason = NULL;
	ssize_t size = -1;
	int fd;

	if (!hypervisor->embedded)
		return MACHINE_EVENT_CHANGED;
	(void)snprintf(path, sizeof(path), "%s/log/qemu/%s.log", hypervisor->root, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return MACHINE_EVENT_CHANGED;
	if (lseek(fd, -(off_t)LOG_TAIL_BYTES, SEEK_END) < 0)
		(void)lseek(fd, 0, SEEK_SET);
	size = read(fd, text, LOG_TAIL_BYTES);
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	for (const char *at = text; (at = strstr(at, mark)) != NULL; at += sizeof(mark) - 1)
		reason = at + sizeof(mark) - 1;
	/* A later life of the machine began. */
	if (reason == NULL || strstr(reason, "starting up") != NULL)
		return MACHINE_EVENT_CHANGED;
	if (strncmp(reason, "saved", 5) == 0)
		return MACHINE_EVENT_SAVED;
	if (strncmp(reason, "destroyed", 9) == 0)
		return MACHINE_EVENT_KILLED;
	/* libvirt asks QEMU to end once the guest has shut down; found so by a libvirt that starts anew it may seem to have crashed. */
	if (strncmp(reason, "shutdown", 8) == 0 || strstr(text, "terminating on signal 15") != NULL)
		return MACHINE_EVENT_SHUT_DOWN;
	return MACHINE_EVENT_CRASHED;
}

static bool sight_of(struct hypervisor *hypervisor, virDomainPtr domain, struct machine_sight *out)
{
	int state = VIR_DOMAIN_NOSTATE;

	*out = (struct machine_sight){0};
	if (virDomainGetState(domain, &state, NULL, 0) != 0 || !text_copy(out->name, sizeof(out->name), virDomainGetName(domain)))
		return false;
	out->paused = state == VIR_DOMAIN_PAUSED;
	out->pid = read_pid(hypervisor, out->name);
	return state == VIR_DOMAIN_RUNNING || state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_SHUTDOWN || state == VIR_DOMAIN_BLOCKED;
}

/* Whether a guest has shut down and its process is about to be ended. libvirt finishes that also for machines it finds so. */
static bool is_ending(virDomainPtr domain)
{
	int state = VIR_DOMAIN_NOSTATE, reason = 0;

	return virDomainGetState(domain, &state, &reason, 0) == 0 &&
	       (state == VIR_DOMAIN_SHUTDOWN || (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_SHUTTING_DOWN));
}

static int libvirt_look(struct hypervisor *hypervisor, const char *name, struct machine_sight *out, struct err *err)
{
	const struct timespec pause = {.tv_nsec = ENDING_STEP_MS * 1000000};
	virDomainPtr domain = find(hypervisor, name, err);
	int error = 0;

	for (unsigned i = 0; domain != NULL && i < ENDING_STEPS && is_ending(domain); i++)
		(void)nanosleep(&pause, NULL);
	if (domain == NULL) {
		error = last_code();
	} else {
		if (!sight_of(hypervisor, domain, out))
			error = err_set(err, -ENOENT, "the machine is not running");
		(void)virDomainFree(domain);
	}
	if (error == -ENOENT)
		*out = (struct machine_sight){.ended = read_end(hypervisor, name)};
	return error;
}

static int libvirt_list(struct hypervisor *hypervisor, struct machine_sight **out, struct err *err)
{
	size_t prefix_size = strlen(hypervisor->config.prefix);
	virDomainPtr *domains = NULL;
	int found = 0, count = virConnectListAllDomains(hypervisor->connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	if (count < 0)
		return fail(err, "cannot list the machines");
	*out = xalloc(((size_t)count + 1) * sizeof(**out));
	for (int i = 0; i < count; i++) {
		if (strncmp(virDomainGetName(domains[i]), hypervisor->config.prefix, prefix_size) == 0 &&
			sight_of(hypervisor, domains[i], &(*out)[found]))
			found++;
		(void)virDomainFree(domains[i]);
	}
	free(domains);
	return found;
}

static int libvirt_agent(
	struct hypervisor *hypervisor, const char *name, const char *command, unsigned timeout_s, struct text *reply, struct err *err)
{
	virDomainPtr domain = find(hypervisor, name, err);
	char *answer;
	int error = 0;

	if (domain == NULL)
		return last_code();
	answer = virDomainQemuAgentCommand(domain, command, (int)(timeout_s > 0 ? timeout_s : 1), 0);
	if (answer == NULL)
		error = fail(err, "the guest agent");
	else
		text_add(reply, "%s", answer);
	free(answer);
	(void)virDomainFree(domain);
	return error;
}

static void libvirt_forget(struct hypervisor *hypervisor, const char *name)
{
	char path[FOLDER_BYTES + MACHINE_NAME_BYTES + 24];

	if (!hypervisor->embedded)
		return;
	(void)snprintf(path, sizeof(path), "%s/log/qemu/%s.log", hypervisor->root, name);
	(void)unlink(path);
}

const struct vm_driver driver_libvirt = {
	.name = "libvirt",
	.accepts = libvirt_accepts,
	.open = libvirt_open,
	.close = libvirt_close,
	.start = libvirt_start,
	.act = libvirt_act,
	.save = libvirt_save,
	.restore = libvirt_restore,
	.set_link = libvirt_set_link,
	.look = libvirt_look,
	.list = libvirt_list,
	.agent = libvirt_agent,
	.forget = libvirt_forget,
};
