/* The end of a daemon that was started by itself. */
#include "ctl/idle.h"

#include "base/log.h"

/* Time for the first client after the start. */
#define FIRST_CLIENT_S 15

static bool is_idle(const struct ctl *ctl)
{
	return ctl->settings.ends_when_idle && !ctl->incomplete && !ctl->ending && ctl->labs.used == 0 && list_empty(&ctl->applies);
}

static void idle_due(void *context, struct instant now)
{
	struct ctl *ctl = context;

	if (!is_idle(ctl))
		return;
	if (http_counts(ctl->http).connections > 0) {
		loop_timer_set(ctl->idle_timer, instant_add(now, ctl->settings.idle));
		return;
	}
	log_notice(NULL, "no lab is left: ending");
	ctl->ending = true;
	(void)channel_send(ctl->process->super, MSG_SHUTDOWN, 0, NULL, -1);
}

void idle_start(struct ctl *ctl)
{
	ctl->idle_timer = loop_timer_new(ctl->loop, idle_due, ctl);
	if (is_idle(ctl))
		loop_timer_set(ctl->idle_timer, instant_add(loop_now(ctl->loop), span_s(FIRST_CLIENT_S)));
}

void idle_check(struct ctl *ctl)
{
	if (is_idle(ctl) && ctl->idle_timer != NULL)
		loop_timer_set(ctl->idle_timer, instant_add(loop_now(ctl->loop), ctl->settings.idle));
}
