/*
 * The scheduler of machines.
 *
 * Theory of operation. Jobs are records of 56 bytes in one array; a line is either a ring of job numbers (fcfs without backfill, rr) or a
 * sorted list (order.h). Which of them serves is decided once, when the scheduler is made: `line` is where jobs wait for a host, `ready`
 * (hold only) where those that have their memory wait for CPU. The running jobs are in a list in dispatch order, whose head has the
 * earliest end of slice, since a quantum is the same for all; for EASY also in a list sorted by expected end, for preemption in one sorted
 * as the line is. Long because the policies share one state, and a pass is read from one end to the other.
 */
#include "alloc/sched.h"

#include "alloc/line.h"
#include "base/arena.h"
#include "base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

const char *const sched_policy_names[SCHED_POLICY_COUNT] = {"fcfs", "rr", "priority", "priority-preemptive"};
const char *const sched_placement_names[SCHED_PLACEMENT_COUNT] = {"first-fit", "best-fit", "worst-fit"};

enum job_state { JOB_WAITING, JOB_READY, JOB_RUNNING, JOB_WITHHELD, JOB_DONE };

struct job {
	int64_t key;	    /* of the line: ascending */
	int64_t dispatched; /* when it last started */
	int64_t served;	    /* ticks before that */
	int64_t estimate;
	uint32_t vcpus;
	uint32_t memory;
	uint32_t next, previous; /* running jobs, in dispatch order */
	uint32_t host;
	int32_t priority;
	uint32_t dispatches;
	uint8_t state;	  /* enum job_state */
	bool holds;	  /* has its memory (hold) */
	bool interrupted; /* was running before this pass, and was paused in it */
	bool announced;	  /* its start was told */
	bool fresh;	  /* was dispatched in this pass, and was not running before it */
};

/* Less than nothing is free where jobs were found running, or a host became smaller under them. */
struct host {
	int64_t vcpus, memory; /* free */
};

/* Job numbers that grow in an array. */
struct batch {
	uint32_t *jobs;
	size_t count, capacity;
};

struct sched {
	struct sched_config config;
	sched_order_fn *order;
	void *context;
	struct job *jobs;
	uint32_t job_count, job_capacity;
	struct host *hosts;
	struct line line, ready;
	uint32_t running_head, running_tail;
	struct order by_end, by_key;
	struct batch started, paused; /* of this pass */
	struct sched_counts counts;
	uint64_t starts; /* that a pass may still give: never runs out for traces */
};

int sched_config_check(const struct sched_config *config, struct err *err)
{
	if (config->vcpus < 1 || config->memory < 1 || config->vcpus > UINT32_MAX || config->memory > UINT32_MAX)
		return err_set(err, -EINVAL, "a host has 1 to 2^32-1 vCPUs and MiB of memory");
	if (config->hosts < 1 || config->hosts > SCHED_HOSTS_MAX)
		return err_set(err, -EINVAL, "hosts: 1 to %d, not %" PRIu32, SCHED_HOSTS_MAX, config->hosts);
	if (config->policy == SCHED_RR && config->quantum < 1)
		return err_set(err, -EINVAL, "policy rr needs a quantum of at least 1");
	if (config->aging < 0)
		return err_set(err, -EINVAL, "aging can't be negative");
	if (config->easy && config->policy != SCHED_FCFS && config->policy != SCHED_PRIORITY)
		return err_set(
			err, -EINVAL, "backfill goes with the policies fcfs and priority, not with %s", sched_policy_names[config->policy]);
	if ((config->easy || config->policy == SCHED_PREEMPTIVE || config->hold) && config->hosts > 1)
		return err_set(err, -EINVAL, "backfill, preemption and hold are defined for one host; give a pool as one large host");
	return 0;
}

static void batch_add(struct batch *batch, uint32_t job)
{
	if (batch->count == batch->capacity) {
		batch->capacity = batch->capacity ? batch->capacity * 2 : 64;
		batch->jobs = xrealloc(batch->jobs, batch->capacity * sizeof(*batch->jobs));
	}
	batch->jobs[batch->count++] = job;
}

static struct order_entry entry_of(const struct sched *sched, uint32_t job, int64_t key)
{
	const struct job *j = &sched->jobs[job];

	return (struct order_entry){key, job, j->vcpus, j->memory, j->host};
}

/* Puts a job into a line. One that has its memory needs no more. */
static void enqueue(struct sched *sched, struct line *line, uint32_t job)
{
	struct order_entry entry = entry_of(sched, job, sched->jobs[job].key);

	if (sched->jobs[job].holds)
		entry.memory = 0;
	line_push(line, entry);
}

struct sched *sched_new(const struct sched_config *config, sched_order_fn *order, void *context)
{
	struct sched *sched = xalloc(sizeof(*sched));

	CHECK(sched_config_check(config, NULL) == 0);
	sched->config = *config;
	sched->order = order;
	sched->context = context;
	sched->running_head = sched->running_tail = NONE;
	sched->starts = UINT64_MAX;
	sched->line.sorted = config->easy || config->policy >= SCHED_PRIORITY || (config->keep_places && config->policy == SCHED_FCFS);
	sched->ready.sorted = config->policy >= SCHED_PRIORITY;
	sched->hosts = xalloc(config->hosts * sizeof(*sched->hosts));
	for (uint32_t i = 0; i < config->hosts; i++)
		sched->hosts[i] = (struct host){(int64_t)config->vcpus, (int64_t)config->memory};
	return sched;
}

void sched_free(struct sched *sched)
{
	if (sched == NULL)
		return;
	line_free(&sched->line);
	line_free(&sched->ready);
	order_free(&sched->by_end);
	order_free(&sched->by_key);
	free(sched->started.jobs);
	free(sched->paused.jobs);
	free(sched->hosts);
	free(sched->jobs);
	free(sched);
}

static int64_t key_of(const struct sched_config *config, const struct sched_request *request)
{
	if (config->policy < SCHED_PRIORITY)
		return 0;
	if (config->aging == 0)
		return -(int64_t)request->priority;
	return request->arrival - (int64_t)request->priority * config->aging;
}

uint32_t sched_submit_withheld(struct sched *sched, const struct sched_request *request)
{
	uint32_t job = sched->job_count;

	if (request->vcpus > sched->config.vcpus || request->memory > sched->config.memory || job == SCHED_REFUSED - 1)
		return SCHED_REFUSED;
	if (job == sched->job_capacity) {
		sched->job_capacity = sched->job_capacity ? sched->job_capacity * 2 : 256;
		sched->jobs = xrealloc(sched->jobs, sched->job_capacity * sizeof(*sched->jobs));
	}
	sched->jobs[job] = (struct job){
		.key = key_of(&sched->config, request),
		.estimate = request->estimate,
		.vcpus = request->vcpus,
		.memory = request->memory,
		.priority = request->priority,
		.next = NONE,
		.previous = NONE,
		.host = NONE,
		.state = JOB_WITHHELD,
	};
	sched->job_count++;
	sched->counts.withheld++;
	return job;
}

uint32_t sched_submit(struct sched *sched, const struct sched_request *request)
{
	uint32_t job = sched_submit_withheld(sched, request);

	if (job != SCHED_REFUSED)
		sched_readmit(sched, job);
	return job;
}

/* How much a host has free of both, each as a share of a whole host, in units of 1 / (vCPUs x memory): exact, so that equal hosts compare
 * equal. */
static uint64_t free_share(const struct sched *sched, const struct host *host)
{
	return (uint64_t)host->vcpus * sched->config.memory + (uint64_t)host->memory * sched->config.vcpus;
}

/* The host that the placement chooses among those that have this much free now (the first of equals); NONE: none has. */
static uint32_t place(const struct sched *sched, int64_t vcpus, int64_t memory)
{
	bool least = sched->config.placement == SCHED_BEST_FIT;
	uint32_t best = NONE;
	uint64_t best_share = 0;

	for (uint32_t i = 0; i < sched->config.hosts; i++) {
		const struct host *host = &sched->hosts[i];
		uint64_t share;

		if (host->vcpus < vcpus || host->memory < memory)
			continue;
		if (sched->config.placement == SCHED_FIRST_FIT)
			return i;
		share = free_share(sched, host);
		if (best == NONE || (least ? share < best_share : share > best_share)) {
			best = i;
			best_share = share;
		}
	}
	return best;
}

static int64_t expected_end(const struct job *j) { return j->dispatched + j->estimate - j->served; }

/* Takes CPU (and memory, unless it holds it already) on `host` and runs the job from `now` on. */
static void occupy(struct sched *sched, uint32_t job, uint32_t host, int64_t now)
{
	struct job *j = &sched->jobs[job];

	sched->hosts[host].vcpus -= j->vcpus;
	if (!j->holds)
		sched->hosts[host].memory -= j->memory;
	j->host = host;
	j->dispatched = now;
	j->state = JOB_RUNNING;
	j->previous = sched->running_tail;
	j->next = NONE;
	if (sched->running_tail != NONE)
		sched->jobs[sched->running_tail].next = job;
	else
		sched->running_head = job;
	sched->running_tail = job;
	if (sched->config.easy)
		order_insert(&sched->by_end, entry_of(sched, job, expected_end(j)));
	if (sched->config.policy == SCHED_PREEMPTIVE)
		order_insert(&sched->by_key, entry_of(sched, job, j->key));
	sched->counts.running++;
}

/* What counts a job that isn't running: one that never ran waits, another is paused. */
static uint32_t *idle_count(struct sched *sched, const struct job *j)
{
	return j->state == JOB_WITHHELD ? &sched->counts.withheld : j->dispatches == 0 ? &sched->counts.waiting : &sched->counts.paused;
}

/* Starts or resumes a job out of its line. */
static void dispatch(struct sched *sched, uint32_t job, uint32_t host, int64_t now)
{
	struct job *j = &sched->jobs[job];

	--*idle_count(sched, j);
	if (j->dispatches++ == 0)
		sched->starts--;
	occupy(sched, job, host, now);
	j->fresh = !j->interrupted;
	batch_add(&sched->started, job);
}

/* Gives CPU (and memory, unless it keeps it) back. */
static void undispatch(struct sched *sched, uint32_t job, int64_t now, bool keep_memory)
{
	struct job *j = &sched->jobs[job];

	sched->hosts[j->host].vcpus += j->vcpus;
	if (!keep_memory) {
		sched->hosts[j->host].memory += j->memory;
		j->holds = false;
	}
	if (sched->config.easy)
		order_remove(&sched->by_end, expected_end(j), job);
	if (sched->config.policy == SCHED_PREEMPTIVE)
		order_remove(&sched->by_key, j->key, job);
	j->served += now - j->dispatched;
	if (j->previous != NONE)
		sched->jobs[j->previous].next = j->next;
	else
		sched->running_head = j->next;
	if (j->next != NONE)
		sched->jobs[j->next].previous = j->previous;
	else
		sched->running_tail = j->previous;
	sched->counts.running--;
}

void sched_complete(struct sched *sched, uint32_t job, int64_t now)
{
	CHECK(job < sched->job_count && sched->jobs[job].state == JOB_RUNNING);
	undispatch(sched, job, now, false);
	sched->jobs[job].state = JOB_DONE;
}

/* Takes a job that isn't running out of its line. */
static void leave_line(struct sched *sched, uint32_t job)
{
	struct job *j = &sched->jobs[job];

	--*idle_count(sched, j);
	if (j->state != JOB_WITHHELD)
		line_remove(j->state == JOB_READY ? &sched->ready : &sched->line, j->key, job);
}

void sched_cancel(struct sched *sched, uint32_t job)
{
	struct job *j = &sched->jobs[job];

	CHECK(job < sched->job_count && j->state != JOB_RUNNING && j->state != JOB_DONE);
	leave_line(sched, job);
	if (j->holds)
		sched->hosts[0].memory += j->memory;
	j->state = JOB_DONE;
}

void sched_withhold(struct sched *sched, uint32_t job, int64_t now)
{
	struct job *j = &sched->jobs[job];

	CHECK(job < sched->job_count && j->state != JOB_WITHHELD && j->state != JOB_DONE);
	if (j->state == JOB_RUNNING) {
		undispatch(sched, job, now, true);
		j->holds = true;
	} else {
		leave_line(sched, job);
	}
	j->state = JOB_WITHHELD;
	sched->counts.withheld++;
}

void sched_readmit(struct sched *sched, uint32_t job)
{
	struct job *j = &sched->jobs[job];

	CHECK(job < sched->job_count && j->state == JOB_WITHHELD);
	sched->counts.withheld--;
	j->state = sched->config.hold && j->holds ? JOB_READY : JOB_WAITING;
	++*idle_count(sched, j);
	enqueue(sched, j->state == JOB_READY ? &sched->ready : &sched->line, job);
}

void sched_restore(struct sched *sched, uint32_t job, bool begun, int64_t served, bool holds)
{
	struct job *j = &sched->jobs[job];

	CHECK(job < sched->job_count && j->state == JOB_WITHHELD && j->dispatches == 0);
	j->served = served;
	j->dispatches = begun;
	j->announced = begun;
	j->holds = holds;
	if (holds)
		sched->hosts[0].memory -= j->memory;
}

void sched_restore_running(struct sched *sched, uint32_t job, int64_t dispatched)
{
	struct job *j = &sched->jobs[job];

	CHECK(job < sched->job_count && j->state == JOB_WITHHELD);
	sched->counts.withheld--;
	occupy(sched, job, 0, dispatched);
}

/* Puts a running job back into its line. */
static void interrupt_job(struct sched *sched, uint32_t job, int64_t now)
{
	struct job *j = &sched->jobs[job];

	undispatch(sched, job, now, sched->config.hold);
	j->state = sched->config.hold ? JOB_READY : JOB_WAITING;
	enqueue(sched, sched->config.hold ? &sched->ready : &sched->line, job);
	sched->counts.paused++;
	/* One that started in this very pass and has to yield again (aging can do that) is told both. */
	j->interrupted = !j->fresh;
	batch_add(&sched->paused, job);
}

/* Machines whose slice is over go to the tail, in dispatch order. */
static void end_slices(struct sched *sched, int64_t now)
{
	while (sched->running_head != NONE && sched->jobs[sched->running_head].dispatched + sched->config.quantum <= now)
		interrupt_job(sched, sched->running_head, now);
}

/*
 * Whether pausing machines of lower priority from the end of the running order makes room for `head`; pauses them if it does. In hold
 * mode they keep their memory, and the head has its own already.
 */
static bool preempt_for(struct sched *sched, uint32_t head, int64_t now)
{
	const struct job *h = &sched->jobs[head];
	int64_t vcpus = sched->hosts[0].vcpus, memory = sched->hosts[0].memory;
	struct order_cursor cursor = order_end(&sched->by_key);
	const struct order_entry *victim;
	size_t victims = 0;

	while (vcpus < h->vcpus || (!h->holds && memory < h->memory)) {
		victim = order_before(&sched->by_key, &cursor);
		if (victim == NULL || sched->jobs[victim->job].priority >= h->priority)
			return false;
		vcpus += victim->vcpus;
		if (!sched->config.hold)
			memory += victim->memory;
		victims++;
	}
	for (; victims > 0; victims--)
		interrupt_job(sched, order_last(&sched->by_key)->job, now);
	return true;
}

static uint32_t place_job(const struct sched *sched, uint32_t job)
{
	const struct job *j = &sched->jobs[job];

	return place(sched, j->vcpus, j->holds ? 0 : j->memory);
}

/* False when a first start would be one too many. */
static bool may_start(const struct sched *sched, uint32_t job) { return sched->starts > 0 || sched->jobs[job].dispatches > 0; }

/* Starts jobs from the head of a line for as long as they fit, preempting where the policy does. */
static void dispatch_heads(struct sched *sched, struct line *line, int64_t now)
{
	uint32_t head;

	while ((head = line_head(line)) != NONE && may_start(sched, head)) {
		uint32_t host = place_job(sched, head);

		if (host == NONE && sched->config.policy == SCHED_PREEMPTIVE) {
			/* The head leaves the line first: its victims go into the same one. */
			line_pop(line);
			if (!preempt_for(sched, head, now)) {
				enqueue(sched, line, head);
				return;
			}
			dispatch(sched, head, 0, now);
			continue;
		}
		if (host == NONE)
			return;
		line_pop(line);
		dispatch(sched, head, host, now);
	}
}

/* Hold: memory first, in the line's order; who has it goes to the ready line. */
static void admit_to_memory(struct sched *sched)
{
	uint32_t head;

	while ((head = line_head(&sched->line)) != NONE && sched->jobs[head].memory <= sched->hosts[0].memory) {
		struct job *j = &sched->jobs[head];

		line_pop(&sched->line);
		sched->hosts[0].memory -= j->memory;
		j->holds = true;
		j->state = JOB_READY;
		enqueue(sched, &sched->ready, head);
	}
}

static uint64_t free_of(int64_t units) { return units > 0 ? (uint64_t)units : 0; }

static uint64_t lacking(int64_t needed, int64_t free_units) { return needed > free_units ? (uint64_t)(needed - free_units) : 0; }

/* EASY: the head is blocked; later ones start when they don't delay it. */
static void backfill(struct sched *sched, int64_t now)
{
	struct host *host = &sched->hosts[0];
	const struct order_entry *head = order_first(&sched->line.order), *entry;
	uint64_t vcpus = 0, memory = 0;
	int64_t extra_vcpus, extra_memory, shadow = now;
	struct order_cursor cursor = {0, 0};

	if (head == NULL || sched->line.order.used < 2 || sched->starts == 0)
		return;
	/* What is withheld keeps memory for as long as somebody likes: no shadow then, and nobody behind the head delays it. */
	if (!order_reach(&sched->by_end, lacking(head->vcpus, host->vcpus), lacking(head->memory, host->memory), &shadow, &vcpus, &memory))
		shadow = INT64_MAX;
	extra_vcpus = host->vcpus + (int64_t)vcpus - head->vcpus;
	extra_memory = host->memory + (int64_t)memory - head->memory;
	cursor = order_after(&sched->line.order, cursor);
	while ((entry = order_next_fitting(&sched->line.order, &cursor, free_of(host->vcpus), free_of(host->memory))) != NULL) {
		uint32_t job = entry->job;
		const struct job *j = &sched->jobs[job];
		bool in_time = now + j->estimate - j->served <= shadow;

		if (!may_start(sched, job) || (!in_time && (j->vcpus > extra_vcpus || entry->memory > extra_memory))) {
			cursor = order_after(&sched->line.order, cursor);
			continue;
		}
		if (!in_time) {
			extra_vcpus -= j->vcpus;
			extra_memory -= entry->memory;
		}
		order_remove_at(&sched->line.order, &cursor);
		dispatch(sched, job, 0, now);
	}
}

static void emit_run(struct sched *sched, uint32_t job, int64_t now)
{
	struct job *j = &sched->jobs[job];
	enum sched_order order = j->interrupted ? SCHED_CONTINUE : j->announced ? SCHED_RESUME : SCHED_START;

	j->announced = true;
	sched->order(sched->context, job, order, now);
}

/* Says what changed: pauses of those that didn't run on at once, then, in dispatch order, what starts, resumes and goes on. */
static void emit_orders(struct sched *sched, int64_t now)
{
	for (size_t i = 0; i < sched->paused.count; i++) {
		uint32_t job = sched->paused.jobs[i];
		struct job *j = &sched->jobs[job];

		if (j->state == JOB_RUNNING || !(j->interrupted || j->fresh))
			continue;
		if (j->fresh)
			emit_run(sched, job, now);
		j->fresh = j->interrupted = false;
		sched->order(sched->context, job, SCHED_PAUSE, now);
	}
	for (size_t i = 0; i < sched->started.count; i++) {
		uint32_t job = sched->started.jobs[i];
		struct job *j = &sched->jobs[job];

		if (j->state != JOB_RUNNING || !(j->interrupted || j->fresh))
			continue;
		emit_run(sched, job, now);
		j->fresh = j->interrupted = false;
	}
	sched->paused.count = sched->started.count = 0;
}

void sched_pass(struct sched *sched, int64_t now)
{
	if (sched->config.policy == SCHED_RR)
		end_slices(sched, now);
	if (sched->config.hold) {
		admit_to_memory(sched);
		dispatch_heads(sched, &sched->ready, now);
	} else {
		dispatch_heads(sched, &sched->line, now);
	}
	if (sched->config.easy)
		backfill(sched, now);
	emit_orders(sched, now);
}

int64_t sched_next_slice(const struct sched *sched)
{
	if (sched->config.policy != SCHED_RR || sched->running_head == NONE)
		return INT64_MAX;
	return sched->jobs[sched->running_head].dispatched + sched->config.quantum;
}

struct sched_counts sched_counts(const struct sched *sched)
{
	struct sched_counts counts = sched->counts;

	for (uint32_t i = 0; i < sched->config.hosts; i++) {
		counts.vcpus_used += sched->config.vcpus - (uint64_t)sched->hosts[i].vcpus;
		counts.memory_used += sched->config.memory - (uint64_t)sched->hosts[i].memory;
	}
	return counts;
}

int64_t sched_served(const struct sched *sched, uint32_t job, int64_t now)
{
	const struct job *j = &sched->jobs[job];

	return j->served + (j->state == JOB_RUNNING ? now - j->dispatched : 0);
}

uint32_t sched_dispatches(const struct sched *sched, uint32_t job) { return sched->jobs[job].dispatches; }

uint32_t sched_host(const struct sched *sched, uint32_t job) { return sched->jobs[job].host; }

void sched_allow_starts(struct sched *sched, uint64_t starts) { sched->starts = starts; }

enum sched_stall sched_stall(const struct sched *sched, uint32_t job, uint32_t *head)
{
	const struct host *host = &sched->hosts[0];
	const struct job *j = &sched->jobs[job];

	*head = NONE;
	if (j->state != JOB_WAITING && j->state != JOB_READY)
		return SCHED_STALL_NONE;
	*head = line_head(j->state == JOB_READY ? &sched->ready : &sched->line);
	j = &sched->jobs[*head];
	if (!j->holds && host->memory < j->memory)
		return SCHED_STALL_MEMORY;
	if (host->vcpus < j->vcpus)
		return SCHED_STALL_VCPUS;
	return may_start(sched, *head) ? SCHED_STALL_NONE : SCHED_STALL_STARTS;
}

uint32_t sched_position(const struct sched *sched, uint32_t job)
{
	const struct job *j = &sched->jobs[job];
	struct line_cursor cursor = {0};
	uint32_t before = j->state == JOB_WAITING ? line_used(&sched->ready) : 0, other;

	if (j->state != JOB_WAITING && j->state != JOB_READY)
		return 0;
	do {
		other = line_next(j->state == JOB_READY ? &sched->ready : &sched->line, &cursor);
		before++;
	} while (other != job && other != LINE_EMPTY);
	return before;
}

void sched_each_waiting(const struct sched *sched, sched_waiting_fn *tell, void *context)
{
	const struct line *const lines[] = {&sched->ready, &sched->line};
	struct line_cursor cursor;
	uint32_t job;

	for (unsigned i = 0; i < 2; i++) {
		cursor = (struct line_cursor){0};
		while ((job = line_next(lines[i], &cursor)) != LINE_EMPTY)
			tell(context, job, sched->jobs[job].holds);
	}
}
