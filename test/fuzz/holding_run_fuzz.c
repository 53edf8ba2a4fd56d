/* Fuzz target: runs of holdings in the store's journal; what is read and written anew reads the same. */
#include "base/check.h"
#include "base/text.h"
#include "store/holding_run.h"

#include <inttypes.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct copy {
	struct holding_run run;
	struct text read;
	const char *pool; /* the one that the last record was about */
	uint32_t number;
};

static int read_record(void *context, enum holding_record what, const struct holding *holding)
{
	struct copy *copy = context;

	text_add(&copy->read, "%d %s %s %" PRIu64 " %" PRId64 " %" PRId64 " %d\n", (int)what, holding->pool,
		what == HOLDING_CURSOR ? "" : holding->owner, what == HOLDING_DROPPED ? 0 : holding->value,
		what == HOLDING_HELD || what == HOLDING_RESTING ? holding->since_wall_ns : 0, holding->released_wall_ns, (int)holding->why);
	return copy->read.used > 1 << 20 ? 1 : 0;
}

static int copy_record(void *context, enum holding_record what, const struct holding *holding)
{
	struct copy *copy = context;

	(void)read_record(context, what, holding);
	if (holding->pool != copy->pool)
		copy->number = holding_run_pool(&copy->run);
	copy->pool = holding->pool;
	holding_run_put(&copy->run, copy->number, what, holding);
	return copy->read.used > 1 << 20 ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct copy copy;
	struct copy again = {0};

	holding_run_clear(&copy.run);
	copy.pool = NULL;
	copy.read.used = 0;
	if (holding_run_read(data, size, copy_record, &copy) == 0 && copy.run.used > 0) {
		CHECK(holding_run_read(copy.run.bytes, copy.run.used, read_record, &again) == 0);
		CHECK(strcmp(text_get(&again.read), text_get(&copy.read)) == 0);
	}
	text_free(&again.read);
	return 0;
}
