/*
 * Feeders and a sink around a BGP speaker: how long routes take through it.
 *
 * usage: bgp_blast SPEAKER-ADDRESS SINK-ADDRESS FEEDERS PREFIXES DISTINCT SHARED FEEDER-ADDRESS... [PAUSE-S]
 *
 * FEEDERS (AS 65011 ...) announce PREFIXES /24 each, of DISTINCT ones in all, SHARED of them with one set of attributes; the sink (AS
 * 65002) takes what the speaker makes of it. With one feeder everything is withdrawn afterwards (PAUSE-S seconds later). Prints a line
 * of JSON: milliseconds from the first byte to the last change, and the announcements that the sink got.
 */
#include "base/arena.h"
#include "base/check.h"
#include "base/writer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FEEDERS_MAX 8
#define QUIET_MS 300
#define PATIENCE_MS 120000
#define MESSAGE_MAX 4096

/* A connection; of the feeders `bytes` are what is to be sent. */
struct end {
	int fd;
	uint8_t *bytes;
	size_t size, at;
	uint8_t input[1 << 20];
	size_t used;
};

/* What the sink has. */
struct sink {
	uint8_t *has; /* a byte a prefix */
	uint32_t distinct;
	uint64_t announced, withdrawn;
	int64_t last_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void pause_ms(int ms) { (void)poll(NULL, 0, ms); }

static void die(const char *what)
{
	(void)fprintf(stderr, "bgp_blast: %s\n", what);
	exit(1);
}

/* Prefix `i` is 20.0.0.0/24 and those after it. */
static uint32_t prefix_of(uint32_t i) { return 0x14000000u + (i << 8); }

static void header(struct writer *w, uint8_t type, size_t *start)
{
	*start = writer_used(w);
	for (int i = 0; i < 16; i++)
		writer_u8(w, 0xff);
	writer_u16(w, 0);
	writer_u8(w, type);
}

static void finish(struct writer *w, size_t start) { writer_patch_u16(w, start + 16, (uint16_t)(writer_used(w) - start)); }

static void prefix_add(struct writer *w, uint32_t i)
{
	uint32_t prefix = prefix_of(i);

	writer_u8(w, 24);
	writer_u8(w, (uint8_t)(prefix >> 24));
	writer_u8(w, (uint8_t)(prefix >> 16));
	writer_u8(w, (uint8_t)(prefix >> 8));
}

/* An UPDATE that announces `count` prefixes from `first` with a path of their own. */
static void announce(struct writer *w, unsigned feeder, struct in_addr address, uint32_t first, uint32_t count)
{
	const uint32_t path[] = {65011 + feeder, 3000 + first % 977, 50000 + first / 7 % 9973, 100000 + first};
	size_t start, attributes;

	header(w, 2, &start);
	writer_u16(w, 0);
	attributes = writer_used(w);
	writer_u16(w, 0);
	writer_u32(w, 0x40010100);
	writer_u8(w, 0x40);
	writer_u8(w, 2);
	writer_u8(w, 2 + sizeof(path));
	writer_u8(w, 2);
	writer_u8(w, 4);
	for (int i = 0; i < 4; i++)
		writer_u32(w, path[i]);
	writer_u8(w, 0x40);
	writer_u8(w, 3);
	writer_u8(w, 4);
	writer_u32(w, ntohl(address.s_addr));
	writer_patch_u16(w, attributes, (uint16_t)(writer_used(w) - attributes - 2));
	for (uint32_t i = 0; i < count; i++)
		prefix_add(w, first + i);
	finish(w, start);
}

static void make_announcements(struct end *end, unsigned feeder, struct in_addr address, uint32_t first, uint32_t count, uint32_t shared)
{
	size_t room = (size_t)(count / shared + 1) * 128 + (size_t)count * 4;
	struct writer w;

	end->bytes = xalloc(room);
	w = writer_over(end->bytes, room);
	for (uint32_t i = 0; i < count; i += shared)
		announce(&w, feeder, address, first + i, count - i < shared ? count - i : shared);
	CHECK(writer_ok(&w));
	end->size = writer_used(&w);
	end->at = 0;
}

static void make_withdrawals(struct end *end, uint32_t count)
{
	size_t room = (size_t)count * 4 + (count / 900 + 1) * 64;
	struct writer w;

	free(end->bytes);
	end->bytes = xalloc(room);
	w = writer_over(end->bytes, room);
	for (uint32_t i = 0; i < count;) {
		size_t start, length;

		header(&w, 2, &start);
		length = writer_used(&w);
		writer_u16(&w, 0);
		for (uint32_t k = 0; k < 900 && i < count; k++)
			prefix_add(&w, i++);
		writer_patch_u16(&w, length, (uint16_t)(writer_used(&w) - length - 2));
		writer_u16(&w, 0);
		finish(&w, start);
	}
	CHECK(writer_ok(&w));
	end->size = writer_used(&w);
	end->at = 0;
}

static void prefixes_read(struct sink *sink, const uint8_t *at, const uint8_t *end, bool there, uint32_t count)
{
	while (at < end) {
		uint32_t prefix = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8;
		uint32_t i = (prefix - 0x14000000u) >> 8;

		if (at[0] != 24 || i >= count)
			die("the speaker made a prefix up");
		sink->distinct += (uint32_t)there - sink->has[i];
		sink->has[i] = there;
		if (there)
			sink->announced++;
		else
			sink->withdrawn++;
		at += 4;
	}
}

static void message_read(struct sink *sink, const uint8_t *message, size_t length, uint32_t count)
{
	size_t withdrawn, attributes;

	if (message[18] == 3)
		die("the speaker sent a NOTIFICATION");
	if (message[18] != 2)
		return;
	withdrawn = (size_t)(message[19] << 8 | message[20]);
	attributes = (size_t)(message[21 + withdrawn] << 8 | message[22 + withdrawn]);
	prefixes_read(sink, message + 21, message + 21 + withdrawn, false, count);
	prefixes_read(sink, message + 23 + withdrawn + attributes, message + length, true, count);
	sink->last_ns = now_ns();
}

/* Reads what has come; `sink` NULL: throws it away. Returns messages that were read, -1: the other side closed. */
static int end_read(struct end *end, struct sink *sink, uint32_t count)
{
	ssize_t got = recv(end->fd, end->input + end->used, sizeof(end->input) - end->used, MSG_DONTWAIT);
	size_t at = 0;
	int messages = 0;

	if (got == 0 || (got < 0 && errno != EAGAIN))
		return -1;
	end->used += got > 0 ? (size_t)got : 0;
	while (end->used - at >= 19) {
		size_t length = (size_t)(end->input[at + 16] << 8 | end->input[at + 17]);

		if (end->used - at < length)
			break;
		if (sink != NULL)
			message_read(sink, end->input + at, length, count);
		at += length;
		messages++;
	}
	memmove(end->input, end->input + at, end->used - at);
	end->used -= at;
	return messages;
}

/* Our OPEN and KEEPALIVE. */
static size_t open_write(uint8_t *bytes, size_t size, struct in_addr address, uint32_t as)
{
	struct writer w = writer_over(bytes, size);
	size_t start;

	header(&w, 1, &start);
	writer_u8(&w, 4);
	writer_u16(&w, (uint16_t)as);
	writer_u16(&w, 240);
	writer_u32(&w, ntohl(address.s_addr));
	writer_u8(&w, 14);
	writer_u16(&w, 0x020c);
	writer_u16(&w, 0x0104);
	writer_u32(&w, 0x00010001);
	writer_u16(&w, 0x4104);
	writer_u32(&w, as);
	finish(&w, start);
	header(&w, 4, &start);
	finish(&w, start);
	return writer_used(&w);
}

/* One try to have a session: connects, exchanges OPEN and KEEPALIVE. False when the other side isn't ready. */
static bool session_try(struct end *end, struct in_addr speaker, struct in_addr address, uint32_t as)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(179), .sin_addr = speaker};
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = address};
	uint8_t bytes[128];
	size_t size = open_write(bytes, sizeof(bytes), address, as);
	bool good;

	end->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	end->used = 0;
	if (bind(end->fd, (const struct sockaddr *)&from, sizeof(from)) != 0)
		die("can't bind an address");
	good = connect(end->fd, (const struct sockaddr *)&to, sizeof(to)) == 0 && send(end->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
	for (unsigned messages = 0; good && messages < 2;) {
		struct pollfd poll_fd = {end->fd, POLLIN, 0};
		int got = poll(&poll_fd, 1, 10000) == 1 ? end_read(end, NULL, 0) : -1;

		good = got >= 0;
		messages += good ? (unsigned)got : 0;
	}
	return good;
}

static struct end *session_open(struct in_addr speaker, struct in_addr address, uint32_t as)
{
	struct end *end = xalloc(sizeof(*end));

	for (int tries = 0; !session_try(end, speaker, address, as); tries++) {
		(void)close(end->fd);
		if (tries == 200)
			die("no session comes up");
		pause_ms(100);
	}
	(void)fcntl(end->fd, F_SETFL, O_NONBLOCK);
	return end;
}

/* Sends all that the feeders have and reads what comes until the sink has `wanted` prefixes and it is quiet. Milliseconds. */
static double run(struct end *sink_end, struct end **feeders, unsigned feeder_count, struct sink *sink, uint32_t count, uint32_t wanted)
{
	int64_t start = now_ns();

	sink->last_ns = start;
	sink->announced = sink->withdrawn = 0;
	for (;;) {
		struct pollfd fds[FEEDERS_MAX + 1] = {{sink_end->fd, POLLIN, 0}};
		bool sending = false;

		for (unsigned i = 0; i < feeder_count; i++) {
			bool more = feeders[i]->at < feeders[i]->size;

			sending |= more;
			fds[i + 1] = (struct pollfd){feeders[i]->fd, (short)(POLLIN | (more ? POLLOUT : 0)), 0};
		}
		(void)poll(fds, feeder_count + 1, 20);
		if (fds[0].revents && end_read(sink_end, sink, count) < 0)
			die("the speaker closed the sink's connection");
		for (unsigned i = 0; i < feeder_count; i++) {
			if (fds[i + 1].revents & POLLOUT) {
				ssize_t sent = send(feeders[i]->fd, feeders[i]->bytes + feeders[i]->at, feeders[i]->size - feeders[i]->at,
					MSG_DONTWAIT);

				feeders[i]->at += sent > 0 ? (size_t)sent : 0;
			}
			if (fds[i + 1].revents & POLLIN && end_read(feeders[i], NULL, 0) < 0)
				die("the speaker closed a feeder's connection");
		}
		if (!sending && sink->distinct == wanted && now_ns() - sink->last_ns > QUIET_MS * INT64_C(1000000))
			return (double)(sink->last_ns - start) / 1e6;
		if (now_ns() - start > PATIENCE_MS * INT64_C(1000000))
			die("it takes too long");
	}
}

static struct in_addr address_of(const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		die("no address");
	return address;
}

int main(int argc, char **argv)
{
	unsigned feeder_count = argc > 6 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	struct end *feeders[FEEDERS_MAX], *sink_end;
	uint32_t prefixes, distinct, shared;
	struct sink sink = {0};
	double ms;

	if (feeder_count == 0 || feeder_count > FEEDERS_MAX || (argc != 7 + (int)feeder_count && argc != 8 + (int)feeder_count))
		die("usage: bgp_blast SPEAKER SINK FEEDERS PREFIXES DISTINCT SHARED FEEDER-ADDRESS... [PAUSE-S]");
	prefixes = (uint32_t)strtoul(argv[4], NULL, 10);
	distinct = (uint32_t)strtoul(argv[5], NULL, 10);
	shared = (uint32_t)strtoul(argv[6], NULL, 10);
	if (shared == 0 || shared > 900 || distinct < prefixes)
		die("at most 900 prefixes share attributes; there are at least as many distinct ones as a feeder has");
	sink.has = xalloc(distinct);
	sink_end = session_open(address_of(argv[1]), address_of(argv[2]), 65002);
	for (unsigned i = 0; i < feeder_count; i++) {
		uint32_t first = feeder_count > 1 ? (uint32_t)((uint64_t)(distinct - prefixes) * i / (feeder_count - 1)) : 0;

		feeders[i] = session_open(address_of(argv[1]), address_of(argv[7 + i]), 65011 + i);
		make_announcements(feeders[i], i, address_of(argv[7 + i]), first / shared * shared, prefixes, shared);
	}
	pause_ms(300);
	ms = run(sink_end, feeders, feeder_count, &sink, distinct, distinct);
	(void)printf("{\"announce_ms\": %.1f, \"announced\": %llu", ms, (unsigned long long)sink.announced);
	if (feeder_count == 1) {
		if (argc == 8 + (int)feeder_count)
			pause_ms((int)strtoul(argv[argc - 1], NULL, 10) * 1000);
		make_withdrawals(feeders[0], prefixes);
		ms = run(sink_end, feeders, feeder_count, &sink, distinct, 0);
		(void)printf(", \"withdraw_ms\": %.1f", ms);
	}
	(void)printf("}\n");
	return 0;
}
