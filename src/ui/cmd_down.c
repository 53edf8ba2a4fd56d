/* weft down: removes labs and all that belongs to them. */
#include "proc/process.h"
#include "ui/api_client.h"
#include "ui/http_client.h"
#include "ui/lab_file.h"
#include "ui/progress.h"

#include <dirent.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* True when the daemon's folders hold something: then a dead daemon left a lab behind. */
static bool state_exists(void)
{
	struct places places;
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (places_find(&places, NULL) < 0)
		return false;
	dir = opendir(places.state);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		found = entry->d_name[0] != '.' && strcmp(entry->d_name, "images") != 0 && strcmp(entry->d_name, "disks") != 0;
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

/* Machines whose disks would be lost: those with an image of their own. Their names as a text. */
static void losses(const struct call *call, const char *lab, struct text *names)
{
	struct value *vms = NULL;

	if (client_get(call, client_path(call, "/v1/labs/%s/vms", lab), &vms) != STATUS_OK)
		return;
	for (size_t i = 0; i < value_count(vms); i++) {
		const struct value *vm = value_at(vms, i);

		if (strncmp(value_text(vm, "image"), "builtin:", 8) != 0)
			text_add(names, "%s%s", names->used > 0 ? ", " : "", value_text(vm, "name"));
	}
	value_free(vms);
}

/* Asks on the terminal. */
static enum status ask(const struct call *call, const char *lab, const char *names)
{
	char answer[16] = "";

	if (isatty(STDIN_FILENO) != 1)
		return call_fail(call, STATUS_USAGE,
			"lab %s has machines with disks of their own (%s), whose content would be lost: say so with -y", lab, names);
	(void)fprintf(call->out, "The disks of these machines of lab %s are lost with it: %s\nRemove it? [y/N] ", lab, names);
	(void)fflush(call->out);
	if (fgets(answer, sizeof(answer), stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y'))
		return call_fail(call, STATUS_FAILED, "lab %s stays", lab);
	return STATUS_OK;
}

static enum status remove_lab(const struct call *call, const char *lab)
{
	struct value *answer = NULL;
	struct progress progress;
	struct text names = {0};
	enum status status = STATUS_OK;

	if (call_option(call, "yes") == NULL)
		losses(call, lab, &names);
	if (names.used > 0)
		status = ask(call, lab, text_get(&names));
	text_free(&names);
	if (status != STATUS_OK)
		return status;
	progress_begin(&progress, call, lab);
	status = client_request(call, "DELETE", client_path(call, "/v1/labs/%s", lab), NULL, &answer, NULL);
	if (status == STATUS_OK)
		status = progress_operation(&progress, value_int(answer, "operation"));
	progress_end(&progress);
	value_free(answer);
	if (status == STATUS_OK)
		call_say(call, "lab %s is gone", lab);
	return status;
}

/* Copies the names of the running labs into the call's arena. */
static enum status list_labs(const struct call *call, const char ***names, size_t *count)
{
	struct value *labs = NULL;
	enum status status = client_get(call, "/v1/labs", &labs);

	*count = value_count(labs);
	*names = arena_alloc(call->arena, (*count + 1) * sizeof(**names));
	for (size_t i = 0; i < *count; i++)
		(*names)[i] = arena_str(call->arena, value_text(value_at(labs, i), "name"));
	value_free(labs);
	return status;
}

/* The lab an argument means: its name, or the name in the file it is the path of. */
static const char *lab_of_argument(const struct call *call, const char *argument)
{
	struct lab_file file;
	const char *name;

	if (argument == NULL || (strchr(argument, '/') == NULL && strstr(argument, ".yaml") == NULL && strstr(argument, ".yml") == NULL))
		return client_lab(call, argument);
	if (lab_file_read(call, argument, &file) != STATUS_OK)
		return NULL;
	name = arena_str(call->arena, file.flat->name);
	lab_file_free(&file);
	return client_lab(call, name);
}

/* A daemon that was started for a lab ends with the last one: waits a moment for that, so that nothing is left when the prompt comes back.
 */
static void wait_for_end(const struct call *call)
{
	struct timespec pause = {.tv_nsec = 50000000};
	struct value *version = NULL;
	bool automatic;

	if (!client_daemon_runs(call) || client_get(call, "/v1/version", &version) != STATUS_OK)
		return;
	automatic = value_bool(version, "auto");
	value_free(version);
	/* It waits until its last client is gone, too. */
	http_close();
	for (int i = 0; automatic && i < 200 && access(client_socket(call), F_OK) == 0; i++)
		(void)nanosleep(&pause, NULL);
}

static enum status remove_all(const struct call *call)
{
	enum status worst = STATUS_OK, status;
	const char **labs;
	size_t count;

	status = list_labs(call, &labs, &count);
	for (size_t i = 0; status == STATUS_OK && i < count; i++) {
		enum status one = remove_lab(call, labs[i]);

		worst = one != STATUS_OK ? one : worst;
	}
	return status != STATUS_OK ? status : worst;
}

enum status down_run(struct call *call)
{
	const char **labs, *lab;
	enum status status;
	size_t count = 0;

	if (!client_daemon_runs(call)) {
		if (!state_exists()) {
			call_say(call, "no lab runs; nothing to do");
			return STATUS_NOTHING;
		}
		call_say(call, "weftd is not running but left something behind: starting it to clean up ...");
		status = client_daemon_start(call);
		if (status != STATUS_OK)
			return status;
	}
	status = list_labs(call, &labs, &count);
	if (status != STATUS_OK)
		return status;
	if (count == 0 && call->argument_count == 0) {
		wait_for_end(call);
		call_say(call, "no lab runs; nothing to do");
		return STATUS_NOTHING;
	}
	if (call_option(call, "all") != NULL) {
		status = remove_all(call);
	} else {
		lab = lab_of_argument(call, call_argument(call, 0));
		status = lab ? remove_lab(call, lab) : STATUS_FAILED;
	}
	if (status == STATUS_OK && (count <= 1 || call_option(call, "all") != NULL))
		wait_for_end(call);
	return status;
}
