/* The table of features: the way of a packet, from top to bottom. A new feature is one file and one row. */
#include "switch/feature.h"

const struct feature features[] = {
	{"port-state", STAGE_PORT, feature_port_state},
	{"guard", STAGE_PORT, feature_guard},
	{"dhcp", STAGE_PORT, feature_dhcp},
	{"dhcp6", STAGE_PORT, feature_dhcp6},
	{"ra", STAGE_PORT, feature_ra},
	{"dns", STAGE_PORT, feature_dns},
	{"group-out", STAGE_PORT, feature_group_out},

	{"cable", STAGE_NETWORK, feature_cable},
	{"learn", STAGE_NETWORK, feature_learn},
	{"bridge", STAGE_NETWORK, feature_bridge},

	{"group-in", STAGE_DELIVER, feature_group_in},
	{"output", STAGE_DELIVER, feature_output},

	{"arp", STAGE_ROUTER, feature_arp},
	{"ip-check", STAGE_ROUTER, feature_ip_check},
	{"nat", STAGE_ROUTER, feature_nat},
	{"local", STAGE_ROUTER, feature_local},

	{"ttl", STAGE_FORWARD, feature_ttl},
	{"route", STAGE_FORWARD, feature_route},

	{"mtu", STAGE_EGRESS, feature_mtu},
	{"resolve", STAGE_EGRESS, feature_resolve},

	{0},
};
