/* OSPF as a row of the table of protocols. */
#ifndef ROUTE_OSPF_PROTOCOL_H
#define ROUTE_OSPF_PROTOCOL_H

#include "route/protocol.h"

extern const struct protocol ospf_protocol;

#endif
