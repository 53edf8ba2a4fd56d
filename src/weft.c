/* weft, the command line of Weft: the table of its commands. */
#include "base/check.h"
#include "ui/ui.h"

#define LAB                                                                                                                                \
	{                                                                                                                                  \
		0, "lab", "NAME", "the lab, where several run"                                                                             \
	}
#define ROUTER                                                                                                                             \
	{                                                                                                                                  \
		'r', "router", "NAME", "only this router"                                                                                  \
	}
#define NETWORK                                                                                                                            \
	{                                                                                                                                  \
		0, "network", "NAME", "only this network"                                                                                  \
	}
#define VM_ACTION(verb, what, more)                                                                                                        \
	{                                                                                                                                  \
		"machines", "vm " verb, NULL, "NAME...", what, more, "weft vm " verb " vm1", 1, CALL_MANY, false, {LAB}, vm_action_run     \
	}
#define CALL_MANY 200

static const struct command commands[] = {
	{"labs", "up", "apply", "[FILE]", "Make a lab as its file says",
		"Starts weftd when none runs: as root for the whole machine, else for you. Only what differs from the running lab is "
		"touched; when a\n"
		"step fails, those before it are undone. Without FILE the only *.weft.yaml of the folder is meant.",
		"weft up examples/demo.weft.yaml", 0, 1, false,
		{{'d', "detach", NULL, "don't wait until it is done"}, {0, "wait", "SECONDS", "how long machines may take to run (300)"}},
		up_run},
	{"labs", "down", "destroy", "[LAB|FILE]", "Remove a lab and all that belongs to it",
		"Asks first when machines have disks of their own, whose content would be lost. Works after a crash of weftd, too.",
		"weft down demo\nweft down --all -y", 0, 1, false, {{'y', "yes", NULL, "don't ask"}, {'a', "all", NULL, "every lab"}, LAB},
		down_run},
	{"labs", "plan", NULL, "[FILE]", "Show what weft up would change", "Exit status 3 when that is nothing.", "weft plan", 0, 1, false,
		{{0}}, plan_run},
	{"labs", "validate", NULL, "[FILE]...", "Check lab files", "With -o json or -o yaml prints what was understood.",
		"weft validate lab.weft.yaml\nweft validate -o yaml", 0, CALL_MANY, false, {{0}}, validate_run},
	{"labs", "init", NULL, "[FILE]", "Write a lab file to start from", NULL, "weft init mylab.weft.yaml", 0, 1, false, {{0}}, init_run},
	{"labs", "test", NULL, "[LAB|FILE]", "Run the tests of a lab's file", "Exit status 1 when one fails, 3 when there are none.",
		"weft test demo", 0, 1, false, {LAB}, test_run},
	{"labs", "schema", NULL, "", "Print the JSON Schema of lab files, for editors", NULL, NULL, 0, 0, false, {{0}}, schema_run},

	{"looking", "ps", NULL, "[LAB]", "List labs and machines: state, times, addresses",
		"Turnaround is waiting plus service. An address in brackets is not leased yet. -o wide shows MACs and more.",
		"weft ps\nweft ps -j", 0, 1, false, {LAB}, ps_run},
	{"looking", "inspect", NULL, "[NAME]", "Print all that is known of a lab or an object in it", NULL,
		"weft inspect vm1\nweft inspect --lab demo", 0, 1, false, {LAB}, inspect_run},
	{"looking", "graph", NULL, "[LAB|FILE]", "Draw a lab", "Dot text, or with -o svg and -o png a picture made by graphviz.",
		"weft graph examples/demo.weft.yaml -o svg -w demo.svg", 0, 1, false, {{'w', "write", "FILE", "write to a file"}, LAB},
		graph_run},
	{"looking", "events", NULL, "", "Follow what happens", "With -j one JSON object a line.",
		"weft events --lab demo\nweft events --once --since 1", 0, 0, false,
		{{0, "since", "N", "from event N on"}, {0, "once", NULL, "end after the events so far"}, LAB}, events_run},
	{"looking", "queue ls", NULL, "", "List machines in the order of their queue", NULL, "weft queue ls", 0, 0, false, {LAB},
		queue_ls_run},

	{"looking", "queue simulate", NULL, "TRACE", "Run a trace of requests through the scheduler",
		"TRACE is CSV (id,arrival_s,vcpus,memory_mib,duration_s,estimate_s,priority) or a log in the Standard Workload Format; - "
		"reads "
		"the\nstandard input. Policies: fcfs, rr, priority, priority-preemptive; rr:60 gives the quantum, +easy and +hold may "
		"follow.",
		"weft queue simulate --policy priority+easy --vcpus 100 --memory 12800 trace.csv\n"
		"weft queue simulate --compare fcfs,fcfs+easy,rr:60 --vcpus 100 --plot waiting.svg trace.csv",
		1, 1, false,
		{{'p', "policy", "POLICY", "one policy (priority+easy)"}, {'c', "compare", "POLICIES", "several, separated by commas"},
			{0, "quantum", "SECONDS", "slice of rr (30)"},
			{0, "aging", "SECONDS", "waiting that outweighs a point of priority (0: none)"},
			{0, "backfill", "easy", "later ones may start when they don't delay the head"},
			{0, "hold", NULL, "paused machines keep their memory"}, {0, "vcpus", "N", "vCPUs of a host"},
			{0, "memory", "MIB", "memory of a host (no limit)"}, {0, "hosts", "N", "hosts, all alike (1)"},
			{0, "placement", "WHERE", "first-fit, best-fit or worst-fit"},
			{0, "memory-per-vcpu", "MIB", "for logs that don't say"},
			{'o', "out", "FILE", "write start and finish of each request as CSV"},
			{0, "plot", "FILE", "draw the waiting times as SVG"}},
		queue_simulate_run},

	{"looking", "show route", NULL, "", "Routes, as vtysh shows them", "The word ip may stand before it: weft show ip route.",
		"weft show ip route --router r1", 0, 0, false, {ROUTER, LAB}, show_route_run},
	{"looking", "show rip", NULL, "", "What RIP has learnt", NULL, "weft show ip rip", 0, 0, false, {ROUTER, LAB}, show_rip_run},
	{"looking", "show rip neighbors", NULL, "", "RIP neighbours and what was wrong with their packets", NULL,
		"weft show ip rip neighbors", 0, 0, false, {ROUTER, LAB}, show_rip_neighbors_run},
	{"looking", "show arp", NULL, "", "Neighbours of the routers", NULL, "weft show arp -r r1", 0, 0, false, {ROUTER, LAB},
		show_arp_run},
	{"looking", "show mac", NULL, "", "MAC addresses learnt by the networks", NULL, "weft show mac --network left", 0, 0, false,
		{NETWORK, LAB}, show_mac_run},
	{"looking", "show interfaces", NULL, "", "Ports and router interfaces with their counters", NULL, "weft show interfaces -o wide", 0,
		0, false, {ROUTER, NETWORK, LAB}, show_interfaces_run},
	{"looking", "show drops", NULL, "", "What was dropped, where and why", NULL, "weft show drops", 0, 0, false, {ROUTER, NETWORK, LAB},
		show_drops_run},
	{"looking", "show dhcp", NULL, "", "Leased addresses", NULL, "weft show dhcp", 0, 0, false, {NETWORK, LAB}, show_dhcp_run},

	VM_ACTION("start", "Start machines", "They wait in the queue of their lab for their turn. vm[1-4] names four."),
	VM_ACTION("stop", "Ask machines to shut down", "Asks the guest; after a while it is ended by force."),
	VM_ACTION("kill", "End machines at once", "As if the power were cut."),
	VM_ACTION("pause", "Pause machines", "They keep their memory; time paused counts as waiting."),
	VM_ACTION("resume", "Let paused machines go on", NULL),
	VM_ACTION("reset", "Restart machines at once", "As the button on the case does."),
	{"machines", "vm console", NULL, "NAME", "Open the serial line of a machine", "Ctrl-] leaves it.", "weft vm console vm1", 1, 1,
		false, {LAB}, vm_console_run},
	{"machines", "vm exec", NULL, "NAME [--] COMMAND...", "Run a command in a machine's guest", "The exit status is the command's.",
		"weft vm exec vm1 ip address\nweft vm exec vm1 -- ping -c 3 10.2.0.10", 2, CALL_MANY, true,
		{{'t', "timeout", "SECONDS", "how long it may take (60)"}, LAB}, vm_exec_run},
	{"machines", "link up", NULL, "LINK", "Plug a cable in", "A link is named by its ends, r1:r2.", "weft link up r1:r2", 1, 2, false,
		{LAB}, link_run},
	{"machines", "link down", NULL, "LINK", "Cut a cable", "Both ends lose their carrier.", "weft link down r1:r2", 1, 2, false, {LAB},
		link_run},

	{"weft itself", "doctor", NULL, "", "Look whether this machine has what labs need, and say what to do", NULL, NULL, 0, 0, false,
		{{0}}, doctor_run},
	{"weft itself", "version", NULL, "", "Print the versions of weft and weftd and the state of its processes", NULL, NULL, 0, 0, false,
		{{0}}, version_run},
	{"weft itself", "help", NULL, "[COMMAND]", "Explain a command, or list all", NULL, "weft help vm\nweft help show route", 0, 4,
		false, {{0}}, help_run},
};

int main(int argc, char **argv) { return ui_run(commands, COUNT_OF(commands), argc, argv); }
