/* The life of a machine through the libvirt driver, played by libvirt's own test driver (no QEMU), and the errors a person reads. */
#include "vm/driver.h"

#include "base/check.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Events come from libvirt's thread: counted by kind under a lock. */
static struct {
	pthread_mutex_t lock;
	unsigned count[MACHINE_EVENT_DISCONNECTED + 1];
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(void *context, const char *name, enum machine_event event)
{
	pthread_mutex_lock(&seen.lock);
	if (strcmp(name, "weft-1") == 0)
		seen.count[event]++;
	pthread_mutex_unlock(&seen.lock);
}

/* Waits up to 5 s for an event. */
static bool saw(enum machine_event event)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	bool found = false;

	for (unsigned i = 0; i < 1000 && !found; i++) {
		pthread_mutex_lock(&seen.lock);
		found = seen.count[event] > 0;
		pthread_mutex_unlock(&seen.lock);
		if (!found)
			(void)nanosleep(&pause, NULL);
	}
	return found;
}

static const struct vm_driver *driver;
static struct hypervisor *hypervisor;

static const struct machine_spec spec = {.name = "weft-1",
	.title = "lab/vm1",
	.cpus = 1,
	.memory_mib = 96,
	.kernel = "/vmlinuz",
	.initrd = "/initrd",
	.command_line = "quiet",
	.console = "/tmp/weft-1.tty",
	.agent = "/tmp/weft-1.agent",
	.nic_count = 1,
	.nics = {{"/tmp/weft-1.sock", {{0x52, 0x54, 0, 0, 0, 1}}, 1500, true}}};

static int open_test(void **state)
{
	const struct driver_config config = {"test:///default", "", "", "weft-", note, NULL};
	struct err err = {0};

	driver = driver_for("test:///default");
	return driver == NULL ? -1 : driver->open(&config, &hypervisor, &err);
}

static int close_test(void **state)
{
	driver->close(hypervisor);
	return 0;
}

static void a_machine_lives_and_dies(void **state)
{
	struct machine_sight sight, *all = NULL;
	struct err err = {0};

	assert_int_equal(driver->look(hypervisor, "weft-1", &sight, &err), -ENOENT);
	assert_int_equal(driver->start(hypervisor, &spec, &err), 0);
	assert_int_equal(driver->look(hypervisor, "weft-1", &sight, &err), 0);
	assert_false(sight.paused);
	assert_int_equal(driver->start(hypervisor, &spec, &err) < 0, 1);
	assert_int_equal(driver->act(hypervisor, "weft-1", MACHINE_PAUSE, &err), 0);
	assert_int_equal(driver->list(hypervisor, &all, &err), 1);
	assert_string_equal(all[0].name, "weft-1");
	assert_true(all[0].paused);
	free(all);
	assert_int_equal(driver->act(hypervisor, "weft-1", MACHINE_RESUME, &err), 0);
	assert_int_equal(driver->act(hypervisor, "weft-1", MACHINE_KILL, &err), 0);
	assert_int_equal(driver->act(hypervisor, "weft-1", MACHINE_KILL, &err), 0);
	assert_int_equal(driver->act(hypervisor, "weft-1", MACHINE_PAUSE, &err), -ENOENT);
	assert_int_equal(driver->list(hypervisor, &all, &err), 0);
	free(all);
	assert_true(saw(MACHINE_EVENT_CHANGED));
	assert_true(saw(MACHINE_EVENT_KILLED));
}

static void a_guest_that_shuts_down_is_told_from_a_killed_one(void **state)
{
	struct machine_sight sight;
	struct err err = {0};

	assert_int_equal(driver->start(hypervisor, &spec, &err), 0);
	assert_int_equal(driver->act(hypervisor, "weft-1", MACHINE_SHUT_DOWN, &err), 0);
	assert_true(saw(MACHINE_EVENT_SHUT_DOWN));
	assert_int_equal(driver->look(hypervisor, "weft-1", &sight, &err), -ENOENT);
}

static void errors_say_what_failed(void **state)
{
	struct machine_spec bad = spec;
	struct text reply = {0};
	struct err err = {0};

	bad.memory_mib = 0;
	assert_true(driver->start(hypervisor, &bad, &err) < 0);
	assert_non_null(strstr(err.text, "cannot start: "));
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(driver->start(hypervisor, &spec, &err), 0);
	assert_int_equal(driver->agent(hypervisor, "weft-1", "{}", 1, &reply, &err), -EOPNOTSUPP);
	assert_int_equal(driver->act(hypervisor, "weft-1", MACHINE_KILL, &err), 0);
	text_free(&reply);
}

static void wrong_uris_are_refused(void **state)
{
	struct driver_config config = {"nonsense:///x", "", "", "weft-", note, NULL};
	struct hypervisor *none = NULL;
	struct err err = {0};
	char deep[300] = "/";

	assert_null(driver_for("not a uri"));
	assert_true(driver->open(&config, &none, &err) < 0);
	assert_null(none);
	memset(deep + 1, 'x', sizeof(deep) - 2);
	config = (struct driver_config){"", deep, deep, "weft-", note, NULL};
	assert_int_equal(driver->open(&config, &none, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "WEFT_ROOT"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_lives_and_dies),
		cmocka_unit_test(a_guest_that_shuts_down_is_told_from_a_killed_one),
		cmocka_unit_test(errors_say_what_failed),
		cmocka_unit_test(wrong_uris_are_refused),
	};

	return cmocka_run_group_tests(tests, open_test, close_test);
}
