/* What a BGP neighbor of a flat lab comes to as a message: who it is, and between which addresses the session runs. */
#ifndef CTL_COMPILE_BGP_H
#define CTL_COMPILE_BGP_H

#include "ctl/compile.h"

/*
 * Fills all in but ids and key. Two routers of the lab speak over the first link between them, else in the first network that has both,
 * else (over several hops) each under its first address. Addresses are none where there are no such ones.
 */
void compile_bgp_neighbor(const struct lab *lab, const struct lab_router *router, const struct lab_bgp_neighbor *neighbor,
	const struct compile_inputs *in, struct msg_bgp_neighbor *body);

#endif
