/* Features port-state and output: a port forwards only while it and its network are up; the end of a way. */
#include "switch/feature.h"

enum feature_result feature_port_state(struct walk *walk)
{
	struct member *member = &walk->port->member;

	walk_look(walk, FLOW_IN_PORT);
	if (!walk->port->config.up || member->network == NULL)
		return walk_drop(walk, member, DROP_PORT_DOWN);
	if (!member->network->config.up)
		return walk_drop(walk, member, DROP_NETWORK_DOWN);
	walk->network = member->network;
	walk->from = member;
	walk_note(walk, "into network %s", walk->network->config.path);
	return FEATURE_CONTINUE;
}

enum feature_result feature_output(struct walk *walk) { return walk_output(walk, walk->to); }
