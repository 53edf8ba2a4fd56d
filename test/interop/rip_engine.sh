#!/bin/bash
# Needs root. The RIP engine by itself against FRR's ripd and BIRD: routes both ways with each kind of authentication that the other side
# knows, and a wrong key refused by name. usage: rip_engine.sh [HARNESS]
# shellcheck source=test/interop/peers.bash
. "$(dirname "$(readlink -f "$0")")/peers.bash"
harness=${1:-build/test/interop/rip_harness}
need /usr/lib/frr/ripd frr
need /usr/sbin/bird bird2

new_namespace a
a=$ns
new_namespace b
b=$ns
ip link add "va$tag" netns "$a" type veth peer name "vb$tag" netns "$b"
ip -n "$a" link set "va$tag" name left up
ip -n "$b" link set "vb$tag" name right up
ip -n "$a" addr add 10.77.0.1/24 dev left
ip -n "$b" addr add 10.77.0.2/24 dev right
ip -n "$b" addr add 192.0.2.1/24 dev lo

# many routes, so that tables need several packets
mapfile -t many < <(for i in $(seq 0 59); do echo "172.20.$i.0/24"; done)

# run AUTH ID KEY: the engine for some seconds, its report in $work/out
run() { ip netns exec "$a" "$harness" left 10.77.0.1/24 "$1" "$2" "$3" "${4:-3}" "${many[@]}" >"$work/out" 2>&1; }

learnt() { grep -q '^route 192.0.2.0/24 via 10.77.0.2 metric 2' "$work/out"; }
learnt_nothing() { ! learnt; }
dropped() { grep -q "^drop $1 " "$work/out"; }

frr_config() {
	echo 'hostname peer
key chain keys
 key 1
  key-string frr-secret
interface right
 ip rip split-horizon poisoned-reverse'
	[ "$1" = md5 ] && echo ' ip rip authentication mode md5
 ip rip authentication key-chain keys'
	[ "$1" = text ] && echo ' ip rip authentication mode text
 ip rip authentication string frr-secret'
	echo 'router rip
 version 2
 timers basic 5 180 120
 network right
 redistribute connected'
}
frr_routes() { frr "$b" 'show ip rip' | grep -c '172.20.[0-9]*.0/24  *10.77.0.1  *2'; }

for mode in none text md5; do
	auth=$mode
	[ $mode = text ] && auth=password
	start_frr "$b" "$(frr_config $mode)"
	run $auth 1 frr-secret 5
	check "frr $mode: we learn its route" learnt
	check "frr $mode: it learns our 60 routes" test "$(frr_routes)" = 60
done
run md5 1 other-secret 8
check 'frr md5: a wrong key is refused by name' dropped rip_bad_auth
check 'frr md5: a wrong key teaches nothing' learnt_nothing
run md5 2 frr-secret 8
check 'frr md5: a wrong key id is refused by name' dropped rip_auth_key_id
run none 0 "" 8
check 'frr md5: unexpected authentication is refused by name' dropped rip_auth_unexpected
stop_frr "$b"

bird_config() {
	echo "router id 10.77.0.2;
protocol device {}
protocol direct { ipv4; interface \"lo\"; }
protocol static { ipv4; route 198.51.100.0/24 blackhole; }
protocol rip {
	ipv4 { import all; export where source ~ [ RTS_DEVICE, RTS_STATIC ]; };
	interface \"right\" { mode multicast; update time 5; $1 };
}"
}
bird_routes() { bird_show "$b" show route protocol rip1 | grep -c '^172.20.[0-9]*.0/24 .*\[rip1'; }
crypto() { echo "authentication cryptographic; password \"$2\" { id 1; algorithm $1; };"; }
# longer than SHA-256's digest, shorter than its block: where RFC 4822 and RFC 2104 differ
long=0123456789abcdef0123456789abcdef01234567

while read -r name auth key settings; do
	start_bird "$b" "$(bird_config "$settings")"
	run "$auth" 1 "$key" 3
	check "bird $name: we learn its routes" learnt
	check "bird $name: it learns our 60 routes" test "$(bird_routes)" = 60
done <<LIST
none none -
password password bird-secret authentication plaintext; password "bird-secret";
md5 md5 bird-secret $(crypto 'keyed md5' bird-secret)
sha1 sha1 bird-secret $(crypto 'hmac sha1' bird-secret)
sha256 sha256 bird-secret $(crypto 'hmac sha256' bird-secret)
sha384 sha384 bird-secret $(crypto 'hmac sha384' bird-secret)
sha512 sha512 bird-secret $(crypto 'hmac sha512' bird-secret)
sha256-long-key sha256 $long $(crypto 'hmac sha256' $long)
LIST
run sha256 1 other 12
check 'bird sha256: a wrong key is refused by name' dropped rip_bad_auth
finish
