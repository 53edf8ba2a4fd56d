/*
 * The RIP engine alone on a real UDP socket of this network namespace: the shortest way to see it talk to another implementation.
 *
 *     rip_harness IFNAME ADDRESS/LENGTH AUTH KEY-ID KEY SECONDS [PREFIX ...]
 *
 * AUTH is none, password, md5, sha1, sha256, sha384 or sha512. Advertises the prefixes for so many seconds, then prints what it learnt
 * ("route PREFIX via NEXTHOP metric N") and what it refused ("drop REASON N").
 */
#include "base/rand.h"
#include "route/rip/rip.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RIF 1

static int harness_socket(const char *ifname, struct ip address)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(RIP_PORT)};
	struct ip_mreqn group = {.imr_ifindex = (int)if_nametoindex(ifname)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), zero = 0, ttl = 1;

	group.imr_multiaddr.s_addr = htonl(0xe0000009);
	memcpy(&group.imr_address, address.bytes, 4);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &zero, sizeof(zero)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) < 0) {
		perror("rip_harness: socket");
		exit(1);
	}
	return fd;
}

static void harness_send(void *context, const struct rip_datagram *datagram)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(datagram->port)};

	memcpy(&to.sin_addr, datagram->destination.bytes, 4);
	if (sendto(*(int *)context, datagram->bytes, datagram->size, 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
		perror("rip_harness: send");
}

static void harness_learnt(
	void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned count, uint8_t metric, struct instant now)
{
	(void)context;
	(void)prefix;
	(void)nexthops;
	(void)count;
	(void)metric;
	(void)now;
}

static void harness_limit(void *context, const char *limit, uint64_t value)
{
	(void)context;
	(void)fprintf(stderr, "limit %s %llu\n", limit, (unsigned long long)value);
}

static const struct rip_ops harness_ops = {harness_send, harness_learnt, harness_limit};

static void print_route(void *context, const struct row_rip *row)
{
	char prefix[PREFIX_TEXT_BYTES], nexthop[IP_TEXT_BYTES];

	(void)context;
	(void)printf("route %s via %s metric %u\n", prefix_text(row->prefix, prefix), ip_text(row->nexthop, nexthop), row->metric);
}

static void print_drop(void *context, const struct row_drop *row)
{
	(void)context;
	(void)printf("drop %s %llu\n", row->reason, (unsigned long long)row->packets);
}

static struct rip_interface_settings harness_settings(const char *auth, const char *id, const char *key)
{
	static const char *const names[RIP_AUTH_COUNT] = {"none", "password", "md5", "sha1", "sha256", "sha384", "sha512"};
	struct rip_interface_settings settings = {.cost = 1, .key = {.id = (uint8_t)strtoul(id, NULL, 10)}};

	for (enum rip_auth kind = 0; kind < RIP_AUTH_COUNT; kind++)
		if (strcmp(auth, names[kind]) == 0)
			settings.key.kind = kind;
	settings.key.size = (uint8_t)strnlen(key, RIP_KEY_BYTES);
	memcpy(settings.key.bytes, key, settings.key.size);
	return settings;
}

static void harness_run(struct rip *rip, int fd, struct span span)
{
	struct instant end = instant_add(clock_monotonic(), span);

	for (struct instant now = clock_monotonic(); instant_before(now, end); now = clock_monotonic()) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		struct instant next = instant_earlier(rip_next(rip), end);
		struct sockaddr_in from = {0};
		socklen_t from_bytes = sizeof(from);
		uint8_t bytes[2048];
		struct rip_arrival arrival = {.rif = RIF, .bytes = bytes};
		ssize_t size;

		if (poll(&wait, 1, instant_before(now, next) ? (int)span_to_ms(instant_diff(next, now)) : 0) > 0) {
			size = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_bytes);
			arrival.source = ip_from_u32(ntohl(from.sin_addr.s_addr));
			arrival.source_port = ntohs(from.sin_port);
			arrival.size = size > 0 ? (size_t)size : 0;
			(void)rip_receive(rip, &arrival, clock_monotonic());
		}
		rip_tick(rip, clock_monotonic());
	}
}

int main(int argc, char **argv)
{
	const struct rip_settings settings = rip_settings_default();
	const struct rip_local local = {.metric = 1};
	struct rip_interface_settings interface;
	struct instant now = clock_monotonic();
	struct prefix prefix;
	struct rip *rip;
	int fd;

	if (argc < 7 || !prefix_parse(argv[2], &prefix)) {
		(void)fprintf(stderr, "usage: rip_harness IFNAME ADDRESS/LENGTH AUTH KEY-ID KEY SECONDS [PREFIX ...]\n");
		return 2;
	}
	fd = harness_socket(argv[1], prefix.ip);
	rip = rip_new(&settings, &harness_ops, &fd, rand_kernel_seed(), (uint32_t)(clock_wall_ns() / 1000000000), now);
	interface = harness_settings(argv[3], argv[4], argv[5]);
	rip_interface_set(rip, RIF, &interface, now);
	rip_interface_state(rip, RIF, true, &prefix, 1, now);
	for (int i = 7; i < argc; i++)
		if (prefix_parse(argv[i], &prefix))
			(void)rip_local_set(rip, &prefix, &local, now);
	harness_run(rip, fd, span_s(strtol(argv[6], NULL, 10)));
	rip_show_routes(rip, 1, clock_monotonic(), print_route, NULL);
	rip_show_drops(rip, 1, print_drop, NULL);
	rip_free(rip);
	(void)close(fd);
	return 0;
}
