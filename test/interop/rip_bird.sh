#!/bin/bash
# Needs root. A lab of two routers speaks RIP with BIRD behind a TAP port: routes both ways with HMAC-SHA-256 and with Keyed MD5, a cut
# link, a wrong key that is refused by name.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/sbin/bird bird2
# shellcheck source=test/interop/rip_lab.bash
. "$(dirname "$0")/rip_lab.bash"

# bird_config ALGORITHM KEY
bird_config() {
	echo "router id 10.77.0.2;
protocol device {}
protocol direct { ipv4; interface \"lo\"; }
protocol kernel { ipv4 { export where source = RTS_RIP; }; }
protocol rip {
	ipv4 { import all; export where source = RTS_DEVICE; };
	interface \"right\" {
		update time 5; timeout time 30; garbage time 20;
		authentication cryptographic;
		password \"$2\" { id 7; algorithm $1; };
	};
}"
}
has_route() { bird_show "$peer" show route 10.78.0.0/24 | grep -q 'rip1.*(120/3)'; }

must "the lab comes up" up '{ type: sha256, key-id: 7, key: sesame-of-bird }'
peer_addresses
must "BIRD comes up" start_bird "$peer" "$(bird_config 'hmac sha256' sesame-of-bird)"
lab_checks has_route
must "BIRD takes another key" start_bird "$peer" "$(bird_config 'hmac sha256' other-of-bird)"
check "a wrong key is counted by name" within 20 dropped rip_bad_auth
check "and on the neighbor" bad_auth 10.77.0.2
must "BIRD takes Keyed MD5" start_bird "$peer" "$(bird_config 'keyed md5' sesame-of-bird)"
check "an unexpected digest is counted by name" within 20 dropped rip_auth_length
must "the lab takes Keyed MD5" up '{ type: md5, key-id: 7, key: sesame-of-bird }'
check "r1 learns the peer's network" within 20 learnt r1 192.0.2.0/24
check "the peer learns the network behind r2" within 20 has_route
check "packets cross both ways" within 10 ping_across
check "the lab goes" "$weft" down -y interop
finish
