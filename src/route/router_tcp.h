/* TCP of the kernel's for virtual routers, in network namespaces that super makes (routing_tcp.h). Part of the process route. */
#ifndef ROUTE_ROUTER_TCP_H
#define ROUTE_ROUTER_TCP_H

#include "proc/process.h"
#include "route/routing_tcp.h"

struct router_tcp;

/* Serves `routing`; `after` is called whenever something came that may have moved its timers. Lives as long as the process. */
struct router_tcp *router_tcp_new(struct process *process, struct routing *routing, void (*after)(void *context), void *context);

#endif
