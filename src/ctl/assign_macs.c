/* Assignment of MACs: one pass for what is written, one for what was held, one for what is new. */
#include "base/check.h"
#include "ctl/assign_parts.h"

#include <string.h>

static uint64_t mac_value(struct mac mac)
{
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(mac.bytes); i++)
		value = value << 8 | mac.bytes[i];
	return value;
}

static struct mac mac_of(uint64_t value)
{
	struct mac mac;

	for (size_t i = 0; i < sizeof(mac.bytes); i++)
		mac.bytes[i] = (uint8_t)(value >> (40 - 8 * i));
	return mac;
}

/* The pools of MACs of a lab: its own rows and, last, the daemon's default. Rows of the same range are one pool. */
struct mac_pools {
	struct number_pool **pools; /* lab->pool_count + 1, NULL where it is no MAC pool or the same as `alias` */
	size_t *alias;
	size_t count;
};

/* The pool of row `i`, the last one being the default; NULL, with its alias set, when an earlier row has the same range. */
static struct number_pool *mac_pool_open(struct assigner *a, struct mac_pools *macs, size_t i)
{
	struct lab *lab = a->lab;
	const struct lab_pool *row = i < lab->pool_count ? &lab->pools[i] : NULL;
	unsigned bits = row ? row->mac_bits : ASSIGN_MAC_BITS;
	uint64_t units_log = 48 - bits, base = row ? mac_value(row->mac_base) : ASSIGN_MAC_BASE;
	char text[MAC_TEXT_BYTES];
	const char *key;

	base &= ~((UINT64_C(1) << units_log) - 1);
	key = arena_printf(lab->arena, "mac/%s/%u", mac_text(mac_of(base), text), bits);
	for (size_t j = 0; j < i; j++) {
		if (macs->pools[j] != NULL && strcmp(number_pool_key(macs->pools[j]), key) == 0) {
			macs->alias[i] = j;
			return NULL;
		}
	}
	return assign_pool_open(a, &(struct number_pool_config){
					   .key = key,
					   .name = row ? row->name : "the default MACs",
					   .base = base,
					   .units = UINT64_C(1) << units_log,
					   .strategy = row ? assign_strategy(row->strategy) : POOL_HASH,
					   .seed = row ? row->seed : 0,
					   .quarantine_s = row ? row->quarantine_s : 0,
					   .quota = row ? row->quota : 0,
					   .shorten_quarantine = row ? row->shorten_quarantine : true,
				   });
}

static struct mac_pools mac_pools_open(struct assigner *a)
{
	struct lab *lab = a->lab;
	size_t count = lab->pool_count + 1;
	struct mac_pools macs = {
		arena_alloc(lab->arena, count * sizeof(struct number_pool *)), arena_alloc(lab->arena, count * sizeof(size_t)), count};

	for (size_t i = 0; i < count; i++) {
		macs.alias[i] = i;
		if (i == lab->pool_count || lab->pools[i].kind == POOL_MAC)
			macs.pools[i] = mac_pool_open(a, &macs, i);
	}
	return macs;
}

static struct number_pool *mac_pool_of(const struct mac_pools *macs, int pool)
{
	return macs->pools[macs->alias[pool >= 0 ? (size_t)pool : macs->count - 1]];
}

/* Passes of the MAC assignment: what is written, what was held, what is new. */
enum mac_pass { MAC_WRITTEN, MAC_KEPT, MAC_NEW, MAC_PASS_COUNT };

static void mac_written(struct assigner *a, const struct mac_pools *macs, const struct asker *asker, struct mac mac)
{
	char text[MAC_TEXT_BYTES];
	struct err err;
	uint64_t value;

	for (size_t i = 0; i < macs->count; i++) {
		if (macs->pools[i] == NULL)
			continue;
		if (number_reserve(macs->pools[i], asker->owner, mac_value(mac), &err) < 0)
			assign_refuse(a, asker, mac_text(mac, text), &err);
		else if (number_find(macs->pools[i], asker->owner, &value) && value == mac_value(mac))
			assign_give(a, number_pool_key(macs->pools[i]), asker->owner, value, HOLDING_WRITTEN);
	}
}

static void mac_pass(
	struct assigner *a, const struct mac_pools *macs, enum mac_pass pass, int pool_index, const struct asker *asker, struct mac *mac)
{
	struct number_pool *pool = mac_pool_of(macs, pool_index);
	uint64_t value;

	if (pass == MAC_WRITTEN && !mac_is_zero(*mac))
		mac_written(a, macs, asker, *mac);
	if (pass == MAC_WRITTEN || !mac_is_zero(*mac))
		return;
	if (pass == MAC_KEPT ? !assign_keep(a, pool, asker, &value) : !assign_new(a, pool, asker, &value))
		return;
	*mac = mac_of(value);
}

void assign_macs(struct assigner *a)
{
	struct lab *lab = a->lab;
	struct mac_pools macs = mac_pools_open(a);

	for (enum mac_pass pass = MAC_WRITTEN; pass < MAC_PASS_COUNT; pass++) {
		for (size_t r = 0; r < lab->router_count; r++) {
			for (size_t i = 0; i < lab->routers[r].interface_count; i++) {
				struct asker asker = asker_of_interface(a, &lab->routers[r], &lab->routers[r].interfaces[i]);

				mac_pass(a, &macs, pass, -1, &asker, &lab->routers[r].interfaces[i].mac);
			}
		}
		for (size_t p = 0; pass == MAC_WRITTEN && p < lab->port_count; p++) {
			struct asker asker = asker_of_port(a, p);

			mac_pass(a, &macs, pass, -1, &asker, &lab->ports[p].mac);
		}
		for (size_t v = 0; v < lab->vm_count; v++) {
			for (size_t i = 0; i < lab->vms[v].nic_count; i++) {
				struct asker asker = asker_of_nic(a, &lab->vms[v], i);

				mac_pass(a, &macs, pass, lab->vms[v].nics[i].mac_pool, &asker, &lab->vms[v].nics[i].mac);
			}
		}
	}
	for (size_t i = 0; i < lab->pool_count; i++)
		if (macs.pools[i] != NULL)
			assign_note_use(a, lab->pools[i].name, macs.pools[i]);
	for (size_t i = 0; i < macs.count; i++)
		assign_pool_close(a, macs.pools[i]);
}
