# shellcheck shell=bash disable=SC2154
# The lab of the RIP interop scripts: r1 faces the peer's namespace through a TAP, r2 is behind r1. Sourced after peers.bash, not run.
#
#     peer (10.77.0.2, 192.0.2.1) --- lan --- r1 --- r2 --- inside (10.78.0.1)

new_namespace peer
peer=$ns
lab=$WEFT_ROOT/interop.weft.yaml
export WEFT_ROOT

# write_lab AUTH: the lab with this value of `auth:` towards the peer ("" for none).
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
    interfaces: { lan: { network: lan, ipv4: 10.77.0.1/24 } }
    rip: { update: 10s, timeout: 30s, garbage: 20s${1:+, auth: $1} }
  r2:
    interfaces: { inside: { network: inside, ipv4: 10.78.0.1/24 } }
    rip: { passive: [inside]${1:+, auth: $1} }
EOT
}

# up AUTH: brings the lab up, or changes its authentication.
up() {
	write_lab "$1"
	"$weft" up "$lab"
}

# The peer's addresses, once its end of the TAP is there.
peer_addresses() {
	within 10 ip -n "$peer" link show right >/dev/null
	ip -n "$peer" link set right up
	ip -n "$peer" addr add 10.77.0.2/24 dev right
	ip -n "$peer" addr add 192.0.2.1/24 dev lo
}

# route ROUTER PREFIX: the line of the router's table about a prefix.
route() { "$weft" show ip route --router "$1" | grep -F "$2"; }

# learnt ROUTER PREFIX: RIP has it and the switch uses it.
learnt() { route "$1" "$2" | grep -q '^R>\*'; }

# dropped REASON: r1 counted packets of the peer under this name.
dropped() { "$weft" show drops | grep -F r1:lan | grep -qw "$1"; }

# bad_auth ADDRESS: r1 counts packets of this neighbor that were not authentic.
bad_auth() { "$weft" show rip neighbors -j | python3 -c '
import json, sys
sys.exit(not any(n["ip"] == sys.argv[1] and n["bad_auth"] > 0 for n in json.load(sys.stdin)))' "$1"; }

# Pings from behind the peer to behind r2: both must know the way.
ping_across() { ip netns exec "$peer" ping -q -c "${1:-2}" -i 0.2 -W 2 -I 192.0.2.1 10.78.0.1; }

# lab_checks HAS-ROUTE: what must work with any peer; the command says whether the peer knows the network behind r2.
lab_checks() {
	local has=$1
	check "r1 learns the peer's network" within 20 learnt r1 192.0.2.0/24
	check "r2 learns it from r1" within 10 learnt r2 192.0.2.0/24
	check "the peer learns the network behind r2" within 20 "$has"
	check "packets cross both ways" within 10 ping_across
	"$weft" link down r1-r2 >/dev/null
	check "a cut link is known to the peer within 5 s" within 5 not "$has"
	"$weft" link up r1-r2 >/dev/null
	check "and its repair, too" within 10 "$has"
	check "packets cross again" within 10 ping_across
}

# kill_route: ends the process route; its routes must go on and packets must not be lost.
kill_route() {
	local before
	before=$(number route)
	[ -n "$before" ] || return 1
	(
		sleep 1
		kill -9 "$before"
	) &
	ping_across 40 | tee "$work/ping"
	grep -q ' 0% packet loss' "$work/ping" && [ "$(number route)" != "$before" ]
}
