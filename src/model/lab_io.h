/* Lab files and JSON in and out, expansion, checks, the difference of two labs: everything one can ask of a lab. */
#ifndef MODEL_LAB_IO_H
#define MODEL_LAB_IO_H

#include "base/text.h"
#include "model/diag.h"

/* The largest lab file that is read, bytes; deepest nesting of it; most values in it. */
#define LAB_FILE_BYTES_MAX (4u << 20)
#define LAB_DEPTH_MAX 32
#define LAB_NODES_MAX 400000

/* Most objects of a flat lab (networks, routers, links, machines, ports together); most NICs of a machine; bytes of a name. */
#define LAB_OBJECTS_MAX 20000
#define LAB_NICS_MAX 16
#define LAB_AFTER_MAX 32
#define LAB_SERVERS_MAX 4
#define LAB_DHCP_ROUTES_MAX 8
#define LAB_NAME_BYTES_MAX 40

/* Most security groups and further addresses of a NIC; most rules of a group in one direction. */
#define LAB_GROUPS_OF_NIC_MAX 16
#define LAB_PAIRS_MAX 16
#define LAB_RULES_MAX 30000

/*
 * Parses a lab file and checks all that can be checked before expansion (names, references, what excludes what). Returns a lab in an arena
 * of its own (arena_free(lab->arena) ends it), or NULL when `diags` got errors; all errors of the file are reported, not the first only.
 */
struct lab *lab_parse_yaml(const char *source, size_t bytes, struct diags *diags);

/* Reads an IPv4 address, a range "10.1.0.20-10.1.0.29" or a prefix; and "10.0.0.0/8 via 10.1.0.2". False when it is none. */
bool lab_range_parse(const char *text, struct ip *first, struct ip *last);
bool lab_dhcp_route_parse(const char *text, struct prefix *to, struct ip *via);

/* A lab from canonical JSON, as lab_to_json writes it. */
struct lab *lab_parse_json(const char *source, size_t bytes, struct diags *diags);

/* Canonical JSON (one line, keys in the table's order, defaults left out) and YAML (commented by nothing, in the same order). */
void lab_to_json(const struct lab *lab, struct text *out);
void lab_to_yaml(const struct lab *lab, struct text *out);

/* The same JSON for people's eyes: secrets are "***". It isn't the lab any more. */
void lab_to_json_hidden(const struct lab *lab, struct text *out);

/*
 * The flat lab in an arena of its own: counts and selections expanded, links given their interfaces, everything checked that needs single
 * objects (addresses, pools' sizes). NULL with errors in `diags`. Printed as JSON, parsed and expanded again it gives the same flat lab,
 * with the addresses that were filled in meanwhile.
 */
struct lab *lab_expand(const struct lab *lab, struct diags *diags);

/* The other side of a rule, from its text; `prefix` and `group` (borrowed) are set where they belong. False when it is none of these. */
enum lab_peer { LAB_PEER_ANY, LAB_PEER_NONE, LAB_PEER_PREFIX, LAB_PEER_GROUP };
bool lab_rule_peer(const char *text, enum lab_peer *peer, struct prefix *prefix, const char **group);

/* The IP protocol of a rule; 0: any. ICMP of IPv4 stands for that of IPv6, too. */
bool lab_rule_protocol(const char *text, uint8_t *protocol);

/* Most rules of a router's translation; addresses of one pool of it. */
#define LAB_NAT_RULES_MAX 256
#define LAB_NAT_POOL_MAX 256

/* What a rule forwards: "tcp/2201" or "udp/8000-8010". False when it is neither. */
bool lab_nat_service(const char *text, uint8_t *protocol, uint16_t *first, uint16_t *last);

/* Where to: "vm1", "vm1:22", "10.1.0.5", "10.1.0.5:22". `host` gets the part before the colon, `port` 0 where none is written. */
bool lab_nat_target(const char *text, char host[LAB_NAME_BYTES_MAX + 1], uint16_t *port);

/* The longest delay of a link, microseconds; its highest rate, bits a second. */
#define LAB_DELAY_US_MAX 10000000
#define LAB_RATE_BPS_MAX 400000000000

/* Memory that a machine needs at least with this image, MiB (builtin:tiny panics with less than 80M). */
#define LAB_TINY_MEMORY_MIB 80

/* What a name selects: "vm[1-4]", "vm2", "vm*" against the machines of a flat lab. Adds to `names` (arena of `diags`); returns how many. */
size_t lab_select_vms(const struct lab *flat, const char *selection, const char ***names, struct diags *diags);

enum change_op { CHANGE_ADD, CHANGE_CHANGE, CHANGE_REMOVE };

/* One line of a plan. `hot`: nothing is interrupted; else `text` says what is. */
struct change {
	enum change_op op;
	const char *kind; /* "vm", "network", ... */
	const char *name;
	const char *text; /* "memory 96M → 128M; the machine restarts" */
	bool hot;
	bool restarts_vm;
};

struct changes {
	struct arena *arena;
	struct change *list;
	size_t count;
	size_t adds, changes, removes, vm_restarts;
};

/*
 * The difference of two flat labs (either may be NULL: nothing runs, nothing is wanted), both with their addresses filled in, in the order
 * in which it is carried out: machines, ports and links that go; then what comes or changes, networks first and machines last; then
 * routers and networks that go. Texts live in `arena`.
 */
struct changes *lab_diff(struct arena *arena, const struct lab *running, const struct lab *wanted);

/* The JSON Schema of lab files and the manual page weft.yaml(5), made from the knob table. */
void lab_schema(struct text *out);
void lab_manual(struct text *out);

#endif
