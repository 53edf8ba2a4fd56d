/* The API of checking pools: what ctl knows at once, then what the switch really has. */
#include "base/check.h"
#include "ctl/api.h"
#include "ctl/pool_check.h"

#define CHECK_TIMEOUT_S 10

struct checking {
	struct api_call *call;
	struct pool_check *check;
	struct pool_check_seen *seen;
};

static void check_reply(struct checking *checking, bool switch_asked)
{
	const struct pool_check *check = checking->check;
	json_t *problems = json_array();

	for (size_t i = 0; i < check->count; i++)
		(void)json_array_append_new(problems, json_string(check->problems[i]));
	api_reply(checking->call, 200,
		json_pack(
			"{s:I, s:b, s:o}", "checked", (json_int_t)check->checked, "switch_asked", (int)switch_asked, "problems", problems));
}

static void row_came(void *context, const struct message *message, int error, bool last)
{
	struct checking *checking = context;

	if (!last) {
		if (message->row->type == MSG_ROW_INTERFACE)
			pool_check_saw(checking->seen, message->body);
		return;
	}
	/* An answer that broke off says nothing of what is missing. */
	pool_check_seen_end(checking->seen, error == 0);
	check_reply(checking, error == 0);
}

void api_pool_check(struct api_call *call)
{
	struct checking *checking = arena_alloc(call->arena, sizeof(*checking));
	const struct msg_show order = {.what = SHOW_INTERFACES};
	struct ctl *ctl = call->ctl;

	*checking = (struct checking){call, pool_check_new(call->arena), NULL};
	pool_check_holdings(checking->check, ctl);
	checking->seen = pool_check_seen_new(checking->check, ctl);
	channel_call(ctl->process->peers[PROCESS_SWITCH], ctl->loop, MSG_SHOW, &order, span_s(CHECK_TIMEOUT_S), row_came, checking);
}
