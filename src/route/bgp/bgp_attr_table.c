/* The table of path attributes: flags, lengths, values, and what a wrong one means (RFC 7606 section 7 and the RFCs of each attribute). */
#include "route/bgp/bgp_attr_table.h"

#include "base/check.h"

static bool origin_valid(struct reader value, const struct bgp_attr_context *context)
{
	(void)context;
	return reader_u8(&value) <= BGP_ORIGIN_INCOMPLETE;
}

bool bgp_path_valid(struct reader path, bool as4)
{
	while (reader_left(&path) > 0) {
		uint8_t type = reader_u8(&path), count = reader_u8(&path);
		struct reader segment = reader_sub(&path, (size_t)count * (as4 ? 4 : 2));

		if (type < BGP_AS_SET || type > BGP_CONFED_SET || count == 0 || !reader_ok(&segment))
			return false;
		while (reader_left(&segment) > 0)
			if ((as4 ? reader_u32(&segment) : reader_u16(&segment)) == 0)
				return false;
	}
	return reader_done(&path);
}

static bool path_valid(struct reader value, const struct bgp_attr_context *context) { return bgp_path_valid(value, context->as4); }

static bool path4_valid(struct reader value, const struct bgp_attr_context *context)
{
	(void)context;
	return bgp_path_valid(value, true);
}

/* RFC 4271 6.3: a unicast host address; what is on no host's interface can't be a next hop. */
static bool next_hop_valid(struct reader value, const struct bgp_attr_context *context)
{
	const uint8_t *bytes = reader_bytes(&value, 4);
	struct ip ip;

	(void)context;
	if (bytes == NULL)
		return false;
	ip = ip_from_bytes(IP_V4, bytes);
	return bytes[0] != 0 && bytes[0] < 224 && !ip_is_loopback(ip);
}

/* 6 bytes between speakers of 2-octet AS numbers, 8 otherwise; AS 0 is reserved (RFC 7607). */
static bool aggregator_valid(struct reader value, const struct bgp_attr_context *context)
{
	uint32_t as = context->as4 ? reader_u32(&value) : reader_u16(&value);

	reader_skip(&value, 4);
	return as != 0 && reader_done(&value);
}

static bool aggregator4_valid(struct reader value, const struct bgp_attr_context *context)
{
	(void)context;
	return reader_u32(&value) != 0;
}

static bool otc_valid(struct reader value, const struct bgp_attr_context *context)
{
	(void)context;
	return reader_u32(&value) != 0;
}

/* RFC 6514 5: flags, tunnel type up to 7, label, and for ingress replication (6) an address of 4 or 16 bytes. */
static bool pmsi_valid(struct reader value, const struct bgp_attr_context *context)
{
	uint8_t type;

	(void)context;
	reader_skip(&value, 1);
	type = reader_u8(&value);
	reader_skip(&value, 3);
	if (!reader_ok(&value) || type > 7)
		return false;
	return type != 6 || reader_left(&value) == 4 || reader_left(&value) == 16;
}

/* RFC 9012 2: tunnel TLVs (type 2, length 2), in each sub-TLVs (type 1, length 1, or 2 from type 128 on). */
static bool encap_valid(struct reader value, const struct bgp_attr_context *context)
{
	(void)context;
	while (reader_left(&value) > 0) {
		uint16_t type = reader_u16(&value);
		struct reader tunnel = reader_sub(&value, reader_u16(&value));

		(void)type;
		if (!reader_ok(&tunnel) || !reader_ok(&value))
			return false;
		while (reader_left(&tunnel) > 0) {
			uint8_t sub = reader_u8(&tunnel);

			reader_skip(&tunnel, sub >= 128 ? reader_u16(&tunnel) : reader_u8(&tunnel));
			if (!reader_ok(&tunnel))
				return false;
		}
	}
	return true;
}

/* RFC 8669 3: TLVs (type 1, length 2); the label index (1) has 7 bytes. */
static bool prefix_sid_valid(struct reader value, const struct bgp_attr_context *context)
{
	(void)context;
	while (reader_left(&value) > 0) {
		uint8_t type = reader_u8(&value);
		uint16_t length = reader_u16(&value);

		reader_skip(&value, length);
		if (!reader_ok(&value) || (type == 1 && length != 7))
			return false;
	}
	return true;
}

#define WELL_KNOWN BGP_FLAG_TRANSITIVE
#define OPTIONAL BGP_FLAG_OPTIONAL
#define OPTIONAL_TRANSITIVE (BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE)

static const struct bgp_attr_row rows[] = {
	{BGP_ATTR_ORIGIN, "ORIGIN", WELL_KNOWN, 1, 0, true, BGP_FAULT_WITHDRAW, false, false, origin_valid},
	{BGP_ATTR_AS_PATH, "AS_PATH", WELL_KNOWN, 0, 0, false, BGP_FAULT_WITHDRAW, false, false, path_valid},
	{BGP_ATTR_NEXT_HOP, "NEXT_HOP", WELL_KNOWN, 4, 0, true, BGP_FAULT_WITHDRAW, false, false, next_hop_valid},
	{BGP_ATTR_MED, "MULTI_EXIT_DISC", OPTIONAL, 4, 0, true, BGP_FAULT_WITHDRAW, false, false, NULL},
	{BGP_ATTR_LOCAL_PREF, "LOCAL_PREF", WELL_KNOWN, 4, 0, true, BGP_FAULT_WITHDRAW, true, false, NULL},
	{BGP_ATTR_ATOMIC_AGGREGATE, "ATOMIC_AGGREGATE", WELL_KNOWN, 0, 0, true, BGP_FAULT_DISCARD, false, false, NULL},
	{BGP_ATTR_AGGREGATOR, "AGGREGATOR", OPTIONAL_TRANSITIVE, 6, 0, false, BGP_FAULT_DISCARD, false, false, aggregator_valid},
	{BGP_ATTR_COMMUNITIES, "COMMUNITIES", OPTIONAL_TRANSITIVE, 4, 4, false, BGP_FAULT_WITHDRAW, false, false, NULL},
	{BGP_ATTR_ORIGINATOR_ID, "ORIGINATOR_ID", OPTIONAL, 4, 0, true, BGP_FAULT_WITHDRAW, true, false, NULL},
	{BGP_ATTR_CLUSTER_LIST, "CLUSTER_LIST", OPTIONAL, 4, 4, false, BGP_FAULT_WITHDRAW, true, false, NULL},
	{BGP_ATTR_MP_REACH, "MP_REACH_NLRI", OPTIONAL, 5, 0, false, BGP_FAULT_RESET, false, false, NULL},
	{BGP_ATTR_MP_UNREACH, "MP_UNREACH_NLRI", OPTIONAL, 3, 0, false, BGP_FAULT_RESET, false, false, NULL},
	{BGP_ATTR_EXT_COMMUNITIES, "EXTENDED COMMUNITIES", OPTIONAL_TRANSITIVE, 8, 8, false, BGP_FAULT_WITHDRAW, false, false, NULL},
	{BGP_ATTR_AS4_PATH, "AS4_PATH", OPTIONAL_TRANSITIVE, 6, 0, false, BGP_FAULT_WITHDRAW, false, false, path4_valid},
	{BGP_ATTR_AS4_AGGREGATOR, "AS4_AGGREGATOR", OPTIONAL_TRANSITIVE, 8, 0, true, BGP_FAULT_DISCARD, false, false, aggregator4_valid},
	{BGP_ATTR_PMSI_TUNNEL, "PMSI_TUNNEL", OPTIONAL_TRANSITIVE, 5, 0, false, BGP_FAULT_WITHDRAW, false, false, pmsi_valid},
	{BGP_ATTR_TUNNEL_ENCAP, "TUNNEL_ENCAPSULATION", OPTIONAL_TRANSITIVE, 4, 0, false, BGP_FAULT_WITHDRAW, false, false, encap_valid},
	{BGP_ATTR_IPV6_EXT_COMMUNITIES, "IPV6 EXTENDED COMMUNITIES", OPTIONAL_TRANSITIVE, 20, 20, false, BGP_FAULT_WITHDRAW, false, false,
		NULL},
	/* AIGP is used only where an operator turned it on (RFC 7311 3.3), which we don't offer: it is left out. */
	{BGP_ATTR_AIGP, "AIGP", OPTIONAL, 0, 0, false, BGP_FAULT_DISCARD, false, true, NULL},
	{BGP_ATTR_LINK_STATE, "BGP-LS", OPTIONAL, 0, 0, false, BGP_FAULT_DISCARD, false, true, NULL},
	{BGP_ATTR_LARGE_COMMUNITIES, "LARGE_COMMUNITY", OPTIONAL_TRANSITIVE, 12, 12, false, BGP_FAULT_WITHDRAW, false, false, NULL},
	{BGP_ATTR_OTC, "ONLY_TO_CUSTOMER", OPTIONAL_TRANSITIVE, 4, 0, true, BGP_FAULT_WITHDRAW, false, false, otc_valid},
	/* It speaks of the next hop that we replace. */
	{BGP_ATTR_NEXT_HOP_CAPS, "NEXT_HOP_CAPABILITIES", OPTIONAL_TRANSITIVE, 0, 0, false, BGP_FAULT_DISCARD, false, true, NULL},
	{BGP_ATTR_PREFIX_SID, "PREFIX_SID", OPTIONAL_TRANSITIVE, 3, 0, false, BGP_FAULT_DISCARD, false, false, prefix_sid_valid},
};

const struct bgp_attr_row *bgp_attr_row(uint8_t type)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}
