#!/bin/bash
# Needs root. LSAs that are larger than a packet, both ways: FRR's ospfd with 150 networks says so in pieces (RFC 2328 A.1), and r1 with 140 too.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/lib/frr/ospfd frr
# shellcheck source=test/interop/ospf_lab.bash
. "$(dirname "$0")/ospf_lab.bash"

write_large_lab() {
	local i
	echo "version: 1
name: interop
networks:
  lan: { ipv4: 10.77.0.0/24 }"
	for i in $(seq 1 140); do echo "  n$i: { ipv4: 10.78.$i.0/24 }"; done
	echo "ports:
  peer: { network: lan, tap: right, netns: $peer }
routers:
  r1:
    router-id: 10.77.0.1
    ospf: { area: 0, hello: 1s, dead: 4s }
    interfaces:
      lan: { network: lan, ipv4: 10.77.0.1/24, ospf: { area: 0, auth: { type: md5, key-id: 7, key: sesame-of-frr } } }"
	for i in $(seq 1 140); do echo "      n$i: { network: n$i, ipv4: 10.78.$i.1/24, ospf: { area: 0, passive: true } }"; done
}

config="hostname peer
interface right
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf authentication message-digest
 ip ospf message-digest-key 7 md5 sesame-of-frr
router ospf
 ospf router-id 10.77.0.2
 passive-interface lo
 network 10.77.0.0/24 area 0
 network 10.90.0.0/16 area 0"
has_all() { [ "$(frr_ospf "$peer" 'show ip ospf route' | grep -c '10\.78\.[0-9]*\.0/24')" = 140 ]; }
learnt_all() { [ "$("$weft" show ip route --router r1 | grep -c '^O>\*.*10\.90\.')" = 150 ]; }

write_large_lab >"$lab"
must "the lab comes up" "$weft" up "$lab"
peer_addresses
for i in $(seq 1 150); do ip -n "$peer" addr add "10.90.$i.1/24" dev lo; done
must "FRR comes up" start_ospfd "$peer" "$config"
check "the two become Full" within 20 adjacent '[A-Za-z]*'
check "r1 learns all 150 networks of the peer" within 20 learnt_all
check "the peer learns all 140 networks of r1" within 20 has_all
ip -n "$peer" addr del 10.90.150.1/24 dev lo
check "a change of the large LSA comes, too" within 10 not learnt_all
check "the lab goes" "$weft" down -y interop
finish
