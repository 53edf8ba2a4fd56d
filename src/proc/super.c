/*
 * Super: starts the children, connects them with each other, starts them again, ends them in order.
 *
 * A child is OFF → STARTING (process made) → RUNNING (READY came) → OFF (it ended) and so on. Its end is seen through its pidfd, not
 * through its channel: a child whose channel broke (it sent what it mustn't) is killed and then seen ending like any other.
 * Each time a child becomes RUNNING it gets a fresh channel to each of its peers that run, and they to it.
 * A spare becomes ready like any other and then waits. When the child of its row ends, the two change places: the spare is connected with
 * the peers at once, or as soon as it is ready, and the one that ended is started again, after a pause, as the spare. At the end ctl is
 * asked first, since it orders the others about; when it is gone the others are asked at once. Who doesn't end in time is killed.
 */
#include "proc/super.h"

#include "base/check.h"
#include "base/log.h"
#include "proc/guard.h"
#include "proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a child may take to become ready, and to end when asked. */
#define START_PATIENCE (span_s(60))
#define STOP_PATIENCE (span_s(10))

/* What failed so often before the API answered once is given up: whoever started us should read why. */
#define FAILURES_BEFORE_READY_MAX 3

/* A spare isn't needed at once, and whoever takes over needs the processor. */
#define SPARE_PAUSE (span_s(2))

/* How often the size of the log is looked at. */
#define LOG_TRIM_EVERY (span_s(30))

static void child_start(struct child *child);
static void super_stop(struct super *super, int status);

static const char *child_name(const struct child *child) { return process_name(child->row->body->id); }

/* The child of that name that is at work, or its spare. */
static struct child *child_find(struct super *super, enum process_id id, bool spare)
{
	for (unsigned i = 0; i < super->child_count; i++)
		if (super->children[i].row->body->id == id && super->children[i].spare == spare)
			return &super->children[i];
	return NULL;
}

static struct child *child_of(struct super *super, enum process_id id) { return child_find(super, id, false); }

static struct msg_process child_report(const struct child *child)
{
	return (struct msg_process){
		.process = (uint8_t)child->row->body->id,
		.running = child->state == CHILD_RUNNING,
		.pid = child->pid > 0 ? (uint32_t)child->pid : 0,
		.restarts = child->restarts,
		.started_wall_ns = child->started_wall_ns,
	};
}

static struct msg_process super_report(const struct super *super)
{
	return (struct msg_process){
		.process = PROCESS_SUPER, .running = true, .pid = (uint32_t)getpid(), .started_wall_ns = super->started_wall_ns};
}

/* Tells ctl that a child came or went. */
static void report(struct super *super, const struct child *child)
{
	const struct child *ctl = child_of(super, PROCESS_CTL);
	struct msg_process process = child_report(child);

	if (ctl != NULL && ctl->state == CHILD_RUNNING)
		(void)channel_send(ctl->channel, MSG_PROCESS_CHANGED, 0, &process, -1);
}

/* Tells a ctl that is new of all. */
static void report_all(struct super *super, struct child *ctl)
{
	struct msg_process process = super_report(super);

	(void)channel_send(ctl->channel, MSG_PROCESS_CHANGED, 0, &process, -1);
	for (unsigned i = 0; i < super->child_count; i++)
		if (!super->children[i].spare)
			report(super, &super->children[i]);
}

static void answer_show(struct super *super, struct child *child, const struct message *message)
{
	const struct msg_show *show = message->body;
	struct msg_process process = super_report(super);
	struct err err = {0};

	if (show->what != SHOW_PROCESSES) {
		(void)err_set(&err, -EINVAL, "super knows processes only");
	} else {
		(void)channel_send(child->channel, MSG_ROW_PROCESS, message->seq, &process, -1);
		for (unsigned i = 0; i < super->child_count; i++) {
			if (super->children[i].spare)
				continue;
			process = child_report(&super->children[i]);
			(void)channel_send(child->channel, MSG_ROW_PROCESS, message->seq, &process, -1);
		}
	}
	channel_done(child->channel, message->seq, &err);
}

/* Two ends for two processes; a larger buffer than the default lets a FIB batch pass without waiting. */
static int channel_pair(int ends[2])
{
	const int bytes = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
			(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return 0;
}

static bool are_peers(const struct child *a, const struct child *b)
{
	return a != b && !a->spare && !b->spare && (a->row->peers & 1U << b->row->body->id) && (b->row->peers & 1U << a->row->body->id);
}

static void connect_peers(struct child *a, struct child *b)
{
	struct msg_peer to_a = {(uint8_t)b->row->body->id}, to_b = {(uint8_t)a->row->body->id};
	int ends[2];

	if (channel_pair(ends) != 0) {
		log_error(child_name(a), "can't be connected with %s: %s", child_name(b), strerror(errno));
		return;
	}
	(void)channel_send(a->channel, MSG_PEER, 0, &to_a, ends[0]);
	(void)channel_send(b->channel, MSG_PEER, 0, &to_b, ends[1]);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* The child is at work from now on. */
static void child_connect(struct child *child)
{
	struct super *super = child->super;

	if (child->row->body->id == PROCESS_CTL)
		report_all(super, child);
	else
		report(super, child);
	for (unsigned i = 0; i < super->child_count; i++)
		if (super->children[i].state == CHILD_RUNNING && are_peers(child, &super->children[i]))
			connect_peers(child, &super->children[i]);
	if (child->row->body->id == PROCESS_CTL && !super->ready) {
		super->ready = true;
		super_guard_ready(super);
		notify("READY=1\nMAINPID=%d", (int)super->guard_pid);
	}
}

static void child_ready(struct child *child)
{
	if (child->state != CHILD_STARTING)
		return;
	child->state = CHILD_RUNNING;
	loop_timer_set(child->deadline, INSTANT_NEVER);
	log_info(child_name(child), "ready%s, process %d", child->spare ? " as a spare" : "", child->pid);
	if (!child->spare)
		child_connect(child);
}

/* Only the switch has something that must outlive it. */
static bool may_keep(const struct child *child, uint16_t type)
{
	return child->row->body->id == PROCESS_SWITCH && !child->spare &&
	       (type == MSG_KEEP || type == MSG_FORGET || type == MSG_FORGET_UNASKED);
}

static void child_received(void *context, struct channel *channel, const struct message *message)
{
	struct child *child = context;
	bool is_ctl = child->row->body->id == PROCESS_CTL;

	(void)channel;
	if (message->row->type == MSG_READY) {
		child_ready(child);
	} else if (message->row->type == MSG_SHOW) {
		answer_show(child->super, child, message);
	} else if (message->row->type == MSG_SHUTDOWN && is_ctl) {
		child->super->no_labs = true;
		super_stop(child->super, EXIT_SUCCESS);
	} else if (super_is_act(message->row->type)) {
		super_act(child->super, child, message);
	} else if (may_keep(child, message->row->type)) {
		super_keep(child->super, child, message);
	} else {
		log_error(child_name(child), "sent %s, which it mustn't: killed", message->row->name);
		(void)kill(child->pid, SIGKILL);
		if (message->fd >= 0)
			(void)close(message->fd);
	}
}

static void child_channel_closed(void *context, struct channel *channel)
{
	struct child *child = context;

	log_debug(child_name(child), "channel closed: %s", channel_reason(channel));
	child->channel = NULL;
	channel_free(channel);
	/* Without its channel it is of no use; mostly it is dead already. */
	if (child->pid > 0 && child->state != CHILD_STOPPING)
		(void)kill(child->pid, SIGKILL);
}

/* All children have ended. */
static bool all_off(const struct super *super)
{
	for (unsigned i = 0; i < super->child_count; i++)
		if (super->children[i].pid > 0)
			return false;
	return true;
}

static void child_ask_to_end(struct child *child)
{
	if (child->pid <= 0 || child->state == CHILD_STOPPING)
		return;
	child->state = CHILD_STOPPING;
	loop_timer_set(child->deadline, INSTANT_NEVER);
	loop_timer_set(child->timer, instant_add(loop_now(child->super->loop), STOP_PATIENCE));
	if (channel_send(child->channel, MSG_SHUTDOWN, 0, NULL, -1) != 0)
		(void)kill(child->pid, SIGKILL);
}

/* The next step of ending: ctl first, then the others, then ourselves. */
static void stop_next(struct super *super)
{
	struct child *ctl = child_of(super, PROCESS_CTL);

	if (ctl != NULL && ctl->pid > 0) {
		child_ask_to_end(ctl);
		return;
	}
	for (unsigned i = 0; i < super->child_count; i++)
		child_ask_to_end(&super->children[i]);
	if (all_off(super))
		loop_stop(super->loop);
}

static void super_stop(struct super *super, int status)
{
	if (super->stopping)
		return;
	log_notice(NULL, "ending");
	notify("STOPPING=1");
	lock_write(SPAWN_LOCK_FD, super->guard_pid, true);
	super->stopping = true;
	super->status = status;
	for (unsigned i = 0; i < super->child_count; i++)
		loop_timer_set(super->children[i].timer, INSTANT_NEVER);
	stop_next(super);
}

static void log_end(const struct child *child, const siginfo_t *info)
{
	bool expected = child->state == CHILD_STOPPING;

	if (info->si_code == CLD_EXITED)
		log_write(expected ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, child_name(child), "ended with status %d", info->si_status);
	else
		log_warning(child_name(child), "killed by signal %d (%s)", info->si_status, strsignal(info->si_status));
}

static void child_restart(struct child *child)
{
	struct super *super = child->super;
	struct instant now = loop_now(super->loop);
	struct span pause;

	child->failures = instant_diff(now, child->started).ns > BACKOFF_CALM.ns ? 1 : child->failures + 1;
	child->restarts++;
	if (!super->ready && child->failures >= FAILURES_BEFORE_READY_MAX) {
		log_error(child_name(child), "failed %u times before the API answered, giving up", child->failures);
		super_stop(super, EXIT_FAILURE);
		return;
	}
	pause = backoff_next(child->failures - 1);
	loop_timer_set(child->timer, instant_add(now, child->spare && pause.ns < SPARE_PAUSE.ns ? SPARE_PAUSE : pause));
}

/* The spare of a child that has ended takes its place; the child becomes the spare. */
static void spare_takes_over(struct child *child)
{
	struct child *spare = child_find(child->super, child->row->body->id, true);

	if (child->spare || spare == NULL || spare->pid <= 0)
		return;
	child->spare = true;
	spare->spare = false;
	spare->restarts = child->restarts + 1;
	if (spare->state == CHILD_RUNNING)
		child_connect(spare);
}

static void child_ended(void *context, int fd, int events)
{
	struct child *child = context;
	siginfo_t info = {0};
	int got = waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);

	(void)events;
	if (got == 0 && info.si_pid == 0)
		return;
	if (got == 0)
		log_end(child, &info);
	loop_watch_free(child->watch);
	(void)close(child->pidfd);
	channel_free(child->channel);
	child->watch = NULL;
	child->channel = NULL;
	child->pid = 0;
	child->state = CHILD_OFF;
	if (child->row->body->id == PROCESS_SWITCH && !child->spare)
		super_kept_unask(child->super);
	if (!child->spare)
		super_acts_forget(child->super, child->row->body->id);
	loop_timer_set(child->deadline, INSTANT_NEVER);
	loop_timer_set(child->timer, INSTANT_NEVER);
	if (!child->spare)
		report(child->super, child);
	if (child->super->stopping) {
		stop_next(child->super);
		return;
	}
	spare_takes_over(child);
	child_restart(child);
}

static void child_timer(void *context, struct instant now)
{
	struct child *child = context;

	(void)now;
	if (child->state == CHILD_OFF) {
		child_start(child);
	} else {
		log_warning(child_name(child), "does not end: killed");
		(void)kill(child->pid, SIGKILL);
	}
}

static void child_late(void *context, struct instant now)
{
	struct child *child = context;

	(void)now;
	log_warning(child_name(child), "is not ready in time: killed");
	(void)kill(child->pid, SIGKILL);
}

static void child_start(struct child *child)
{
	struct super *super = child->super;
	struct err err = {0};
	int ends[2];

	child->started = loop_now(super->loop);
	child->started_wall_ns = clock_wall_ns();
	if (channel_pair(ends) != 0) {
		log_error(child_name(child), "can't be started: %s", strerror(errno));
		child_restart(child);
		return;
	}
	child->pidfd =
		spawn(&(struct spawn){.name = child_name(child), .fds = &ends[1], .count = 1, .with_parent = true}, &child->pid, &err);
	(void)close(ends[1]);
	if (child->pidfd < 0) {
		log_error(NULL, "%s", err.text);
		(void)close(ends[0]);
		child_restart(child);
		return;
	}
	child->state = CHILD_STARTING;
	child->watch = loop_watch_new(super->loop, child->pidfd, LOOP_READABLE, child_ended, child);
	child->channel = channel_new(super->loop, ends[0], child_name(child), child_received, child_channel_closed, child);
	loop_timer_set(child->deadline, instant_add(child->started, START_PATIENCE));
}

static void child_add(struct super *super, const struct process_row *row, bool spare)
{
	struct child *child = &super->children[super->child_count++];

	*child = (struct child){.super = super, .row = row, .spare = spare};
	child->timer = loop_timer_new(super->loop, child_timer, child);
	child->deadline = loop_timer_new(super->loop, child_late, child);
	if (spare)
		loop_timer_set(child->timer, instant_add(loop_now(super->loop), SPARE_PAUSE));
}

static void trim_log(void *context, struct instant now)
{
	struct super *super = context;

	log_file_trim(&super->places);
	loop_timer_set(super->log_timer, instant_add(now, LOG_TRIM_EVERY));
}

static void stop_by_signal(void *context, int signal)
{
	(void)signal;
	super_stop(context, EXIT_SUCCESS);
}

void super_end(struct super *super) { super_stop(super, EXIT_SUCCESS); }

int supervise(const struct process_row *rows, unsigned row_count)
{
	static struct super super;
	struct err err = {0};
	int type;

	if (getsockopt(SPAWN_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)}) != 0) {
		(void)!write(STDERR_FILENO, "weftd: --process is for weftd itself\n", 37);
		return EXIT_FAILURE;
	}
	for (int fd = SPAWN_CHANNEL_FD; fd <= SPAWN_READY_FD; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	process_log_open("super");
	if (places_find(&super.places, &err) != 0) {
		log_error(NULL, "%s", err.text);
		return EXIT_FAILURE;
	}
	CHECK(row_count <= PROCESS_COUNT);
	super.loop = loop_new();
	list_init(&super.acts_waiting);
	super.guard = SPAWN_CHANNEL_FD;
	super.guard_pid = getppid();
	super.started_wall_ns = clock_wall_ns();
	super_guard_watch(&super);
	loop_on_signal(super.loop, SIGTERM, stop_by_signal, &super);
	loop_on_signal(super.loop, SIGINT, stop_by_signal, &super);
	super.log_timer = loop_timer_new(super.loop, trim_log, &super);
	loop_timer_set(super.log_timer, instant_add(loop_now(super.loop), LOG_TRIM_EVERY));
	for (unsigned i = 0; i < row_count; i++)
		child_add(&super, &rows[i], false);
	for (unsigned i = 0; i < row_count; i++)
		if (rows[i].spare)
			child_add(&super, &rows[i], true);
	for (unsigned i = 0; i < row_count; i++)
		child_start(&super.children[i]);
	loop_run(super.loop);
	super_vhost_end(&super);
	if (super.no_labs)
		places_forget(&super.places);
	places_clean(&super.places, super.status != EXIT_SUCCESS);
	super_guard_bye(&super);
	return super.status;
}
