/* Where things are on this host: FHS paths as root, XDG paths as a user, all below WEFT_ROOT when it is set. */
#include "proc/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* The longest name made below `run` for ourselves: "/vhost/4294967295.sock". */
#define OWN_SOCKET_BYTES 22

static int place_set(char *place, size_t size, const char *base, const char *below, struct err *err)
{
	if (base[0] != '/')
		return err_set(err, -EINVAL, "the folder \"%s\" must be an absolute path", base);
	if ((size_t)snprintf(place, size, "%s%s", base, below) >= size)
		return err_set(err, -ENAMETOOLONG, "the folder %s%s has too long a name (at most %zu bytes)", base, below, size - 1);
	return 0;
}

/* `tail` below the folder that the environment variable `name` gives, or below `otherwise` in the home folder. */
static int place_of_user(char *place, size_t size, const char *name, const char *otherwise, const char *tail, struct err *err)
{
	const char *given = getenv(name), *home = getenv("HOME");
	char below[64];

	if (given != NULL && given[0] != '\0')
		return place_set(place, size, given, tail, err);
	if (home == NULL || home[0] == '\0')
		return err_set(err, -ENOENT, "neither %s nor HOME is set: set one of them, or WEFT_ROOT", name);
	(void)snprintf(below, sizeof(below), "%s%s", otherwise, tail);
	return place_set(place, size, home, below, err);
}

static int run_of_user(char *place, size_t size, struct err *err)
{
	const char *given = getenv("XDG_RUNTIME_DIR");
	char own[64];

	if (given != NULL && given[0] != '\0')
		return place_set(place, size, given, "/weft", err);
	(void)snprintf(own, sizeof(own), "/run/user/%u", (unsigned)geteuid());
	if (access(own, W_OK) == 0)
		return place_set(place, size, own, "/weft", err);
	/* Without a session there is no runtime folder: the cache is private to the user as well. */
	return place_of_user(place, size, "XDG_CACHE_HOME", "/.cache", "/weft/run", err);
}

/* As root: the places that the file system hierarchy standard names. */
static int places_of_system(struct places *p, struct err *err)
{
	int error = place_set(p->run, sizeof(p->run), "/run", "/weft", err);

	if (error == 0)
		error = place_set(p->state, sizeof(p->state), "/var/lib", "/weft", err);
	return error ? error : place_set(p->cache, sizeof(p->cache), "/var/cache", "/weft", err);
}

static int places_of_user(struct places *p, struct err *err)
{
	int error = run_of_user(p->run, sizeof(p->run), err);

	if (error == 0)
		error = place_of_user(p->state, sizeof(p->state), "XDG_STATE_HOME", "/.local/state", "/weft", err);
	return error ? error : place_of_user(p->cache, sizeof(p->cache), "XDG_CACHE_HOME", "/.cache", "/weft", err);
}

static int places_below(struct places *p, const char *root, struct err *err)
{
	int error = place_set(p->run, sizeof(p->run), root, "/run", err);

	if (error == 0)
		error = place_set(p->state, sizeof(p->state), root, "/state", err);
	return error ? error : place_set(p->cache, sizeof(p->cache), root, "/cache", err);
}

int places_find(struct places *places, struct err *err)
{
	const size_t run_bytes_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - OWN_SOCKET_BYTES;
	const char *root = getenv("WEFT_ROOT");
	int error;

	memset(places, 0, sizeof(*places));
	if (root != NULL && root[0] != '\0')
		error = places_below(places, root, err);
	else if (geteuid() == 0)
		error = places_of_system(places, err);
	else
		error = places_of_user(places, err);
	if (error == 0 && strlen(places->run) > run_bytes_max)
		return err_set(err, -ENAMETOOLONG,
			"the folder %s has too long a name for sockets in it (at most %zu bytes): set WEFT_ROOT to a shorter one",
			places->run, run_bytes_max);
	return error;
}

const char *places_api_socket(const struct places *places, char out[FILE_BYTES])
{
	(void)snprintf(out, FILE_BYTES, "%s/api.sock", places->run);
	return out;
}

const char *places_vhost_socket(const struct places *places, uint32_t port, char out[FILE_BYTES])
{
	(void)snprintf(out, FILE_BYTES, "%s/vhost/%u.sock", places->run, port);
	return out;
}

const char *places_port_socket(const struct places *places, const char *name, char out[FILE_BYTES])
{
	(void)snprintf(out, FILE_BYTES, "%s/ports/%s", places->run, name);
	return out;
}
