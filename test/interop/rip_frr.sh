#!/bin/bash
# Needs root. A lab of two routers speaks RIP with FRR's ripd behind a TAP port: routes both ways with Keyed MD5, a cut link, a wrong key
# that is refused by name, a killed route process.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/lib/frr/ripd frr
# shellcheck source=test/interop/rip_lab.bash
. "$(dirname "$0")/rip_lab.bash"

frr_config='hostname peer
key chain keys
 key 7
  key-string sesame-of-frr
interface right
 ip rip split-horizon poisoned-reverse
 ip rip authentication mode md5
 ip rip authentication key-chain keys
router rip
 version 2
 timers basic 5 30 20
 network right
 redistribute connected'
has_route() { frr "$peer" 'show ip rip' | grep -q '^R(n) 10.78.0.0/24  *10.77.0.1  *3'; }

must "the lab comes up" up '{ type: md5, key-id: 7, key: sesame-of-frr }'
peer_addresses
must "FRR comes up" start_frr "$peer" "$frr_config"
lab_checks has_route
check "route is killed and no packet is lost" kill_route
check "FRR keeps the route" within 10 has_route

must "the key changes" up '{ type: md5, key-id: 7, key: another-key }'
check "a wrong key is counted by name" within 15 dropped rip_bad_auth
check "and on the neighbor" bad_auth 10.77.0.2
check "what it said is forgotten" within 60 not learnt r1 192.0.2.0/24
must "the key id changes" up '{ type: md5, key-id: 8, key: sesame-of-frr }'
check "a wrong key id is counted by name" within 15 dropped rip_auth_key_id
must "authentication goes" up ''
check "unexpected authentication is counted by name" within 15 dropped rip_auth_unexpected
must "the right key comes back" up '{ type: md5, key-id: 7, key: sesame-of-frr }'
check "r1 learns the peer's network again" within 20 learnt r1 192.0.2.0/24
check "the lab goes" "$weft" down -y interop
finish
