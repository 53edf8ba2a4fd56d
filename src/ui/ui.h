/* The command line: what a command is, how it is called and who carries it out. The roof's table (weft.c) lists the commands. */
#ifndef UI_UI_H
#define UI_UI_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit statuses, the same for every command. */
enum status { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_NOTHING = 3 };

/* How results are printed. */
enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_SVG, OUTPUT_PNG, OUTPUT_DOT, OUTPUT_COUNT };

/* An option of a command besides the common ones: `letter` 0 when it has none, `value` NULL when it is a mere switch. */
struct option_row {
	char letter;
	const char *name;
	const char *value;
	const char *help;
};

#define OPTION_ROWS_MAX 16

struct call;

/*
 * A command: a row of the roof's table. `name` is its words ("vm start"). `rest`: what follows the first argument belongs to the guest and
 * is no option of ours. Options end with a row whose `name` is NULL.
 */
struct command {
	const char *group;
	const char *name;
	const char *alias;     /* another name or NULL */
	const char *arguments; /* as the usage line shows them, "" for none */
	const char *summary;   /* one line, no full stop */
	const char *text;      /* what else there is to know, or NULL */
	const char *examples;  /* one a line, or NULL */
	size_t arguments_min;
	size_t arguments_max;
	bool rest;
	struct option_row options[OPTION_ROWS_MAX + 1];
	enum status (*run)(struct call *call);
};

/* Reads the command line and carries it out; returns the exit status. */
int ui_run(const struct command *table, size_t count, int argc, char **argv);

/* The commands, by file. */
enum status up_run(struct call *call);
enum status down_run(struct call *call);
enum status plan_run(struct call *call);
enum status validate_run(struct call *call);
enum status ps_run(struct call *call);
enum status inspect_run(struct call *call);
enum status graph_run(struct call *call);
enum status policy_test_run(struct call *call);
enum status events_run(struct call *call);
enum status test_run(struct call *call);
enum status import_run(struct call *call);
enum status export_run(struct call *call);
enum status doctor_run(struct call *call);
enum status doctor_jail_run(struct call *call);
enum status init_run(struct call *call);
enum status schema_run(struct call *call);
enum status completion_run(struct call *call);
enum status capture_run(struct call *call);
enum status trace_run(struct call *call);
enum status show_route_run(struct call *call);
enum status show_rip_run(struct call *call);
enum status show_rip_neighbors_run(struct call *call);
enum status show_ospf_neighbors_run(struct call *call);
enum status show_ospf_interfaces_run(struct call *call);
enum status show_ospf_database_run(struct call *call);
enum status show_ospf_routes_run(struct call *call);
enum status show_bgp_run(struct call *call);
enum status show_bgp_summary_run(struct call *call);
enum status show_arp_run(struct call *call);
enum status show_mac_run(struct call *call);
enum status show_interfaces_run(struct call *call);
enum status show_drops_run(struct call *call);
enum status show_dhcp_run(struct call *call);
enum status show_connections_run(struct call *call);
enum status show_groups_run(struct call *call);
enum status show_nat_run(struct call *call);
enum status show_nat_connections_run(struct call *call);
enum status vm_action_run(struct call *call);
enum status vm_console_run(struct call *call);
enum status vm_exec_run(struct call *call);
enum status image_import_run(struct call *call);
enum status image_ls_run(struct call *call);
enum status image_show_run(struct call *call);
enum status image_verify_run(struct call *call);
enum status image_rm_run(struct call *call);
enum status link_run(struct call *call);
enum status queue_policy_run(struct call *call);
enum status link_set_run(struct call *call);
enum status pool_ls_run(struct call *call);
enum status pool_show_run(struct call *call);
enum status pool_reserve_run(struct call *call);
enum status pool_release_run(struct call *call);
enum status pool_plan_run(struct call *call);
enum status pool_check_run(struct call *call);
enum status top_run(struct call *call);
enum status queue_ls_run(struct call *call);
enum status queue_history_run(struct call *call);
enum status queue_simulate_run(struct call *call);
enum status bench_pool_run(struct call *call);
enum status web_run(struct call *call);
enum status bench_switch_run(struct call *call);
enum status bench_lpm_run(struct call *call);
enum status version_run(struct call *call);
enum status help_run(struct call *call);

#endif
