/*
 * Measures switches: switch_bench [OPTION]... [WORK]...
 *
 * Two guests on one core, one switch on the other. Both guests send as fast as the switch takes frames and count what arrives; the figure
 * is millions of packets a second, both directions together. Every switch is measured in every round, one after the other, so that a busy
 * machine is busy for all; the figure of a switch is the median of its rounds.
 */
#include "bench_weft.h"

#include "base/check.h"
#include "base/instant.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 99, PEERS_MAX = 4, GUEST_CORE = 0, SWITCH_CORE = 1, SEND_BURST = 64, STEP_BURST = 64 };

struct work {
	const char *name;
	unsigned routers;
	uint32_t bytes;
	uint32_t flows;
	bool round_trip; /* one frame under way; the figure is nanoseconds */
};

static const struct work works[] = {
	{"l2-1k", 0, 64, 1000, false},
	{"l2-100k", 0, 64, 100000, false},
	{"l2-new", 0, 64, 0, false},
	{"l2-1518", 0, 1514, 1000, false},
	{"l3-1k", 1, 64, 1000, false},
	{"l3-100k", 1, 64, 100000, false},
	{"l3-1518", 1, 1514, 1000, false},
	{"routers8-1k", 8, 64, 1000, false},
	{"round-trip", 0, 64, 1, true},
};

/* A switch of somebody else's: a process that is stopped while others are measured. */
struct peer {
	const char *name;
	pid_t pid;
	struct bench_guest guests[2];
};

struct options {
	unsigned rounds;
	unsigned ms; /* of one measurement */
	bool json;
	bool step; /* cycles and, under callgrind, instructions, with everything in one thread */
	bool weft_only;
	const char *only;
};

static struct peer peers[PEERS_MAX];
static unsigned peer_count;

static double now_s(void) { return (double)clock_monotonic().ns / 1e9; }

static void wait_ms(long ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}

static void complain(const char *what, const char *whom)
{
	(void)fprintf(stderr, "switch_bench: %s: %s\n", whom, what);
	exit(1);
}

/* Sends and counts for a while; packets a second. */
static double rate_for(struct bench_guest guests[2], double seconds)
{
	uint64_t before = guests[0].received + guests[1].received;
	double start = now_s(), end = start;

	for (unsigned i = 0; end - start < seconds; i++) {
		for (unsigned g = 0; g < 2; g++) {
			(void)bench_guest_receive(&guests[g]);
			(void)bench_guest_send(&guests[g], SEND_BURST);
		}
		if ((i & 63) == 63)
			end = now_s();
	}
	return (double)(guests[0].received + guests[1].received - before) / (end - start);
}

/* Takes what is still under way. */
static void drain(struct bench_guest guests[2])
{
	double start = now_s();

	while ((bench_guest_pending(&guests[0]) > 0 || bench_guest_pending(&guests[1]) > 0) && now_s() - start < 2)
		for (unsigned g = 0; g < 2; g++)
			(void)bench_guest_receive(&guests[g]);
	wait_ms(2);
	for (unsigned g = 0; g < 2; g++)
		(void)bench_guest_receive(&guests[g]);
}

static int double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(values[0]), double_order);
	return values[count / 2];
}

/* The time of one frame there and one back, the median of many. */
static double round_trip_ns(struct bench_guest guests[2], double seconds)
{
	static double samples[200000];
	unsigned count = 0;
	double end = now_s() + seconds;

	while (count < COUNT_OF(samples) && now_s() < end) {
		double start = now_s();

		for (unsigned g = 0; g < 2; g++) {
			double patience = start + 1;

			(void)bench_guest_send(&guests[g], 1);
			while (bench_guest_receive(&guests[!g]) == 0)
				if (now_s() > patience)
					return 0;
		}
		samples[count++] = (now_s() - start) * 1e9;
	}
	return count > 0 ? median(samples, count) : 0;
}

static double measure(struct bench_guest guests[2], const struct work *work, const char *name, const struct options *options)
{
	double seconds = options->ms / 1e3, figure;

	for (unsigned g = 0; g < 2; g++)
		guests[g].disordered = 0;
	if (work->round_trip) {
		(void)round_trip_ns(guests, seconds / 5);
		figure = round_trip_ns(guests, seconds);
		drain(guests);
		return figure;
	}
	(void)rate_for(guests, seconds / 5);
	figure = rate_for(guests, seconds) / 1e6;
	drain(guests);
	if (guests[0].disordered + guests[1].disordered > 0)
		complain("buffers came back in another order than they were offered", name);
	for (unsigned g = 0; g < 2; g++)
		if (!bench_guest_check(&guests[g], guests[g].frame.src, work->bytes))
			complain("a frame arrived that nobody sent", name);
	return figure;
}

static void frames_of(const struct work *work, struct bench_frame frames[2])
{
	bench_weft_frames(work->routers, frames);
	for (unsigned g = 0; g < 2; g++) {
		frames[g].bytes = work->bytes;
		frames[g].flows = work->flows;
	}
}

static double measure_weft(const struct work *work, const struct options *options)
{
	struct bench_frame frames[2];
	struct bench_guest guests[2];
	struct bench_weft *weft = bench_weft_start(work->routers, false, SWITCH_CORE);
	double figure;

	frames_of(work, frames);
	for (unsigned g = 0; g < 2; g++)
		bench_guest_start(&guests[g], &frames[g]);
	bench_weft_attach(weft, guests);
	wait_ms(20);
	figure = measure(guests, work, "weft", options);
	bench_weft_end(weft);
	for (unsigned g = 0; g < 2; g++)
		bench_guest_end(&guests[g]);
	return figure;
}

static double measure_limit(const struct work *work, const struct options *options)
{
	struct bench_frame frames[2];
	struct bench_guest guests[2];
	struct bench_limit *limit;
	double figure;

	frames_of(work, frames);
	/* Without a router in between nothing is rewritten. */
	if (work->routers > 0)
		for (unsigned g = 0; g < 2; g++)
			frames[g].dst = frames[!g].src;
	for (unsigned g = 0; g < 2; g++)
		bench_guest_start(&guests[g], &frames[g]);
	limit = bench_limit_start(guests, SWITCH_CORE);
	figure = measure(guests, work, "limit", options);
	bench_limit_end(limit);
	for (unsigned g = 0; g < 2; g++) {
		(void)close(guests[g].guest.back_fd);
		bench_guest_end(&guests[g]);
	}
	return figure;
}

/* Gives the peer's threads the priority that we have. */
static void peer_hurry(const struct peer *peer)
{
	struct sched_param priority;
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)peer->pid);
	tasks = opendir(path);
	if (tasks == NULL || sched_getparam(0, &priority) != 0)
		complain("it is gone", peer->name);
	while ((entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.')
			(void)sched_setscheduler((pid_t)strtol(entry->d_name, NULL, 10), sched_getscheduler(0), &priority);
	(void)closedir(tasks);
}

static double measure_peer(struct peer *peer, const struct work *work, const struct options *options)
{
	struct bench_frame frames[2];
	double figure;

	frames_of(work, frames);
	peer_hurry(peer);
	(void)kill(peer->pid, SIGCONT);
	wait_ms(20);
	for (unsigned g = 0; g < 2; g++)
		bench_guest_set_frame(&peer->guests[g], &frames[g]);
	figure = measure(peer->guests, work, peer->name, options);
	(void)kill(peer->pid, SIGSTOP);
	return figure;
}

/* Waits for the back end of a peer at a socket. */
static void peer_accept(struct bench_guest *guest, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {20, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		complain("the path is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0)
		complain(strerror(errno), path);
	(void)close(guest->guest.fd);
	(void)close(guest->guest.back_fd);
	guest->guest.fd = accept(fd, NULL, NULL);
	if (guest->guest.fd < 0)
		complain("no switch has connected within 20 s", path);
	(void)setsockopt(guest->guest.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)close(fd);
}

/* --peer NAME:PID:SOCKET:SOCKET */
static void peer_open(char *text)
{
	struct peer *peer = &peers[peer_count];
	char *paths[2], *pid;
	struct bench_frame frames[2];

	if (peer_count == PEERS_MAX)
		complain("that is one too many", text);
	peer->name = strsep(&text, ":");
	pid = strsep(&text, ":");
	paths[0] = strsep(&text, ":");
	paths[1] = strsep(&text, ":");
	if (paths[1] == NULL)
		complain("expected NAME:PID:SOCKET:SOCKET", peer->name);
	peer->pid = (pid_t)strtol(pid, NULL, 10);
	frames_of(&works[0], frames);
	for (unsigned g = 0; g < 2; g++) {
		bench_guest_start(&peer->guests[g], &frames[g]);
		peer_accept(&peer->guests[g], paths[g]);
		bench_guest_set_up(&peer->guests[g]);
	}
	wait_ms(200);
	(void)kill(peer->pid, SIGSTOP);
	peer_count++;
}

/* One switch's figures of one work. */
struct series {
	const char *name;
	double values[ROUNDS_MAX];
};

static void print_series(const struct work *work, struct series *series, const struct options *options, bool first)
{
	double values[ROUNDS_MAX], middle;

	memcpy(values, series->values, sizeof(values));
	middle = median(values, options->rounds);
	if (!options->json) {
		(void)printf("%-12s %-10s %8.2f %s", work->name, series->name, work->round_trip ? middle / 1e3 : middle,
			work->round_trip ? "us" : "Mpps");
		if (!work->round_trip)
			(void)printf(" %8.2f Gbit/s", middle * work->bytes * 8 / 1e3);
		(void)printf("   (%.2f .. %.2f)\n", values[0], values[options->rounds - 1]);
		(void)fflush(stdout);
		return;
	}
	(void)printf("%s  {\"work\": \"%s\", \"switch\": \"%s\", \"bytes\": %" PRIu32 ", \"flows\": %" PRIu32
		     ", \"routers\": %u, \"%s\": %.3f, ",
		first ? "" : ",\n", work->name, series->name, work->bytes, work->flows, work->routers,
		work->round_trip ? "round_trip_ns" : "mpps", middle);
	(void)printf("\"rounds\": [");
	for (unsigned r = 0; r < options->rounds; r++)
		(void)printf("%s%.3f", r > 0 ? ", " : "", series->values[r]);
	(void)printf("]}");
}

static void run_work(const struct work *work, const struct options *options, bool first)
{
	static struct series series[PEERS_MAX + 2];
	unsigned count = 0;

	memset(series, 0, sizeof(series));
	for (unsigned r = 0; r < options->rounds; r++) {
		count = 0;
		if (!options->weft_only) {
			series[count].name = "limit";
			series[count++].values[r] = measure_limit(work, options);
		}
		series[count].name = "weft";
		series[count++].values[r] = measure_weft(work, options);
		/* The peers are set up as bridges. */
		for (unsigned p = 0; work->routers == 0 && p < peer_count; p++) {
			series[count].name = peers[p].name;
			series[count++].values[r] = measure_peer(&peers[p], work, options);
		}
	}
	for (unsigned i = 0; i < count; i++)
		print_series(work, &series[i], options, first && i == 0);
}

/* Everything in one thread: what a packet costs the switch when its memory is near. */
static void step_work(const struct work *work, const struct options *options)
{
	static double cycles[20000];
	struct bench_frame frames[2];
	struct bench_guest guests[2];
	struct bench_weft *weft = bench_weft_start(work->routers, true, SWITCH_CORE);
	unsigned count = 0, batches = options->ms * 10;
	uint64_t sent = 0;

	if (batches > COUNT_OF(cycles))
		batches = COUNT_OF(cycles);
	frames_of(work, frames);
	for (unsigned g = 0; g < 2; g++)
		bench_guest_start(&guests[g], &frames[g]);
	bench_weft_attach(weft, guests);
	while (count < batches) {
		uint64_t start;
		unsigned packets = 0;

		for (unsigned g = 0; g < 2; g++)
			packets += bench_guest_send(&guests[g], STEP_BURST);
		start = __builtin_ia32_rdtsc();
		while (bench_guest_pending(&guests[0]) + bench_guest_pending(&guests[1]) > 0)
			bench_weft_step(weft);
		cycles[count++] = (double)(__builtin_ia32_rdtsc() - start) / packets;
		for (unsigned g = 0; g < 2; g++)
			(void)bench_guest_receive(&guests[g]);
		sent += packets;
	}
	(void)printf("%-12s %8.1f cycles a packet, %" PRIu64 " sent, %" PRIu64 " received\n", work->name, median(cycles, count), sent,
		guests[0].received + guests[1].received);
	bench_weft_end(weft);
	for (unsigned g = 0; g < 2; g++)
		bench_guest_end(&guests[g]);
}

static void usage(void)
{
	(void)fprintf(stderr,
		"usage: switch_bench [-j] [-r ROUNDS] [-t MILLISECONDS] [-s] [-w] [--peer NAME:PID:SOCKET:SOCKET]... [WORK]...\n"
		"  -s: everything in one thread, for counting cycles and instructions; -w: only Weft's own switch\nworks:");
	for (unsigned i = 0; i < COUNT_OF(works); i++)
		(void)fprintf(stderr, " %s", works[i].name);
	(void)fprintf(stderr, "\n");
	exit(2);
}

static bool wanted(const struct work *work, char **names)
{
	for (char **name = names; *name != NULL; name++)
		if (strcmp(*name, work->name) == 0)
			return true;
	return *names == NULL;
}

static void options_read(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = {{"peer", required_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "jr:t:sw", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			options->json = true;
			break;
		case 'r':
			options->rounds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			options->ms = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			options->step = true;
			break;
		case 'w':
			options->weft_only = true;
			break;
		case 'p':
			peer_open(optarg);
			break;
		default:
			usage();
		}
	}
	if (options->rounds < 1 || options->rounds > ROUNDS_MAX || options->ms < 1 || options->ms > 60000)
		usage();
}

int main(int argc, char **argv)
{
	struct options options = {.rounds = 3, .ms = 300};
	bool first = true;

	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	options_read(&options, argc, argv);
	bench_pin(GUEST_CORE);
	if (options.json)
		(void)printf("[\n");
	for (unsigned i = 0; i < COUNT_OF(works); i++) {
		if (!wanted(&works[i], argv + optind) || (options.step && works[i].round_trip))
			continue;
		if (options.step)
			step_work(&works[i], &options);
		else
			run_work(&works[i], &options, first);
		first = false;
	}
	if (options.json)
		(void)printf("\n]\n");
	for (unsigned p = 0; p < peer_count; p++)
		(void)kill(peers[p].pid, SIGCONT);
	return 0;
}
