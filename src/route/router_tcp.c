/*
 * TCP of the kernel's for virtual routers.
 *
 * Theory of operation. A router that has a neighbor outside of this process gets a network namespace with a TUN from super, the first time
 * that it needs one. IP packets for the router's TCP are written into the TUN, those that come out of it go to the router, which sends them
 * by its own routes; so the kernel's TCP speaks over virtual networks. Sockets in the namespace are made by super, too, since this process
 * may make none; from then on they are ours. One listens at each address that neighbors speak to.
 *
 *     neighbor --switch--> PUNT --> routing --packet--> TUN --> kernel's TCP --> socket --> engine
 *
 * Orders to super are answered later: an answer names the router or neighbor by its number and is thrown away when it is gone, or wants
 * something else by then (`attempt`). When the last neighbor has gone the namespace stays a little, for the last words to go out.
 *
 * Long because connections, listeners and namespaces wait for each other: their state is one.
 */
#include "route/router_tcp.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "route/bgp/bgp_wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPEN_PATIENCE (span_s(10))
#define LINGER (span_s(2))

/* Packets and bytes that are read in one go, so that one router doesn't hold up the others. */
#define PACKETS_AT_ONCE 256
#define BYTES_AT_ONCE (1 << 20)

/* An end of a connection: ours (0) or one that the neighbor opened (1). */
struct tcp_end {
	struct tcp_neighbor *neighbor;
	bool incoming;
	bool connecting; /* ours: under way */
	int fd;		 /* -1: none */
	struct loop_watch *watch;
};

struct tcp_neighbor {
	struct list in_router;
	struct tcp_router *router;
	uint32_t id;
	struct ip local, remote;
	char key[81];
	unsigned attempt;  /* of the connection that super is asked for */
	bool wants_socket; /* to connect, once there is a namespace */
	struct tcp_end ends[2];
};

struct tcp_listener {
	struct list in_router;
	struct tcp_router *router;
	struct ip local;
	bool asked;
	int fd;
	struct loop_watch *watch;
};

enum netns_state { NETNS_CLOSED, NETNS_OPENING, NETNS_OPEN };

struct tcp_router {
	struct router_tcp *tcp;
	uint32_t id;
	uint16_t mtu;
	enum netns_state state;
	int tun;
	struct loop_watch *watch;
	struct loop_timer *linger;
	struct list neighbors;
	struct list listeners;
};

struct router_tcp {
	struct process *process;
	struct routing *routing;
	void (*after)(void *context);
	void *context;
	struct map routers;
	struct map neighbors;
	uint8_t bytes[65536];
};

/* An order to super. */
struct tcp_order {
	struct router_tcp *tcp;
	uint32_t id;
	unsigned attempt;
	struct ip local; /* of a listener */
};

static struct instant tcp_now(const struct router_tcp *tcp) { return loop_now(tcp->process->loop); }

static struct tcp_order *order_new(struct router_tcp *tcp, uint32_t id)
{
	struct tcp_order *order = xalloc(sizeof(*order));

	order->tcp = tcp;
	order->id = id;
	return order;
}

static void ask_super(struct router_tcp *tcp, enum message_type type, const void *body, channel_reply_fn *reply, struct tcp_order *order)
{
	channel_call(tcp->process->super, tcp->process->loop, type, body, OPEN_PATIENCE, reply, order);
}

/* The descriptor of an answer, or -1 and a line in the log. */
static int answer_fd(const struct message *message, int error, const char *what, uint32_t router)
{
	if (message != NULL && message->fd >= 0)
		return message->fd;
	log_warning(NULL, "router %u gets no %s: %s", router, what,
		message != NULL && message->row->type == MSG_DONE ? ((const struct msg_done *)message->body)->text : strerror(-error));
	return -1;
}

/* --- connections --- */

static void end_close(struct tcp_end *end)
{
	if (end->fd < 0)
		return;
	loop_watch_free(end->watch);
	(void)close(end->fd);
	end->watch = NULL;
	end->fd = -1;
	end->connecting = false;
}

static void end_lost(struct tcp_end *end)
{
	struct router_tcp *tcp = end->neighbor->router->tcp;

	end_close(end);
	routing_tcp_closed(tcp->routing, end->neighbor->id, end->incoming, tcp_now(tcp));
}

static void end_read(struct tcp_end *end)
{
	struct router_tcp *tcp = end->neighbor->router->tcp;
	size_t total = 0;

	while (end->fd >= 0 && total < BYTES_AT_ONCE) {
		ssize_t got = recv(end->fd, tcp->bytes, sizeof(tcp->bytes), MSG_DONTWAIT);

		if (got > 0) {
			total += (size_t)got;
			routing_tcp_received(tcp->routing, end->neighbor->id, end->incoming, tcp->bytes, (size_t)got, tcp_now(tcp));
		} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			end_lost(end);
			return;
		} else {
			return;
		}
	}
}

static void end_write(struct tcp_end *end)
{
	struct router_tcp *tcp = end->neighbor->router->tcp;
	int error = 0;

	loop_watch_set(end->watch, LOOP_READABLE);
	if (!end->connecting) {
		routing_tcp_writable(tcp->routing, end->neighbor->id, end->incoming, tcp_now(tcp));
		return;
	}
	end->connecting = false;
	if (getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof(error)}) != 0 || error != 0)
		end_lost(end);
	else
		routing_tcp_connected(tcp->routing, end->neighbor->id, end->incoming, tcp_now(tcp));
}

static void end_ready(void *context, int fd, int events)
{
	struct tcp_end *end = context;
	struct router_tcp *tcp = end->neighbor->router->tcp;

	(void)fd;
	if (events & LOOP_WRITABLE || (events & LOOP_HANGUP && end->connecting))
		end_write(end);
	if (end->fd >= 0 && !end->connecting && events & (LOOP_READABLE | LOOP_HANGUP))
		end_read(end);
	tcp->after(tcp->context);
}

static void end_open(struct tcp_end *end, int fd, bool connecting)
{
	struct router_tcp *tcp = end->neighbor->router->tcp;

	end->fd = fd;
	end->connecting = connecting;
	end->watch = loop_watch_new(tcp->process->loop, fd, connecting ? LOOP_WRITABLE : LOOP_READABLE, end_ready, end);
}

static void socket_came(void *context, const struct message *message, int error, bool last)
{
	struct tcp_order *order = context;
	struct router_tcp *tcp = order->tcp;
	struct tcp_neighbor *neighbor = map_get(&tcp->neighbors, order->id);
	int fd = answer_fd(message, error, "socket", neighbor ? neighbor->router->id : 0);

	CHECK(last);
	if (neighbor == NULL || neighbor->attempt != order->attempt) {
		if (fd >= 0)
			(void)close(fd);
	} else if (fd < 0) {
		routing_tcp_closed(tcp->routing, neighbor->id, false, tcp_now(tcp));
	} else {
		end_open(&neighbor->ends[0], fd, true);
	}
	free(order);
	tcp->after(tcp->context);
}

static void socket_ask(struct tcp_neighbor *neighbor)
{
	struct msg_open_router_socket message = {
		.router = neighbor->router->id, .port = BGP_PORT, .local = neighbor->local, .remote = neighbor->remote};
	struct tcp_order *order = order_new(neighbor->router->tcp, neighbor->id);

	neighbor->wants_socket = false;
	order->attempt = ++neighbor->attempt;
	(void)text_copy(message.key, sizeof(message.key), neighbor->key);
	ask_super(neighbor->router->tcp, MSG_OPEN_ROUTER_SOCKET, &message, socket_came, order);
	explicit_bzero(message.key, sizeof(message.key));
}

/* --- listeners --- */

static struct ip address_of(const struct sockaddr_storage *address)
{
	struct ip ip = {0};

	if (address->ss_family == AF_INET) {
		ip.family = IP_V4;
		memcpy(ip.bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	} else if (address->ss_family == AF_INET6) {
		ip.family = IP_V6;
		memcpy(ip.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	}
	return ip;
}

/* The neighbor that called, when it may have one more connection. */
static struct tcp_neighbor *caller_of(const struct tcp_listener *listener, struct ip remote)
{
	struct tcp_neighbor *neighbor;

	list_each (neighbor, &listener->router->neighbors, struct tcp_neighbor, in_router)
		if (ip_equal(neighbor->remote, remote) && ip_equal(neighbor->local, listener->local))
			return neighbor->ends[1].fd < 0 ? neighbor : NULL;
	return NULL;
}

static void listener_ready(void *context, int fd, int events)
{
	struct tcp_listener *listener = context;
	struct router_tcp *tcp = listener->router->tcp;
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	int got;

	(void)events;
	while ((got = accept4(fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct tcp_neighbor *neighbor = caller_of(listener, address_of(&address));

		if (neighbor == NULL) {
			(void)close(got);
		} else {
			end_open(&neighbor->ends[1], got, false);
			routing_tcp_connected(tcp->routing, neighbor->id, true, tcp_now(tcp));
		}
		size = sizeof(address);
	}
	tcp->after(tcp->context);
}

/* RFC 2385: who speaks with a key must be known to the listener before it calls. */
static void listener_key(const struct tcp_listener *listener, const struct tcp_neighbor *neighbor, const char *key)
{
	struct tcp_md5sig sig = {.tcpm_keylen = (uint16_t)strlen(key)};
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&sig.tcpm_addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&sig.tcpm_addr;

	if (listener->fd < 0)
		return;
	if (neighbor->remote.family == IP_V6) {
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, neighbor->remote.bytes, 16);
	} else {
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, neighbor->remote.bytes, 4);
	}
	memcpy(sig.tcpm_key, key, sig.tcpm_keylen);
	if (setsockopt(listener->fd, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig)) != 0 && sig.tcpm_keylen > 0)
		log_warning(NULL, "router %u can't use a key for TCP: %s", neighbor->router->id, strerror(errno));
	explicit_bzero(&sig, sizeof(sig));
}

static struct tcp_listener *listener_of(const struct tcp_router *router, struct ip local)
{
	struct tcp_listener *listener;

	list_each (listener, &router->listeners, struct tcp_listener, in_router)
		if (ip_equal(listener->local, local))
			return listener;
	return NULL;
}

static void listener_came(void *context, const struct message *message, int error, bool last)
{
	struct tcp_order *order = context;
	struct tcp_router *router = map_get(&order->tcp->routers, order->id);
	struct tcp_listener *listener = router ? listener_of(router, order->local) : NULL;
	int fd = answer_fd(message, error, "listening socket", order->id);
	struct tcp_neighbor *neighbor;

	CHECK(last);
	if (listener == NULL || listener->fd >= 0) {
		if (fd >= 0)
			(void)close(fd);
	} else if (fd >= 0) {
		listener->fd = fd;
		listener->watch = loop_watch_new(router->tcp->process->loop, fd, LOOP_READABLE, listener_ready, listener);
		list_each (neighbor, &router->neighbors, struct tcp_neighbor, in_router)
			if (ip_equal(neighbor->local, listener->local) && neighbor->key[0] != '\0')
				listener_key(listener, neighbor, neighbor->key);
	} else {
		listener->asked = false;
	}
	free(order);
}

static void listener_ask(struct tcp_listener *listener)
{
	const struct msg_open_router_socket message = {
		.router = listener->router->id, .listen = true, .port = BGP_PORT, .local = listener->local};
	struct tcp_order *order = order_new(listener->router->tcp, listener->router->id);

	listener->asked = true;
	order->local = listener->local;
	ask_super(listener->router->tcp, MSG_OPEN_ROUTER_SOCKET, &message, listener_came, order);
}

/* --- namespaces --- */

static void tun_ready(void *context, int fd, int events)
{
	struct tcp_router *router = context;
	struct router_tcp *tcp = router->tcp;

	(void)events;
	for (unsigned i = 0; i < PACKETS_AT_ONCE; i++) {
		ssize_t got = read(fd, tcp->bytes, sizeof(tcp->bytes));

		if (got <= 0)
			return;
		routing_tcp_send(tcp->routing, router->id, tcp->bytes, (size_t)got, tcp_now(tcp));
	}
}

/* What waited for the namespace. */
static void router_go(struct tcp_router *router)
{
	struct tcp_neighbor *neighbor;
	struct tcp_listener *listener;

	list_each (listener, &router->listeners, struct tcp_listener, in_router)
		if (listener->fd < 0 && !listener->asked)
			listener_ask(listener);
	list_each (neighbor, &router->neighbors, struct tcp_neighbor, in_router)
		if (neighbor->wants_socket)
			socket_ask(neighbor);
}

static void netns_came(void *context, const struct message *message, int error, bool last)
{
	struct tcp_order *order = context;
	struct router_tcp *tcp = order->tcp;
	struct tcp_router *router = map_get(&tcp->routers, order->id);
	int fd = answer_fd(message, error, "network namespace", order->id);
	struct tcp_neighbor *neighbor;

	CHECK(last);
	if (router == NULL || router->state != NETNS_OPENING) {
		if (fd >= 0)
			(void)close(fd);
	} else if (fd >= 0) {
		router->state = NETNS_OPEN;
		router->tun = fd;
		router->watch = loop_watch_new(tcp->process->loop, fd, LOOP_READABLE, tun_ready, router);
		router_go(router);
	} else {
		router->state = NETNS_CLOSED;
		list_each (neighbor, &router->neighbors, struct tcp_neighbor, in_router)
			if (neighbor->wants_socket)
				routing_tcp_closed(tcp->routing, neighbor->id, false, tcp_now(tcp));
	}
	free(order);
	tcp->after(tcp->context);
}

static void router_open(struct tcp_router *router)
{
	const struct msg_open_router_netns message = {.router = router->id, .mtu = router->mtu};

	if (router->state == NETNS_OPEN)
		router_go(router);
	if (router->state != NETNS_CLOSED)
		return;
	router->state = NETNS_OPENING;
	ask_super(router->tcp, MSG_OPEN_ROUTER_NETNS, &message, netns_came, order_new(router->tcp, router->id));
}

static void closed_done(void *context, const struct message *message, int error, bool last)
{
	(void)context;
	(void)message;
	(void)error;
	(void)last;
}

static void router_end(void *context, struct instant now)
{
	struct tcp_router *router = context;
	struct router_tcp *tcp = router->tcp;
	const struct msg_id id = {router->id};
	struct tcp_listener *listener;

	(void)now;
	list_each (listener, &router->listeners, struct tcp_listener, in_router) {
		if (listener->fd >= 0) {
			loop_watch_free(listener->watch);
			(void)close(listener->fd);
		}
		list_remove(&listener->in_router);
		free(listener);
	}
	if (router->state == NETNS_OPEN) {
		loop_watch_free(router->watch);
		(void)close(router->tun);
	}
	ask_super(tcp, MSG_CLOSE_ROUTER_NETNS, &id, closed_done, NULL);
	loop_timer_free(router->linger);
	(void)map_remove(&tcp->routers, router->id);
	free(router);
}

static struct tcp_router *router_get(struct router_tcp *tcp, const struct routing_tcp *wanted)
{
	struct tcp_router *router = map_get(&tcp->routers, wanted->router);

	if (router == NULL) {
		router = xalloc(sizeof(*router));
		router->tcp = tcp;
		router->id = wanted->router;
		router->tun = -1;
		router->mtu = wanted->mtu;
		router->linger = loop_timer_new(tcp->process->loop, router_end, router);
		list_init(&router->neighbors);
		list_init(&router->listeners);
		(void)map_set(&tcp->routers, router->id, router);
	}
	loop_timer_set(router->linger, INSTANT_NEVER);
	return router;
}

/* --- what routing asks for --- */

static void tcp_forget(void *context, uint32_t id)
{
	struct router_tcp *tcp = context;
	struct tcp_neighbor *neighbor = map_remove(&tcp->neighbors, id);
	struct tcp_router *router = neighbor ? neighbor->router : NULL;
	struct tcp_listener *listener = neighbor ? listener_of(router, neighbor->local) : NULL;

	if (neighbor == NULL)
		return;
	if (listener != NULL && neighbor->key[0] != '\0')
		listener_key(listener, neighbor, "");
	end_close(&neighbor->ends[0]);
	end_close(&neighbor->ends[1]);
	list_remove(&neighbor->in_router);
	explicit_bzero(neighbor->key, sizeof(neighbor->key));
	free(neighbor);
	if (list_empty(&router->neighbors))
		loop_timer_set(router->linger, instant_add(tcp_now(tcp), LINGER));
}

static void tcp_want(void *context, const struct routing_tcp *wanted)
{
	struct router_tcp *tcp = context;
	struct tcp_neighbor *neighbor = xalloc(sizeof(*neighbor));
	struct tcp_listener *listener;

	tcp_forget(tcp, wanted->id);
	neighbor->router = router_get(tcp, wanted);
	neighbor->id = wanted->id;
	neighbor->local = wanted->local;
	neighbor->remote = wanted->remote;
	(void)text_copy(neighbor->key, sizeof(neighbor->key), wanted->key);
	for (int i = 0; i < 2; i++)
		neighbor->ends[i] = (struct tcp_end){.neighbor = neighbor, .incoming = i == 1, .fd = -1};
	list_append(&neighbor->router->neighbors, &neighbor->in_router);
	(void)map_set(&tcp->neighbors, neighbor->id, neighbor);
	listener = listener_of(neighbor->router, neighbor->local);
	if (listener == NULL) {
		listener = xalloc(sizeof(*listener));
		listener->router = neighbor->router;
		listener->local = neighbor->local;
		listener->fd = -1;
		list_append(&neighbor->router->listeners, &listener->in_router);
	} else if (neighbor->key[0] != '\0') {
		listener_key(listener, neighbor, neighbor->key);
	}
	router_open(neighbor->router);
}

static void tcp_connect(void *context, uint32_t id)
{
	struct router_tcp *tcp = context;
	struct tcp_neighbor *neighbor = map_get(&tcp->neighbors, id);

	if (neighbor == NULL || neighbor->ends[0].fd >= 0)
		return;
	neighbor->wants_socket = true;
	router_open(neighbor->router);
}

static void tcp_close(void *context, uint32_t id, bool incoming)
{
	struct router_tcp *tcp = context;
	struct tcp_neighbor *neighbor = map_get(&tcp->neighbors, id);

	if (neighbor == NULL)
		return;
	end_close(&neighbor->ends[incoming]);
	if (!incoming) {
		neighbor->wants_socket = false;
		neighbor->attempt++;
	}
}

static size_t tcp_send(void *context, uint32_t id, bool incoming, const uint8_t *bytes, size_t count)
{
	struct router_tcp *tcp = context;
	struct tcp_neighbor *neighbor = map_get(&tcp->neighbors, id);
	struct tcp_end *end = neighbor ? &neighbor->ends[incoming] : NULL;
	ssize_t sent;

	if (end == NULL || end->fd < 0)
		return count; /* its end is about to be told */
	sent = send(end->fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return count; /* likewise: reading tells it */
	if (sent < (ssize_t)count)
		loop_watch_set(end->watch, LOOP_READABLE | LOOP_WRITABLE);
	return sent > 0 ? (size_t)sent : 0;
}

/* A packet that the TUN doesn't take is lost, as packets may be. */
static void tcp_packet(void *context, uint32_t id, const void *bytes, size_t size)
{
	struct router_tcp *tcp = context;
	const struct tcp_router *router = map_get(&tcp->routers, id);
	ssize_t written = router != NULL && router->state == NETNS_OPEN ? write(router->tun, bytes, size) : 0;

	(void)written;
}

static const struct routing_tcp_ops tcp_ops = {
	.want = tcp_want,
	.forget = tcp_forget,
	.connect = tcp_connect,
	.close = tcp_close,
	.send = tcp_send,
	.packet = tcp_packet,
};

struct router_tcp *router_tcp_new(struct process *process, struct routing *routing, void (*after)(void *context), void *context)
{
	struct router_tcp *tcp = xalloc(sizeof(*tcp));

	tcp->process = process;
	tcp->routing = routing;
	tcp->after = after;
	tcp->context = context;
	routing_tcp_set(routing, &tcp_ops, tcp);
	return tcp;
}
