/*
 * The pool of packets.
 *
 * Theory of operation. Two stocks, one of small buffers (almost every frame) and one of large (segments of up to 64 KiB before they are
 * cut). Each packet is one piece of memory: struct packet, headroom, frame. It is taken from malloc when its stock is empty and the limit
 * isn't reached, and goes back to the stock, so a busy switch allocates nothing. The last one used is the first one reused: its cache lines
 * are warm.
 */
#include "switch/packet.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

/* A cache line. */
#define PACKET_ALIGN 64

struct stock {
	struct packet *free;
	uint32_t buffer_bytes;
	unsigned made;
	unsigned limit;
	unsigned idle; /* in the free list */
};

struct packet_pool {
	struct stock small;
	struct stock large;
};

struct packet_pool *packet_pool_new(unsigned small, unsigned large)
{
	struct packet_pool *pool = xalloc(sizeof(*pool));

	pool->small = (struct stock){.buffer_bytes = PACKET_HEADROOM_BYTES + PACKET_SMALL_BYTES, .limit = small};
	pool->large = (struct stock){.buffer_bytes = PACKET_HEADROOM_BYTES + PACKET_FRAME_BYTES_MAX, .limit = large};
	return pool;
}

static void stock_free(struct stock *stock)
{
	CHECK(stock->idle == stock->made); /* every packet came back */
	while (stock->free != NULL) {
		struct packet *packet = stock->free;

		stock->free = packet->next;
		free(packet);
	}
}

void packet_pool_free(struct packet_pool *pool)
{
	if (pool == NULL)
		return;
	stock_free(&pool->small);
	stock_free(&pool->large);
	free(pool);
}

unsigned packet_pool_used(const struct packet_pool *pool)
{
	return pool->small.made - pool->small.idle + pool->large.made - pool->large.idle;
}

/* A packet of the stock, from its free list or made; NULL at the limit. */
static struct packet *stock_take(struct stock *stock)
{
	struct packet *packet = stock->free;

	if (packet != NULL) {
		stock->free = packet->next;
		stock->idle--;
		return packet;
	}
	if (stock->made == stock->limit)
		return NULL;
	packet = aligned_alloc(PACKET_ALIGN, (sizeof(*packet) + stock->buffer_bytes + PACKET_ALIGN - 1) & ~(size_t)(PACKET_ALIGN - 1));
	if (packet == NULL)
		return NULL;
	packet->buffer = (uint8_t *)(packet + 1);
	packet->buffer_bytes = stock->buffer_bytes;
	stock->made++;
	return packet;
}

struct packet *packet_new(struct packet_pool *pool, size_t size)
{
	struct packet *packet;

	if (size > PACKET_FRAME_BYTES_MAX)
		return NULL;
	packet = stock_take(size <= PACKET_SMALL_BYTES ? &pool->small : &pool->large);
	if (packet == NULL)
		return NULL;
	packet->data = packet->buffer + PACKET_HEADROOM_BYTES;
	packet->size = (uint32_t)size;
	packet->in_port = 0;
	packet->offload = (struct packet_offload){0};
	packet->piece_count = 0;
	packet->tail_bytes = 0;
	packet->next = NULL;
	return packet;
}

/* Copies the first `head` bytes and the pieces. */
static void pieces_copy(const struct packet *packet, uint8_t *to, uint32_t head)
{
	if (to != packet->data)
		memcpy(to, packet->data, head);
	to += head;
	for (unsigned i = 0; i < packet->piece_count; i++) {
		memcpy(to, packet->pieces[i].at, packet->pieces[i].bytes);
		to += packet->pieces[i].bytes;
	}
}

void packet_gather(struct packet *packet)
{
	pieces_copy(packet, packet->data, packet->size - packet->tail_bytes);
	packet->piece_count = 0;
	packet->tail_bytes = 0;
}

struct packet *packet_copy(struct packet_pool *pool, const struct packet *packet)
{
	struct packet *copy = packet_new(pool, packet->size);

	if (copy == NULL)
		return NULL;
	pieces_copy(packet, copy->data, packet->size - packet->tail_bytes);
	copy->in_port = packet->in_port;
	copy->offload = packet->offload;
	return copy;
}

static inline void packet_return(struct packet_pool *pool, struct packet *packet)
{
	struct stock *stock = packet->buffer_bytes == pool->small.buffer_bytes ? &pool->small : &pool->large;

	CHECK(packet->data != NULL); /* freed once only */
	packet->data = NULL;
	packet->next = stock->free;
	stock->free = packet;
	stock->idle++;
}

void packet_free(struct packet_pool *pool, struct packet *packet)
{
	if (packet != NULL)
		packet_return(pool, packet);
}

void packet_free_burst(struct packet_pool *pool, struct packet *const *packets, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		packet_return(pool, packets[i]);
}

/* Moves what is counted from the frame's first byte when that byte moves by `bytes`. */
static void offload_move(struct packet_offload *offload, int bytes)
{
	if (offload->flags & 1) /* NEEDS_CSUM */
		offload->csum_start = (uint16_t)(offload->csum_start + bytes);
	if (offload->gso_type != 0)
		offload->hdr_len = (uint16_t)(offload->hdr_len + bytes);
}

uint8_t *packet_push(struct packet *packet, size_t bytes)
{
	if (bytes > (size_t)(packet->data - packet->buffer))
		return NULL;
	packet->data -= bytes;
	packet->size += (uint32_t)bytes;
	offload_move(&packet->offload, (int)bytes);
	return packet->data;
}

uint8_t *packet_pull(struct packet *packet, size_t bytes)
{
	if (bytes > packet->size - packet->tail_bytes || ((packet->offload.flags & 1) && bytes > packet->offload.csum_start))
		return NULL;
	packet->data += bytes;
	packet->size -= (uint32_t)bytes;
	offload_move(&packet->offload, -(int)bytes);
	return packet->data;
}
