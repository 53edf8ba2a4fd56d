#!/bin/bash
# Needs root. A lab of two routers speaks OSPF with BIRD behind a TAP port: routes both ways with HMAC-SHA-256, Keyed MD5 and a password, a
# cut link, point-to-point, a wrong key that is refused by name.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/sbin/bird bird2
# shellcheck source=test/interop/ospf_lab.bash
. "$(dirname "$0")/ospf_lab.bash"

# bird_config AUTHENTICATION [TYPE]
bird_config() {
	echo "router id 10.77.0.2;
protocol device {}
protocol direct { ipv4; interface \"lo\"; }
protocol kernel { ipv4 { export where source = RTS_OSPF || source = RTS_OSPF_EXT1 || source = RTS_OSPF_EXT2; }; }
protocol ospf v2 {
	ipv4 { import all; export where source = RTS_DEVICE; };
	area 0 { interface \"right\" { type ${2:-broadcast}; hello 1; dead 4; $1 }; };
}"
}
crypto() { echo "authentication cryptographic; password \"$2\" { id 7; algorithm $1; };"; }
has_route() { bird_show "$peer" show route 10.78.0.0/24 | grep -q 'ospf1.*(150/30)'; }

must "the lab comes up" up 'auth: { type: sha256, key-id: 7, key: sesame-of-bird }'
peer_addresses
must "BIRD comes up" start_bird "$peer" "$(bird_config "$(crypto 'hmac sha256' sesame-of-bird)")"
lab_checks has_route
must "BIRD takes another key" start_bird "$peer" "$(bird_config "$(crypto 'hmac sha256' other-of-bird)")"
check "a wrong key is counted by name" within 20 dropped ospf_auth_digest
must "both take Keyed MD5" start_bird "$peer" "$(bird_config "$(crypto 'keyed md5' sesame-of-bird)")"
must "both take Keyed MD5" up 'auth: { type: md5, key-id: 7, key: sesame-of-bird }'
check "r1 learns the peer's network" within 30 learnt r1 192.0.2.0/24
check "the peer learns the network behind r2" within 30 has_route
must "both take a password" start_bird "$peer" "$(bird_config 'authentication simple; password "open";')"
must "both take a password" up 'auth: { type: password, key: open }'
check "r1 learns the peer's network" within 30 learnt r1 192.0.2.0/24
check "the peer learns the network behind r2" within 30 has_route
must "both make it point-to-point" start_bird "$peer" "$(bird_config '' ptp)"
must "both make it point-to-point" up 'type: point-to-point'
check "r1 learns the peer's network" within 30 learnt r1 192.0.2.0/24
check "the peer learns the network behind r2" within 30 has_route
check "packets cross both ways" within 10 ping_across
check "the lab goes" "$weft" down -y interop
finish
