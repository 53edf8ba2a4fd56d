#!/bin/bash
# Needs root. Real guests in one lab: they reach each other and nobody else, bulk data arrives whole, cables, kills, and nothing stays.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

lab=$top/test/system/guests.weft.yaml
ip netns del weft-probe 2>/dev/null
ip netns add weft-probe || exit 77
namespaces_before=$(ip netns list | sort)
clean_up_more() { ip netns del weft-probe 2>/dev/null; }

in_probe() { ip netns exec weft-probe "$@"; }

# --- up, and what it says
must "weft up brings the lab up" "$weft" up "$lab"
must "the tests in the lab's file hold" "$weft" test guests
check "up again changes nothing (status 3)" status 3 "$weft" up "$lab"
check "plan says that there is nothing to do (status 3)" status 3 "$weft" plan "$lab"
check "ps prints JSON with an address of every machine" address c
check "every guest is a process that lives" kill -0 "$(hypervisor a1)" "$(hypervisor c)"

# --- looking, and orders to machines
# shellcheck disable=SC2016 # the guest expands it
console() { (sleep 1; echo 'echo answer-$((40 + 2))'; sleep 3) | "$weft" vm console a2; }
check "the console is a shell" says answer-42 console
check "a picture shows what runs" says 'a1\nrunning' "$weft" graph guests
check "inspect prints an object" says 52:54:00 "$weft" inspect a1
check "events tell how it came to run" says vm-running "$weft" events --once
paused() { "$weft" ps | grep -q '^a2 *paused'; }
check "weft vm pause" "$weft" vm pause a2
check "is seen" within 5 paused
check "a paused machine answers no ping" reaches_not a1 "$(address a2)"
check "weft vm resume" "$weft" vm resume a2
check "and it answers again" within 10 reaches a1 "$(address a2)"
check "the exit status of a command in a guest is that of weft vm exec" status 7 in_guest a1 "exit 7"

# --- a bulk transfer across both routers: the checksum is that of what was sent
transfer() {
	local sent got to
	to=$(address b1)
	in_guest b1 "(nc -l -p 5000 | sha256sum >/tmp/got) >/dev/null 2>&1 </dev/null &" || return 1
	sleep 1
	guest_timeout=240 in_guest a1 "rm -f /tmp/p; mkfifo /tmp/p; sha256sum </tmp/p >/tmp/sent & head -c 52428800 /dev/urandom | tee /tmp/p | nc $to 5000; wait" || return 1
	within 20 in_guest b1 "grep -q . /tmp/got" || { echo "nothing arrived"; return 1; }
	sent=$(in_guest a1 "cat /tmp/sent")
	got=$(in_guest b1 "cat /tmp/got")
	echo "sent $sent, got $got"
	[ -n "$sent" ] && [ "$sent" = "$got" ]
}
check "50 MB over TCP from a1 to b1 arrive unchanged" transfer

# --- isolation: forged frames from a port in the left network
received() { in_guest c "cat /sys/class/net/eth0/statistics/rx_packets"; }
forge() {
	local before after
	before=$(received) || return 1
	in_probe python3 "$top/test/system/forge_frames.py" weftprobe0 "$(mac c)" "$(address c)" "$(mac a1)" "$(mac a2)" "$(address a1)" || return 1
	sleep 1
	after=$(received) || return 1
	echo "c had received $before frames, then $after"
	[ "$before" = "$after" ]
}
check "frames forged in the left network don't reach the guest of the island" forge
check "a1 doesn't reach the island" reaches_not a1 "$(address c)"
pretend() {
	in_guest a1 "ip address add 10.9.0.99/24 dev eth0; ping -c 2 -W 1 $1; status=\$?; ip address del 10.9.0.99/24 dev eth0; exit \$status"
}
check "nor with an address of the island on its own NIC" not pretend "$(address c)"
check "after the forged frames a1 and a2 still reach each other" within 30 reaches a1 "$(address a2)"
check "what was dropped is counted with its reason" says REASON "$weft" show drops

# --- rights
check "whoever meets guests, peers or clients is jailed" "$weft" doctor --jail

# --- a cut cable
has_route() { "$weft" show ip route --router r1 | grep -q '^R>\* 10.2.0.0/24'; }
check "r1 has its route by RIP" has_route
check "weft link down cuts the cable" "$weft" link down r1:r2
check "the route goes away" within 20 not has_route
check "a1 doesn't reach b1 any more" reaches_not a1 "$(address b1)"
check "a1 still reaches a2" reaches a1 "$(address a2)"
check "weft link up plugs it in" "$weft" link up r1:r2
check "the route comes back" within 40 has_route
check "a1 reaches b1 again" within 20 reaches a1 "$(address b1)"

# --- kills: a ping runs in a1 all the while
guests=$(for vm in a1 a2 b1 b2 c; do hypervisor "$vm"; done)
whole() {
	# shellcheck disable=SC2086 # a list of numbers
	kill -0 $guests && in_guest a1 "true" >/dev/null && has_route && reaches a1 "$(address b1)" >/dev/null
}
# killed NAME LOST_AT_MOST: kills the process while 80 pings, 10 a second, are under way.
killed() {
	local old lost line
	old=$(number "$1")
	[ -n "$old" ] || { echo "no process $1"; return 1; }
	in_guest a1 "(ping -i 0.1 -c 80 -W 1 $(address b1) >/tmp/pings) >/dev/null 2>&1 </dev/null &" || return 1
	sleep 1
	local since=$SECONDS
	kill -9 "$old"
	# Whole again without up. Exec and show are part of being whole.
	within 5 whole || { echo "not whole 5 s after $1 was killed"; return 1; }
	local healed=$((SECONDS - since))
	[ "$(number "$1")" != "$old" ] || { echo "$1 lives on"; return 1; }
	within 20 in_guest a1 "grep -q transmitted /tmp/pings" || { echo "the ping does not end"; return 1; }
	line=$(in_guest a1 "grep transmitted /tmp/pings")
	lost=$(echo "$line" | awk '{ print $1 - $4 }')
	echo "$1 killed: $line"
	echo "      $1 killed: $lost of 80 pings lost, whole again after $healed s" >&3
	[ "$lost" -le "$2" ]
}
check "kill -9 of ctl: whole within 5 s, no ping lost" killed ctl 0
check "kill -9 of route: whole within 5 s, no ping lost" killed route 0
check "kill -9 of vm: whole within 5 s, no ping lost" killed vm 0
check "kill -9 of super, with which the others end: whole within 5 s" killed super 60
check "kill -9 of guard: whole within 5 s, no ping lost" killed guard 0
check "kill -9 of switch: whole within 5 s, at most 2 pings lost" killed switch 2
check "and up finds nothing to do" status 3 "$weft" up "$lab"

# --- down, also after kill -9 of everything
check "weft down removes the lab" "$weft" down -y guests
check "down leaves nothing behind" within 10 nothing_left
must "the lab comes up again" "$weft" up "$lab"
for pid in $(our_processes); do kill -9 "$pid"; done
sleep 1
check "after kill -9 of everything down cleans up" "$weft" down -y guests
check "and leaves nothing behind" within 10 nothing_left
finish
