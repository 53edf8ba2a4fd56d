#!/bin/bash
# Needs root. A lab of two routers speaks BGP with FRR's bgpd behind a TAP port: IPv4 and IPv6 routes both ways, a cut link, TCP MD5, a
# wrong key, RFC 8212's default on our side, a limit of prefixes, a session that flaps.
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
need /usr/lib/frr/bgpd frr
# shellcheck source=test/interop/bgp_lab.bash
. "$(dirname "$0")/bgp_lab.bash"

# start_bgpd OPTIONS: zebra and bgpd with sockets of their own; ends those that run there.
start_bgpd() {
	local dir="$work/frr-bgp"
	end_by_file "$dir/bgpd.pid"
	end_by_file "$dir/zebra.pid"
	mkdir -p "$dir"
	printf 'hostname peer\n' >"$dir/zebra.conf"
	printf '%s\n' "hostname peer
router bgp 65100
 bgp router-id 10.77.0.2
 no bgp ebgp-requires-policy
 neighbor 10.77.0.1 remote-as 65001
 neighbor 10.77.0.1 timers 3 9
 neighbor 10.77.0.1 timers connect 2
 $1
 address-family ipv4 unicast
  network 192.0.2.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.77.0.1 activate
  network 2001:db8:c0::/64
 exit-address-family" >"$dir/bgpd.conf"
	chown -R frr:frr "$dir"
	local common=(-u frr -g frr -z "$dir/zserv" --vty_socket "$dir")
	ip netns exec "$peer" /usr/lib/frr/zebra -d "${common[@]}" -P 0 -f "$dir/zebra.conf" -i "$dir/zebra.pid" --log "file:$dir/zebra.log" 2>>"$dir/err"
	ip netns exec "$peer" /usr/lib/frr/bgpd -d "${common[@]}" -P 0 -f "$dir/bgpd.conf" -i "$dir/bgpd.pid" --log "file:$dir/bgpd.log" 2>>"$dir/err"
	within 10 frr_bgp 'show bgp summary' >/dev/null
}
frr_bgp() { vtysh --vty_socket "$work/frr-bgp" -d bgpd -c "$1" 2>/dev/null; }
has_route() { frr_bgp "show bgp ipv4 unicast $1" | grep -q best || frr_bgp "show bgp ipv6 unicast $1" | grep -q best; }

must "the lab comes up" up ''
peer_addresses
must "FRR comes up" start_bgpd ''
lab_checks has_route ping_across

must "the lab asks for TCP MD5" up 'md5: sesame-of-frr'
must "FRR takes another key" start_bgpd 'neighbor 10.77.0.1 password other-of-frr'
sleep 3
check "a wrong key makes no session" not session Established
must "FRR takes the key" start_bgpd 'neighbor 10.77.0.1 password sesame-of-frr'
check "the same key makes one" within 25 session Established
check "the peer learns the network behind r2" within 10 has_route 10.78.0.0/24
check "packets cross both ways" within 10 ping_across

for turn in 1 2 3; do
	frr_bgp 'clear bgp *' >/dev/null
	check "flap $turn: the session comes back" within 25 session Established
	check "flap $turn: with its routes" within 10 learnt r2 192.0.2.0/24
done

must "the lab allows one prefix of a family" up 'md5: sesame-of-frr, max-prefixes: 1'
check "that is enough for FRR" within 25 session Established
ip netns exec "$peer" vtysh --vty_socket "$work/frr-bgp" -d bgpd -c 'configure terminal' -c 'router bgp 65100' -c 'address-family ipv4 unicast' \
	-c 'no bgp network import-check' -c 'network 198.51.100.0/24' >/dev/null 2>&1
check "one more ends the session" within 15 says 'Maximum Number of Prefixes Reached' "$weft" show ip bgp summary
check "the lab goes" "$weft" down -y interop
finish
