/* The ports of translated addresses: blocks, hosts, mappings. */
#include "switch/nat_ports.h"

#include "base/arena.h"
#include "base/hash.h"
#include "switch/nat.h"

#include <stdlib.h>

static uint64_t host_key(const struct nat_want *want) { return (uint64_t)want->host << 32 | want->first; }

static uint64_t mapping_key(const struct nat_host *host, uint16_t inside_port, uint8_t kind)
{
	return (uint64_t)host->serial << 18 | (uint64_t)inside_port << 2 | kind;
}

struct nat_mapping *nat_mapping_find(const struct nat *nat, const struct nat_want *want)
{
	const struct nat_host *host = map_get(&nat->hosts, host_key(want));

	return host != NULL ? map_get(&nat->mappings, mapping_key(host, want->port, (uint8_t)want->kind)) : NULL;
}

/* The first address of a pool, from one on that the host's own decides, that has a free block. */
static struct nat_address *address_pick(const struct nat *nat, const struct nat_want *want)
{
	uint32_t count = want->last - want->first + 1, start = (uint32_t)(hash_u64(want->host) % count);

	for (uint32_t i = 0; i < count; i++) {
		struct nat_address *address = map_get(&nat->addresses, want->first + (start + i) % count);

		if (address != NULL && address->block_count < NAT_BLOCKS)
			return address;
	}
	return NULL;
}

uint32_t nat_host_address(const struct nat *nat, const struct nat_want *want)
{
	const struct nat_host *host = map_get(&nat->hosts, host_key(want));
	const struct nat_address *address = host != NULL ? host->address : address_pick(nat, want);

	return address != NULL ? address->ip : 0;
}

const struct nat_host *nat_host_find(const struct nat *nat, const struct nat_want *want) { return map_get(&nat->hosts, host_key(want)); }

static void host_free(struct nat_host *host)
{
	map_remove(&host->nat->hosts, host->key);
	host->address->host_count--;
	free(host);
}

static struct nat_host *host_get(struct nat *nat, const struct nat_want *want)
{
	struct nat_host *host = map_get(&nat->hosts, host_key(want));
	struct nat_address *address;

	if (host != NULL)
		return host;
	address = address_pick(nat, want);
	if (address == NULL)
		return NULL;
	host = xalloc(sizeof(*host));
	*host = (struct nat_host){.nat = nat, .address = address, .key = host_key(want), .serial = ++nat->serial};
	address->host_count++;
	map_set(&nat->hosts, host->key, host);
	return host;
}

/* The ports of a block that rules forward to machines. */
static uint64_t reserved_ports(const struct nat *nat, uint32_t ip, uint16_t first, enum nat_class kind)
{
	uint64_t reserved = 0;

	for (unsigned i = 0; i < nat->rule_count && kind != NAT_CLASS_ICMP; i++) {
		const struct nat_rule *rule = &nat->rules[i].config;

		if (rule->kind != NAT_DESTINATION || nat_class_of(rule->protocol, 0) != kind || ip_to_u32(rule->match.ip) != ip)
			continue;
		for (uint32_t bit = rule->port_first > first ? rule->port_first - first : 0;
			bit < NAT_BLOCK_PORTS && first + bit <= rule->port_last; bit++)
			reserved |= UINT64_C(1) << bit;
	}
	return reserved;
}

/* Where an address has a free block, from a place on that its taker decides; -1: nowhere. */
static int block_place(const struct nat_address *address, uint64_t host, uint32_t blocks)
{
	unsigned start = (unsigned)(hash_u64(host + blocks) % NAT_BLOCKS);

	for (unsigned i = 0; i < NAT_BLOCKS; i++)
		if (address->blocks[(start + i) % NAT_BLOCKS] == NULL)
			return (int)((start + i) % NAT_BLOCKS);
	return -1;
}

static void block_reserve(const struct nat *nat, const struct nat_address *address, struct nat_block *block)
{
	for (enum nat_class kind = 0; kind < NAT_CLASSES; kind++)
		block->reserved[kind] = reserved_ports(nat, address->ip, block->first, kind);
}

void nat_ports_reserve(struct nat *nat)
{
	const struct nat_address *address;
	size_t cursor = 0;

	while ((address = map_next(&nat->addresses, &cursor, NULL, NULL)) != NULL)
		for (unsigned place = 0; place < NAT_BLOCKS && address->block_count > 0; place++)
			if (address->blocks[place] != NULL)
				block_reserve(nat, address, address->blocks[place]);
}

static uint16_t port_of_place(int place) { return (uint16_t)(NAT_PORT_FIRST + place * NAT_BLOCK_PORTS); }

static struct nat_block *block_add(struct nat_host *host)
{
	struct nat_address *address = host->address;
	int place = block_place(address, host->key, host->block_count);
	struct nat_block *block;

	if (place < 0)
		return NULL;
	block = xalloc(sizeof(*block));
	*block = (struct nat_block){.host = host, .next = host->blocks, .first = port_of_place(place)};
	block_reserve(host->nat, address, block);
	address->blocks[place] = block;
	address->block_count++;
	host->blocks = block;
	host->block_count++;
	return block;
}

static void block_free(struct nat_block *block)
{
	struct nat_host *host = block->host;
	struct nat_block **link = &host->blocks;

	while (*link != block)
		link = &(*link)->next;
	*link = block->next;
	host->block_count--;
	host->address->blocks[(block->first - NAT_PORT_FIRST) / NAT_BLOCK_PORTS] = NULL;
	host->address->block_count--;
	free(block);
}

/* A free port of a block, by chance and for UDP of the same parity where there is one; -1: none. */
static int block_pick(const struct nat_block *block, const struct nat_want *want)
{
	uint64_t odd = UINT64_C(0xaaaaaaaaaaaaaaaa), free = ~(block->used[want->kind] | block->reserved[want->kind]), alike;
	unsigned start = (unsigned)(hash_u64(host_key(want) ^ (uint64_t)want->port << 48 ^ want->kind) % NAT_BLOCK_PORTS);

	if (free == 0)
		return -1;
	alike = free & (want->port & 1 ? odd : ~odd);
	if (want->kind == NAT_CLASS_UDP && alike != 0)
		free = alike;
	alike = free & (UINT64_MAX << start);
	return __builtin_ctzll(alike != 0 ? alike : free);
}

static bool host_may_grow(const struct core *core, const struct nat_host *host)
{
	return host->block_count == 0 || (host->block_count + 1) * NAT_BLOCK_PORTS <= core->limits.nat_ports_per_host;
}

int nat_port_would_be(const struct core *core, const struct nat *nat, const struct nat_want *want)
{
	const struct nat_mapping *known = nat_mapping_find(nat, want);
	const struct nat_host *host = map_get(&nat->hosts, host_key(want));
	const struct nat_address *address = host != NULL ? host->address : address_pick(nat, want);
	struct nat_block fresh = {0};
	int place = address != NULL ? block_place(address, host_key(want), host != NULL ? host->block_count : 0) : -1;

	if (known != NULL || want->kind == NAT_NO_PORT)
		return known != NULL ? known->port : address != NULL ? 0 : -1;
	for (const struct nat_block *block = host != NULL ? host->blocks : NULL; block != NULL; block = block->next)
		if (block_pick(block, want) >= 0)
			return block->first + block_pick(block, want);
	if (place < 0 || (host != NULL && !host_may_grow(core, host)))
		return -1;
	fresh.first = port_of_place(place);
	block_reserve(nat, address, &fresh);
	/* A block that is all reserved is the one case in which a further one would be tried. */
	return fresh.first + block_pick(&fresh, want);
}

/* Takes a port for a mapping from the host's blocks, or from a further one. */
static bool mapping_take(struct core *core, struct nat_mapping *mapping, const struct nat_want *want)
{
	struct nat_host *host = mapping->host;
	struct nat_block *block;
	int bit = -1;

	for (block = host->blocks; block != NULL; block = block->next) {
		bit = block_pick(block, want);
		if (bit >= 0)
			break;
	}
	for (; bit < 0; bit = block_pick(block, want)) {
		if (!host_may_grow(core, host)) {
			core_limit_reached(core, "nat_ports_per_host", host->nat->router->config.path, host->block_count * NAT_BLOCK_PORTS);
			return false;
		}
		block = block_add(host);
		if (block == NULL) {
			core_limit_reached(core, "nat_ports", host->nat->router->config.path, host->address->block_count * NAT_BLOCK_PORTS);
			return false;
		}
	}
	block->used[mapping->kind] |= UINT64_C(1) << bit;
	host->address->port_count++;
	mapping->block = block;
	mapping->port = (uint16_t)(block->first + bit);
	return true;
}

/* Frees what a host has without using it. */
static void host_tidy(struct nat_host *host)
{
	struct nat_block *block = host->blocks, *next;

	for (; block != NULL; block = next) {
		next = block->next;
		if ((block->used[NAT_CLASS_TCP] | block->used[NAT_CLASS_UDP] | block->used[NAT_CLASS_ICMP]) == 0)
			block_free(block);
	}
	if (host->conns == 0 && host->blocks == NULL)
		host_free(host);
}

struct nat_mapping *nat_mapping_get(struct core *core, struct nat *nat, const struct nat_want *want)
{
	struct nat_mapping *mapping = nat_mapping_find(nat, want);
	struct nat_host *host;

	if (mapping != NULL)
		return mapping;
	host = host_get(nat, want);
	if (host == NULL) {
		core_limit_reached(core, "nat_ports", nat->router->config.path, (uint64_t)nat->hosts.used);
		return NULL;
	}
	mapping = xalloc(sizeof(*mapping));
	*mapping = (struct nat_mapping){.host = host, .inside_port = want->port, .kind = (uint8_t)want->kind};
	if (want->kind != NAT_NO_PORT && !mapping_take(core, mapping, want)) {
		free(mapping);
		host_tidy(host);
		return NULL;
	}
	map_set(&nat->mappings, mapping_key(host, want->port, mapping->kind), mapping);
	return mapping;
}

void nat_hold(struct nat_mapping *mapping)
{
	mapping->conns++;
	mapping->host->conns++;
}

void nat_release(struct nat_mapping *mapping)
{
	struct nat_host *host = mapping->host;
	struct nat_block *block = mapping->block;

	if (mapping->conns > 0) {
		mapping->conns--;
		host->conns--;
	}
	if (mapping->conns > 0)
		return;
	map_remove(&host->nat->mappings, mapping_key(host, mapping->inside_port, mapping->kind));
	if (block != NULL) {
		block->used[mapping->kind] &= ~(UINT64_C(1) << (mapping->port - block->first));
		host->address->port_count--;
	}
	free(mapping);
	if (block == NULL || (block->used[NAT_CLASS_TCP] | block->used[NAT_CLASS_UDP] | block->used[NAT_CLASS_ICMP]) == 0 ||
		host->conns == 0)
		host_tidy(host);
}
