/* Tests of steps: random worlds in which every step must find what it speaks of, and undoing from any point leads back. */
#include "base/check.h"
#include "base/rand.h"
#include "ctl/steps.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOLDERS 4
#define PARTS 10

/* What a fake world has: an object for each (kind, id), or NULL. */
struct fake {
	const struct object *objects[OBJECT_KIND_COUNT][64];
};

static void *body_new(struct arena *arena, struct object_list *list, enum object_kind kind, uint32_t id)
{
	void *body = arena_alloc(arena, object_type(kind)->size);

	list->items[list->count++] = (struct object){kind, id, "lab", "lab/object", body};
	return body;
}

static int by_order(const void *a, const void *b) { return object_compare(a, b); }

/* A random lab: holders that are there or not, interfaces, ports and machines in some of those. */
static struct object_list random_list(struct arena *arena, struct rand *rand)
{
	struct object_list list = {.items = arena_alloc(arena, 64 * sizeof(struct object))};
	uint32_t networks[HOLDERS], routers[HOLDERS];
	size_t network_count = 0, router_count = 0;

	for (uint32_t i = 0; i < HOLDERS; i++) {
		if (rand_below(rand, 3) > 0) {
			struct msg_network *network = body_new(arena, &list, OBJECT_NETWORK, 1 + i);

			network->mtu = (uint16_t)(1500 + rand_below(rand, 2));
			networks[network_count++] = 1 + i;
		}
		if (rand_below(rand, 3) > 0) {
			(void)body_new(arena, &list, OBJECT_ROUTER, 10 + i);
			routers[router_count++] = 10 + i;
		}
	}
	for (uint32_t i = 0; i < PARTS; i++) {
		if (network_count > 0 && router_count > 0 && rand_below(rand, 2) > 0) {
			struct msg_rif *rif = body_new(arena, &list, OBJECT_RIF, 20 + i);

			rif->network = networks[rand_below(rand, network_count)];
			rif->router = routers[rand_below(rand, router_count)];
			if (rand_below(rand, 2) > 0) {
				struct msg_rip_interface *rip = body_new(arena, &list, OBJECT_RIP_INTERFACE, 20 + i);

				rip->cost = (uint8_t)rand_below(rand, 3);
			}
		}
		if (network_count > 0 && rand_below(rand, 2) > 0) {
			struct msg_port *port = body_new(arena, &list, OBJECT_PORT, 30 + i);
			struct msg_vm *vm = body_new(arena, &list, OBJECT_VM, 40 + i);

			port->network = networks[rand_below(rand, network_count)];
			vm->nics[vm->nic_count++].port = 30 + i;
			vm->run = rand_below(rand, 2);
			vm->cpus = (uint16_t)(1 + rand_below(rand, 2));
		}
	}
	qsort(list.items, list.count, sizeof(*list.items), by_order);
	return list;
}

/* Everything that an object speaks of must be there. */
static void assert_refers(const struct fake *fake, const struct object *object)
{
	const struct msg_rif *rif = object->body;
	const struct msg_port *port = object->body;
	const struct msg_vm *vm = object->body;

	if (object->kind == OBJECT_RIF)
		assert_true(fake->objects[OBJECT_NETWORK][rif->network] && fake->objects[OBJECT_ROUTER][rif->router]);
	if (object->kind == OBJECT_PORT)
		assert_non_null(fake->objects[OBJECT_NETWORK][port->network]);
	if (object->kind == OBJECT_RIP_INTERFACE)
		assert_non_null(fake->objects[OBJECT_RIF][object->id]);
	if (object->kind == OBJECT_VM)
		assert_non_null(fake->objects[OBJECT_PORT][vm->nics[0].port]);
}

static void carry_out(struct fake *fake, const struct step *step, bool inverse)
{
	const struct object *object = step_object(step);
	const struct object *there = fake->objects[object->kind][object->id];
	const struct object *wanted = inverse ? step->before : step->after;
	struct msg_id id;
	const void *body;
	enum message_type type = step_message(step, inverse, &body, &id);

	if (wanted != NULL) {
		assert_int_equal(type, object_type(object->kind)->set);
		assert_ptr_equal(body, wanted->body);
		assert_refers(fake, wanted);
		if (object->kind == OBJECT_VM && there != NULL)
			assert_false(steps_vm_restarts(there, wanted));
	} else {
		assert_int_equal(type, object_type(object->kind)->del);
		assert_int_equal(id.id, object->id);
	}
	fake->objects[object->kind][object->id] = wanted;
}

static void assert_world(const struct fake *fake, const struct object_list *list)
{
	size_t count = 0;

	for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
		for (uint32_t id = 0; id < 64; id++) {
			const struct object *there = fake->objects[kind][id];

			count += there != NULL;
			if (there != NULL) {
				const struct object *wanted = object_list_find(list, (enum object_kind)kind, id);

				assert_non_null(wanted);
				assert_true(object_equal(there, wanted));
			}
		}
	}
	assert_int_equal(count, list->count);
}

static struct fake fake_of(const struct object_list *list)
{
	struct fake fake = {0};

	for (size_t i = 0; i < list->count; i++)
		fake.objects[list->items[i].kind][list->items[i].id] = &list->items[i];
	return fake;
}

static void random_test(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);

	print_message("seed %" PRIu64 "\n", seed);
	for (int round = 0; round < 500; round++) {
		struct arena *arena = arena_new(NULL);
		struct object_list before = random_list(arena, &rand), after = random_list(arena, &rand);
		struct fake fake = fake_of(&before);
		struct steps steps;
		size_t stop;

		steps_between(arena, &before, &after, &steps);
		for (size_t i = 0; i < steps.count; i++) {
			assert_true(i == 0 || steps.list[i - 1].group <= steps.list[i].group);
			carry_out(&fake, &steps.list[i], false);
		}
		assert_world(&fake, &after);
		/* Fail anywhere, and go back. */
		fake = fake_of(&before);
		stop = rand_below(&rand, steps.count + 1);
		for (size_t i = 0; i < stop; i++)
			carry_out(&fake, &steps.list[i], false);
		for (size_t i = stop; i-- > 0;)
			carry_out(&fake, &steps.list[i], true);
		assert_world(&fake, &before);
		/* Nothing to do between equal lists. */
		steps_between(arena, &after, &after, &steps);
		assert_int_equal(steps.count, 0);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_test)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
