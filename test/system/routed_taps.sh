#!/bin/bash
# Needs root. Linux itself behind TAP ports: hosts in namespaces reach each other across two virtual routers that learn their routes by RIP.
# ARP, ND, TTL, MTU, fragments, long TCP segments and cut cables are tried with the kernel's own stack; a fourth host is never reached.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/system/spaces.bash
. "$(dirname "$0")/spaces.bash"

make_spaces left right side alone

cat >"$WEFT_ROOT/taps.weft.yaml" <<EOT
# left - r1 ==== r2 - right; side is at r1, too; alone is nowhere.
version: 1
name: taps
networks:
  left:  { ipv4: 10.1.0.0/24, ipv6: "2001:db8:1::/64" }
  right: { ipv4: 10.2.0.0/24 }
  side:  { ipv4: 10.3.0.0/24, ipv6: "2001:db8:3::/64" }
  alone: { ipv4: 10.4.0.0/24 }
routers:
  r1:
    interfaces:
      left: { network: left, ipv4: 10.1.0.1, ipv6: "2001:db8:1::1" }
      side: { network: side, ipv4: 10.3.0.1, ipv6: "2001:db8:3::1" }
    rip: { update: 5s, timeout: 30s }
  r2:
    interfaces: { right: { network: right, ipv4: 10.2.0.1 } }
    rip: { update: 5s, timeout: 30s }
links:
  - { from: r1, to: r2, ipv4: 10.9.0.0/31, mtu: 1300 }
ports:
$(for name in $spaces; do echo "  $name: { network: $name, tap: tap0, netns: $(space "$name") }"; done)
EOT

host() { # NAME ADDRESS GATEWAY
	in_space "$1" ip addr add "$2" dev tap0 nodad && in_space "$1" ip link set tap0 up && in_space "$1" ip route add default via "$3"
}
pings() { in_space "$1" ping -n -c "${count:-3}" -i 0.2 -W 2 "${@:2}"; }

must "the lab comes up" "$weft" up "$WEFT_ROOT/taps.weft.yaml"
must "the TAPs are there" within 10 in_space right ip link show tap0
check "hosts get their addresses" eval 'host left 10.1.0.9/24 10.1.0.1 && host right 10.2.0.9/24 10.2.0.1 && host side 10.3.0.9/24 10.3.0.1 &&
	host alone 10.4.0.9/24 10.4.0.1 && in_space alone ip addr add 10.2.0.9/24 dev tap0'

check "the host reaches its router" pings left 10.1.0.1
check "and the far one's far address, once RIP is there" within 30 in_space left ping -n -c 1 -W 1 10.2.0.1
check "the hosts reach each other" pings left 10.2.0.9
check "with the TTL that two routers leave" says "ttl=62" pings right 10.1.0.9
check "a TTL of 1 ends at the first router" says "From 10.1.0.1 icmp_seq=1 Time to live exceeded" in_space left ping -n -c 1 -W 2 -t 1 10.2.0.9
check "a TTL of 2 ends at the second" says "From 10.9.0.1 icmp_seq=1 Time to live exceeded" in_space left ping -n -c 1 -W 2 -t 2 10.2.0.9
check "no route is said so" says "Net Unreachable" in_space left ping -n -c 1 -W 2 192.0.2.1
check "nobody there is said so" within 15 says "Host Unreachable" in_space left ping -n -c 1 -W 5 10.2.0.77
check "the link's MTU is said to who must not be fragmented" says "mtu = 1300" in_space left ping -n -c 1 -W 2 -M 'do' -s 1400 10.2.0.9
check "who may be is fragmented, and put together again" says " 0% packet loss" in_space right ping -n -c 5 -i 0.2 -W 2 -M dont -s 3000 10.1.0.9
check "a closed port is refused" says "refused" in_space left nc -v -n -w 3 10.1.0.1 80

# IPv6 through r1, no route needed.
check "hosts get IPv6" eval 'in_space left ip addr add 2001:db8:1::9/64 dev tap0 nodad && in_space left ip -6 route add default via 2001:db8:1::1 &&
	in_space side ip addr add 2001:db8:3::9/64 dev tap0 nodad && in_space side ip -6 route add default via 2001:db8:3::1'
check "IPv6 reaches the router" within 10 in_space left ping -n -c 1 -W 1 2001:db8:1::1
check "and the host behind it, one hop away" says "ttl=63" in_space left ping -n -c 3 -i 0.2 -W 2 2001:db8:3::9
check "a hop limit of 1 ends at the router" says "From 2001:db8:1::1 icmp_seq=1 Time exceeded" in_space left ping -n -c 1 -W 2 -t 1 2001:db8:3::9

# TCP, with what offloads the kernel has: the path's MTU is learnt on the way.
transfer() { # FAMILY FROM TO ADDRESS BYTES
	local want got listener
	in_space "$3" timeout 120 nc "$1" -l -n -p 5001 >"$WEFT_ROOT/received" &
	listener=$!
	sleep 0.5
	head -c "$5" /dev/urandom >"$WEFT_ROOT/sent"
	in_space "$2" timeout 100 nc "$1" -n -N "$4" 5001 <"$WEFT_ROOT/sent" || { kill "$listener"; return 1; }
	wait "$listener"
	want=$(sha256sum <"$WEFT_ROOT/sent") got=$(sha256sum <"$WEFT_ROOT/received")
	rm -f "$WEFT_ROOT/sent" "$WEFT_ROOT/received"
	[ "$want" = "$got" ] || { echo "received something else"; return 1; }
}
check "50 MB of TCP arrive as they were, across both routers" transfer -4 left right 10.2.0.9 50000000
check "and back" transfer -4 right left 10.1.0.9 5000000
check "and over IPv6" transfer -6 left side 2001:db8:3::9 5000000

check "the host that is nowhere is never reached" not in_space left ping -n -c 2 -i 0.2 -W 1 10.4.0.9
check "nor does it reach anybody, whatever it says it is" not in_space alone ping -n -c 2 -i 0.2 -W 1 -I 10.2.0.9 10.1.0.9

# The trace says what the packets did; the hosts behind TAPs are known to the switch by what they have sent.
trace() { "$weft" trace "${@:2}" --source "$1"; }
check "a trace arrives where the ping does" says "out of port right; delivered" trace 10.1.0.9 left 10.2.0.9
check "by the route that RIP has learnt" says "10.2.0.0/24 via 10.9.0.1 dev r1:eth0 (rip 120/2)" trace 10.1.0.9 left 10.2.0.9
check "and back" says "out of port left; delivered" trace 10.2.0.9 right 10.1.0.9 tcp/5001
check "over IPv6, too" says "out of port side; delivered" trace 2001:db8:1::9 left 2001:db8:3::9
check "it ends where the TTL does" says "DROP ttl_exceeded" trace 10.1.0.9 left 10.2.0.9 --ttl 2
check "names the lacking route" says "DROP no_route" trace 10.1.0.9 left 192.0.2.1
check "and where the router's interface is written" says "taps.weft.yaml:12" trace 10.1.0.9 left 192.0.2.1 -f "$WEFT_ROOT/taps.weft.yaml"
check "cuts what is too long for the link" says "cut into pieces of at most 1300 bytes" trace 10.1.0.9 left 10.2.0.9 --size 1400
check "waits for who isn't there" says "asks who has 10.2.0.77" trace 10.1.0.9 left 10.2.0.77
check "status 1 when it doesn't arrive" status 1 trace 10.4.0.9 alone 10.1.0.9
# Captures are read by tcpdump; the near end of the way, and behind the router, where flows are fused.
capture() { # PORT FILTER COUNT: in the background, while the hosts ping
	"$weft" capture "$1" --filter "$2" -c "$3" --seconds 20 -w "$WEFT_ROOT/$1.pcapng" 2>"$WEFT_ROOT/$1.log" &
	sleep 1
	count=$3 pings left 10.2.0.9 >/dev/null
	wait $!
}
captured() { # PORT SAYS
	says "$2" tcpdump -e -tttt -nr "$WEFT_ROOT/$1.pcapng"
}
if command -v tcpdump >/dev/null; then
	check "a port is captured" capture left "icmp and host 10.2.0.9" 4
	check "requests and replies" eval 'captured left "10.1.0.9 > 10.2.0.9: ICMP echo request" && captured left "10.2.0.9 > 10.1.0.9: ICMP echo reply"'
	check "as they pass there" says "ttl 62" tcpdump -v -nr "$WEFT_ROOT/left.pcapng" "icmp[0] = 0"
	check "with the date of today" captured left "$(date +%Y-%m-%d)"
	check "four and no more" says "4" sh -c "tcpdump -nr '$WEFT_ROOT/left.pcapng' 2>/dev/null | wc -l"
	check "and none was lost" grep -q "4 packets captured, 0 lost" "$WEFT_ROOT/left.log"
	check "an interface of the link is captured, on the way" capture r1:eth0 "icmp[0] = 8" 3
	check "behind the first router" says "ttl 63" tcpdump -v -nr "$WEFT_ROOT/r1:eth0.pcapng"
	check "RIP is seen there, too" sh -c "'$weft' capture r1:eth0 --filter 'udp port 520' -c 2 --seconds 20 2>/dev/null | tcpdump -nr - 2>/dev/null | grep RIPv2"
	check "a filter that isn't one is refused" says "syntax error" "$weft" capture left --filter "tcp nonsense" -w /dev/null
	check "and a port that isn't there" says 'no port or interface named "lfet"' "$weft" capture lfet -w /dev/null
	rm -f "$WEFT_ROOT"/*.pcapng "$WEFT_ROOT"/*.log
fi
check "the neighbors are shown" says "10.2.0.9" "$weft" show ip arp
# The link behaves badly, at once and for as long as it is told to.
round_trip() { # LEAST MOST, of the median of 20 pings, in ms
	local median
	median=$(in_space left ping -n -c 20 -i 0.05 -W 2 10.2.0.9 | sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | sort -n | sed -n 10p)
	echo "      median round trip $median ms" >&3
	awk -v m="${median:-0}" -v least="$1" -v most="$2" 'BEGIN { exit !(m >= least && m <= most) }'
}
lost() { # LEAST MOST, percent of 1,000 pings
	local percent
	percent=$(in_space left ping -n -q -c 1000 -i 0.002 -W 1 10.2.0.9 | sed -n 's/.* \([0-9.]*\)% packet loss.*/\1/p')
	echo "      lost $percent %" >&3
	awk -v p="${percent:--1}" -v least="$1" -v most="$2" 'BEGIN { exit !(p >= least && p <= most) }'
}
still_lossy() { kill -9 "$(number switch)" && within 10 in_space left ping -n -c 1 -W 1 10.2.0.9 && lost 7 13; }
check "the link gets a delay" "$weft" link set r1:r2 delay=20ms
check "which pings see, both ways" round_trip 40 45
check "and the trace" says "delay 20ms; to the other end" trace 10.1.0.9 left 10.2.0.9
check "one direction is made quick again" "$weft" link set r1:eth0 delay=none
check "which halves it" round_trip 20 24
check "the link loses packets in the other direction" "$weft" link set r2:eth0 delay=none loss=10%
check "as many as it was told to" lost 7 13
check "which are counted by name" says "link_loss" "$weft" show drops
check "a wrong value is refused" says "expected a share such as 0.1%" "$weft" link set r1:r2 loss=10
check "the switch is killed, and the link stays as it is" still_lossy
check "the link is well again" "$weft" link set r1:r2 loss=none
check "and nothing is lost" says " 0% packet loss" pings left 10.2.0.9
check "the link is cut" "$weft" link down r1:r2
check "the trace knows the cable" says "fix: mend the cable at r1:eth0" trace 10.1.0.9 left 10.2.0.9
check "and that is felt" within 10 not in_space left ping -n -c 1 -W 1 10.2.0.9
check "the link is plugged in" "$weft" link up r1:r2
check "and the hosts reach each other again" within 20 in_space left ping -n -c 1 -W 1 10.2.0.9

# The switch dies while 200 pings, 100 a second, are under way, and its spare goes on with the TAPs.
carrier_changes() { in_space left cat /sys/class/net/tap0/carrier_changes; }
pings_while_killed() {
	local lost pings
	in_space left ping -n -i 0.01 -c 200 -W 1 10.2.0.9 >"$WEFT_ROOT/pings" &
	pings=$!
	sleep 0.7
	kill -9 "$(number switch)" || return 1
	wait "$pings"
	lost=$(awk '/transmitted/ { print $1 - $4 }' "$WEFT_ROOT/pings")
	rm -f "$WEFT_ROOT/pings"
	echo "      switch killed: $lost of 200 pings lost" >&3
	[ "$lost" -le 50 ]
}
spare_ready() { [ "$(numbers switch | wc -l)" -ge 2 ]; }
must "a spare of the switch is ready" within 20 spare_ready
changes=$(carrier_changes)
check "the switch is killed: at most half a second of pings lost" pings_while_killed
check "no TAP lost its carrier" test "$changes" = "$(carrier_changes)"
check "hosts keep their addresses and reach each other again" within 10 in_space left ping -n -c 1 -W 1 10.2.0.9
check "and nothing is lost from then on" says " 0% packet loss" pings right 10.1.0.9

check "the lab goes" "$weft" down -y
rm -f "$WEFT_ROOT"/*.weft.yaml
check "nothing is left" within 10 nothing_left
finish
