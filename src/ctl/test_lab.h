/* Flat labs made in code, for tests of this room that shall not depend on a parser. */
#ifndef CTL_TEST_LAB_H
#define CTL_TEST_LAB_H

#include "model/lab.h"

#define TEST_LAB_MAX 300

/* An empty flat lab in an arena of its own. Arrays have room for TEST_LAB_MAX objects. */
struct lab *test_lab_new(const char *name);

/* Objects; each returns its index. `ipv4` NULL: none, "pool": from pool 0. */
int test_network(struct lab *lab, const char *name, const char *ipv4, bool dhcp);
int test_router(struct lab *lab, const char *name);
struct lab_interface *test_interface(struct lab *lab, int router, const char *name, int network, const char *ipv4);
int test_link(struct lab *lab, const char *name, const char *from, const char *to, int router_a, int router_b);
int test_vm(struct lab *lab, const char *name);
struct lab_nic *test_nic(struct lab *lab, int vm, int network, const char *ipv4);
int test_pool(struct lab *lab, const char *name, const char *range, uint8_t unit_length);

/* Two networks with two machines each, two routers joined by a link and speaking RIP. */
struct lab *test_lab_demo(void);

#endif
