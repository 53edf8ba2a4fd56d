/* Commands in guests (see guest_exec.h). */
#include "vm/guest_exec.h"

#include "base/arena.h"
#include "base/text.h"
#include "vm/agent_json.h"
#include "vm/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds between two questions to a guest: quick at first, then slower; seconds for a command when nobody said. */
enum { ASK_FIRST_MS = 20, ASK_LAST_MS = 500, DEFAULT_LIMIT_S = 30, GRACE_S = 2 };

struct exec {
	struct list node;
	struct execs *all;
	struct msg_exec order;
	struct ticket ticket;
	struct instant deadline;
	struct loop_timer *timer;
	int64_t wait_ms;
	int64_t pid; /* in the guest; 0: not started */
	bool due;    /* wants to ask */
	bool asking;

	/* Copies for the thread, and what it found. */
	const struct vm_driver *driver;
	struct hypervisor *hypervisor;
	char name[MACHINE_NAME_BYTES];
	struct text question;
	struct text reply;
	int error;
	struct err err;
};

struct execs {
	struct vm *vm;
	struct list list; /* struct exec, the longest waiting first */
	unsigned count;
	unsigned asking;
};

static void on_timer(void *context, struct instant now);
static void ask_next(struct execs *execs);

struct execs *execs_new(struct vm *vm)
{
	struct execs *execs = xalloc(sizeof(*execs));

	execs->vm = vm;
	list_init(&execs->list);
	return execs;
}

static void exec_free(struct exec *exec)
{
	list_remove(&exec->node);
	exec->all->count--;
	loop_timer_free(exec->timer);
	text_free(&exec->question);
	text_free(&exec->reply);
	free(exec);
}

void execs_free(struct execs *execs)
{
	struct exec *exec;

	if (execs == NULL)
		return;
	list_each (exec, &execs->list, struct exec, node)
		if (!exec->asking)
			exec_free(exec);
	free(execs);
}

static void give_up(struct exec *exec, const struct err *err)
{
	vm_reply(exec->all->vm, exec->ticket, err);
	exec_free(exec);
}

/* Asks again after a while, each time a longer one. */
static void ask_later(struct exec *exec)
{
	struct loop *loop = exec->all->vm->process->loop;

	loop_timer_set(exec->timer, instant_add(loop_now(loop), span_ms(exec->wait_ms)));
	exec->wait_ms = exec->wait_ms * 3 / 2 > ASK_LAST_MS ? ASK_LAST_MS : exec->wait_ms * 3 / 2;
}

static void on_timer(void *context, struct instant now)
{
	struct exec *exec = context;

	exec->due = true;
	ask_next(exec->all);
}

static void call(void *context)
{
	struct exec *exec = context;

	exec->error =
		exec->driver->agent(exec->hypervisor, exec->name, text_get(&exec->question), EXEC_CALL_LIMIT_S, &exec->reply, &exec->err);
}

/* The guest said how the command is: the answer, or ask again. */
static void status_came(struct exec *exec)
{
	struct vm *vm = exec->all->vm;
	struct msg_exec_output output;
	bool ended = false;

	if (agent_status_read(text_get(&exec->reply), &ended, &output, &exec->err) != 0) {
		give_up(exec, &exec->err);
	} else if (!ended) {
		ask_later(exec);
	} else {
		if (exec->ticket.generation == vm->generation)
			(void)channel_send(vm->process->peers[PROCESS_CTL], MSG_EXEC_OUTPUT, exec->ticket.seq, &output, -1);
		give_up(exec, NULL);
	}
}

static void answer_came(struct exec *exec)
{
	struct loop *loop = exec->all->vm->process->loop;
	bool late = instant_reached(exec->deadline, loop_now(loop));

	if (exec->error == 0 && exec->pid != 0) {
		status_came(exec);
	} else if (exec->error == 0 && agent_exec_read(text_get(&exec->reply), &exec->pid, &exec->err) == 0) {
		exec->wait_ms = ASK_FIRST_MS;
		ask_later(exec);
	} else if ((exec->error == -ENOTCONN || exec->error == -ETIMEDOUT) && !late) {
		ask_later(exec);
	} else {
		if (exec->error == -ENOTCONN)
			(void)err_set(&exec->err, -ENOTCONN,
				"no guest agent answers in the machine (still booting, or qemu-guest-agent isn't "
				"installed in it)");
		give_up(exec, &exec->err);
	}
}

static void call_done(void *context)
{
	struct exec *exec = context;
	struct execs *execs = exec->all;

	exec->asking = false;
	execs->asking--;
	execs->vm->busy--;
	answer_came(exec);
	ask_next(execs);
}

/* Writes the next question; false when the command can't go on, and its owner knows. */
static bool prepare_question(struct exec *exec)
{
	struct vm *vm = exec->all->vm;
	const struct machine *machine = map_get(&vm->machines, exec->order.id);
	struct instant now = loop_now(vm->process->loop);
	struct err err;

	if (exec->pid != 0 && instant_reached(instant_add(exec->deadline, span_s(GRACE_S)), now))
		(void)err_set(&err, -ETIMEDOUT, "the command did not end within %u s", exec->order.timeout_s);
	else if (exec->pid == 0 && instant_reached(exec->deadline, now))
		(void)err_set(&err, -ETIMEDOUT, "the guest agent did not answer within %u s", exec->order.timeout_s);
	else if (machine == NULL || !machine_may_answer(machine))
		(void)err_set(&err, -EBUSY, "the machine does not run");
	else
		err.code = 0;
	if (err.code != 0) {
		give_up(exec, &err);
		return false;
	}
	exec->driver = machine_connection(machine)->driver;
	exec->hypervisor = machine_connection(machine)->hypervisor;
	(void)text_copy(exec->name, sizeof(exec->name), machine_name(machine));
	text_free(&exec->question);
	text_free(&exec->reply);
	if (exec->pid != 0)
		agent_status_write(&exec->question, exec->pid);
	else
		agent_exec_write(&exec->question, exec->order.command, exec->order.timeout_s);
	return true;
}

/* Asks as many guests as may be asked at once. */
static void ask_next(struct execs *execs)
{
	struct exec *exec;

	list_each (exec, &execs->list, struct exec, node) {
		if (execs->asking >= EXEC_CALLS_MAX)
			return;
		if (!exec->due || exec->asking)
			continue;
		exec->due = false;
		if (!prepare_question(exec))
			continue;
		if (exec->hypervisor == NULL) {
			ask_later(exec);
			continue;
		}
		/* To the end of the list, so that all get their turn. */
		list_remove(&exec->node);
		list_append(&execs->list, &exec->node);
		exec->asking = true;
		execs->asking++;
		execs->vm->busy++;
		loop_work(execs->vm->process->loop, call, call_done, exec);
	}
}

void execs_add(struct execs *execs, const struct msg_exec *order, struct ticket ticket)
{
	struct loop *loop = execs->vm->process->loop;
	unsigned of_machine = 0;
	struct exec *exec;
	struct err err;

	list_each (exec, &execs->list, struct exec, node)
		of_machine += exec->order.id == order->id;
	if (of_machine >= EXECS_OF_MACHINE_MAX || execs->count >= EXECS_MAX) {
		(void)err_set(&err, -EBUSY, "%u commands run already (at most %d in one machine, %d in all)", of_machine,
			EXECS_OF_MACHINE_MAX, EXECS_MAX);
		vm_limit_reached(execs->vm, "vm-execs", "", of_machine);
		vm_reply(execs->vm, ticket, &err);
		return;
	}
	exec = xalloc(sizeof(*exec));
	exec->all = execs;
	exec->order = *order;
	if (exec->order.timeout_s == 0)
		exec->order.timeout_s = DEFAULT_LIMIT_S;
	exec->ticket = ticket;
	exec->deadline = instant_add(loop_now(loop), span_s(exec->order.timeout_s));
	exec->timer = loop_timer_new(loop, on_timer, exec);
	exec->wait_ms = ASK_FIRST_MS;
	exec->due = true;
	list_append(&execs->list, &exec->node);
	execs->count++;
	ask_next(execs);
}
