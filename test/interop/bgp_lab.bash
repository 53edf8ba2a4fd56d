# shellcheck shell=bash disable=SC2154
# The lab of the BGP interop scripts: r1 faces the peer's namespace through a TAP, r2 is behind r1. Sourced after peers.bash, not run.
#
#     peer (AS 65100, 10.77.0.2, 192.0.2.1) --- lan --- r1 (AS 65001) --- r2 (AS 65002) --- inside (10.78.0.1)

new_namespace peer
peer=$ns
lab=$WEFT_ROOT/interop.weft.yaml
export WEFT_ROOT

# write_lab OPTIONS: the lab with these options of the neighbor ("md5: secret"; "" for none); its policies are $import and $export (all),
# and $policies are sections of the file.
write_lab() {
	cat >"$lab" <<EOT
version: 1
name: interop
${policies:-}
networks:
  lan:    { ipv4: 10.77.0.0/24, ipv6: 2001:db8:77::/64 }
  inside: { ipv4: 10.78.0.0/24, ipv6: 2001:db8:78::/64 }
links:
  - { name: r1-r2, from: r1, to: r2, ipv4: 10.79.0.0/31 }
ports:
  peer: { network: lan, tap: right, netns: $peer }
routers:
  r1:
    interfaces: { lan: { network: lan, ipv4: 10.77.0.1/24, ipv6: 2001:db8:77::1/64 } }
    bgp:
      as: 65001
      router-id: 10.77.0.1
      advertise: [connected]
      neighbors:
        - { router: r2, import: all, export: all }
        - { address: 10.77.0.2, as: 65100, import: ${import:-all}, export: ${export:-all}, families: [ipv4, ipv6], hold: 9s${1:+, $1} }
  r2:
    interfaces: { inside: { network: inside, ipv4: 10.78.0.1/24, ipv6: 2001:db8:78::1/64 } }
    bgp:
      as: 65002
      advertise: [connected]
      neighbors: [{ router: r1, import: all, export: all }]
EOT
}

# up OPTIONS: brings the lab up, or changes the neighbor's options.
up() {
	write_lab "$1"
	"$weft" up "$lab"
}

# The peer's addresses, once its end of the TAP is there.
peer_addresses() {
	within 10 ip -n "$peer" link show right >/dev/null
	ip -n "$peer" link set right up
	ip -n "$peer" addr add 10.77.0.2/24 dev right
	ip -n "$peer" addr add 2001:db8:77::2/64 dev right nodad
	ip -n "$peer" addr add 192.0.2.1/24 dev lo
	ip -n "$peer" addr add 2001:db8:c0::1/64 dev lo
}

# learnt ROUTER PREFIX: BGP has it and the switch uses it.
learnt() { "$weft" show ip route --router "$1" | grep -F "$2" | grep -q '^B>\*'; }

# session STATE: the peer's session at r1; established COUNT: sessions that are up.
session() { "$weft" show ip bgp summary -j | python3 -c '
import json, sys
sys.exit(not any(n["neighbor"] == "10.77.0.2" and n["state"] == sys.argv[1] for n in json.load(sys.stdin)))' "$1"; }

# heard NEIGHBOR COUNT: that many prefixes came from there.
heard() { "$weft" show ip bgp summary -j | python3 -c '
import json, sys
rows = [n["pfxRcd"] for n in json.load(sys.stdin) if n["neighbor"] == sys.argv[1]]
print(rows)
sys.exit(rows != [int(sys.argv[2])])' "$1" "$2"; }

# ends: how often the peer's session was established and ended.
ends() { "$weft" show ip bgp summary -j | python3 -c '
import json, sys
print(sum(n["connectionsDropped"] for n in json.load(sys.stdin) if n["neighbor"] == "10.77.0.2"))'; }

# Pings from behind the peer to behind r2: both must know the way.
ping_across() { ip netns exec "$peer" ping -q -c "${1:-2}" -i 0.2 -W 2 -I 192.0.2.1 10.78.0.1; }

# lab_checks HAS-ROUTE CROSSES: what must work with any peer; the first command, with a prefix, says whether the peer knows it, the second whether
# packets cross ("" for a peer that sets no routes in its namespace).
lab_checks() {
	local has=$1 crosses=$2
	check "the session is Established" within 20 session Established
	check "r1 learns the peer's network" within 10 learnt r1 192.0.2.0/24
	check "r2 learns it from r1" within 10 learnt r2 192.0.2.0/24
	check "r1 learns the peer's IPv6 network" within 10 learnt r1 2001:db8:c0::/64
	check "the peer learns the network behind r2" within 10 "$has" 10.78.0.0/24
	check "the peer learns r1's IPv6 network" within 10 "$has" 2001:db8:77::/64
	[ -z "$crosses" ] || check "packets cross both ways" within 10 "$crosses"
	"$weft" link down r1-r2 >/dev/null
	check "a cut link is known to the peer within 2 s" within 2 not "$has" 10.78.0.0/24
	"$weft" link up r1-r2 >/dev/null
	check "and its repair, too" within 5 "$has" 10.78.0.0/24
	[ -z "$crosses" ] || check "packets cross again" within 10 "$crosses"
}

prefers() { "$weft" show ip bgp --router r1 | grep -F "$1" | grep -qw "$2"; }
ended_times() { [ "$(ends)" = "$1" ]; }

# lab_policy_checks SEES COMMUNITY MED PATH: policies come and go while the session stays up; the command, with a prefix and one of the texts,
# says whether the peer sees that of it.
lab_policy_checks() {
	local sees=$1 before text
	before=$(ends)
	policies='prefix-sets: { theirs: [192.0.2.0/24], ours: [10.78.0.0/24] }
route-policies:
  in:  [{ match: { prefix: [theirs] }, set: { local-pref: 250 } }]
  out: [{ match: { prefix: [ours] }, set: { metric: 77, prepend: 2, add-community: ["65001:30"] } }]'
	import=in export=out
	check "policies are taken" up ''
	check "what the peer tells is preferred as the policy says" within 10 prefers 192.0.2.0/24 250
	check "what the policy doesn't name isn't used" within 5 not learnt r1 2001:db8:c0::/64
	for text in "${@:2}"; do check "the peer sees $text" within 10 "$sees" 10.78.0.0/24 "$text"; done
	policies='' import='' export=''
	check "they go again" up ''
	check "all is used again" within 10 learnt r1 2001:db8:c0::/64
	check "and the session has stayed up" ended_times "$before"
}
