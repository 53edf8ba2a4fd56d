/* Throughput of ports and router interfaces. */
#include "switch/throughput.h"

#include "switch/core_state.h"

/* Shortest time that is measured: what asks every second shall get a new figure each time. */
#define MEASURE_MS 900

static uint64_t per_second(uint64_t bytes, int64_t elapsed_ns) { return (uint64_t)((double)bytes * 8e9 / (double)elapsed_ns); }

static void measure(struct member *member, int64_t elapsed_ns)
{
	struct throughput *throughput = &member->throughput;
	uint64_t rx = member->counters.rx_bytes, tx = member->counters.tx_bytes;

	throughput->rx_bps = per_second(rx - throughput->rx_bytes, elapsed_ns);
	throughput->tx_bps = per_second(tx - throughput->tx_bytes, elapsed_ns);
	throughput->rx_bytes = rx;
	throughput->tx_bytes = tx;
}

void throughput_measure(struct core *core)
{
	int64_t elapsed_ns = instant_diff(core->now, core->measured).ns;
	struct port *port;
	struct rif *rif;
	size_t cursor = 0;

	if (elapsed_ns < span_ms(MEASURE_MS).ns)
		return;
	while ((port = map_next(&core->ports, &cursor, NULL, NULL)) != NULL)
		measure(&port->member, elapsed_ns);
	for (cursor = 0; (rif = map_next(&core->rifs, &cursor, NULL, NULL)) != NULL;)
		measure(&rif->member, elapsed_ns);
	core->measured = core->now;
}

/* The rate of what comes from a member into its link (`own`), or from the other end. */
static uint64_t bandwidth(const struct member *member, bool own)
{
	const struct network *network = member->network;

	for (unsigned i = 0; network != NULL && i < network->config.impair_count; i++)
		if ((network->config.impair[i].from == member->id) == own && network->config.impair[i].rate_bps > 0)
			return network->config.impair[i].rate_bps;
	return THROUGHPUT_NOMINAL_BPS;
}

void throughput_row(struct member *member, struct row_interface *row)
{
	/* What a port receives comes from the machine behind it, what a router's interface sends from the router: the own direction. */
	uint64_t rx_max = bandwidth(member, !member->is_rif), tx_max = bandwidth(member, member->is_rif);
	bool rx;

	row->rx_bps = member->throughput.rx_bps;
	row->tx_bps = member->throughput.tx_bps;
	rx = (double)row->rx_bps / (double)rx_max > (double)row->tx_bps / (double)tx_max;
	/* Idle: the narrower one, since it is where the load will be. */
	if (row->rx_bps + row->tx_bps == 0)
		rx = rx_max < tx_max;
	row->bandwidth_bps = rx ? rx_max : tx_max;
	row->throughput_bps = rx ? row->rx_bps : row->tx_bps;
}
