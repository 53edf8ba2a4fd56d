/* Checks of OSPF, and what interfaces get from their links and routers. */
#include "model/lab_check.h"

#include <string.h>

#define HELLO_S 10
#define COST 10

static const char *const auth_words[] = {"none", "password", "md5", "sha1", "sha256", "sha384", "sha512"};

/* A key needs a type, and a type a key that is short enough. */
static void check_auth(const struct lab *lab, struct diags *diags, const struct lab_rip_auth_key *auth, const char *path)
{
	size_t most = auth->type == LAB_RIP_AUTH_PASSWORD ? 8 : auth->type == LAB_RIP_AUTH_MD5 ? 16 : 64;

	if (auth->type == LAB_RIP_AUTH_NONE && auth->key != NULL)
		lab_error(lab, diags, path, "there is a key, but no `type`: write password, md5, sha1, sha256, sha384 or sha512");
	else if (auth->type != LAB_RIP_AUTH_NONE && auth->key == NULL)
		lab_error(lab, diags, path, "the key is missing: write `key`");
	else if (auth->key != NULL && strlen(auth->key) > most)
		lab_error(lab, diags, path_of(diags, "%s.key", path), "the key has %zu bytes; %s keys have at most %zu", strlen(auth->key),
			auth_words[auth->type], most);
}

static void check_settings(const struct lab *lab, struct diags *diags, const struct lab_ospf *ospf, const char *path)
{
	uint32_t hello_s = ospf->hello_s ? ospf->hello_s : HELLO_S;

	if (ospf->dead_s != 0 && ospf->dead_s <= hello_s)
		lab_error(lab, diags, path_of(diags, "%s.dead", path),
			"a neighbour must be allowed to be silent for longer than a hello (%us)", hello_s);
	check_auth(lab, diags, &ospf->auth, path_of(diags, "%s.auth", path));
}

bool ospf_area_number(const char *text, uint32_t *number)
{
	uint64_t value = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' || at - text > 9)
			return false;
		value = value * 10 + (uint64_t)(*at - '0');
	}
	*number = (uint32_t)value;
	return text[0] != '\0' && value <= UINT32_MAX;
}

static void check_areas(const struct lab *lab, struct diags *diags, const struct lab_ospf *ospf, const char *path)
{
	for (size_t i = 0; i < ospf->area_count; i++) {
		const struct lab_ospf_area *area = &ospf->areas[i];
		const char *at = path_of(diags, "%s.areas.%s", path, area->name);
		uint32_t number = 0;

		if (!ospf_area_number(area->name, &number))
			lab_error(lab, diags, at, "an area is a number from 0 to 4294967295, got \"%.40s\"", area->name);
		else if (number == 0 && area->stub)
			lab_error(lab, diags, path_of(diags, "%s.stub", at), "the backbone (area 0) can't be a stub area");
		if (area->no_summary && !area->stub)
			lab_error(
				lab, diags, path_of(diags, "%s.no-summary", at), "`no-summary` belongs to a stub area: write `stub: true`");
	}
}

void check_ospf(const struct lab *lab, struct diags *diags)
{
	for (size_t i = 0; i < lab->router_count; i++) {
		const struct lab_router *router = &lab->routers[i];
		const char *path = path_of(diags, "routers.%s", router->name);

		check_settings(lab, diags, &router->ospf, path_of(diags, "%s.ospf", path));
		check_areas(lab, diags, &router->ospf, path_of(diags, "%s.ospf", path));
		for (size_t k = 0; k < router->interface_count; k++) {
			const struct lab_interface *interface = &router->interfaces[k];
			const char *at = path_of(diags, "%s.interfaces.%s.ospf", path, interface->name);

			if (interface->ospf.written && interface->ospf.on && !router->ospf.on)
				lab_error(lab, diags, at, "the router has no OSPF; write `ospf: true` in routers.%s", router->name);
			check_settings(lab, diags, &interface->ospf, at);
		}
	}
	for (size_t i = 0; i < lab->link_count; i++)
		check_settings(lab, diags, &lab->links[i].ospf, path_of(diags, "links[%zu].ospf", i));
}

/* Takes what `to` doesn't say from `from`. */
static void inherit(struct lab_ospf *to, const struct lab_ospf *from)
{
	if (!to->area_set && from->area_set) {
		to->area = from->area;
		to->area_set = true;
	}
	if (!to->priority_set && from->priority_set) {
		to->priority = from->priority;
		to->priority_set = true;
	}
	to->cost = to->cost ? to->cost : from->cost;
	/* The dead interval belongs to the hello interval that it was written with. */
	if (to->hello_s == 0 && to->dead_s == 0)
		to->dead_s = from->dead_s;
	to->hello_s = to->hello_s ? to->hello_s : from->hello_s;
	to->type = to->type != LAB_OSPF_AUTO ? to->type : from->type;
	to->mtu_ignore |= from->mtu_ignore;
	if (!to->auth_set && (from->auth_set || from->auth.type != LAB_RIP_AUTH_NONE)) {
		to->auth = from->auth;
		to->auth_set = true;
	}
}

void settle_ospf(const struct lab *flat, const struct lab_router *router, struct lab_interface *interface)
{
	const struct lab_link *link = interface->link >= 0 ? &flat->links[interface->link] : NULL;
	struct lab_ospf *ospf = &interface->ospf;
	const struct lab_ospf last = {.area_set = true, .priority_set = true, .priority = 1, .cost = COST, .hello_s = HELLO_S};

	if (!ospf->written)
		ospf->on = router->ospf.on && (link == NULL || !link->ospf.written || link->ospf.on);
	ospf->written = router->ospf.on;
	if (!ospf->on) {
		bool written = ospf->written;

		*ospf = (struct lab_ospf){.written = written, .auth.key_id = 1};
		return;
	}
	if (link != NULL)
		inherit(ospf, &link->ospf);
	inherit(ospf, &router->ospf);
	inherit(ospf, &last);
	ospf->dead_s = ospf->dead_s ? ospf->dead_s : 4u * ospf->hello_s;
	if (ospf->type == LAB_OSPF_AUTO)
		ospf->type = link != NULL ? LAB_OSPF_POINT_TO_POINT : LAB_OSPF_BROADCAST;
	for (size_t i = 0; i < router->ospf.passive_count; i++)
		ospf->passive |= strcmp(router->ospf.passive_names[i], interface->name) == 0;
}
