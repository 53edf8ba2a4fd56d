/*
 * The privileged acts that super does for the switch (opening a TAP; vhost-user connections are in super_vhost.c) and for route (network
 * namespaces of routers with their TUN and their TCP sockets).
 *
 * What is made in another network namespace may take the kernel its time, so a forked helper does it: it enters the namespace, which super
 * never does, sends the descriptor back as OPENED (or DONE with the error), and ends. Some helpers work at once, the rest of the orders
 * wait in a bounded queue. Of a router's namespace super keeps a descriptor by the router's number: so route can ask for sockets in those
 * only.
 */
#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/super.h"
#include "proc/super_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Helpers at once; orders that wait; how long a helper may take. */
#define ACTS_RUNNING_MAX 16
#define ACTS_WAITING_MAX 65536
#define NETNS_MAX 4096
#define ACT_PATIENCE (span_s(10))

/* One act from its order to the end of its helper. */
struct act {
	struct list node; /* in acts_waiting */
	struct super *super;
	struct child *asker;
	pid_t asker_pid; /* a restarted asker is another one */
	uint32_t seq;
	enum message_type type;
	union {
		struct msg_open_tap tap;
		struct msg_open_router_netns netns;
		struct msg_open_router_socket socket;
	} order;
	int netns;		 /* of the router; -1: none */
	struct channel *channel; /* to the helper; NULL once it answered */
	pid_t helper;		 /* 0 once it has ended */
	int pidfd;
	struct loop_watch *watch;
	int fd; /* what was opened, -1: see err */
	struct err err;
};

static void acts_go_on(struct super *super);

/* In the helper. */

static bool is_interface_name(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == '/' || *p == ':' || *p == '%')
			return false;
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strlen(name) < IFNAMSIZ;
}

static int enter_netns(const char *name, struct err *err)
{
	char path[NAME_BYTES + 16];
	int fd, error = 0;

	if (name[0] == '\0')
		return 0;
	if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, -EINVAL, "\"%s\" is no name of a network namespace", name);
	(void)snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, -ENOENT, "no network namespace named \"%s\": make it with `ip netns add %s`", name, name);
	if (fd < 0)
		return err_set(err, -errno, "can't open network namespace %s: %s", name, strerror(errno));
	if (setns(fd, CLONE_NEWNET) != 0)
		error = err_set(err, -errno, "can't enter network namespace %s: %s", name, errno == EPERM ? "needs root" : strerror(errno));
	(void)close(fd);
	return error;
}

static int tap_set_up(const struct msg_open_tap *order, struct ifreq *ifr, struct err *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return err_set(err, -errno, "can't configure %s: %s", order->name, strerror(errno));
	ifr->ifr_mtu = order->mtu;
	if (order->mtu != 0 && ioctl(fd, SIOCSIFMTU, ifr) != 0)
		error = err_set(err, -errno, "can't set the MTU of %s to %u: %s", order->name, order->mtu, strerror(errno));
	if (error == 0 && ioctl(fd, SIOCGIFFLAGS, ifr) == 0) {
		ifr->ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, ifr) != 0)
			error = err_set(err, -errno, "can't bring %s up: %s", order->name, strerror(errno));
	}
	(void)close(fd);
	return error;
}

static const char *tap_reason(int error)
{
	switch (error) {
	case EPERM:
		return "needs CAP_NET_ADMIN: run weftd as root";
	case EBUSY:
		return "another process uses it";
	case EINVAL:
		return "there is an interface of that name that is no TAP of this kind";
	default:
		return strerror(error);
	}
}

/* Opens the TAP in the namespace where we are; a descriptor or a negative errno. */
static int tap_open(const struct msg_open_tap *order, struct err *err)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd, error;

	if (!is_interface_name(order->name))
		return err_set(err, -EINVAL, "\"%s\" is no name for an interface (1-%d printable characters without / : %%)", order->name,
			IFNAMSIZ - 1);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "can't open /dev/net/tun for TAP %s: %s", order->name,
			errno == ENOENT || errno == ENODEV ? "load the kernel module tun" : strerror(errno));
	(void)text_copy(ifr.ifr_name, sizeof(ifr.ifr_name), order->name);
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		error = err_set(err, -errno, "can't open TAP %s: %s", order->name, tap_reason(errno));
		(void)close(fd);
		return error;
	}
	error = tap_set_up(order, &ifr, err);
	/*
	 * It outlives who has it open: when the switch is started again, the interface keeps its addresses and routes in its namespace. The
	 * switch makes it mortal again before it closes it for good.
	 */
	if (error == 0 && ioctl(fd, TUNSETPERSIST, 1UL) != 0)
		error = err_set(err, -errno, "can't keep TAP %s: %s", order->name, strerror(errno));
	if (error != 0) {
		(void)close(fd);
		return error;
	}
	return fd;
}

static int act_do(const struct act *act, struct err *err)
{
	int error;

	if (act->type == MSG_OPEN_ROUTER_NETNS)
		return router_netns_make(&act->order.netns, err);
	if (act->type == MSG_OPEN_ROUTER_SOCKET)
		return router_socket_make(act->netns, &act->order.socket, err);
	error = enter_netns(act->order.tap.netns, err);
	return error == 0 ? tap_open(&act->order.tap, err) : error;
}

static _Noreturn void helper_run(int socket_fd, const struct act *act)
{
	struct msg_done done = {0};
	struct err err = {0};
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = act_do(act, &err);
	if (fd >= 0)
		_exit(channel_send_bare(socket_fd, MSG_OPENED, 1, NULL, fd) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	done.error = err.code;
	(void)snprintf(done.text, sizeof(done.text), "%.*s", (int)sizeof(done.text) - 1, err.text);
	(void)channel_send_bare(socket_fd, MSG_DONE, 1, &done, -1);
	_exit(EXIT_FAILURE);
}

/* In super. */

/* What an act opens, for errors. */
static const char *act_what(const struct act *act)
{
	if (act->type == MSG_OPEN_ROUTER_NETNS)
		return "a router's namespace";
	return act->type == MSG_OPEN_ROUTER_SOCKET ? "a router's socket" : act->order.tap.name;
}

static void netns_forget(struct super *super, uint32_t router)
{
	void *kept = map_remove(&super->netns, router);

	if (kept != NULL)
		(void)close((int)(uintptr_t)kept - 1);
}

/* Keeps the namespace that the helper made; the act fails when it can't be had. */
static void netns_keep(struct act *act)
{
	int fd = router_netns_of(act->fd);

	if (fd < 0) {
		(void)err_set(&act->err, fd, "can't keep a router's namespace: %s", strerror(-fd));
		(void)close(act->fd);
		act->fd = -1;
		return;
	}
	netns_forget(act->super, act->order.netns.router);
	(void)map_set(&act->super->netns, act->order.netns.router, (void *)(uintptr_t)(fd + 1));
}

void super_acts_forget(struct super *super, enum process_id process)
{
	uint64_t router;
	size_t cursor = 0;

	while (process == PROCESS_ROUTE && map_next(&super->netns, &cursor, &router, NULL) != NULL)
		netns_forget(super, (uint32_t)router);
}

static void act_answer(struct act *act)
{
	struct channel *channel = act->asker->pid == act->asker_pid ? act->asker->channel : NULL;

	if (act->fd >= 0 && act->type == MSG_OPEN_ROUTER_NETNS && channel != NULL)
		netns_keep(act);
	if (act->fd >= 0) {
		if (channel != NULL && act->type == MSG_OPEN_TAP)
			super_keep_device(act->super, act->order.tap.port, &act->order.tap, act->fd);
		(void)channel_send(channel, MSG_OPENED, act->seq, NULL, act->fd);
		(void)close(act->fd);
	} else {
		channel_done(channel, act->seq, &act->err);
	}
}

/* The helper answered, died, or took too long. */
static void helper_answered(void *context, const struct message *message, int error, bool last)
{
	struct act *act = context;

	CHECK(last);
	if (message == NULL)
		(void)err_set(&act->err, error, "opening %s failed: %s", act_what(act), strerror(-error));
	else if (message->row->type == MSG_DONE)
		(void)err_set(&act->err, error ? error : -EPROTO, "%s", ((const struct msg_done *)message->body)->text);
	act->fd = message != NULL ? message->fd : -1;
	if (act->helper > 0)
		(void)kill(act->helper, SIGKILL);
}

/*
 * Ends the act when the helper has ended and its channel was read to its end. Only then the answer goes out, since a TAP that the helper
 * still holds as well would be busy after its new owner closed it.
 */
static void act_end(struct act *act)
{
	struct super *super = act->super;

	if (act->channel != NULL || act->helper > 0)
		return;
	act_answer(act);
	free(act);
	super->acts_running--;
	acts_go_on(super);
}

/* The helper could not even be started. */
static void act_fail(void *context) { act_end(context); }

/* The helper's order comes with the fork and nothing but answers comes back. */
static void helper_received(void *context, struct channel *channel, const struct message *message)
{
	(void)context;
	(void)channel;
	if (message->fd >= 0)
		(void)close(message->fd);
}

static void helper_closed(void *context, struct channel *channel)
{
	struct act *act = context;

	channel_free(channel);
	act->channel = NULL;
	act_end(act);
}

static void helper_ended(void *context, int fd, int events)
{
	struct act *act = context;

	(void)events;
	(void)waitpid(act->helper, NULL, 0);
	loop_watch_free(act->watch);
	(void)close(fd);
	act->helper = 0;
	act_end(act);
}

/* The order goes into the channel before there is a helper, which answers it from its copy: so the answer can't be faster. */
static void act_begin(struct act *act)
{
	struct super *super = act->super;
	int ends[2];

	act->fd = -1;
	super->acts_running++;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		(void)err_set(&act->err, -errno, "can't start a helper to open %s: %s", act_what(act), strerror(errno));
		loop_defer(super->loop, act_fail, act);
		return;
	}
	act->channel = channel_new(super->loop, ends[0], "helper", helper_received, helper_closed, act);
	channel_call(act->channel, super->loop, act->type, &act->order, ACT_PATIENCE, helper_answered, act);
	act->helper = fork();
	if (act->helper == 0)
		helper_run(ends[1], act);
	act->pidfd = act->helper > 0 ? pidfd_open(act->helper, 0) : -1;
	(void)close(ends[1]);
	if (act->pidfd >= 0) {
		act->watch = loop_watch_new(super->loop, act->pidfd, LOOP_READABLE, helper_ended, act);
		return;
	}
	/* Closed by the other side, the channel ends the act. */
	log_error(act_what(act), "can't start a helper to open it: %s", strerror(errno));
	if (act->helper > 0) {
		(void)kill(act->helper, SIGKILL);
		(void)waitpid(act->helper, NULL, 0);
	}
	act->helper = 0;
}

static void acts_go_on(struct super *super)
{
	while (super->acts_running < ACTS_RUNNING_MAX && !list_empty(&super->acts_waiting)) {
		struct act *act = list_first(&super->acts_waiting, struct act, node);

		list_remove(&act->node);
		super->acts_waiting_count--;
		if (act->type == MSG_OPEN_ROUTER_SOCKET)
			act->netns = (int)(uintptr_t)map_get(&super->netns, act->order.socket.router) - 1;
		act_begin(act);
	}
}

/* A TAP that outlived the switch is given to it again. */
static bool tap_was_kept(struct super *super, struct child *asker, const struct message *message)
{
	const struct msg_open_tap *order = message->body;
	int fd = message->row->type == MSG_OPEN_TAP ? super_kept(super, asker, message->seq, order->port, order) : -1;

	if (fd >= 0)
		(void)channel_send(asker->channel, MSG_OPENED, message->seq, NULL, fd);
	return fd >= 0;
}

static void act_queue(struct super *super, struct child *asker, const struct message *message)
{
	struct err err = {-EBUSY, "too many orders wait, or too many routers have a namespace"};
	struct act *act;

	if (super->acts_waiting_count >= ACTS_WAITING_MAX ||
		(message->row->type == MSG_OPEN_ROUTER_NETNS && super->netns.used >= NETNS_MAX)) {
		channel_done(asker->channel, message->seq, &err);
		return;
	}
	act = xalloc(sizeof(*act));
	act->super = super;
	act->asker = asker;
	act->asker_pid = asker->pid;
	act->seq = message->seq;
	act->type = message->row->type;
	memcpy(&act->order, message->body, message->row->size);
	list_append(&super->acts_waiting, &act->node);
	super->acts_waiting_count++;
	acts_go_on(super);
}

/* Who may ask for what. */
static const struct {
	enum message_type type;
	enum process_id asker;
} acts[] = {
	{MSG_OPEN_TAP, PROCESS_SWITCH},
	{MSG_CONNECT_VHOST, PROCESS_SWITCH},
	{MSG_CLOSE_VHOST, PROCESS_SWITCH},
	{MSG_OPEN_ROUTER_NETNS, PROCESS_ROUTE},
	{MSG_OPEN_ROUTER_SOCKET, PROCESS_ROUTE},
	{MSG_CLOSE_ROUTER_NETNS, PROCESS_ROUTE},
};

bool super_is_act(enum message_type type)
{
	for (size_t i = 0; i < COUNT_OF(acts); i++)
		if (acts[i].type == type)
			return true;
	return false;
}

static bool may_ask(const struct child *child, enum message_type type)
{
	for (size_t i = 0; i < COUNT_OF(acts); i++)
		if (acts[i].type == type)
			return acts[i].asker == child->row->body->id;
	return false;
}

void super_act(struct super *super, struct child *child, const struct message *message)
{
	struct err err = {-EPERM, "this process may not ask for it"};

	if (child->spare || !may_ask(child, message->row->type)) {
		log_warning(process_name(child->row->body->id), "asked for %s: refused", message->row->name);
		channel_done(child->channel, message->seq, &err);
	} else if (message->row->type == MSG_CLOSE_ROUTER_NETNS) {
		netns_forget(super, ((const struct msg_id *)message->body)->id);
		err.code = 0;
		channel_done(child->channel, message->seq, &err);
	} else if (message->row->type == MSG_CONNECT_VHOST) {
		super_vhost_connect(super, child, message->seq, message->body);
	} else if (message->row->type == MSG_CLOSE_VHOST) {
		super_vhost_close(super, ((const struct msg_id *)message->body)->id);
	} else if (!tap_was_kept(super, child, message)) {
		act_queue(super, child, message);
	}
}
