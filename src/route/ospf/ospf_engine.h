/* The inside of the OSPF engine, shared by its files: tables and who may touch them. Nobody else includes this. */
#ifndef ROUTE_OSPF_ENGINE_H
#define ROUTE_OSPF_ENGINE_H

#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "route/ospf/ospf.h"
#include "route/ospf/ospf_spf.h"
#include "route/timer_heap.h"

/* RFC 2328 B. */
#define OSPF_LS_REFRESH_S 1800
#define OSPF_SEQUENCE_FIRST (INT32_MIN + 1)
#define OSPF_SEQUENCE_MAX INT32_MAX
#define OSPF_TRANSMIT_DELAY_S 1

/* Option bits (RFC 2328 A.2, RFC 5250): externals pass, opaque LSAs are understood (in database descriptions alone). */
enum { OSPF_OPTION_E = 0x02, OSPF_OPTION_O = 0x40 };

/* Flags of a router LSA. */
enum { OSPF_FLAG_BORDER = 1, OSPF_FLAG_EXTERNAL = 2 };

/* What fits in a packet of its own behind any digest; larger LSAs can't be sent. */
#define OSPF_LSA_BYTES_MAX (OSPF_PACKET_BYTES_MAX - OSPF_HEADER_BYTES - 4 - DIGEST_BYTES_MAX)

#define OSPF_BACKBONE 0

enum ospf_interface_state {
	OSPF_IF_DOWN,
	OSPF_IF_LOOPBACK,
	OSPF_IF_WAITING,
	OSPF_IF_POINT_TO_POINT,
	OSPF_IF_OTHER,
	OSPF_IF_BACKUP,
	OSPF_IF_DESIGNATED
};

enum ospf_interface_event { OSPF_EVENT_UP, OSPF_EVENT_WAIT_OVER, OSPF_EVENT_BACKUP_SEEN, OSPF_EVENT_NEIGHBOR_CHANGE, OSPF_EVENT_DOWN };

/* In the order of RFC 2328 10.1, which comparisons rely on. */
enum ospf_neighbor_state { OSPF_NB_DOWN, OSPF_NB_INIT, OSPF_NB_TWO_WAY, OSPF_NB_EX_START, OSPF_NB_EXCHANGE, OSPF_NB_LOADING, OSPF_NB_FULL };

enum ospf_neighbor_event {
	OSPF_EVENT_HELLO,
	OSPF_EVENT_TWO_WAY,
	OSPF_EVENT_NEGOTIATED,
	OSPF_EVENT_EXCHANGED,
	OSPF_EVENT_LOADED,
	OSPF_EVENT_ADJACENCY,	/* AdjOK? */
	OSPF_EVENT_OUT_OF_STEP, /* SeqNumberMismatch, BadLSReq */
	OSPF_EVENT_ONE_WAY,
	OSPF_EVENT_KILL /* KillNbr, LLDown, InactivityTimer */
};

/* A database: of an area, of the whole system (type 5), or of a link (type 9). */
struct ospf_db {
	struct map by_type[OSPF_LSA_OPAQUE_AS + 1]; /* id << 32 | router -> entry */
	struct list of_type[OSPF_LSA_OPAQUE_AS + 1];
	uint32_t count;
};

/* An LSA in a database; instances follow each other in the same entry. */
struct ospf_entry {
	struct list in_type;
	struct list in_dying; /* ospf->dying: of MaxAge, goes as soon as nobody needs it */
	struct ospf_db *db;
	struct ospf_area *area;		  /* NULL: the whole system */
	struct ospf_interface *interface; /* type 9 alone */
	struct ospf_blob *blob;
	struct ospf_lsa_header header; /* but for the age */
	struct instant born;	       /* when its age was zero */
	struct instant installed;
	struct instant said;	 /* by ourselves: the last instance */
	struct span pause;	 /* by ourselves: from then to the next */
	struct instant answered; /* when an older instance was last answered with ours */
	uint64_t flood_mark;	 /* ospf->flood_serial when it was last put into an update for an interface */
	uint32_t waiting;	 /* neighbors that have yet to acknowledge it */
	bool flooded;		 /* came from a neighbor */
	bool own;
	bool old;    /* MaxAge */
	bool wanted; /* mark of the running origination */
};

/* An LSA that a neighbor has yet to acknowledge, the longest sent first. */
struct ospf_resend {
	struct list in_neighbor;
	struct ospf_entry *entry;
	struct instant sent;
};

/* An LSA that a neighbor has and we need. */
struct ospf_want {
	struct list in_neighbor;
	struct ospf_lsa_header header;
};

struct ospf_neighbor {
	struct list in_interface; /* or ospf->gone */
	struct ospf_interface *interface;
	enum ospf_neighbor_state state;
	uint32_t router_id;
	uint32_t address;
	uint8_t priority;
	uint8_t options;
	uint32_t designated; /* as it says */
	uint32_t backup;
	struct instant since; /* of the state */
	uint64_t changes;
	bool master; /* we are */
	uint32_t exchange_sequence;
	uint8_t sent_flags; /* our last description */
	unsigned sent_first, sent_count;
	bool heard_any; /* the last description that we took, to know it again */
	uint8_t heard_flags, heard_options;
	uint32_t heard_sequence;
	struct ospf_lsa_header *summary; /* what we describe */
	unsigned summary_count;
	struct list wants;
	unsigned want_count;
	unsigned asked; /* of `wants`, from the first */
	struct list resends;
	struct map resend_of; /* entry -> resend */
	bool sequence_known;
	uint32_t auth_sequence;
	struct instant dead_at, describe_at, ask_at, resend_at;
	struct timer_node timer;
};

struct ospf_interface {
	struct list in_ospf;
	struct list in_area;
	struct ospf *ospf;
	struct ospf_area *area;
	uint32_t rif;
	struct ospf_interface_settings settings;
	bool up;
	uint16_t mtu;
	uint32_t address, mask; /* the first of `addresses` */
	unsigned address_count;
	struct prefix addresses[ADDRESSES_MAX];
	enum ospf_interface_state state;
	uint32_t designated, backup; /* addresses */
	uint32_t was_designated;     /* the id of the network LSA that we may have said */
	struct list neighbors;
	unsigned neighbor_count, full_count;
	struct ospf_db *links; /* type 9; NULL: none */
	struct ospf_lsa_header *acks;
	unsigned ack_count, ack_capacity;
	struct ospf_entry **floods;
	unsigned flood_count, flood_capacity;
	struct instant hello_at, wait_at, ack_at, flood_at;
	struct instant flooded; /* when `floods` were sent last */
	unsigned flood_burst;	/* times, one soon after the other */
	struct timer_node timer;
	uint64_t drops[OSPF_DROP_COUNT];
};

struct ospf_area {
	struct list in_ospf;
	struct ospf *ospf;
	uint32_t id;
	struct ospf_area_settings settings;
	struct list interfaces;
	unsigned up_count; /* interfaces that are up */
	struct ospf_db db;
	struct ospf_spf spf;
	bool tree_old;	 /* the topology changed since `spf` was computed */
	bool routes_old; /* only stubs did */
	bool router_dirty;
};

/* What a route is, the better first (RFC 2328 11). */
enum ospf_path_kind { OSPF_PATH_INTRA, OSPF_PATH_INTER, OSPF_PATH_EXTERNAL_1, OSPF_PATH_EXTERNAL_2 };

struct ospf_path {
	uint32_t network;
	uint8_t length;
	uint8_t kind; /* enum ospf_path_kind */
	uint32_t area;
	uint32_t cost;	 /* external 2: to the border router */
	uint32_t cost_2; /* external 2 alone */
	uint32_t tag;
	struct ospf_hops hops;
};

struct ospf_table {
	struct ospf_path *paths; /* by network and length */
	size_t count, capacity;
};

/* How a border router of the system is reached, by router id (RFC 2328 16.4). */
struct ospf_asbr {
	uint32_t router_id;
	uint32_t area;
	uint8_t kind; /* INTRA or INTER */
	uint32_t cost;
	struct ospf_hops hops;
};

struct ospf_asbrs {
	struct ospf_asbr *at;
	size_t count, capacity;
};

/* A route of our own from elsewhere. */
struct ospf_local {
	struct list in_ospf;
	struct prefix prefix;
	struct ospf_external external;
};

/* RFC 8405. */
enum ospf_spf_state { OSPF_SPF_QUIET, OSPF_SPF_SHORT_WAIT, OSPF_SPF_LONG_WAIT };

struct ospf {
	const struct ospf_ops *ops;
	void *context;
	struct ospf_store *store;
	struct ospf_settings settings;
	struct rand rand;
	struct instant started, now;
	uint32_t wall_s; /* at `started` */
	struct list areas;
	struct list interfaces;
	struct map interface_of; /* rif -> interface */
	struct ospf_db externals;
	struct list locals;
	struct map local_of; /* network << 8 | length -> local */
	uint32_t lsa_count;
	uint64_t flood_serial;
	struct list dying;
	struct list gone; /* neighbors that end with the running call */
	struct timer_heap timers;
	struct instant age_at; /* some LSA is to be refreshed or has become too old */
	struct instant say_at; /* something dirty may be said */
	bool summaries_dirty, externals_dirty, networks_dirty;
	bool is_border;
	bool stopping;
	enum ospf_spf_state spf_state;
	struct instant spf_at, spf_learnt_at, spf_quiet_at;
	uint64_t spf_count;
	bool table_old;
	struct ospf_table table;
	struct ospf_asbrs asbrs;
	uint64_t drops_elsewhere[OSPF_DROP_COUNT];
};

/* ospf.c: counts a drop where it belongs (`interface` may be NULL) and returns it. */
enum ospf_drop ospf_count_drop(struct ospf *ospf, struct ospf_interface *interface, enum ospf_drop drop);

/* ospf.c: the area of this id, made when it is missing. */
struct ospf_area *ospf_area_get(struct ospf *ospf, uint32_t id);

/* ospf.c: ends every public call: says what is dirty, sends what waits, frees what is gone. */
void ospf_settle(struct ospf *ospf);

/* ospf.c: moves a timer of an interface or neighbor. */
void ospf_interface_timer(struct ospf_interface *interface, struct instant *timer, struct instant when);
void ospf_neighbor_timer(struct ospf_neighbor *neighbor, struct instant *timer, struct instant when);

/* ospf_output.c: begins a packet in the scratch buffer, as large as the interface's MTU allows; completes and sends it. */
struct writer ospf_output_begin(struct ospf_interface *interface, enum ospf_packet_type type);
void ospf_output_end(struct ospf_interface *interface, struct writer *w, uint32_t destination);
void ospf_send_hello(struct ospf_interface *interface);
void ospf_send_description(struct ospf_neighbor *neighbor);
void ospf_send_requests(struct ospf_neighbor *neighbor);
void ospf_send_acks(struct ospf_interface *interface, uint32_t destination, const struct ospf_lsa_header *headers, unsigned count);
/* Sends LSAs in as few updates as they fit in; one larger than the MTU in an update of its own, which IP cuts in pieces. */
void ospf_send_update(struct ospf_interface *interface, uint32_t destination, struct ospf_entry *const *entries, unsigned count);

/* ospf_interface.c */
void ospf_interface_event(struct ospf_interface *interface, enum ospf_interface_event event);
void ospf_interface_fire(struct ospf_interface *interface);
uint8_t ospf_interface_options(const struct ospf_interface *interface);
/* The group that updates and acknowledgments go to from here (RFC 2328 13.3 (4)). */
uint32_t ospf_interface_group(const struct ospf_interface *interface);
extern const char *const ospf_interface_state_names[];

/* ospf_hello.c */
enum ospf_drop ospf_hello_receive(
	struct ospf_interface *interface, const struct ospf_arrival *arrival, const struct ospf_header *header, struct reader body);
struct ospf_neighbor *ospf_neighbor_find(const struct ospf_interface *interface, uint32_t source, uint32_t router_id);

/* ospf_neighbor.c */
struct ospf_neighbor *ospf_neighbor_new(struct ospf_interface *interface, uint32_t router_id, uint32_t address);
void ospf_neighbor_free(struct ospf_neighbor *neighbor);
void ospf_neighbor_event(struct ospf_neighbor *neighbor, enum ospf_neighbor_event event);
void ospf_neighbor_fire(struct ospf_neighbor *neighbor);
extern const char *const ospf_neighbor_state_names[];

/* ospf_exchange.c */
void ospf_summary_make(struct ospf_neighbor *neighbor);
enum ospf_drop ospf_description_receive(struct ospf_neighbor *neighbor, struct reader body);
enum ospf_drop ospf_request_receive(struct ospf_neighbor *neighbor, struct reader body);
struct ospf_want *ospf_want_find(const struct ospf_neighbor *neighbor, const struct ospf_lsa_header *header);
void ospf_want_done(struct ospf_neighbor *neighbor, struct ospf_want *want);
void ospf_wants_go_on(struct ospf_neighbor *neighbor);

/* ospf_flood.c */
enum ospf_drop ospf_update_receive(struct ospf_neighbor *neighbor, struct reader body);
enum ospf_drop ospf_ack_receive(struct ospf_neighbor *neighbor, struct reader body);
/* Gives an LSA to all interfaces of its scope; `from` (may be NULL) is who sent it. Returns whether it went back where it came from. */
bool ospf_flood(struct ospf_entry *entry, struct ospf_neighbor *from);
void ospf_flood_flush(struct ospf_interface *interface);
void ospf_resend_add(struct ospf_neighbor *neighbor, struct ospf_entry *entry);
void ospf_resend_due(struct ospf_neighbor *neighbor);
void ospf_resends_clear(struct ospf_neighbor *neighbor);
/* No neighbor has to acknowledge this instance any more. */
void ospf_resends_forget(struct ospf_entry *entry);

/* ospf_db.c: databases and what lives in them. */
void ospf_db_init(struct ospf_db *db);
void ospf_db_clear(struct ospf *ospf, struct ospf_db *db);
/* The database where an LSA of this type belongs that came over an interface; NULL: none. */
struct ospf_db *ospf_db_of(struct ospf_interface *interface, uint8_t type, bool make);
struct ospf_entry *ospf_entry_get(const struct ospf_db *db, uint8_t type, uint32_t id, uint32_t router);
/* Puts an instance in (age as in its header); NULL when the database is full. Tells the route computation. */
struct ospf_place {
	struct ospf_db *db;
	struct ospf_area *area;
	struct ospf_interface *interface;
};
struct ospf_entry *ospf_entry_put(struct ospf *ospf, const struct ospf_place *place, const uint8_t *bytes, size_t size);
void ospf_entry_remove(struct ospf_entry *entry, struct ospf *ospf);
/* Lets it be of MaxAge at once and floods that (RFC 2328 14.1). */
void ospf_entry_flush(struct ospf *ospf, struct ospf_entry *entry);
uint16_t ospf_entry_age(const struct ospf_entry *entry, struct instant now);
struct ospf_lsa_header ospf_entry_header(const struct ospf_entry *entry, struct instant now);
/* The LSA as the shortest path computation wants it. */
struct ospf_lsa ospf_entry_lsa(const struct ospf_entry *entry, struct instant now);
/* Whether an LSA is seen by this interface (RFC 2328 13.3, RFC 5250 3). */
bool ospf_entry_passes(const struct ospf_entry *entry, const struct ospf_interface *interface);
void ospf_db_age(struct ospf *ospf);
/* Whether some neighbor is in the middle of an exchange. */
bool ospf_exchanging(const struct ospf *ospf);
void ospf_db_reap(struct ospf *ospf);

/* ospf_originate.c */
void ospf_say(struct ospf *ospf);
/* One of our own LSAs came from elsewhere, newer than ours (RFC 2328 13.4). */
void ospf_contested(struct ospf *ospf, struct ospf_entry *entry);
void ospf_entry_refresh(struct ospf *ospf, struct ospf_entry *entry);
void ospf_say_all_again(struct ospf *ospf);
/* Whether an LSA is ours. */
bool ospf_is_own(const struct ospf *ospf, const struct ospf_lsa_header *header);

/* ospf_summary.c: what border routers say of other areas. */
void ospf_say_summaries(struct ospf *ospf);

/* ospf_originate.c: says this body unless it stands there already, now or, when it has to wait, at ospf->say_at. */
struct ospf_saying {
	struct ospf_place place;
	uint8_t type;
	uint32_t id;
	const uint8_t *body;
	size_t size;
};
void ospf_ensure(struct ospf *ospf, const struct ospf_saying *saying);
/* Of the own LSAs of a type in a database: those that weren't said since ospf_unmark are flushed. */
void ospf_unmark(struct ospf *ospf, struct ospf_db *db, uint8_t type);
void ospf_sweep(struct ospf *ospf, struct ospf_db *db, uint8_t type);

/* ospf_calc.c: an instance replaces another (either may be NULL); the time has come; the first hop of a table's path as a next hop. */
void ospf_calc_changed(struct ospf *ospf, const struct ospf_entry *entry, const struct ospf_blob *before, bool was_old);
void ospf_calc_tick(struct ospf *ospf);
void ospf_calc_soon(struct ospf *ospf);
void ospf_calc_forget(struct ospf *ospf);
bool ospf_nexthop_of(const struct ospf *ospf, const struct ospf_hop *hop, struct nexthop *nexthop);

/* ospf_paths.c: all candidates of all areas, then the best of each prefix; likewise the border routers of the system. */
void ospf_paths_make(struct ospf *ospf, struct ospf_table *table);
const struct ospf_asbr *ospf_asbr_find(const struct ospf *ospf, uint32_t router_id);

static inline uint32_t ospf_mask_of(unsigned length) { return length == 0 ? 0 : UINT32_MAX << (32 - length); }

#endif
