/*
 * The BGP engine as a program of its own, without the daemon around it: what bench/bgp measures beside BIRD.
 *
 * usage: bgp_speaker LOCAL-ADDRESS AS [PEER-ADDRESS PEER-AS]...
 *
 * Listens at port 179, takes and passes on everything, reads its sockets dry and then lets the engine decide and export once.
 */
#include "route/bgp/bgp.h"

#include "base/arena.h"
#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PEERS_MAX 16
#define READ_BYTES (256 * 1024)

struct speaker {
	struct bgp *bgp;
	int poll, listener;
	int sockets[PEERS_MAX + 1]; /* by the engine's number; -1: none */
	struct in_addr addresses[PEERS_MAX + 1];
	unsigned peers;
	uint8_t bytes[READ_BYTES];
};

static struct speaker speaker;

static struct instant now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct instant){t.tv_sec * INT64_C(1000000000) + t.tv_nsec};
}

static void on_connect(void *context, uint16_t peer)
{
	(void)context;
	(void)peer; /* peers call */
}

static void on_close(void *context, uint16_t peer, bool incoming)
{
	struct speaker *s = context;

	if (incoming && s->sockets[peer] >= 0) {
		(void)close(s->sockets[peer]);
		s->sockets[peer] = -1;
	}
}

static void watch(const struct speaker *s, int operation, int fd, uint32_t events, unsigned number)
{
	struct epoll_event event = {.events = events, .data.u32 = number};

	(void)epoll_ctl(s->poll, operation, fd, &event);
}

static size_t on_send(void *context, uint16_t peer, bool incoming, const uint8_t *bytes, size_t count)
{
	struct speaker *s = context;
	ssize_t sent = send(s->sockets[peer], bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)incoming;
	if (sent < (ssize_t)count)
		watch(s, EPOLL_CTL_MOD, s->sockets[peer], EPOLLIN | EPOLLOUT, peer);
	return sent > 0 ? (size_t)sent : 0;
}

static const struct bgp_ops ops = {.connect = on_connect, .close = on_close, .send = on_send}; /* there is no RIB that wants to know */

static void accept_one(struct speaker *s)
{
	struct sockaddr_in from = {0};
	int fd = accept4(s->listener, (struct sockaddr *)&from, &(socklen_t){sizeof(from)}, SOCK_NONBLOCK | SOCK_CLOEXEC);

	for (unsigned i = 1; fd >= 0 && i <= s->peers; i++)
		if (s->addresses[i].s_addr == from.sin_addr.s_addr && s->sockets[i] < 0) {
			s->sockets[i] = fd;
			watch(s, EPOLL_CTL_ADD, fd, EPOLLIN, i);
			bgp_connected(s->bgp, (uint16_t)i, true, now());
			return;
		}
	if (fd >= 0)
		(void)close(fd);
}

static void read_dry(struct speaker *s, unsigned peer)
{
	for (unsigned turns = 0; s->sockets[peer] >= 0 && turns < 16; turns++) {
		ssize_t got = recv(s->sockets[peer], s->bytes, sizeof(s->bytes), MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0) {
			on_close(s, (uint16_t)peer, true);
			bgp_closed(s->bgp, (uint16_t)peer, true, now());
			return;
		}
		bgp_receive(s->bgp, (uint16_t)peer, true, s->bytes, (size_t)got, now());
	}
}

static void turn(struct speaker *s)
{
	struct epoll_event events[PEERS_MAX + 1];
	int64_t wait_ns = instant_diff(bgp_next(s->bgp), now()).ns;
	int got = epoll_wait(s->poll, events, PEERS_MAX + 1, wait_ns <= 0 ? 0 : wait_ns > 1000000000 ? 1000 : (int)(wait_ns / 1000000) + 1);

	for (int i = 0; i < got; i++) {
		unsigned peer = events[i].data.u32;

		if (peer == 0) {
			accept_one(s);
			continue;
		}
		if (events[i].events & EPOLLOUT && s->sockets[peer] >= 0) {
			watch(s, EPOLL_CTL_MOD, s->sockets[peer], EPOLLIN, peer);
			bgp_writable(s->bgp, (uint16_t)peer, true, now());
		}
		if (events[i].events & (EPOLLIN | EPOLLHUP))
			read_dry(s, peer);
	}
	bgp_tick(s->bgp, now());
	bgp_flush(s->bgp, now());
}

static struct ip address_of(const char *text, struct in_addr *out)
{
	CHECK(inet_pton(AF_INET, text, out) == 1);
	return ip_from_u32(ntohl(out->s_addr));
}

int main(int argc, char **argv)
{
	struct speaker *s = &speaker;
	struct sockaddr_in bound = {.sin_family = AF_INET, .sin_port = htons(BGP_PORT)};
	struct bgp_settings settings;
	struct ip local;

	if (argc < 3 || argc > 3 + 2 * PEERS_MAX || argc % 2 == 0) {
		(void)fprintf(stderr, "usage: bgp_speaker LOCAL-ADDRESS AS [PEER-ADDRESS PEER-AS]...\n");
		return 2;
	}
	local = address_of(argv[1], &bound.sin_addr);
	settings = bgp_settings_default((uint32_t)strtoul(argv[2], NULL, 10), ip_to_u32(local));
	s->bgp = bgp_new(&settings, &ops, s, 1);
	s->poll = epoll_create1(EPOLL_CLOEXEC);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(s->listener, (const struct sockaddr *)&bound, sizeof(bound)) != 0 || listen(s->listener, PEERS_MAX) != 0) {
		perror("bgp_speaker");
		return 1;
	}
	watch(s, EPOLL_CTL_ADD, s->listener, EPOLLIN, 0);
	for (int i = 3; i < argc; i += 2) {
		struct bgp_peer_settings peer = bgp_peer_settings_default();
		struct in_addr address;

		peer.address = address_of(argv[i], &address);
		peer.local = local;
		peer.as = (uint32_t)strtoul(argv[i + 1], NULL, 10);
		peer.passive = peer.import_all = peer.export_all = true;
		s->peers = bgp_peer_add(s->bgp, &peer, now());
		s->addresses[s->peers] = address;
		s->sockets[s->peers] = -1;
	}
	for (;;)
		turn(s);
}
