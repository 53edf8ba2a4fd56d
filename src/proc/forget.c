/* Takes away what weftd wrote, when there is no lab left that it could belong to. */
#include "proc/super.h"

#include <ftw.h>
#include <stdio.h>

/* Folders open at once while walking. */
#define WALK_FDS 16

static int take_away(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	/* What can't be removed stays; there is nobody left to whom it could matter. */
	(void)remove(path);
	return 0;
}

void places_forget(const struct places *places)
{
	char path[sizeof(places->run) + 16];

	/* From the leaves to the root, links not followed, no other file system entered. */
	(void)nftw(places->state, take_away, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)snprintf(path, sizeof(path), "%s/vhost", places->run);
	(void)nftw(path, take_away, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)snprintf(path, sizeof(path), "%s/ports", places->run);
	(void)nftw(path, take_away, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)snprintf(path, sizeof(path), "%s/vm", places->run);
	(void)nftw(path, take_away, WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
