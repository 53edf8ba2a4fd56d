#!/bin/bash
# Real guests in the queue: each policy decides as the simulator does, times add up, a higher priority preempts, a restart forgets nothing.
# GUESTS=12 POLICIES="fcfs rr priority priority-preemptive" takes several minutes; by default there are few guests and policies.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

guests=${GUESTS:-4}
quantum=6
# On a busy host a machine that ends about when its slice does may fall on either side of it, which is a slice's difference.
tolerance_s=${TOLERANCE_S:-$quantum}
work=$WEFT_ROOT.queue
mkdir -p "$work"
clean_up_more() { rm -rf "$work"; }

# A lab of $guests machines on two processors, with the policy $1.
write_lab() {
	local i
	{
		echo "version: 1"
		echo "name: $1"
		echo "schedule: { policy: $1, quantum: ${quantum}s, max-starting: 2, cpus: 2, backfill: none, aging: 0s }"
		echo "networks:"
		echo "  lan: { ipv4: 10.1.0.0/24, dhcp: true }"
		echo "vms:"
		for ((i = 1; i <= guests; i++)); do
			echo "  h$i: { image: builtin:tiny, nics: [lan], priority: $((i % 3)) }"
		done
	} >"$work/$1.weft.yaml"
}

ask() { python3 "$top/test/system/queue_live.py" "$1" "$work" "${2:-}" "${3:-}"; }
look() {
	"$weft" queue ls --lab "$1" -j >"$work/live.json" && "$weft" events --lab "$1" --once --since 1 -j >"$work/events.json" &&
		"$weft" history --lab "$1" -j >"$work/history.json"
}

# Kills each machine once it has been served for long enough, which is never close to the end of a slice.
all_served() {
	local name
	look "$1" || return 1
	for name in $(ask served); do "$weft" vm kill --lab "$1" "$name" >/dev/null; done
	ask ended
}

# The measured services through the simulator, in milliseconds: times within $tolerance_s each, and the very order of starts.
as_simulated() {
	ask trace || return 1
	"$weft" queue simulate --policy "$1" --quantum $((quantum * 1000)) --hold --vcpus 2 --memory 100000 --out "$work/simulated.csv" \
		"$work/trace.csv" >"$work/summary" || return 1
	ask compare "$1" "$tolerance_s" >"$work/told"
	local got=$?
	cat "$work/told"
	tail -1 "$work/told" | sed "s/^/      $1: /" >&3
	return "$got"
}
paused_machines() { grep -c '"vm-paused"' "$work/events.json"; }

for policy in ${POLICIES:-rr priority}; do
	write_lab "$policy"
	must "$policy: the lab comes up" "$weft" up "$work/$policy.weft.yaml"
	must "$policy: all machines are served" within $((guests * 12 + 120)) all_served "$policy"
	look "$policy"
	check "$policy: turnaround is waiting plus service" ask sums
	check "$policy: history keeps each run with its times" ask history
	check "$policy: order and times are those of the simulator, within $tolerance_s s" as_simulated "$policy"
	[ "$policy" != rr ] || check "rr: machines were paused when their slice was over" test "$(paused_machines)" -ge $((guests / 2))
	check "$policy: the lab goes away" "$weft" down "$policy" -y
done

# --- preemption; a machine that ends by itself; one that waits for another
cat >"$work/preempt.weft.yaml" <<'E'
version: 1
name: preempt
schedule: { policy: priority-preemptive, cpus: 1 }
networks:
  lan: { ipv4: 10.1.0.0/24, dhcp: true }
vms:
  low: { image: builtin:tiny, nics: [lan] }
  high: { image: builtin:tiny, nics: [lan], priority: 10, start: false }
  last: { image: builtin:tiny, nics: [lan], after: [high] }
E
state_is() { "$weft" queue ls -j | python3 -c '
import json, sys
sys.exit(not any(v["name"] == sys.argv[1] and v["state"] == sys.argv[2] for v in json.load(sys.stdin)))' "$1" "$2"; }
must "a machine of low priority runs" "$weft" up "$work/preempt.weft.yaml"
check "one that waits for another says so" says "waits for high to run" "$weft" queue --explain last
check "a higher one is started" "$weft" vm start high
check "the low one is paused for it" within 20 state_is low paused
check "and says why" says "preempted by a higher priority" "$weft" queue --explain low
check "the higher one runs" within 20 state_is high running
check "what the policy paused is not resumed by hand" status 1 "$weft" vm resume low
check "kill -9 of the process vm" kill -9 "$(number vm)"
check "after which the low one is still paused" within 20 state_is low paused
check "the machine that was awaited shuts itself down" in_guest high "(sleep 1; poweroff -f) >/dev/null 2>&1 </dev/null &"
check "then the low one goes on" within 30 state_is low running
check "kill -9 of the process vm" kill -9 "$(number vm)"
check "a guest that shut itself down is not started again for that" within 20 state_is high stopped
check "the low one still runs" within 20 state_is low running
check "and the last one waits for room" within 20 says "needs 1 cpus" "$weft" queue --explain last
# The guest ends while nobody looks: the new process finds out what became of it.
shut_down_unseen() {
	local vm
	"$weft" vm exec low -- "(sleep 1; poweroff -f) >/dev/null 2>&1 </dev/null &" || return 1
	vm=$(number vm)
	# Stopped, it can't be started anew, nor can it see anything.
	kill -STOP "$vm" && sleep 4 && kill -9 "$vm"
}
check "a guest shuts itself down while the process vm can't see it, which dies" shut_down_unseen
check "it is known for what it did" within 20 says "the guest shut itself down" "$weft" queue --explain low
check "and the last one runs in its place" within 30 state_is last running
check "down" "$weft" down preempt -y
check "nothing is left" within 15 nothing_left
finish
