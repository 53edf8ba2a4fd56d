#!/bin/bash
# Needs root, nft and python3. The same packets through a router of ours and through the kernel's nftables, both translating by the same rules:
# the same must become of them, but for differences that test/system/nat_reference.py names with their reasons.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/system/spaces.bash
. "$(dirname "$0")/spaces.bash"
command -v nft >/dev/null || { echo "this needs nft"; exit 77; }

make_spaces in out kin kout kernel

cat >"$WEFT_ROOT/nat.weft.yaml" <<EOT
version: 1
name: nat
networks:
  in:  { ipv4: 10.1.0.0/24 }
  out: { ipv4: 198.51.100.0/24 }
routers:
  r:
    interfaces: { in: { network: in, ipv4: 10.1.0.1 }, out: { network: out, ipv4: 198.51.100.1 } }
    nat:
      - { snat: 10.1.0.0/24, interface: out }
      - { dnat: tcp/2201, interface: out, to: "10.1.0.9:22" }
      - { dnat: udp/53, interface: out, to: 10.1.0.10 }
      - { dnat: udp/9, interface: out, to: 10.1.0.99 }
      - { one-to-one: 198.51.100.50, interface: out, to: 10.1.0.11 }
ports:
  in:  { network: in, tap: tap0, netns: $(space in) }
  out: { network: out, tap: tap0, netns: $(space out) }
EOT

# The ends have the addresses of all hosts, so that the router finds them, and say nothing by themselves.
end() { # SPACE PREFIX GATEWAY HOST...
	local name=$1 prefix=$2 gateway=$3
	shift 3
	for host in "$@"; do in_space "$name" ip addr add "$prefix.$host/24" dev tap0; done
	in_space "$name" ip link set tap0 up
	in_space "$name" ip route replace default via "$gateway"
	in_space "$name" nft -f - <<EOT
table ip quiet {
	chain input { type filter hook input priority 0; policy drop; icmp type { echo-reply } accept; }
}
EOT
}
ends() {
	end "$1" 10.1.0 10.1.0.1 9 10 11 12 99 &&
		end "$2" 198.51.100 198.51.100.1 70 77 78 79 80 81 82 83 84 85 86 87 90 99 200
}

# The kernel's router: the same rules, and what belongs to no connection is dropped as is usual.
kernel_router() {
	ip link add tap0 netns "$(space kin)" type veth peer name in netns "$(space kernel)"
	ip link add tap0 netns "$(space kout)" type veth peer name out netns "$(space kernel)"
	in_space kernel sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.in.send_redirects=0
	in_space kernel ip addr add 10.1.0.1/24 dev in
	in_space kernel ip addr add 198.51.100.1/24 dev out
	in_space kernel ip addr add 198.51.100.50/32 dev out
	in_space kernel ip link set in up
	in_space kernel ip link set out up
	in_space kernel nft -f - <<EOT
table ip nat {
	chain pre {
		type nat hook prerouting priority -100;
		ip daddr 198.51.100.1 tcp dport 2201 dnat to 10.1.0.9:22
		ip daddr 198.51.100.1 udp dport 53 dnat to 10.1.0.10
		ip daddr 198.51.100.1 udp dport 9 dnat to 10.1.0.99
		ip daddr 198.51.100.50 dnat to 10.1.0.11
	}
	chain post {
		type nat hook postrouting priority 100;
		oifname out ip saddr 10.1.0.11 snat to 198.51.100.50
		oifname out ip saddr 10.1.0.0/24 masquerade fully-random
		oifname in iifname in ct status dnat ip saddr 10.1.0.0/24 snat to 198.51.100.1 fully-random
	}
}
table ip filter {
	chain forward { type filter hook forward priority 0; ct state invalid drop; }
}
EOT
}

must "the lab comes up" "$weft" up "$WEFT_ROOT/nat.weft.yaml"
must "the TAPs are there" within 10 in_space out ip link show tap0
must "the kernel's router is there" kernel_router
must "our ends have their addresses" ends in out
must "the kernel's, too" ends kin kout
compare() {
	python3 "$top/test/system/nat_reference.py" "$(space in)" "$(space out)" "$(space kin)" "$(space kout)" >"$WEFT_ROOT/compared" ||
		{ cat "$WEFT_ROOT/compared"; false; }
}
check "the same becomes of the same packets" compare
grep -E '^(meant|[0-9]+ the same)' "$WEFT_ROOT/compared" | sed 's/^/      /'
check "the rules are shown with what they did" says "snat" "$weft" show nat
check "and the connections, before and after" says "198.51.100.77:80" "$weft" show nat connections
check "the trace names the step" says "becomes 198.51.100.1:" "$weft" trace in 198.51.100.77 tcp/80 --source 10.1.0.9
rm -f "$WEFT_ROOT/compared" "$WEFT_ROOT"/*.weft.yaml
check "the lab goes" "$weft" down -y
check "nothing is left" within 30 nothing_left
finish
