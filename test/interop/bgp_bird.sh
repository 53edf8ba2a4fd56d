#!/bin/bash
# Needs root. A lab of two routers speaks BGP with BIRD behind a TAP port: IPv4 and IPv6 routes both ways, a cut link, TCP MD5, a wrong key,
# 30,000 prefixes and their withdrawal, a session that flaps, a killed route process.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/sbin/bird bird2
# shellcheck source=test/interop/bgp_lab.bash
. "$(dirname "$0")/bgp_lab.bash"

# bird_config OPTIONS [STATICS]
bird_config() {
	echo "router id 10.77.0.2;
protocol device {}
protocol direct { ipv4; ipv6; interface \"lo\"; }
protocol kernel { ipv4 { export where source = RTS_BGP; }; }
protocol kernel { ipv6 { export where source = RTS_BGP; }; }
protocol static many { ipv4 { preference 50; }; ${2:-} }
protocol bgp lab {
	local 10.77.0.2 as 65100; neighbor 10.77.0.1 as 65001;
	hold time 30; connect delay time 1; connect retry time 2; error wait time 1, 3; $1
	ipv4 { import all; export all; };
	ipv6 { import all; export all; };
}"
}
statics() {
	python3 -c '
for i in range(int('"$1"')):
    print(f"route 20.{i >> 8}.{i & 255}.0/24 blackhole;")'
}
has_route() { bird_show "$peer" show route "$1" | grep -q 'BGP\|lab'; }

must "the lab comes up" up ''
peer_addresses
must "BIRD comes up" start_bird "$peer" "$(bird_config '')"
lab_checks has_route ping_across

check "30,000 prefixes are announced" start_bird "$peer" "$(bird_config '' "$(statics 30000)")"
check "and arrive" within 30 heard 10.77.0.2 30002
check "r2 has them, too" within 10 heard 10.79.0.0 30003
check "they are withdrawn" start_bird "$peer" "$(bird_config '')"
check "and gone" within 30 heard 10.77.0.2 2
check "r2 has them no more" within 10 heard 10.79.0.0 3

must "the lab asks for TCP MD5" up 'md5: sesame-of-bird'
check "BIRD without a key isn't spoken with" within 15 not session Established
must "BIRD takes another key" start_bird "$peer" "$(bird_config 'password "other-of-bird";')"
sleep 3
check "a wrong key makes no session" not session Established
must "BIRD takes the key" start_bird "$peer" "$(bird_config 'password "sesame-of-bird";')"
check "the same key makes one" within 25 session Established
check "the peer learns the network behind r2" within 10 has_route 10.78.0.0/24
must "both go back" up ''
must "without a key" start_bird "$peer" "$(bird_config '')"
check "the session is Established" within 25 session Established

for turn in 1 2 3; do
	bird_show "$peer" disable lab >/dev/null
	check "flap $turn: the peer's routes go" within 5 not learnt r2 192.0.2.0/24
	bird_show "$peer" enable lab >/dev/null
	check "flap $turn: and come back" within 25 learnt r2 192.0.2.0/24
done

kill -9 "$(number route)"
check "route is killed: the session comes back" within 60 session Established
check "and packets cross" within 30 ping_across
check "the lab goes" "$weft" down -y interop
finish
