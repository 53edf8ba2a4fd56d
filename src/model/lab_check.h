/* The checks of a lab, and what they share: finding names, saying what is wrong. Private to the room. */
#ifndef MODEL_LAB_CHECK_H
#define MODEL_LAB_CHECK_H

#include "base/map.h"
#include "model/lab_io.h"
#include "model/tree.h"

/* Names of one kind of object and where they are in the lab's array; `taken` names come once only. */
struct name_index {
	struct map map;
	const char **names;
	size_t count;
	struct arena *arena;
};

/* An index with room for `room` names; free with index_free. */
struct name_index index_new(struct arena *arena, size_t room);
void index_free(struct name_index *index);

/* Adds a name; false when it is there already. */
bool index_add(struct name_index *index, const char *name, size_t at);

/* Where a name is, or -1. */
int index_find(const struct name_index *index, const char *name);

/* " (did you mean \"lan\"?)" or "". In the index's arena. */
const char *index_hint(const struct name_index *index, const char *name);

/* Most names that are looked at for a hint. */
#define HINT_NAMES_MAX 2000

/* An error at what `path` names in the lab's source. */
void lab_error(const struct lab *lab, struct diags *diags, const char *path, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A path in the arena of the diags. */
#define path_of(diags, ...) arena_printf((diags)->arena, __VA_ARGS__)

/* Checks what can be told before expansion. `sound`: decoding found no error, so that values may be compared, too. */
void lab_check(const struct lab *lab, bool sound, struct diags *diags);

/* Parts of lab_check: pools, networks and links; routers; machines, ports and tests. */
void check_subnets(const struct lab *lab, struct diags *diags);
/* What DHCP tells machines, exclusions, and known hosts behind ports. */
void check_guests(const struct lab *lab, struct diags *diags);
void check_routers(const struct lab *lab, struct diags *diags);
void check_groups(const struct lab *lab, struct diags *diags, const struct name_index *groups);

/* An error when nothing in the index has that name. */
void check_reference(
	const struct lab *lab, struct diags *diags, const struct name_index *index, const char *word, const char *path, const char *name);

/* OSPF: checks before expansion; what an interface gets of its link and router; "0" to "4294967295" as a number. */
void check_ospf(const struct lab *lab, struct diags *diags);
void settle_ospf(const struct lab *flat, const struct lab_router *router, struct lab_interface *interface);
bool ospf_area_number(const char *text, uint32_t *number);

/* BGP of the routers, before expansion and between single routers, whose neighbors become indices. */
void check_bgp(const struct lab *lab, struct diags *diags);
void flat_check_bgp(struct lab *flat, const struct name_index *routers, struct diags *diags);

/* Address translation: before expansion; the interfaces and machines that it names. */
void check_nat(const struct lab *lab, struct diags *diags);
void flat_check_nat(const struct lab *flat, const struct name_index *vms, struct diags *diags);

/* Route policies, their sets, and who names them. */
void check_policies(const struct lab *lab, struct diags *diags);

/* The queue's settings; and, in a flat lab whose `after` keys are still selections: expands them, checks that they end somewhere. */
void check_schedule(const struct lab *lab, struct diags *diags);
void expand_schedule(struct lab *flat, const struct lab *lab, struct diags *diags);

/* Gives addresses that were written without length the length of the network's or link's subnet. */
void length_of_subnet(const struct lab *flat, int network, int link, struct prefix *ipv4, struct prefix *ipv6);

/* Checks what needs single objects: addresses and MACs used twice, room in subnets and pools, next hops. */
void flat_check(const struct lab *flat, struct diags *diags);

/* Expands the selections of tests. */
void expand_tests(struct lab *flat, const struct lab *lab, struct diags *diags);

/* True for a name as RFC 1123 wants it: letters, digits and inner '-', at most `max` bytes. */
bool name_is_good(const char *name, size_t max);

/* The number of subnets of length `unit` in a range, at most 2^62. */
uint64_t range_units(struct prefix range, uint8_t unit);

#endif
