#!/bin/bash
# Kills each process of weftd in turn and looks whether the daemon heals, ends in order, and leaves nothing behind.
set -u

build=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
weftd=$build/src/weftd
WEFT_ROOT=$(mktemp -d /tmp/weft-heals.XXXXXX)
export WEFT_ROOT WEFT_JAIL=${WEFT_JAIL:-kill}
log=$WEFT_ROOT/run/weftd.log
processes="guard super ctl switch route vm"

# The number of our process $1: one whose environment has our WEFT_ROOT.
number() {
	local pid
	for pid in $(pgrep -fx "weftd --process $1"); do
		# A jailed process shows its environment to nobody; its parent's will do.
		if grep -qzx "WEFT_ROOT=$WEFT_ROOT" "/proc/$pid/environ" 2>/dev/null ||
			grep -qzx "WEFT_ROOT=$WEFT_ROOT" "/proc/$(ps -o ppid= -p "$pid" | tr -d ' ')/environ" 2>/dev/null; then
			echo "$pid"
			return
		fi
	done
}

clean_up() {
	local name pid
	# From the top: who would start the others again ends first.
	for name in $processes $processes; do
		pid=$(number "$name")
		[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
	done
	rm -rf "$WEFT_ROOT"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

die() {
	echo "FAILED: $*"
	[ ! -f "$log" ] || tail -30 "$log"
	exit 1
}

# Waits up to $1 seconds until the rest, a command, succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# How often the log says $1.
said() { grep -c -- "$1" "$log"; }
said_at_least() { [ "$(said "$1")" -ge "$2" ]; }
new_number() {
	local now
	now=$(number "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}
all_connected() {
	local pair
	for pair in "ctl switch" "ctl route" "ctl vm" "switch ctl" "switch route" "route ctl" "route switch" "vm ctl"; do
		said_at_least " $pair: connected" "$1" || return 1
	done
}
gone() { [ -z "$(for name in $processes; do number "$name"; done)" ]; }

"$weftd" || die "weftd does not start"
for name in $processes; do
	[ -n "$(number "$name")" ] || die "no process $name"
done
wait_for 20 all_connected 1 || die "not all are connected"

"$weftd" 2>"$WEFT_ROOT/second" && die "a second weftd starts"
grep -q "already running for $WEFT_ROOT/run (process $(number guard))" "$WEFT_ROOT/second" || die "a second weftd says: $(cat "$WEFT_ROOT/second")"

for name in ctl switch route vm; do
	old=$(number "$name")
	connected=$(said " $name: connected")
	kill -9 "$old"
	wait_for 5 new_number "$name" "$old" || die "$name was not started again"
	wait_for 20 said_at_least " $name: connected" $((connected + 1)) || die "nobody is connected with the new $name"
done

# Twice each: who came later must watch as well as who came first.
for name in guard super guard super super guard; do
	old=$(number "$name")
	kill -9 "$old"
	wait_for 5 new_number "$name" "$old" || die "$name was not started again"
	sleep 0.2
done
for name in $processes; do
	wait_for 5 new_number "$name" none || die "no process $name after guard and super died"
done

# All at once: nothing starts by itself, nothing is in the way of a new start.
for name in $processes; do number "$name"; done | xargs kill -9 2>/dev/null
wait_for 2 gone || die "processes are left when all were killed: $(pgrep -fa "weftd --process")"
"$weftd" || die "weftd does not start again"

kill -TERM "$(number guard)"
wait_for 15 gone || die "SIGTERM does not end all"
[ ! -e "$WEFT_ROOT/run" ] || die "files are left: $(find "$WEFT_ROOT/run")"

# In the foreground: the exit status comes through.
"$weftd" --foreground 2>"$WEFT_ROOT/foreground" &
first=$!
wait_for 20 grep -q "super ctl: ready" "$WEFT_ROOT/foreground" || die "weftd --foreground does not start: $(cat "$WEFT_ROOT/foreground")"
kill -INT $first
wait "$first" || die "weftd --foreground ends with status $?"
wait_for 2 gone || die "processes are left"
echo "OK: weftd heals"
