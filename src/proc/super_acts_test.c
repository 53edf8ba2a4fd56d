/*
 * Tests of super's privileged acts, asked over a channel as the switch does. TAPs are opened in a network namespace of the test's own
 * (by a user namespace where we aren't root); skipped where neither can be had.
 */
#include "base/check.h"
#include "proc/super.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct super super;
static const struct process_body switch_body = {.id = PROCESS_SWITCH}, ctl_body = {.id = PROCESS_CTL};
static const struct process_body route_body = {.id = PROCESS_ROUTE};
static const struct process_row switch_row = {.body = &switch_body}, ctl_row = {.body = &ctl_body}, route_row = {.body = &route_body};
static struct channel *asker; /* the switch's end */
static bool own_network;

static struct {
	unsigned count;
	int error;
	int fd;
	char text[256];
	unsigned kept; /* KEPT rows, and the last of them */
	int kept_fd;
	struct msg_keep keep;
} answer;

static void answered(void *context, const struct message *message, int error, bool last)
{
	if (!last) {
		answer.kept++;
		answer.kept_fd = message->fd;
		answer.keep = *(const struct msg_keep *)message->body;
		return;
	}
	answer.count++;
	answer.error = error;
	answer.fd = message != NULL ? message->fd : -1;
	answer.text[0] = '\0';
	if (message != NULL && message->row->type == MSG_DONE)
		(void)snprintf(answer.text, sizeof(answer.text), "%s", ((const struct msg_done *)message->body)->text);
	loop_stop(super.loop);
}

static void child_received(void *context, struct channel *channel, const struct message *message)
{
	uint16_t type = message->row->type;

	if (type != MSG_KEEP && type != MSG_FORGET && type != MSG_FORGET_UNASKED) {
		super_act(&super, context, message);
		return;
	}
	super_keep(&super, context, message);
	loop_stop(super.loop);
}

static void closed(void *context, struct channel *channel) { fail(); }
static void unexpected(void *context, struct channel *channel, const struct message *message) { fail(); }

static void ask(enum message_type type, const void *body)
{
	unsigned before = answer.count;

	channel_call(asker, super.loop, type, body, span_s(20), answered, NULL);
	loop_run(super.loop);
	assert_int_equal(answer.count, before + 1);
}

static void tell(enum message_type type, const void *body, int fd)
{
	assert_int_equal(channel_send(asker, type, 0, body, fd), 0);
	loop_run(super.loop);
}

static int set_up(void **state)
{
	static char folder[] = "/tmp/weft-acts.XXXXXX";
	int ends[2];

	own_network =
		unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) == 0 && access("/dev/net/tun", R_OK | W_OK) == 0;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(super.places.run, sizeof(super.places.run), "%s", folder);
	super.loop = loop_new();
	list_init(&super.acts_waiting);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	super.child_count = 1;
	super.children[0] = (struct child){.super = &super, .row = &switch_row, .pid = 1, .state = CHILD_RUNNING};
	super.children[0].channel = channel_new(super.loop, ends[0], "switch", child_received, closed, &super.children[0]);
	asker = channel_new(super.loop, ends[1], "super", unexpected, closed, NULL);
	return 0;
}

static int tear_down(void **state)
{
	channel_free(asker);
	channel_free(super.children[0].channel);
	loop_free(super.loop);
	return rmdir(super.places.run);
}

static short flags_of(const char *name, int *mtu)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCGIFMTU, &ifr), 0);
	*mtu = ifr.ifr_mtu;
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
	(void)close(fd);
	return ifr.ifr_flags;
}

static void test_tap_opens(void **state)
{
	struct msg_open_tap order = {.port = 1, .mtu = 1400, .name = "weft-test0"};
	struct ifreq ifr = {0};
	int mtu;

	if (!own_network)
		skip();
	ask(MSG_OPEN_TAP, &order);
	assert_int_equal(answer.error, 0);
	assert_true(answer.fd >= 0);
	assert_int_equal(ioctl(answer.fd, TUNGETIFF, &ifr), 0);
	assert_string_equal(ifr.ifr_name, "weft-test0");
	assert_int_equal(ifr.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	assert_true(fcntl(answer.fd, F_GETFL) & O_NONBLOCK);
	assert_true(flags_of("weft-test0", &mtu) & IFF_UP);
	assert_int_equal(mtu, 1400);

	int first = answer.fd;

	ask(MSG_OPEN_TAP, &order);
	assert_int_equal(answer.error, -EBUSY);
	assert_non_null(strstr(answer.text, "another process uses it"));
	(void)close(first);
	ask(MSG_OPEN_TAP, &order); /* gone with its descriptor, so it can be had again */
	assert_int_equal(answer.error, 0);
	(void)close(answer.fd);

	/* The switch died: it gets the very same one, without the carrier having been lost meanwhile. */
	super_kept_unask(&super);
	ask(MSG_OPEN_TAP, &order);
	assert_int_equal(answer.error, 0);
	assert_int_equal(ioctl(answer.fd, TUNGETIFF, &ifr), 0);
	assert_string_equal(ifr.ifr_name, "weft-test0");
	(void)close(answer.fd);

	/* One that shall be another is opened anew. */
	super_kept_unask(&super);
	order.mtu = 1300;
	ask(MSG_OPEN_TAP, &order);
	assert_int_equal(answer.error, 0);
	(void)flags_of("weft-test0", &mtu);
	assert_int_equal(mtu, 1300);
	(void)close(answer.fd);
	super_kept_forget(&super, order.port);
	assert_int_equal(super.kept_fds, 0);
}

static void test_tap_refused(void **state)
{
	static const struct {
		const char *name, *netns, *text;
		int error;
	} cases[] = {
		{"", "", "no name for an interface", -EINVAL},
		{"a/b", "", "no name for an interface", -EINVAL},
		{"tap%d", "", "no name for an interface", -EINVAL},
		{"a b", "", "no name for an interface", -EINVAL},
		{"lo", "", "that is no TAP", -EINVAL},
		{"ok", "weft-no-such-netns", "ip netns add weft-no-such-netns", -ENOENT},
		{"ok", "../x", "no name of a network namespace", -EINVAL},
		{"ok", "..", "no name of a network namespace", -EINVAL},
	};

	if (!own_network)
		skip();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct msg_open_tap order = {.mtu = 1500};

		(void)snprintf(order.name, sizeof(order.name), "%s", cases[i].name);
		(void)snprintf(order.netns, sizeof(order.netns), "%s", cases[i].netns);
		ask(MSG_OPEN_TAP, &order);
		assert_int_equal(answer.error, cases[i].error);
		assert_int_equal(answer.fd, -1);
		if (strstr(answer.text, cases[i].text) == NULL)
			fail_msg("\"%s\" in \"%s\" says: %s", cases[i].name, cases[i].netns, answer.text);
	}
}

/* More than may run at once: all are answered. */
static void test_many_taps(void **state)
{
	unsigned before = answer.count;

	if (!own_network)
		skip();
	for (int i = 0; i < 40; i++) {
		struct msg_open_tap order = {.name = "a/b"};

		channel_call(asker, super.loop, MSG_OPEN_TAP, &order, span_s(20), answered, NULL);
	}
	while (answer.count < before + 40)
		loop_run(super.loop);
	assert_int_equal(super.acts_waiting_count, 0);
}

static void test_vhost_connects(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct msg_connect_vhost order = {.port = 77};
	char path[FILE_BYTES], folder[FILE_BYTES];

	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, -ENOENT);
	(void)snprintf(folder, sizeof(folder), "%s/vhost", super.places.run);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", places_vhost_socket(&super.places, 77, path));
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, -ECONNREFUSED);
	assert_int_equal(listen(listener, 1), 0);
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, 0);
	assert_true(answer.fd >= 0);
	assert_true(fcntl(answer.fd, F_GETFL) & O_NONBLOCK);
	(void)close(answer.fd);
	super_kept_forget(&super, 77);
	(void)close(listener);
	(void)unlink(path);
	(void)rmdir(folder);
}

/* For a machine that others run super listens, and hands over who has connected; only in its folder. */
static void test_vhost_listens(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct msg_connect_vhost order = {.port = 79, .listen = true, .socket = "ext"}, bad = {.port = 80, .socket = "../x"};
	int hypervisor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), left;
	char path[FILE_BYTES], folder[FILE_BYTES];

	(void)snprintf(folder, sizeof(folder), "%s/ports", super.places.run);
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, -ENOTDIR);
	assert_int_equal(mkdir(folder, 0700), 0);
	/* A socket that nobody listens on any more is replaced. */
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", places_port_socket(&super.places, "ext", path));
	left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(left, (const struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(left);
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, -ENOENT); /* nobody yet */
	assert_int_equal(connect(hypervisor, (const struct sockaddr *)&address, sizeof(address)), 0);
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, 0);
	assert_true(answer.fd >= 0);
	(void)close(answer.fd);
	/* A new switch that asks for the port finds the socket; one that doesn't, since the port was deleted meanwhile, leaves none. */
	super_kept_unask(&super);
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, 0);
	(void)close(answer.fd);
	tell(MSG_FORGET_UNASKED, NULL, -1);
	assert_int_equal(access(path, F_OK), 0);
	super_kept_unask(&super);
	tell(MSG_FORGET_UNASKED, NULL, -1);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(super.kept_fds, 0);
	/* No more than there is room for. */
	super.kept_fds_max = 1;
	super.kept_fds = 1;
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, -EMFILE);
	super.kept_fds_max = super.kept_fds = 0;
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, -ENOENT);
	assert_int_equal(super.kept_fds, 1);
	super_vhost_close(&super, 79);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(super.kept_fds, 0);
	ask(MSG_CONNECT_VHOST, &bad);
	assert_int_equal(answer.error, -EINVAL);
	/* What is no socket stays. */
	left = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(left >= 0);
	(void)close(left);
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.error, -EADDRINUSE);
	assert_int_equal(unlink(path), 0);
	(void)close(hypervisor);
	(void)rmdir(folder);
}

/* A switch that died finds its connection and what it had kept; what it doesn't ask for is closed, and so is what it lets go. */
static void test_keeps(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct msg_connect_vhost order = {.port = 78};
	char path[FILE_BYTES], folder[FILE_BYTES];
	struct msg_keep keep = {.port = 78, .serial = 5, .slot = KEEP_STATE};
	int pair[2], first;
	char byte;

	(void)snprintf(folder, sizeof(folder), "%s/vhost", super.places.run);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", places_vhost_socket(&super.places, 78, path));
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	ask(MSG_CONNECT_VHOST, &order);
	assert_true(answer.fd >= 0);
	first = accept(listener, NULL, NULL);
	(void)close(answer.fd);
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	tell(MSG_KEEP, &keep, pair[1]);
	(void)close(pair[1]);
	assert_int_equal(super.kept_fds, 2);

	super_kept_unask(&super);
	answer.kept = 0;
	ask(MSG_CONNECT_VHOST, &order);
	assert_int_equal(answer.kept, 1);
	assert_int_equal(answer.keep.slot, KEEP_STATE);
	assert_int_equal(answer.keep.serial, 5);
	assert_int_equal(write(answer.fd, "x", 1), 1);
	assert_int_equal(read(first, &byte, 1), 1); /* it is the connection of before */
	(void)close(answer.fd);
	(void)close(answer.kept_fd);

	ask(MSG_CONNECT_VHOST, &order); /* asked for again: a new one, and nothing is left of the old one */
	assert_int_equal(answer.kept, 1);
	assert_int_equal(read(first, &byte, 1), 0);
	assert_int_equal(read(pair[0], &byte, 1), 0);
	assert_int_equal(super.kept_fds, 1);
	(void)close(answer.fd);

	super_kept_unask(&super);
	tell(MSG_FORGET_UNASKED, NULL, -1);
	assert_int_equal(super.kept_fds, 0);
	assert_int_equal(super.kept.used, 0);
	(void)close(first);
	(void)close(pair[0]);
	(void)close(listener);
	(void)unlink(path);
	(void)rmdir(folder);
}

/* Nonsense in a KEEP changes nothing. */
static void test_keeps_no_nonsense(void **state)
{
	const struct msg_keep nonsense[] = {{.port = 9, .slot = KEEP_STATE}, {.port = 9, .slot = KEEP_ALL}, {.port = 9, .slot = 255}};

	for (size_t i = 0; i < COUNT_OF(nonsense); i++)
		tell(MSG_KEEP, &nonsense[i], STDIN_FILENO);
	assert_int_equal(super.kept_fds, 0);
	assert_int_equal(super.kept.used, 0);
}

/* The first TCP packet that comes out of a TUN, of which others come as well (IPv6 looks for neighbors). */
static size_t read_tcp(int tun, uint8_t *bytes, size_t size)
{
	for (int tries = 0; tries < 100; tries++) {
		ssize_t got = read(tun, bytes, size);

		if (got > 40 && bytes[0] >> 4 == 4 && bytes[9] == 6)
			return (size_t)got;
		if (got < 0)
			(void)usleep(10000);
	}
	return 0;
}

/* A router's namespace: sockets in it listen and connect; what they send comes out of the TUN, signed when there is a key. */
static void test_router_netns(void **state)
{
	const struct msg_open_router_netns netns = {.router = 5, .mtu = 1400};
	struct msg_open_router_socket order = {.router = 5,
		.listen = true,
		.port = 179,
		.local = ip_from_u32(0x0a000001),
		.remote = ip_from_u32(0x0a000002),
		.key = "secret"};
	struct sockaddr_in bound = {0};
	uint8_t packet[2048];
	int tun, listener;

	if (!own_network)
		skip();
	super.children[0].row = &route_row;
	ask(MSG_OPEN_ROUTER_SOCKET, &order);
	assert_true(answer.error < 0); /* there is no namespace yet */
	ask(MSG_OPEN_ROUTER_NETNS, &netns);
	assert_int_equal(answer.error, 0);
	tun = answer.fd;
	ask(MSG_OPEN_ROUTER_SOCKET, &order);
	assert_int_equal(answer.error, 0);
	listener = answer.fd;
	assert_int_equal(getsockname(listener, (struct sockaddr *)&bound, &(socklen_t){sizeof(bound)}), 0);
	assert_int_equal(ntohs(bound.sin_port), 179);
	order.listen = false;
	ask(MSG_OPEN_ROUTER_SOCKET, &order);
	assert_int_equal(answer.error, 0);
	assert_true(read_tcp(tun, packet, sizeof(packet)) > 0);
	assert_memory_equal(packet + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	assert_int_equal(packet[20 + 2] << 8 | packet[20 + 3], 179);
	assert_int_equal(packet[20 + 13], 2);  /* SYN */
	assert_int_equal(packet[20 + 22], 19); /* after two fillers its first option is the digest of RFC 2385 */
	(void)close(answer.fd);
	(void)close(listener);
	(void)close(tun);
	ask(MSG_CLOSE_ROUTER_NETNS, &(struct msg_id){5});
	assert_int_equal(answer.error, 0);
	assert_int_equal(super.netns.used, 0);
	super.children[0].row = &switch_row;
}

static void test_only_who_may(void **state)
{
	super.children[0].row = &ctl_row;
	ask(MSG_CONNECT_VHOST, &(struct msg_connect_vhost){.port = 77});
	assert_int_equal(answer.error, -EPERM);
	super.children[0].row = &switch_row;
	ask(MSG_OPEN_ROUTER_NETNS, &(struct msg_open_router_netns){.router = 1});
	assert_int_equal(answer.error, -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tap_opens),
		cmocka_unit_test(test_tap_refused),
		cmocka_unit_test(test_many_taps),
		cmocka_unit_test(test_vhost_connects),
		cmocka_unit_test(test_vhost_listens),
		cmocka_unit_test(test_keeps),
		cmocka_unit_test(test_keeps_no_nonsense),
		cmocka_unit_test(test_router_netns),
		cmocka_unit_test(test_only_who_may),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
