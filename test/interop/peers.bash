# shellcheck shell=bash
# What the interop scripts share on top of the system tests' lib.sh: network namespaces, and FRR and BIRD inside of them. Sourced, not run.
# Everything it starts ends with the script, also when that is killed.

# shellcheck source=test/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

work=$(mktemp -d /tmp/weft-interop.XXXXXX)
chmod 755 "$work" # FRR runs as a user of its own
tag=${work##*.}
namespaces=

clean_up_more() {
	local ns pid
	for ns in $namespaces; do
		for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$work"
}

# need PROGRAM PACKAGE: skips the whole test without it.
need() {
	[ -x "$1" ] && return
	echo "skipped: $1 is missing (apt-get install $2)"
	exit 77
}

# new_namespace NAME: makes the namespace weft-TAG-NAME; its name is in $ns afterwards.
new_namespace() {
	ns="weft-$tag-$1"
	ip netns add "$ns" || exit 1
	namespaces="$namespaces $ns"
	ip -n "$ns" link set lo up
}

# start_frr NAMESPACE RIPD-CONFIG: zebra and ripd with sockets of their own; ends those that run there.
start_frr() {
	local dir="$work/frr-$1"
	stop_frr "$1"
	mkdir -p "$dir"
	printf 'hostname peer\n' >"$dir/zebra.conf"
	printf '%s\n' "$2" >"$dir/ripd.conf"
	chown -R frr:frr "$dir"
	local common=(-u frr -g frr -z "$dir/zserv" --vty_socket "$dir" -P 0)
	ip netns exec "$1" /usr/lib/frr/zebra -d "${common[@]}" -f "$dir/zebra.conf" -i "$dir/zebra.pid" --log "file:$dir/zebra.log" 2>>"$dir/err"
	ip netns exec "$1" /usr/lib/frr/ripd -d "${common[@]}" -f "$dir/ripd.conf" -i "$dir/ripd.pid" --log "file:$dir/ripd.log" 2>>"$dir/err"
	within 10 frr_ready "$1"
}

# Ready when ripd knows its interfaces, which it learns from zebra.
frr_ready() { frr "$1" 'show ip rip status' | grep -q '^    [a-z0-9]* *2 *2'; }

# start_ospfd NAMESPACE OSPFD-CONFIG: zebra and ospfd likewise.
start_ospfd() {
	local dir="$work/frr-$1"
	stop_frr "$1"
	mkdir -p "$dir"
	printf 'hostname peer\n' >"$dir/zebra.conf"
	printf '%s\n' "$2" >"$dir/ospfd.conf"
	chown -R frr:frr "$dir"
	local common=(-u frr -g frr -z "$dir/zserv" --vty_socket "$dir" -P 0)
	ip netns exec "$1" /usr/lib/frr/zebra -d "${common[@]}" -f "$dir/zebra.conf" -i "$dir/zebra.pid" --log "file:$dir/zebra.log" 2>>"$dir/err"
	ip netns exec "$1" /usr/lib/frr/ospfd -d "${common[@]}" -f "$dir/ospfd.conf" -i "$dir/ospfd.pid" --log "file:$dir/ospfd.log" 2>>"$dir/err"
	within 10 ospfd_ready "$1"
}
ospfd_ready() { frr_ospf "$1" 'show ip ospf interface' | grep -q 'OSPF not enabled\|Router ID'; }

# frr_ospf NAMESPACE COMMAND: what ospfd says to a show command.
frr_ospf() { vtysh --vty_socket "$work/frr-$1" -d ospfd -c "$2" 2>/dev/null; }

# end_by_file PIDFILE: ends the process and waits until it is gone.
end_by_file() {
	local pid
	[ -f "$1" ] || return
	pid=$(cat "$1")
	kill "$pid" 2>/dev/null
	within 5 not kill -0 "$pid" 2>/dev/null
	rm -f "$1"
}

stop_frr() {
	end_by_file "$work/frr-$1/ripd.pid"
	end_by_file "$work/frr-$1/ospfd.pid"
	end_by_file "$work/frr-$1/zebra.pid"
}

# frr NAMESPACE COMMAND: what ripd says to a show command.
frr() { vtysh --vty_socket "$work/frr-$1" -d ripd -c "$2" 2>/dev/null; }

# start_bird NAMESPACE CONFIG
start_bird() {
	local dir="$work/bird-$1"
	stop_bird "$1"
	mkdir -p "$dir"
	printf '%s\n' "$2" >"$dir/bird.conf"
	ip netns exec "$1" bird -c "$dir/bird.conf" -s "$dir/ctl" -P "$dir/pid"
}

stop_bird() { end_by_file "$work/bird-$1/pid"; }

# bird NAMESPACE COMMAND...: what BIRD says to a show command.
bird_show() {
	local peer=$1
	shift
	birdc -s "$work/bird-$peer/ctl" "$@" 2>/dev/null
}
