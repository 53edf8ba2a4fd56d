/* The shortest path tree of one area and the routes inside of it. */
#include "route/ospf/ospf_spf.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Theory of operation. Vertices are the router LSAs, by router id, and the network LSAs, by the address of the designated router, in one
 * sorted array: networks first. Their edges lie behind each other in one array (`first` of a vertex to `first` of the next). An edge is
 * only made when the other end says it too (RFC 2328 16.1 (2) (b)), so a router that is gone takes its links with it whoever still says
 * them. Dijkstra then takes the nearest vertex from a binary heap; of two as near a network goes before a router, since only then all
 * ways of equal cost are known when the router is taken (16.1 (3)). First hops are made at the root and at the networks beside it, and
 * inherited from there on (16.1.1). The second stage hangs networks and stubs on the tree: all candidates are sorted, and of each prefix
 * the cheapest stay, hops united.
 */
#define UNREACHED UINT32_MAX

struct edge {
	uint32_t to;
	uint32_t cost;
	uint32_t data; /* link data of the router end */
};

struct vertex {
	const struct ospf_lsa *lsa;
	uint32_t id;
	bool router;
	bool done;
	size_t first; /* its edges */
	uint32_t cost;
	struct ospf_hops hops;
};

struct near {
	uint32_t cost;
	uint32_t vertex;
};

struct tree {
	struct vertex *vertices; /* one more at the end, whose `first` ends the edges */
	size_t count;
	struct edge *edges;
	size_t edge_count;
	struct near *heap;
	size_t heap_count;
	uint64_t hops_left_out;
};

static int vertex_compare(const void *left, const void *right)
{
	const struct vertex *a = left, *b = right;

	if (a->router != b->router)
		return a->router ? 1 : -1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static struct vertex *vertex_find(const struct tree *tree, bool router, uint32_t id)
{
	struct vertex key = {.id = id, .router = router};

	return bsearch(&key, tree->vertices, tree->count, sizeof(key), vertex_compare);
}

/* Whether a router's LSA has a link of this type to `id`. */
static bool router_links_to(const struct vertex *v, uint8_t type, uint32_t id)
{
	struct reader body = v->lsa->body;
	struct ospf_link link;
	uint16_t count;

	ospf_router_flags(&body, &count);
	while (ospf_link_read(&body, &link))
		if (link.type == type && link.id == id)
			return true;
	return false;
}

/* The address that a router has on a network. */
static uint32_t router_address_on(const struct vertex *router, uint32_t network_id)
{
	struct reader body = router->lsa->body;
	struct ospf_link link;
	uint16_t count;

	ospf_router_flags(&body, &count);
	while (ospf_link_read(&body, &link))
		if (link.type == OSPF_LINK_TRANSIT && link.id == network_id)
			return link.data;
	return 0;
}

static bool network_attaches(const struct vertex *v, uint32_t router_id)
{
	struct reader body = v->lsa->body;

	reader_skip(&body, 4);
	while (reader_left(&body) > 0)
		if (reader_u32(&body) == router_id)
			return true;
	return false;
}

static void edge_add(struct tree *tree, const struct vertex *to, uint32_t cost, uint32_t data)
{
	tree->edges[tree->edge_count++] = (struct edge){(uint32_t)(to - tree->vertices), cost, data};
}

static void router_edges(struct tree *tree, const struct vertex *v)
{
	struct reader body = v->lsa->body;
	struct ospf_link link;
	struct vertex *to;
	uint16_t count;

	ospf_router_flags(&body, &count);
	while (ospf_link_read(&body, &link)) {
		if (link.type == OSPF_LINK_STUB)
			continue;
		to = vertex_find(tree, link.type != OSPF_LINK_TRANSIT, link.id);
		if (to == NULL || to == v)
			continue;
		if (to->router ? router_links_to(to, link.type, v->id) : network_attaches(to, v->id))
			edge_add(tree, to, link.metric, link.data);
	}
}

static void network_edges(struct tree *tree, const struct vertex *v)
{
	struct reader body = v->lsa->body;
	struct vertex *to;

	reader_skip(&body, 4);
	while (reader_left(&body) > 0) {
		to = vertex_find(tree, true, reader_u32(&body));
		if (to != NULL && router_links_to(to, OSPF_LINK_TRANSIT, v->id))
			edge_add(tree, to, 0, router_address_on(to, v->id));
	}
}

static bool nearer(const struct near *a, const struct near *b)
{
	return a->cost != b->cost ? a->cost < b->cost : a->vertex < b->vertex; /* networks have the lower numbers */
}

static void heap_put(struct tree *tree, uint32_t cost, uint32_t vertex)
{
	struct near item = {cost, vertex};
	size_t at = tree->heap_count++;

	for (; at > 0 && nearer(&item, &tree->heap[(at - 1) / 2]); at = (at - 1) / 2)
		tree->heap[at] = tree->heap[(at - 1) / 2];
	tree->heap[at] = item;
}

static struct near heap_take(struct tree *tree)
{
	struct near top = tree->heap[0], last = tree->heap[--tree->heap_count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < tree->heap_count) {
		if (child + 1 < tree->heap_count && nearer(&tree->heap[child + 1], &tree->heap[child]))
			child++;
		if (!nearer(&tree->heap[child], &last))
			break;
		tree->heap[at] = tree->heap[child];
		at = child;
	}
	tree->heap[at] = last;
	return top;
}

static void hop_add(struct ospf_hops *hops, struct ospf_hop hop, uint64_t *left_out)
{
	for (unsigned i = 0; i < hops->count; i++)
		if (hops->at[i].interface == hop.interface && hops->at[i].gateway == hop.gateway)
			return;
	if (hops->count == OSPF_HOPS_MAX)
		(*left_out)++;
	else
		hops->at[hops->count++] = hop;
}

/* The hops to `edge`'s end by way of `from` join those that it has (RFC 2328 16.1.1). */
static void hops_join(struct tree *tree, const struct vertex *from, const struct edge *edge)
{
	struct ospf_hops *hops = &tree->vertices[edge->to].hops;

	if (from->hops.count == 0) { /* from the root itself */
		hop_add(hops, (struct ospf_hop){edge->data, 0}, &tree->hops_left_out);
		return;
	}
	for (unsigned i = 0; i < from->hops.count; i++) {
		struct ospf_hop hop = from->hops.at[i];

		/* A network beside the root has the root's interface as its hop, and no gateway yet; its routers are the gateways. */
		if (!from->router && hop.gateway == 0 && network_attaches(from, tree->vertices[tree->count].id) &&
			router_address_on(vertex_find(tree, true, tree->vertices[tree->count].id), from->id) == hop.interface)
			hop.gateway = edge->data;
		hop_add(hops, hop, &tree->hops_left_out);
	}
}

static void relax(struct tree *tree, const struct vertex *from, const struct edge *edge)
{
	struct vertex *to = &tree->vertices[edge->to];
	uint32_t cost = from->cost + edge->cost;

	if (to->done || cost > to->cost || cost < from->cost)
		return;
	if (cost < to->cost) {
		to->cost = cost;
		to->hops.count = 0;
		heap_put(tree, cost, edge->to);
	}
	hops_join(tree, from, edge);
}

static void tree_grow(struct tree *tree, struct vertex *root)
{
	root->cost = 0;
	heap_put(tree, 0, (uint32_t)(root - tree->vertices));
	while (tree->heap_count > 0) {
		struct vertex *v = &tree->vertices[heap_take(tree).vertex];

		if (v->done) /* an entry that a nearer one has overtaken */
			continue;
		v->done = true;
		for (size_t i = v->first; i < v[1].first; i++)
			relax(tree, v, &tree->edges[i]);
	}
}

/* Upper bounds: how many edges and stubs the LSAs can make. */
static size_t entries_of(const struct ospf_lsa *lsa)
{
	size_t bytes = reader_left(&lsa->body);

	return lsa->header.type == OSPF_LSA_ROUTER ? bytes / 12 : bytes / 4;
}

static bool lsa_counts(const struct ospf_lsa *lsa)
{
	return lsa->header.age_s < OSPF_MAX_AGE_S && (lsa->header.type == OSPF_LSA_ROUTER || lsa->header.type == OSPF_LSA_NETWORK);
}

/* Vertices, sorted and each once; the one at the end keeps the root's id. */
static void vertices_fill(struct tree *tree, uint32_t root, const struct ospf_lsa *lsas, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (lsa_counts(&lsas[i]))
			tree->vertices[tree->count++] = (struct vertex){.lsa = &lsas[i],
				.id = lsas[i].header.id,
				.router = lsas[i].header.type == OSPF_LSA_ROUTER,
				.cost = UNREACHED};
	qsort(tree->vertices, tree->count, sizeof(struct vertex), vertex_compare);
	for (size_t i = 0; i < tree->count; i++)
		if (kept == 0 || vertex_compare(&tree->vertices[kept - 1], &tree->vertices[i]) != 0)
			tree->vertices[kept++] = tree->vertices[i];
	tree->count = kept;
	tree->vertices[kept] = (struct vertex){.id = root};
}

static void route_add(struct ospf_spf *spf, const struct ospf_router_route *to, uint32_t network, uint32_t mask, uint32_t cost)
{
	spf->routes[spf->route_count++] = (struct ospf_route){network & mask, ospf_mask_length(mask), to->cost + cost, to->hops};
}

/* What the tree reached: networks and routers, in the order of the vertices. */
static void reach_fill(struct ospf_spf *spf, const struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		const struct vertex *v = &tree->vertices[i];
		struct reader body = v->lsa->body;
		struct ospf_router_route route = {v->id, 0, v->cost, v->hops};
		uint16_t count;

		if (!v->done)
			continue;
		if (v->router) {
			route.flags = ospf_router_flags(&body, &count);
			spf->routers[spf->router_count++] = route;
		} else {
			spf->networks[spf->network_count++] = route;
		}
	}
}

static void network_routes(struct ospf_spf *spf, const struct ospf_router_route *network, const struct vertex *v)
{
	struct reader body = v->lsa->body;

	route_add(spf, network, v->id, reader_u32(&body), 0);
}

static void router_routes(struct ospf_spf *spf, const struct ospf_router_route *router, const struct vertex *v)
{
	struct reader body = v->lsa->body;
	struct ospf_link link;
	uint16_t count;

	ospf_router_flags(&body, &count);
	while (ospf_link_read(&body, &link))
		if (link.type == OSPF_LINK_STUB)
			route_add(spf, router, link.id, link.data, link.metric);
}

static int route_compare(const void *left, const void *right)
{
	const struct ospf_route *a = left, *b = right;

	if (a->network != b->network)
		return a->network < b->network ? -1 : 1;
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return a->cost < b->cost ? -1 : a->cost > b->cost;
}

static void routes_merge(struct ospf_spf *spf)
{
	size_t kept = 0;

	qsort(spf->routes, spf->route_count, sizeof(struct ospf_route), route_compare);
	for (size_t i = 0; i < spf->route_count; i++) {
		struct ospf_route *route = &spf->routes[i], *best = kept > 0 ? &spf->routes[kept - 1] : NULL;

		if (best == NULL || best->network != route->network || best->length != route->length) {
			spf->routes[kept++] = *route;
		} else if (best->cost == route->cost && best->hops.count > 0) {
			if (route->hops.count == 0) /* our own network, as near as another's */
				best->hops.count = 0;
			for (unsigned h = 0; h < route->hops.count; h++)
				hop_add(&best->hops, route->hops.at[h], &spf->hops_left_out);
		}
	}
	spf->route_count = kept;
}

static void tree_make(struct tree *tree, uint32_t root_id)
{
	struct vertex *root = vertex_find(tree, true, root_id);

	for (size_t i = 0; i < tree->count; i++) {
		tree->vertices[i].first = tree->edge_count;
		if (tree->vertices[i].router)
			router_edges(tree, &tree->vertices[i]);
		else
			network_edges(tree, &tree->vertices[i]);
	}
	tree->vertices[tree->count].first = tree->edge_count;
	if (root != NULL)
		tree_grow(tree, root);
}

/* The second stage: networks and stubs of what was reached. */
static void routes_fill(struct ospf_spf *spf, const struct tree *tree)
{
	const struct vertex *v;

	for (size_t i = 0; i < spf->network_count; i++) {
		v = vertex_find(tree, false, spf->networks[i].router_id);
		if (v != NULL)
			network_routes(spf, &spf->networks[i], v);
	}
	for (size_t i = 0; i < spf->router_count; i++) {
		v = vertex_find(tree, true, spf->routers[i].router_id);
		if (v != NULL)
			router_routes(spf, &spf->routers[i], v);
	}
	routes_merge(spf);
}

/* Most edges and routes that the LSAs can make. */
static size_t entries_most(const struct ospf_lsa *lsas, size_t count)
{
	size_t entries = 1;

	for (size_t i = 0; i < count; i++)
		entries += lsa_counts(&lsas[i]) ? entries_of(&lsas[i]) + 1 : 0;
	return entries;
}

/* Not zeroed, since every element is written before it is read and a run in a large area would spend its time on that. NULL: no memory. */
static void *array_new(size_t count, size_t size) { return reallocarray(NULL, count, size); }

int ospf_spf_routes(struct ospf_spf *spf, const struct ospf_lsa *lsas, size_t count)
{
	struct tree tree = {0};
	struct ospf_route *routes = array_new(entries_most(lsas, count), sizeof(*routes));

	tree.vertices = array_new(count + 1, sizeof(*tree.vertices));
	if (routes == NULL || tree.vertices == NULL) {
		free(routes);
		free(tree.vertices);
		return -ENOMEM;
	}
	vertices_fill(&tree, 0, lsas, count);
	free(spf->routes);
	spf->routes = routes;
	spf->route_count = 0;
	routes_fill(spf, &tree);
	free(tree.vertices);
	return 0;
}

int ospf_spf_run(struct ospf_spf *spf, uint32_t root, const struct ospf_lsa *lsas, size_t count)
{
	struct tree tree = {0};
	size_t entries = entries_most(lsas, count);
	int result = 0;

	CHECK(count < UINT32_MAX);
	*spf = (struct ospf_spf){0};
	tree.vertices = array_new(count + 1, sizeof(*tree.vertices));
	tree.edges = array_new(entries, sizeof(*tree.edges));
	tree.heap = array_new(entries + 1, sizeof(*tree.heap));
	spf->routes = array_new(entries, sizeof(*spf->routes));
	spf->routers = array_new(count + 1, sizeof(*spf->routers));
	spf->networks = array_new(count + 1, sizeof(*spf->networks));
	if (tree.vertices == NULL || tree.edges == NULL || tree.heap == NULL || spf->routes == NULL || spf->routers == NULL ||
		spf->networks == NULL) {
		ospf_spf_free(spf);
		result = -ENOMEM;
	} else {
		vertices_fill(&tree, root, lsas, count);
		tree_make(&tree, root);
		reach_fill(spf, &tree);
		spf->hops_left_out = tree.hops_left_out;
		routes_fill(spf, &tree);
	}
	free(tree.vertices);
	free(tree.edges);
	free(tree.heap);
	return result;
}

void ospf_spf_free(struct ospf_spf *spf)
{
	free(spf->routes);
	free(spf->routers);
	free(spf->networks);
	*spf = (struct ospf_spf){0};
}
