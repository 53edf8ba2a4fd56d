# shellcheck shell=bash
# Shared by the interop scripts: a work directory, network namespaces, FRR and BIRD inside of them, checks. Sourced, not run.
# Everything it starts ends with the script, also when that is killed.

set -u
work=$(mktemp -d /tmp/weft-interop.XXXXXX)
tag=$(basename "$work" | tail -c 7)
passed=0
failed=0
namespaces=
pids=

cleanup() {
	trap - EXIT INT TERM HUP
	for pid in $pids; do kill "$pid" 2>/dev/null; done
	for ns in $namespaces; do
		for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
		ip netns del "$ns" 2>/dev/null
	done
	if declare -F interop_cleanup >/dev/null; then interop_cleanup; fi
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# need PROGRAM PACKAGE: skips the whole test without it.
need() {
	[ -x "$1" ] && return
	echo "skipped: $1 is missing (apt-get install $2)"
	exit 77
}

# new_namespace NAME: makes the namespace $tag-NAME; its name is in $ns afterwards.
new_namespace() {
	ns="weft-$tag-$1"
	ip netns add "$ns" || exit 1
	namespaces="$namespaces $ns"
	ip -n "$ns" link set lo up
}

# check TEXT COMMAND...: one line about whether the command succeeds.
check() {
	local text=$1
	shift
	if "$@" >/dev/null 2>&1; then
		passed=$((passed + 1))
		echo "ok      $text"
	else
		failed=$((failed + 1))
		echo "FAILED  $text"
	fi
}

# within SECONDS COMMAND...: repeats the command until it succeeds.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.5
	done
}

# finish: prints the sums, and exits with 1 when something failed.
finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

# start_frr NAMESPACE RIPD-CONFIG: zebra and ripd with sockets of their own; ends those that run there.
start_frr() {
	local dir="$work/frr-$1"
	stop_frr "$1"
	mkdir -p "$dir"
	printf 'hostname peer\n' >"$dir/zebra.conf"
	printf '%s\n' "$2" >"$dir/ripd.conf"
	chmod 755 "$work"
	chown -R frr:frr "$dir"
	local common=(-u frr -g frr -z "$dir/zserv" --vty_socket "$dir" -P 0)
	ip netns exec "$1" /usr/lib/frr/zebra -d "${common[@]}" -f "$dir/zebra.conf" -i "$dir/zebra.pid" --log "file:$dir/zebra.log" 2>>"$dir/err"
	ip netns exec "$1" /usr/lib/frr/ripd -d "${common[@]}" -f "$dir/ripd.conf" -i "$dir/ripd.pid" --log "file:$dir/ripd.log" 2>>"$dir/err"
	within 10 frr_ready "$1"
}

# Ready when ripd knows its interfaces, which it learns from zebra.
frr_ready() { frr "$1" 'show ip rip status' | grep -q '^    [a-z0-9]* *2 *2'; }

stop_frr() {
	local pid
	for pid in "$work/frr-$1/ripd.pid" "$work/frr-$1/zebra.pid"; do
		[ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null
		rm -f "$pid"
	done
	sleep 0.3
}

# frr NAMESPACE COMMAND: what ripd says to a show command.
frr() { vtysh --vty_socket "$work/frr-$1" -d ripd -c "$2" 2>/dev/null; }

# start_bird NAMESPACE CONFIG
start_bird() {
	local dir="$work/bird-$1"
	stop_bird "$1"
	mkdir -p "$dir"
	printf '%s\n' "$2" >"$dir/bird.conf"
	ip netns exec "$1" bird -c "$dir/bird.conf" -s "$dir/ctl" -P "$dir/pid" 2>>"$dir/err" || cat "$dir/err"
}

stop_bird() {
	[ -f "$work/bird-$1/pid" ] && kill "$(cat "$work/bird-$1/pid")" 2>/dev/null
	sleep 0.3
}

# bird_show NAMESPACE COMMAND...
bird_show() {
	local ns=$1
	shift
	birdc -s "$work/bird-$ns/ctl" "$@" 2>/dev/null
}
