# shellcheck shell=bash disable=SC2154
# The lab of the OSPF interop scripts: r1 faces the peer's namespace through a TAP, r2 is behind r1. Sourced after peers.bash, not run.
#
#     peer (10.77.0.2, 192.0.2.1) --- lan --- r1 --- r2 --- inside (10.78.0.1)

new_namespace peer
peer=$ns
lab=$WEFT_ROOT/interop.weft.yaml
export WEFT_ROOT

# write_lab SETTINGS [ROUTER-SETTINGS]: what is written into `ospf:` of r1's interface to the peer, and of r2.
write_lab() {
	cat >"$lab" <<EOT
version: 1
name: interop
networks:
  lan:    { ipv4: 10.77.0.0/24 }
  inside: { ipv4: 10.78.0.0/24 }
links:
  - { name: r1-r2, from: r1, to: r2, ipv4: 10.79.0.0/31 }
ports:
  peer: { network: lan, tap: right, netns: $peer }
routers:
  r1:
    router-id: 10.77.0.1
    interfaces: { lan: { network: lan, ipv4: 10.77.0.1/24, ospf: { area: 0, $1 } } }
    ospf: { area: 0, hello: 1s, dead: 4s }
  r2:
    router-id: 10.78.0.1
    interfaces: { inside: { network: inside, ipv4: 10.78.0.1/24 } }
    ospf: { area: 0, hello: 1s, dead: 4s, passive: [inside]${2:+, $2} }
EOT
}

# up SETTINGS: brings the lab up, or changes it.
up() {
	write_lab "$@"
	"$weft" up "$lab"
}

# The peer's addresses, once its end of the TAP is there.
peer_addresses() {
	within 10 ip -n "$peer" link show right >/dev/null
	ip -n "$peer" link set right up
	ip -n "$peer" addr add 10.77.0.2/24 dev right
	ip -n "$peer" addr add 192.0.2.1/24 dev lo
}

# learnt ROUTER PREFIX: OSPF has it and the switch uses it.
learnt() { "$weft" show ip route --router "$1" | grep -F "$2" | grep -q '^O>\*'; }

# adjacent ROLE: r1 and the peer are Full, the peer being DR, Backup or DROther.
adjacent() { "$weft" show ip ospf neighbors --router r1 | grep -F 10.77.0.2 | grep -q "Full/$1 "; }

# dropped REASON: r1 counted packets of the peer under this name.
dropped() { "$weft" show drops | grep -F r1:lan | grep -qw "$1"; }

# Pings from behind the peer to behind r2: both must know the way.
ping_across() { ip netns exec "$peer" ping -q -c "${1:-2}" -i 0.2 -W 2 -I 192.0.2.1 10.78.0.1; }

# lab_checks HAS-ROUTE: what must work with any peer; the command says whether the peer knows the network behind r2.
lab_checks() {
	local has=$1
	check "the two become Full" within 20 adjacent '[A-Za-z]*'
	check "r1 learns the peer's network" within 20 learnt r1 192.0.2.0/24
	check "r2 learns it from r1" within 10 learnt r2 192.0.2.0/24
	check "the peer learns the network behind r2" within 20 "$has"
	check "packets cross both ways" within 10 ping_across
	"$weft" link down r1-r2 >/dev/null
	check "a cut link is known to the peer" within 10 not "$has"
	"$weft" link up r1-r2 >/dev/null
	check "and its repair, too" within 15 "$has"
	check "packets cross again" within 10 ping_across
}

# kill_route: ends the process route; another one comes.
kill_route() {
	local before
	before=$(number route)
	[ -n "$before" ] || return 1
	kill -9 "$before"
	within 5 another_route "$before"
}
another_route() { [ -n "$(number route)" ] && [ "$(number route)" != "$1" ]; }
