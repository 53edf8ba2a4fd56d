/* Weft's worker with a topology made by orders, for measurements. */
#include "bench_weft.h"

#include "base/arena.h"
#include "base/check.h"
#include "switch/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bench_weft {
	struct worker *worker;
	bool stepped;
};

void bench_pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* a machine with one core measures, too, if slowly */
}

static void on_event(void *context) {}

static struct mac mac_of(unsigned n) { return (struct mac){{0x52, 0x54, 0, 0, 0, (uint8_t)n}}; }

static struct ip ip4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	const uint8_t bytes[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};

	return ip_from_bytes(IP_V4, bytes);
}

static void order(struct bench_weft *weft, enum message_type type, const void *body)
{
	const struct message_row *row = message_row(type);
	struct worker_order *order = worker_order_new(WORKER_APPLY, row->size);

	order->from = type == MSG_FIB_BATCH ? PROCESS_ROUTE : PROCESS_CTL;
	order->seq = 1;
	order->row = row;
	memcpy(order->body, body, row->size);
	worker_order(weft->worker, order);
}

/* Network n (from 0) is 10.0.n.0/24; router r (from 1) joins networks r - 1 and r as .1 and .2 of them. */
static void order_network(struct bench_weft *weft, unsigned n)
{
	struct msg_network network = {.id = 100 + n, .kind = NETWORK_SEGMENT, .up = true, .mtu = 1500, .subnet_count = 1};

	network.subnets[0] = (struct prefix){ip4(10, 0, n, 0), 24};
	order(weft, MSG_NETWORK_SET, &network);
}

static void order_rif(struct bench_weft *weft, unsigned router, unsigned network, unsigned host)
{
	struct msg_rif rif = {.id = 1000 + 2 * router + host,
		.router = 200 + router,
		.network = 100 + network,
		.up = true,
		.mtu = 1500,
		.mac = mac_of(100 + 2 * router + host),
		.address_count = 1};

	rif.addresses[0] = (struct prefix){ip4(10, 0, network, host), 24};
	order(weft, MSG_RIF_SET, &rif);
}

static void order_route(struct bench_weft *weft, unsigned router, unsigned network, struct ip nexthop, unsigned host)
{
	static struct msg_fib fib;

	memset(&fib, 0, sizeof(fib));
	fib.router = 200 + router;
	fib.count = 1;
	fib.entries[0].prefix = (struct prefix){ip4(10, 0, network, 0), 24};
	fib.entries[0].add = true;
	fib.entries[0].action = ROUTE_FORWARD;
	fib.entries[0].protocol = ROUTE_STATIC;
	fib.entries[0].nexthop_count = 1;
	fib.entries[0].nexthops[0] = (struct nexthop){nexthop, 1000 + 2 * router + host};
	order(weft, MSG_FIB_BATCH, &fib);
}

/* Router r with its routes to the first and the last network. */
static void order_router(struct bench_weft *weft, unsigned r, unsigned routers)
{
	struct msg_router router = {.id = 200 + r};
	const struct ip direct = {0};

	order(weft, MSG_ROUTER_SET, &router);
	order_rif(weft, r, r - 1, 1);
	order_rif(weft, r, r, 2);
	order_route(weft, r, 0, r == 1 ? direct : ip4(10, 0, r - 1, 2), 1);
	order_route(weft, r, routers, r == routers ? direct : ip4(10, 0, r, 1), 2);
}

void bench_weft_frames(unsigned routers, struct bench_frame frames[2])
{
	for (unsigned i = 0; i < 2; i++)
		frames[i] = (struct bench_frame){.src = mac_of(i + 1),
			.dst = mac_of(2 - i),
			.ip_src = ip4(10, 0, i * routers, 10 + i),
			.ip_dst = ip4(10, 0, (1 - i) * routers, 11 - i)};
	if (routers > 0) {
		frames[0].dst = mac_of(100 + 2 * 1 + 1);
		frames[1].dst = mac_of(100 + 2 * routers + 2);
	}
}

static void order_port(struct bench_weft *weft, unsigned i, unsigned network, int fd)
{
	struct msg_port port = {.id = i + 1, .kind = PORT_VHOST, .up = true, .mtu = 1500, .network = 100 + network, .mac = mac_of(i + 1)};
	struct worker_order *attach = worker_order_new(WORKER_ATTACH, sizeof(port));

	port.ipv4 = ip4(10, 0, network, 10 + i);
	order(weft, MSG_PORT_SET, &port);
	memcpy(attach->body, &port, sizeof(port));
	attach->fd = fd;
	worker_order(weft->worker, attach);
}

struct bench_weft *bench_weft_start(unsigned routers, bool stepped, int core)
{
	struct bench_weft *weft = xalloc(sizeof(*weft));
	struct worker_config config = {
		.small_packets = 16384, .large_packets = 1024, .spin = span_us(50), .stepped = stepped, .notify = on_event};
	cpu_set_t before;
	struct err err;

	(void)sched_getaffinity(0, sizeof(before), &before);
	if (!stepped)
		bench_pin(core);
	weft->stepped = stepped;
	weft->worker = worker_new(&config, &err);
	if (weft->worker == NULL) {
		(void)fprintf(stderr, "switch_bench: %s\n", err.text);
		exit(1);
	}
	(void)sched_setaffinity(0, sizeof(before), &before);
	for (unsigned n = 0; n <= routers; n++)
		order_network(weft, n);
	for (unsigned r = 1; r <= routers; r++)
		order_router(weft, r, routers);
	return weft;
}

static void pump(void *context)
{
	for (int i = 0; i < 64; i++)
		worker_step(((struct bench_weft *)context)->worker);
}

void bench_weft_attach(struct bench_weft *weft, struct bench_guest guests[2])
{
	unsigned last = guests[0].frame.ip_dst.bytes[2];

	for (unsigned i = 0; i < 2; i++) {
		order_port(weft, i, i * last, guests[i].guest.back_fd);
		guests[i].guest.pump = weft->stepped ? pump : NULL;
		guests[i].guest.context = weft;
		bench_guest_set_up(&guests[i]);
	}
}

void bench_weft_step(struct bench_weft *weft) { worker_step(weft->worker); }

void bench_weft_end(struct bench_weft *weft)
{
	struct list events;
	struct worker_event *event;

	list_init(&events);
	worker_take_events(weft->worker, &events);
	list_each (event, &events, struct worker_event, node) {
		list_remove(&event->node);
		free(event);
	}
	worker_free(weft->worker);
	free(weft);
}
