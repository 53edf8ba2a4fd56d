/* The names of OSPF's drop reasons and what each of them means. */
#include "route/ospf/ospf_drop.h"

#include "base/check.h"

static const struct {
	const char *name, *text;
} drops[OSPF_DROP_COUNT] = {
	[OSPF_DROP_NONE] = {"ospf_good", ""},
	[OSPF_DROP_SHORT] = {"ospf_short", "the packet ends before its header does"},
	[OSPF_DROP_VERSION] = {"ospf_version", "not OSPF version 2"},
	[OSPF_DROP_TYPE] = {"ospf_type", "a type of packet that OSPF doesn't have"},
	[OSPF_DROP_LENGTH] = {"ospf_length", "the header's length doesn't fit the packet"},
	[OSPF_DROP_CHECKSUM] = {"ospf_checksum", "wrong checksum"},
	[OSPF_DROP_AUTH_TYPE] = {"ospf_auth_type", "another kind of authentication than configured here"},
	[OSPF_DROP_AUTH_KEY] = {"ospf_auth_key", "wrong password or key id"},
	[OSPF_DROP_AUTH_DIGEST] = {"ospf_auth_digest", "wrong digest: the keys differ, or somebody changed the packet"},
	[OSPF_DROP_AUTH_SEQUENCE] = {"ospf_auth_sequence", "an old packet once more: its sequence number went down"},
	[OSPF_DROP_NOT_RUNNING] = {"ospf_not_running", "OSPF doesn't run on this interface, or it is passive"},
	[OSPF_DROP_AREA] = {"ospf_area", "the neighbor has the link in another area"},
	[OSPF_DROP_SOURCE] = {"ospf_source", "the sender isn't in the interface's network"},
	[OSPF_DROP_DESTINATION] = {"ospf_destination", "for a group that this router isn't in"},
	[OSPF_DROP_OWN_ROUTER_ID] = {"ospf_own_router_id", "another router has this router's id"},
	[OSPF_DROP_BODY] = {"ospf_body", "the packet's body is malformed"},
	[OSPF_DROP_HELLO_MASK] = {"ospf_hello_mask", "the neighbor has another network mask"},
	[OSPF_DROP_HELLO_INTERVAL] = {"ospf_hello_interval", "the neighbor has another hello interval"},
	[OSPF_DROP_DEAD_INTERVAL] = {"ospf_dead_interval", "the neighbor has another dead interval"},
	[OSPF_DROP_OPTIONS] = {"ospf_options", "the neighbor disagrees whether the area is a stub"},
	[OSPF_DROP_NEIGHBOR_LIMIT] = {"ospf_neighbor_limit", "the interface has as many neighbors as it may"},
	[OSPF_DROP_NO_NEIGHBOR] = {"ospf_no_neighbor", "the sender hasn't said hello yet"},
	[OSPF_DROP_NEIGHBOR_STATE] = {"ospf_neighbor_state", "not what is to be said in this state of the neighbor"},
	[OSPF_DROP_MTU] = {"ospf_mtu", "the neighbor's MTU is larger than the interface's"},
	[OSPF_DROP_EXCHANGE] = {"ospf_exchange", "the database exchange got out of step and begins anew"},
	[OSPF_DROP_REQUEST] = {"ospf_request", "a request for an LSA that isn't there: the exchange begins anew"},
	[OSPF_DROP_LSA_SHORT] = {"ospf_lsa_short", "the update ends inside of an LSA"},
	[OSPF_DROP_LSA_CHECKSUM] = {"ospf_lsa_checksum", "an LSA with a wrong checksum"},
	[OSPF_DROP_LSA_TYPE] = {"ospf_lsa_type", "an LSA of an unknown type"},
	[OSPF_DROP_LSA_BODY] = {"ospf_lsa_body", "an LSA with a malformed body"},
	[OSPF_DROP_LSA_AREA] = {"ospf_lsa_area", "an LSA that doesn't belong into this area"},
	[OSPF_DROP_LSA_TOO_SOON] = {"ospf_lsa_too_soon", "a new instance of an LSA before MinLSArrival was over"},
	[OSPF_DROP_LSA_LIMIT] = {"ospf_lsa_limit", "the database is full"},
};

const char *ospf_drop_name(enum ospf_drop drop)
{
	CHECK(drop < OSPF_DROP_COUNT);
	return drops[drop].name;
}

const char *ospf_drop_text(enum ospf_drop drop)
{
	CHECK(drop < OSPF_DROP_COUNT);
	return drops[drop].text;
}
