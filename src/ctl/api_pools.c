/* The API of pools: which there are and how full they are, and who holds what. */
#include "base/check.h"
#include "ctl/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Most holdings of one answer. */
#define HOLDINGS_SHOWN_MAX 200000

/* What a pool gives, as the name of its holdings tells: "mac/BASE/BITS", "LAB/pool/NAME", "LAB/network/NAME", "LAB/router-id". */
enum given { GIVES_MACS, GIVES_SUBNETS, GIVES_ADDRESSES, GIVES_ROUTER_IDS };

static const char *const given_names[] = {"macs", "subnets", "addresses", "router ids"};

struct pool_name {
	enum given gives;
	const char *lab;  /* NULL: of the whole daemon */
	const char *name; /* of the pool or network, else the key */
};

static struct pool_name pool_name_of(struct arena *arena, const char *key)
{
	const char *slash = strchr(key, '/');
	char *lab;

	if (slash == NULL || strncmp(key, "mac/", 4) == 0)
		return (struct pool_name){GIVES_MACS, NULL, key};
	lab = arena_copy(arena, key, strlen(key) + 1);
	lab[slash - key] = 0;
	if (strncmp(slash, "/pool/", 6) == 0)
		return (struct pool_name){GIVES_SUBNETS, lab, slash + 6};
	if (strncmp(slash, "/network/", 9) == 0)
		return (struct pool_name){GIVES_ADDRESSES, lab, slash + 9};
	return (struct pool_name){GIVES_ROUTER_IDS, lab, slash + 1};
}

/* The row of the lab's file that a pool of subnets comes from; NULL when the lab is gone or has it no longer. */
static const struct lab_pool *row_of(const struct ctl *ctl, const struct pool_name *name)
{
	const struct ctl_lab *lab = name->lab ? labs_find(ctl, name->lab) : NULL;
	const struct lab *flat = lab && lab->value ? lab->value->flat : NULL;

	for (size_t i = 0; flat != NULL && i < flat->pool_count; i++)
		if (strcmp(flat->pools[i].name, name->name) == 0)
			return &flat->pools[i];
	return NULL;
}

/* Numbers in a pool, excluded ones among them; 0 when it isn't known (any more). */
static uint64_t pool_size_of(const struct ctl *ctl, const struct pool_name *name)
{
	const struct lab_pool *row = row_of(ctl, name);
	const struct ctl_lab *lab = name->lab ? labs_find(ctl, name->lab) : NULL;
	const struct lab *flat = lab && lab->value ? lab->value->flat : NULL;
	const char *bits = strrchr(name->name, '/');

	if (name->gives == GIVES_MACS)
		return bits ? UINT64_C(1) << (48 - strtoul(bits + 1, NULL, 10)) % 64 : 0;
	if (name->gives == GIVES_SUBNETS)
		return row ? UINT64_C(1) << (row->unit_length - row->range.length) : 0;
	for (size_t i = 0; flat != NULL && name->gives == GIVES_ADDRESSES && i < flat->network_count; i++)
		if (strcmp(flat->networks[i].name, name->name) == 0 && flat->networks[i].ipv4.ip.family == IP_V4)
			return UINT64_C(1) << (32 - flat->networks[i].ipv4.length);
	return 0;
}

/* A number as it is written; in the call's arena. */
static const char *value_text(struct api_call *call, const struct pool_name *name, uint64_t value)
{
	const struct lab_pool *row = name->gives == GIVES_SUBNETS ? row_of(call->ctl, name) : NULL;
	char text[IP_TEXT_BYTES];
	struct mac mac;

	if (name->gives != GIVES_MACS) {
		const char *ip = ip_text(ip_from_u32((uint32_t)value), text);

		return row ? arena_printf(call->arena, "%s/%u", ip, row->unit_length) : arena_str(call->arena, ip);
	}
	for (size_t i = 0; i < sizeof(mac.bytes); i++)
		mac.bytes[i] = (uint8_t)(value >> (40 - 8 * i));
	return arena_str(call->arena, mac_text(mac, text));
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The pools that are asked for, in order. False after a problem was sent. */
static bool keys_of(struct api_call *call, const char ***keys, size_t *count)
{
	const char *lab = api_query(call, "lab"), *pool = api_query(call, "pool"), *key;
	const struct holdings *holdings = call->ctl->holdings;
	size_t cursor = 0, all = 0;

	if (lab != NULL && api_lab(call, lab) == NULL)
		return false;
	while (holdings_next_pool(holdings, &cursor) != NULL)
		all++;
	*keys = arena_alloc(call->arena, (all + 1) * sizeof(**keys));
	*count = cursor = 0;
	while ((key = holdings_next_pool(holdings, &cursor)) != NULL) {
		struct pool_name name = pool_name_of(call->arena, key);

		if (lab != NULL && (name.lab == NULL || strcmp(name.lab, lab) != 0))
			continue;
		if (pool == NULL || strcmp(pool, key) == 0 || strcmp(pool, name.name) == 0)
			(*keys)[(*count)++] = key;
	}
	qsort(*keys, *count, sizeof(**keys), by_text);
	if (pool != NULL && *count == 0)
		api_problem(call, 404, "no pool named \"%.60s\" has given anything", pool);
	return pool == NULL || *count > 0;
}

void api_pools(struct api_call *call)
{
	json_t *rows;
	const char **keys;
	size_t count;

	if (!keys_of(call, &keys, &count))
		return;
	rows = json_array();
	for (size_t i = 0; i < count; i++) {
		struct pool_name name = pool_name_of(call->arena, keys[i]);
		uint64_t size = pool_size_of(call->ctl, &name);
		const struct holding *holding;
		size_t cursor = 0, held = 0, released = 0;

		while ((holding = holdings_next(call->ctl->holdings, keys[i], &cursor)) != NULL) {
			held += holding->released_wall_ns == 0;
			released += holding->released_wall_ns != 0;
		}
		(void)json_array_append_new(
			rows, json_pack("{s:s, s:s, s:s?, s:s, s:o, s:I, s:I}", "pool", keys[i], "name", name.name, "lab", name.lab,
				      "gives", given_names[name.gives], "size", size ? json_integer((json_int_t)size) : json_null(), "held",
				      (json_int_t)held, "released", (json_int_t)released));
	}
	api_reply(call, 200, rows);
}

static int by_value(const void *a, const void *b)
{
	const struct holding *x = *(const struct holding *const *)a, *y = *(const struct holding *const *)b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return strcmp(x->owner, y->owner);
}

/* Adds a pool's holdings, those with the text `wanted` only when it isn't NULL. */
static void holdings_of(struct api_call *call, const char *key, const char *wanted, json_t *rows)
{
	struct pool_name name = pool_name_of(call->arena, key);
	const struct holding **list, *holding;
	size_t cursor = 0, count = 0;

	while (holdings_next(call->ctl->holdings, key, &cursor) != NULL)
		count++;
	list = arena_alloc(call->arena, (count + 1) * sizeof(struct holding *));
	count = cursor = 0;
	while ((holding = holdings_next(call->ctl->holdings, key, &cursor)) != NULL)
		list[count++] = holding;
	qsort(list, count, sizeof(struct holding *), by_value);
	for (size_t i = 0; i < count && json_array_size(rows) <= HOLDINGS_SHOWN_MAX; i++) {
		const char *text = value_text(call, &name, list[i]->value);
		char time[32];

		if (wanted != NULL && strcasecmp(wanted, text) != 0)
			continue;
		(void)json_array_append_new(
			rows, json_pack("{s:s, s:s, s:s, s:s, s:s?}", "pool", key, "value", text, "owner", list[i]->owner, "state",
				      list[i]->released_wall_ns ? "released" : "held", "released",
				      list[i]->released_wall_ns ? time_text(list[i]->released_wall_ns, time) : NULL));
	}
}

void api_holdings(struct api_call *call)
{
	const char *wanted = api_query(call, "value");
	json_t *rows;
	const char **keys;
	size_t count;

	if (!keys_of(call, &keys, &count))
		return;
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		holdings_of(call, keys[i], wanted, rows);
	if (json_array_size(rows) <= HOLDINGS_SHOWN_MAX) {
		api_reply(call, 200, rows);
		return;
	}
	json_decref(rows);
	api_problem(call, 507, "more than %d numbers are held; ask for those of one pool", HOLDINGS_SHOWN_MAX);
}
