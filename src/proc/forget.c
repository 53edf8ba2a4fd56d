/* Takes away what weftd wrote, when there is no lab left that it could belong to. What people put there stays. */
#include "proc/super.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

/* Folders open at once while walking. */
#define WALK_FDS 16

static int take_away(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	/* What can't be removed stays; there is nobody left to whom it could matter. */
	(void)remove(path);
	return 0;
}

/* Bytes of the path of `state`, for the walk, which has no place for it. */
static size_t state_bytes;

/* Whether it is, or is in, the folder `name` of `state`. */
static bool is_in(const char *path, const char *name)
{
	size_t length = strlen(name);

	return strlen(path) > state_bytes && strncmp(path + state_bytes, name, length) == 0 &&
	       (path[state_bytes + length] == '/' || path[state_bytes + length] == '\0');
}

/* Imported images, and disks that were to outlive their labs, are nobody's leftovers. */
static int take_away_from_state(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	return is_in(path, "/images") || is_in(path, "/disks") ? 0 : take_away(path, st, type, walk);
}

void places_forget(const struct places *places)
{
	char path[sizeof(places->run) + 16];

	/* From the leaves to the root, links not followed, no other file system entered. */
	state_bytes = strlen(places->state);
	(void)nftw(places->state, take_away_from_state, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)snprintf(path, sizeof(path), "%s/vhost", places->run);
	(void)nftw(path, take_away, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)snprintf(path, sizeof(path), "%s/ports", places->run);
	(void)nftw(path, take_away, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)snprintf(path, sizeof(path), "%s/vm", places->run);
	(void)nftw(path, take_away, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
