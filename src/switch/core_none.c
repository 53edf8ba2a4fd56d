/* A core that forwards nothing: stands in for core.c until that is there (meson.build). */
#include "switch/core.h"

struct core *core_new(const struct core_ops *ops, void *context, struct packet_pool *pool, const struct core_limits *limits) { return NULL; }
void core_free(struct core *core) {}

int core_apply(struct core *core, enum process_id from, const struct message_row *row, const void *body, struct instant now, struct err *err)
{
	return 0;
}

int core_show(struct core *core, enum process_id to, uint32_t seq, const struct msg_show *show, struct instant now, struct err *err)
{
	return 0;
}

void core_port_state(struct core *core, uint32_t port, enum port_state state, const char *error, struct instant now) {}
bool core_port_link(const struct core *core, uint32_t port) { return false; }
void core_input(struct core *core, struct packet *const *packets, unsigned count, struct instant now) {}
struct instant core_tick(struct core *core, struct instant now) { return INSTANT_NEVER; }
void core_peer_up(struct core *core, enum process_id process) {}
void core_count_drop(struct core *core, uint32_t port, const char *reason, uint64_t packets) {}
