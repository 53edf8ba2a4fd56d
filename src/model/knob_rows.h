/* How rows of the knob table are written. Private to the files that hold rows. */
#ifndef MODEL_KNOB_ROWS_H
#define MODEL_KNOB_ROWS_H

#include "base/check.h"
#include "model/knobs.h"
#include "model/lab_io.h"

#include <stddef.h>

/* Where a value lies; where what goes with it lies; a row's words; a kind's rows; a key that isn't built yet. */
#define AT(type, field) .offset = offsetof(struct type, field)
#define FLAG(type, field) .flag = offsetof(struct type, field)
#define SET(type, field) .set = offsetof(struct type, field)
#define WORDS(array) .words = (array), .word_count = COUNT_OF(array)
#define ROWS(array) .knobs = (array), .knob_count = COUNT_OF(array)
#define LATER(name, text)                                                                                                                  \
	{                                                                                                                                  \
		.key = (name), .type = KNOB_LATER, .help = (text)                                                                          \
	}

/* What changes interrupt. */
#define SEGMENT_EFFECT "ports are plugged anew, under 1 s"
#define ADDRESS_EFFECT "connections through it are cut"
#define RIP_EFFECT "its routes are learnt anew"
#define OSPF_EFFECT "neighbours re-form, about 1 s"
#define BGP_EFFECT "its BGP sessions start anew"
#define NAT_EFFECT "connections that it no longer allows end"
#define RESTART_EFFECT "the machine restarts"

/* Kinds of knobs_net.c that the lab's own rows name. */
extern const struct kind kind_network, kind_router, kind_link;

/* Of knobs_ospf.c, that a router, an interface, a link name. */
extern const struct kind kind_router_ospf, kind_interface_ospf, kind_link_ospf;

/* Of knobs_bgp.c, that a router names. */
extern const struct kind kind_router_bgp;

/* Of knobs_nat.c, that a router names. */
extern const struct kind kind_nat;

/* Kinds of knobs_policy.c. */
extern const struct kind kind_prefix_set, kind_community_set, kind_as_path_set, kind_route_policy, kind_redistribution;

/* Kinds of knobs_group.c. */
extern const struct kind kind_group, kind_address_pair;

#endif
