#!/bin/bash
# Needs root. A lab of two routers speaks OSPF with FRR's ospfd behind a TAP port: adjacency in each role, routes both ways with Keyed MD5,
# external routes, a cut link, a wrong key and a wrong interval that are refused by name, a killed route process, a restarted ospfd.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/lib/frr/ospfd frr
# shellcheck source=test/interop/ospf_lab.bash
. "$(dirname "$0")/ospf_lab.bash"

# frr_config PRIORITY
frr_config() {
	echo "hostname peer
interface right
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf priority $1
 ip ospf authentication message-digest
 ip ospf message-digest-key 7 md5 sesame-of-frr
router ospf
 ospf router-id 10.77.0.2
 network 10.77.0.0/24 area 0
 redistribute connected"
}
has_route() { frr_ospf "$peer" 'show ip ospf route' | grep -A1 '10.78.0.0/24' | grep -q 'via 10.77.0.1'; }
auth='auth: { type: md5, key-id: 7, key: sesame-of-frr }'

must "the lab comes up" up "$auth"
peer_addresses
must "FRR comes up" start_ospfd "$peer" "$(frr_config 1)"
lab_checks has_route
must "r1 may not be designated" up "$auth, priority: 0"
check "FRR is the designated router" within 20 adjacent DR
check "packets cross" within 10 ping_across
must "FRR may not be designated" start_ospfd "$peer" "$(frr_config 0)"
must "r1 may again" up "$auth, priority: 1"
check "r1 is the designated router" within 30 adjacent DROther
check "the peer knows the way again" within 20 has_route
check "r1 learns the peer's network again" within 30 learnt r1 192.0.2.0/24
check "packets cross" within 10 ping_across
check "route is killed" kill_route
check "FRR knows the way again" within 30 has_route
check "packets cross after that" within 20 ping_across
must "the key changes" up 'auth: { type: md5, key-id: 7, key: another-key }'
check "a wrong key is counted by name" within 15 dropped ospf_auth_digest
check "what it said is forgotten" within 20 not learnt r1 192.0.2.0/24
must "the key id changes" up 'auth: { type: md5, key-id: 8, key: sesame-of-frr }'
check "a wrong key id is counted by name" within 15 dropped ospf_auth_key
must "authentication goes" up ''
check "unexpected authentication is counted by name" within 15 dropped ospf_auth_type
must "the right key comes back with another interval" up "$auth, hello: 2s, dead: 8s"
check "a wrong interval is counted by name" within 15 dropped ospf_hello_interval
must "the right interval comes back" up "$auth"
check "r1 learns the peer's network again" within 20 learnt r1 192.0.2.0/24
check "the lab goes" "$weft" down -y interop
finish
