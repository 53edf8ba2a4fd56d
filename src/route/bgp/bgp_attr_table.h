/* What is right and wrong about each path attribute: a row a type. */
#ifndef ROUTE_BGP_ATTR_TABLE_H
#define ROUTE_BGP_ATTR_TABLE_H

#include "route/bgp/bgp_attr.h"

/* What a malformed attribute means (RFC 7606 2). */
enum bgp_attr_fault { BGP_FAULT_NONE, BGP_FAULT_DISCARD, BGP_FAULT_WITHDRAW, BGP_FAULT_RESET };

/* Lengths that are right: exactly `least`, or at least that and a multiple of `step`. */
struct bgp_attr_row {
	uint8_t type;
	const char *name;
	uint8_t flags;	/* the optional and transitive bits it must have */
	uint16_t least; /* bytes */
	uint16_t step;	/* 0: any length from `least` on; else lengths go in steps of this; `exact` rows: none */
	bool exact;
	enum bgp_attr_fault malformed; /* a wrong length, flag or value */
	bool internal; /* from an external peer it is left out, whatever it says (LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST) */
	bool dropped;  /* we don't use it and mustn't pass it on: left out */
	bool (*valid)(struct reader value, const struct bgp_attr_context *context); /* NULL: any value */
};

/* The row of a type, or NULL for one we don't know. */
const struct bgp_attr_row *bgp_attr_row(uint8_t type);

/* Checks an AS path of 2- or 4-octet numbers: segment types, lengths, no AS 0 (RFC 7606 7.2, RFC 7607). */
bool bgp_path_valid(struct reader path, bool as4);

#endif
