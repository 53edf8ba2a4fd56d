/* RIP as a row of the table of protocols. */
#ifndef ROUTE_RIP_PROTOCOL_H
#define ROUTE_RIP_PROTOCOL_H

#include "route/protocol.h"

extern const struct protocol rip_protocol;

#endif
