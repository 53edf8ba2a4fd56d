/* weft image: disks that machines start from, imported, listed, shown, verified, removed. Needs no daemon. */
#include "base/check.h"
#include "image/image.h"
#include "ui/call.h"
#include "ui/grid.h"
#include "ui/value.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) { interrupted = number; }

/* Where the progress of one piece of work is shown. */
struct bar {
	const struct call *call;
	bool live; /* a terminal: the line is rewritten */
	int stage;
	uint64_t done, total;
	unsigned permille;
};

static enum status find_places(const struct call *call, struct places *places)
{
	struct err err = {0};

	return places_find(places, &err) == 0 ? STATUS_OK : call_fail(call, STATUS_FAILED, "%s", err.text);
}

static struct bar bar_begin(const struct call *call)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	interrupted = 0;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	return (struct bar){.call = call, .live = !call->quiet && !call_for_programs(call) && isatty(fileno(call->out)) == 1, .stage = -1};
}

static void bar_show(struct bar *bar, int stage, const char *what, unsigned permille)
{
	unsigned full = permille * BAR_WIDTH / 1000;

	if (bar->live) {
		(void)fprintf(bar->call->out, "\r\033[K  %-10s [%.*s%.*s] %3u %%", what, (int)full, "##############################",
			(int)(BAR_WIDTH - full), "..............................", permille / 10);
		(void)fflush(bar->call->out);
	} else if (stage != bar->stage) {
		call_say(bar->call, "  %s", what);
	}
	bar->stage = stage;
}

static void bar_end(const struct bar *bar)
{
	if (bar->live)
		(void)fputs("\r\033[K", bar->call->out);
}

static void on_stage(void *context, enum image_stage stage, unsigned permille)
{
	static const char *const words[] = {[IMAGE_CHECKING] = "checking", [IMAGE_CONVERTING] = "converting", [IMAGE_HASHING] = "hashing"};

	bar_show(context, (int)stage, words[stage], permille > 1000 ? 1000 : permille);
}

static bool on_bytes(void *context, uint64_t bytes)
{
	struct bar *bar = context;
	unsigned permille;

	bar->done += bytes;
	permille = bar->total > 0 && bar->done < bar->total ? (unsigned)(bar->done * 1000 / bar->total) : 1000;
	if (permille != bar->permille)
		bar_show(bar, 0, "verifying", permille);
	bar->permille = permille;
	return interrupted == 0;
}

/* "512M", "40G", "2T" as bytes; false when it isn't such. */
static bool parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned long long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end != '\0' ? strchr(units, *end) : NULL;
	if (errno != 0 || unit == NULL || end[1] != '\0' || n == 0 || n > UINT64_MAX >> 50)
		return false;
	*out = n << (10 * (unsigned)(unit - units + 1));
	return true;
}

static void text_size(struct grid *grid, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;
	double n = (double)bytes;

	for (; n >= 1024 && unit + 1 < COUNT_OF(units); unit++)
		n /= 1024;
	grid_add(grid, "%.*f %s", unit > 0 && n < 10 ? 1 : 0, n, units[unit]);
}

static const char *when(int64_t wall_ns, char out[32])
{
	time_t s = (time_t)(wall_ns / 1000000000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M", &tm) == 0)
		out[0] = '\0';
	return out;
}

static struct value *value_of(const struct image_info *info)
{
	struct value *value = value_object(), *nics = value_array();

	value_set(value, "name", value_new_text(info->name));
	value_set(value, "format", value_new_text(info->format));
	value_set(value, "file", value_new_text(info->file));
	value_set(value, "file_sha256", value_new_text(info->file_sha256));
	value_set(value, "sha256", value_new_text(info->sha256));
	value_set(value, "file_bytes", value_new_int((int64_t)info->file_bytes));
	value_set(value, "bytes", value_new_int((int64_t)info->bytes));
	value_set(value, "virtual_bytes", value_new_int((int64_t)info->virtual_bytes));
	value_set(value, "imported_s", value_new_int(info->imported_wall_ns / 1000000000));
	value_set(value, "system", value_new_text(info->system));
	value_set(value, "cpus", value_new_int(info->cpus));
	value_set(value, "memory_mib", value_new_int(info->memory_mib));
	value_set(value, "manifest", value_new_bool(info->manifest));
	for (unsigned i = 0; i < info->nic_count; i++) {
		struct value *nic = value_object();

		value_set(nic, "network", value_new_text(info->nics[i].network));
		value_set(nic, "model", value_new_text(info->nics[i].model));
		value_append(nics, nic);
	}
	value_set(value, "nics", nics);
	return value;
}

static void print_info(const struct call *call, const struct image_info *info)
{
	struct value *value = value_of(info);

	call_print_value(call, value);
	value_free(value);
}

enum status image_import_run(struct call *call)
{
	static struct image_info info;
	struct places places;
	struct bar bar;
	struct image_wish wish = {.places = &places,
		.file = call_argument(call, 0),
		.name = call_option(call, "name"),
		.sha256 = call_option(call, "sha256"),
		.raw = call_option(call, "raw") != NULL,
		.progress = on_stage,
		.context = &bar,
		.interrupted = &interrupted};
	const char *limit = call_option(call, "max-size"), *unpacked = call_option(call, "max-unpacked");
	struct err err = {0};
	int error;

	if (limit != NULL && !parse_size(limit, &wish.virtual_bytes_max))
		return call_fail(call, STATUS_USAGE, "--max-size: a size such as 500G is expected, not \"%s\"", limit);
	if (unpacked != NULL && !parse_size(unpacked, &wish.disk_bytes_max))
		return call_fail(call, STATUS_USAGE, "--max-unpacked: a size such as 500G is expected, not \"%s\"", unpacked);
	if (wish.sha256 != NULL && (strlen(wish.sha256) != 64 || wish.sha256[strspn(wish.sha256, "0123456789abcdefABCDEF")] != '\0'))
		return call_fail(call, STATUS_USAGE, "--sha256: 64 hexadecimal digits are expected");
	if (find_places(call, &places) != STATUS_OK)
		return STATUS_FAILED;
	bar = bar_begin(call);
	error = image_import(&wish, &info, &err);
	bar_end(&bar);
	if (error != 0)
		return call_fail(call, STATUS_FAILED, "%s", err.text);
	if (call_for_programs(call))
		print_info(call, &info);
	call_say(call, "image %s: %s, %" PRIu64 " MiB, of which %" PRIu64 " are used%s", info.name, info.format, info.virtual_bytes >> 20,
		info.bytes >> 20, info.manifest ? "; the manifest is right" : "");
	call_say(call, "in a lab's file: images: { %s: { imported: %s } }", info.name, info.name);
	return STATUS_OK;
}

/* A listing under way, for people or for programs. */
struct listing {
	struct grid *grid;
	struct value *values;
};

static void list_one(void *context, const struct image_info *info)
{
	struct listing *listing = context;
	char time[32];

	if (listing->values != NULL) {
		value_append(listing->values, value_of(info));
		return;
	}
	grid_text(listing->grid, info->name);
	text_size(listing->grid, info->virtual_bytes);
	text_size(listing->grid, info->bytes);
	if (info->cpus > 0)
		grid_add(listing->grid, "%u", info->cpus);
	else
		grid_text(listing->grid, "");
	if (info->memory_mib > 0)
		grid_add(listing->grid, "%" PRIu32 "M", info->memory_mib);
	else
		grid_text(listing->grid, "");
	grid_text(listing->grid, info->format);
	grid_text(listing->grid, when(info->imported_wall_ns, time));
	grid_text(listing->grid, info->sha256);
}

enum status image_ls_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "IMAGE"}, {.title = "SIZE", .right = true}, {.title = "USED", .right = true},
		{.title = "CPUS", .right = true}, {.title = "MEMORY", .right = true}, {.title = "FROM"}, {.title = "IMPORTED"},
		{.title = "SHA256", .wide = true}};
	struct listing listing = {.grid = grid_new(columns, COUNT_OF(columns)), .values = call_for_programs(call) ? value_array() : NULL};
	struct places places;
	enum status status = find_places(call, &places);
	size_t count;

	if (status == STATUS_OK)
		image_each(&places, list_one, &listing);
	count = grid_rows(listing.grid) + value_count(listing.values);
	if (listing.values != NULL)
		call_print_value(call, listing.values);
	value_free(listing.values);
	call_print_grid(call, listing.grid);
	if (status == STATUS_OK && count == 0) {
		call_say(call, "no image was imported (weft image import FILE)");
		return STATUS_NOTHING;
	}
	return status;
}

enum status image_show_run(struct call *call)
{
	static struct image_info info;
	struct places places;
	struct err err = {0};

	if (find_places(call, &places) != STATUS_OK)
		return STATUS_FAILED;
	if (image_read(&places, call_argument(call, 0), &info, &err) != 0)
		return call_fail(call, STATUS_FAILED, "%s", err.text);
	if (call->output != OUTPUT_JSON)
		call->output = OUTPUT_YAML;
	print_info(call, &info);
	return STATUS_OK;
}

enum status image_verify_run(struct call *call)
{
	static struct image_info info;
	struct places places;
	struct bar bar;
	struct err err = {0};
	int error;

	if (find_places(call, &places) != STATUS_OK)
		return STATUS_FAILED;
	bar = bar_begin(call);
	error = image_read(&places, call_argument(call, 0), &info, &err);
	bar.total = info.bytes;
	if (error == 0)
		error = image_verify(&places, info.name, on_bytes, &bar, &err);
	bar_end(&bar);
	if (error != 0)
		return call_fail(call, STATUS_FAILED, "%s", err.text);
	call_say(call, "image %s is what was imported", info.name);
	return STATUS_OK;
}

enum status image_rm_run(struct call *call)
{
	enum status status = STATUS_OK;
	struct places places;

	if (find_places(call, &places) != STATUS_OK)
		return STATUS_FAILED;
	for (size_t i = 0; i < call->argument_count; i++) {
		struct err err = {0};

		if (image_remove(&places, call_argument(call, i), &err) != 0)
			status = call_fail(call, STATUS_FAILED, "%s", err.text);
		else
			call_say(call, "image %s is removed", call_argument(call, i));
	}
	return status;
}
