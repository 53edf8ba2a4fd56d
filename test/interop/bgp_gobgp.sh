#!/bin/bash
# Needs root. A lab of two routers speaks BGP with GoBGP behind a TAP port: IPv4 and IPv6 routes both ways, a cut link, route policies and
# what the peer sees of them, TCP MD5, a session that flaps. GoBGP sets no routes of Linux, so no packets are sent.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/bin/gobgpd gobgpd
# shellcheck source=test/interop/bgp_lab.bash
. "$(dirname "$0")/bgp_lab.bash"

# start_gobgp OPTIONS-OF-THE-NEIGHBOR: ends the one that runs.
start_gobgp() {
	local dir="$work/gobgp"
	stop_gobgp
	mkdir -p "$dir"
	printf '%s\n' "[global.config]
as = 65100
router-id = \"10.77.0.2\"
[[neighbors]]
[neighbors.config]
neighbor-address = \"10.77.0.1\"
peer-as = 65001
$1
[neighbors.timers.config]
hold-time = 9
keepalive-interval = 3
connect-retry = 2
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = \"ipv4-unicast\"
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = \"ipv6-unicast\"" >"$dir/gobgpd.toml"
	ip netns exec "$peer" gobgpd -f "$dir/gobgpd.toml" --api-hosts 127.0.0.1:50051 >"$dir/log" 2>&1 &
	echo $! >"$dir/pid"
	within 10 gobgp_ask global >/dev/null || return 1
	gobgp_ask global rib add 192.0.2.0/24 nexthop 10.77.0.2 && gobgp_ask global rib add -a ipv6 2001:db8:c0::/64 nexthop 2001:db8:77::2
}
stop_gobgp() { end_by_file "$work/gobgp/pid"; }
gobgp_ask() { ip netns exec "$peer" gobgp "$@" 2>/dev/null; }
has_route() {
	local family=ipv4
	[[ $1 != *:* ]] || family=ipv6
	gobgp_ask global rib -a "$family" "$1" | grep -qF "$1"
}
sees() { gobgp_ask global rib "$1" | grep -q "$2"; }

must "the lab comes up" up ''
peer_addresses
must "GoBGP comes up" start_gobgp ''
lab_checks has_route ""
lab_policy_checks sees '65001:30' 'Med: 77' '65001 65001 65001'

must "the lab asks for TCP MD5" up 'md5: sesame-of-gobgp'
must "GoBGP takes the key" start_gobgp 'auth-password = "sesame-of-gobgp"'
check "the same key makes a session" within 30 session Established
must "both go back" up ''
must "without a key" start_gobgp ''
check "the session is Established" within 30 session Established

gobgp_ask neighbor 10.77.0.1 disable >/dev/null
check "flap: the peer's routes go" within 5 not learnt r2 192.0.2.0/24
gobgp_ask neighbor 10.77.0.1 enable >/dev/null
check "flap: and come back" within 30 learnt r2 192.0.2.0/24
check "the lab goes" "$weft" down -y interop
stop_gobgp
finish
