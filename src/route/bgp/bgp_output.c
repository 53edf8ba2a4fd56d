/* What waits to be sent on a connection: bytes that the socket did not take yet, in one buffer that grows. */
#include "base/arena.h"
#include "route/bgp/bgp_engine.h"

#include <string.h>

size_t bgp_connection_waiting(const struct bgp_connection *c) { return c->output_used; }

void bgp_connection_flush(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c)
{
	while (c->output_used > 0) {
		size_t taken =
			bgp->ops->send(bgp->context, peer->id, c == &peer->connections[1], c->output + c->output_start, c->output_used);

		c->output_start += taken;
		c->output_used -= taken;
		if (taken == 0)
			return;
	}
	c->output_start = 0;
}

void bgp_connection_queue(struct bgp_connection *c, const uint8_t *bytes, size_t count)
{
	if (c->output_used == 0)
		c->output_start = 0;
	if (c->output_start + c->output_used + count > c->output_capacity) {
		if (c->output_used > 0)
			memmove(c->output, c->output + c->output_start, c->output_used);
		c->output_start = 0;
		if (c->output_used + count > c->output_capacity) {
			c->output_capacity = (c->output_used + count) * 2;
			c->output = xrealloc(c->output, c->output_capacity);
		}
	}
	memcpy(c->output + c->output_start + c->output_used, bytes, count);
	c->output_used += count;
}

void bgp_connection_send(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const uint8_t *bytes, size_t count)
{
	if (c->output_used == 0) {
		size_t taken = bgp->ops->send(bgp->context, peer->id, c == &peer->connections[1], bytes, count);

		bytes += taken;
		count -= taken;
		c->output_start = 0;
	}
	if (count > 0)
		bgp_connection_queue(c, bytes, count);
}
