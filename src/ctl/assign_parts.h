/* What the parts of the assignment share. Only for assign.c and assign_macs.c. */
#ifndef CTL_ASSIGN_PARTS_H
#define CTL_ASSIGN_PARTS_H

#include "ctl/assign.h"
#include "ctl/number_pool.h"

struct assigner {
	struct lab *lab;
	const struct holdings *holdings;
	int64_t now_wall_ns;
	struct assignment *out;
	size_t holding_capacity, use_capacity, cursor_capacity;
	struct diags *diags;
};

/* Who asks for a number, for the holdings and for errors. */
struct asker {
	const char *owner; /* "demo/vm1:eth0" */
	const char *path;  /* "vms.vm1.nics[0]" */
	struct place place;
};

struct asker asker_of_interface(struct assigner *a, const struct lab_router *router, const struct lab_interface *interface);
struct asker asker_of_nic(struct assigner *a, const struct lab_vm *vm, size_t nic);

/* A pool of the lab's, with what was held before in it. */
struct number_pool *assign_pool_open(struct assigner *a, const struct number_pool_config *config);

/* Ends a pool's work, noting where it goes on the next time. Accepts NULL. */
void assign_pool_close(struct assigner *a, struct number_pool *pool);
enum pool_strategy assign_strategy(enum strategy strategy);

/* Notes that an owner has a value, and how full a pool became. */
void assign_give(struct assigner *a, const char *pool, const char *owner, uint64_t value, enum holding_why why);
void assign_note_use(struct assigner *a, const char *name, const struct number_pool *pool);

/* Says that a written value can't be had. */
void assign_refuse(struct assigner *a, const struct asker *asker, const char *what, const struct err *err);

/* What an owner held before, if it can have it again; a new value by the pool's strategy, false with an error when there is none. */
bool assign_keep(struct assigner *a, struct number_pool *pool, const struct asker *asker, uint64_t *value);
bool assign_new(struct assigner *a, struct number_pool *pool, const struct asker *asker, uint64_t *value);

/* Takes what the file excludes out of a pool. */
void assign_exclude(struct number_pool *pool, const char *const *exclude, size_t count);

/* A known host behind a port. */
struct asker asker_of_port(struct assigner *a, size_t port);

/* IPv6 addresses in networks with DHCP, after the MACs that they follow from. */
void assign_ipv6(struct lab *lab);

/* The MACs of all interfaces and NICs. */
void assign_macs(struct assigner *a);

#endif
