/*
 * Throughput of ports and router interfaces: R = G x C.
 *
 * Theory of operation. When somebody asks, the bytes that a member counted since it was last asked for (MEASURE_MS ago or longer) become
 * bits a second, each way. So nothing is done per packet, and nothing at all while nobody looks. G is the bandwidth that is there (the rate
 * of the link, else THROUGHPUT_NOMINAL_BPS), R what passes, C = R / G the load. A cable has two directions, which may differ in both; what
 * is told is the one with the higher load, so that R = G x C holds of every row.
 */
#ifndef SWITCH_THROUGHPUT_H
#define SWITCH_THROUGHPUT_H

#include "switch/topology.h"

/* The bandwidth of what has no rate of its own: what the kernel, too, says of a TAP. */
#define THROUGHPUT_NOMINAL_BPS 10000000000u

/* Takes the measure of all members, unless that was done a moment ago. Counters must be settled. */
void throughput_measure(struct core *core);

/* G, R and both directions of a member, bits a second, into its row. */
void throughput_row(struct member *member, struct row_interface *row);

#endif
