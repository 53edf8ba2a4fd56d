#!/bin/bash
# Needs root. A lab of two routers speaks BGP with OpenBGPD behind a TAP port: IPv4 and IPv6 routes both ways, a cut link, route policies and
# what the peer sees of them, TCP MD5, a session that flaps. OpenBGPD sets no routes of Linux, so no packets are sent.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/sbin/bgpctl openbgpd
# shellcheck source=test/interop/bgp_lab.bash
. "$(dirname "$0")/bgp_lab.bash"

# Where OpenBGPD jails itself: its package leaves it to the init system to make the folder.
[ -d /run/openbgpd ] || install -d -m 755 /run/openbgpd

# start_openbgpd OPTIONS: ends the one that runs.
start_openbgpd() {
	local dir="$work/openbgpd"
	stop_openbgpd
	mkdir -p "$dir"
	printf '%s\n' "AS 65100
router-id 10.77.0.2
fib-update no
socket \"$dir/ctl\"
network 192.0.2.0/24
network 2001:db8:c0::/64
neighbor 10.77.0.1 {
	remote-as 65001
	local-address 10.77.0.2
	local-address 2001:db8:77::2
	holdtime 9
	announce IPv4 unicast
	announce IPv6 unicast
	$1
}
allow from any
allow to any" >"$dir/bgpd.conf"
	chmod 600 "$dir/bgpd.conf"
	ip netns exec "$peer" /usr/sbin/bgpd -d -f "$dir/bgpd.conf" >"$dir/log" 2>&1 &
	echo $! >"$dir/pid"
	within 10 openbgpd show >/dev/null
}
stop_openbgpd() { end_by_file "$work/openbgpd/pid"; }
openbgpd() { bgpctl -s "$work/openbgpd/ctl" "$@" 2>/dev/null; }
has_route() { openbgpd show rib "$1" | grep -qF "$1"; }
sees() { openbgpd show rib detail "$1" | grep -q "$2"; }

must "the lab comes up" up ''
peer_addresses
must "OpenBGPD comes up" start_openbgpd ''
lab_table_checks has_route
lab_policy_checks sees 'Communities: 65001:30' 'metric 77' '65001 65001 65001'

must "the lab asks for TCP MD5" up 'md5: sesame-of-openbgpd'
must "OpenBGPD takes the key" start_openbgpd 'tcp md5sig password sesame-of-openbgpd'
check "the same key makes a session" within 25 session Established
must "both go back" up ''
must "without a key" start_openbgpd ''
check "the session is Established" within 25 session Established

openbgpd neighbor 10.77.0.1 down >/dev/null
check "flap: the peer's routes go" within 5 not learnt r2 192.0.2.0/24
openbgpd neighbor 10.77.0.1 up >/dev/null
check "flap: and come back" within 25 learnt r2 192.0.2.0/24
check "the lab goes" "$weft" down -y interop
stop_openbgpd
finish
