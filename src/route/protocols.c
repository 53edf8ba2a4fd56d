/* The table of routing protocols: a new one is a folder and a row here. */
#include "route/bgp/bgp_protocol.h"
#include "route/ospf/ospf_protocol.h"
#include "route/protocol.h"
#include "route/rip/rip_protocol.h"

#include <stddef.h>

const struct protocol *const protocols[] = {
	&rip_protocol,
	&ospf_protocol,
	&bgp_protocol,
	NULL,
};
