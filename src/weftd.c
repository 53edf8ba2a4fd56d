/* weftd: the daemon. The table of its processes, each with its jail and whom it speaks with; the command line. */
#include "base/check.h"
#include "ctl/ctl.h"
#include "route/route.h"
#include "switch/switch.h"
#include "vm/vm.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define PEER(id) (1U << PROCESS_##id)

/* Super starts them in this order; what each may do is in proc/process.h and proc/jail.h. */
static const struct process_row processes[] = {
	/* Meets clients of the same user only. Reads images' headers, writes the store. */
	{.body = &ctl_process,
		.jail = {.files_read = true, .files_write = true, .threads = true},
		.peers = PEER(SWITCH) | PEER(ROUTE) | PEER(VM)},
	/* Meets hostile guests: no file, no network, nothing but what it is handed. */
	{.body = &switch_process, .jail = {.threads = true}, .peers = PEER(CTL) | PEER(ROUTE), .spare = true},
	/* Meets hostile routing peers: likewise. */
	{.body = &route_process, .jail = {.threads = true}, .peers = PEER(CTL) | PEER(SWITCH)},
	/* Starts hypervisors, which inherit what it has. Meets ctl and libvirt only. */
	{.body = &vm_process,
		.jail = {.keep_privilege = true,
			.network = true,
			.files_read = true,
			.files_write = true,
			.execute = true,
			.threads = true},
		.peers = PEER(CTL)},
};

static const char usage[] =
	"usage: weftd [--foreground]\n"
	"       weftd --help | --version\n"
	"\n"
	"The daemon of Weft. `weft up` starts it when it is needed. It goes into the background once its API answers.\n"
	"\n"
	"  -f, --foreground  stay; log to standard error\n"
	"  -h, --help        print this\n"
	"  -V, --version     print the version\n"
	"\n"
	"SIGTERM ends it in order; machines keep running. WEFT_ROOT puts all its files below one folder; see weftd(8).\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {{"foreground", no_argument, NULL, 'f'}, {"process", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	bool foreground = false;
	struct places places;
	struct err err;
	int option;

	while ((option = getopt_long(argc, argv, "fhV", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			foreground = true;
			break;
		case 'p':
			return process_run(processes, COUNT_OF(processes), optarg);
		case 'h':
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS;
		case 'V':
			(void)printf("weftd %s\n", WEFT_VERSION);
			return EXIT_SUCCESS;
		default:
			(void)fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "weftd: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return 2;
	}
	if (places_find(&places, &err) != 0) {
		(void)fprintf(stderr, "weftd: %s\n", err.text);
		return EXIT_FAILURE;
	}
	return super_run(processes, COUNT_OF(processes), &places, foreground);
}
