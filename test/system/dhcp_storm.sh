#!/bin/bash
# Needs root. 500 DHCP clients behind TAP ports ask at once, each packet once: all have their leases within two seconds, the pool's addresses.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "this needs root"; exit 77; }

count=${CLIENTS:-500}
limit_s=2
space=weft-storm-$$
clean_up_more() { ip netns del "$space" 2>/dev/null; }
ip netns add "$space"
ip netns exec "$space" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
namespaces_before=$(ip netns list 2>/dev/null | sort)

{
	cat <<EOT
version: 1
name: storm
networks: { lan: { ipv4: 10.5.0.0/20, dhcp: true } }
routers: { gw: { interfaces: { lan: { network: lan, ipv4: 10.5.0.1 } } } }
ports:
EOT
	for ((i = 0; i < count; i++)); do
		printf '  s%d: { network: lan, tap: s%d, netns: %s, mac: "52:54:00:05:%02x:%02x" }\n' $i $i "$space" $((i / 256)) $((i % 256))
	done
} >"$WEFT_ROOT/storm.weft.yaml"

# All TAPs up, by one program.
interfaces_up() {
	local i
	for ((i = 0; i < count; i++)); do echo "link set s$i up"; done | ip -n "$space" -batch -
}
there() { [ "$(ip -n "$space" -o link | grep -c ': s[0-9]')" = "$count" ]; }
storm() {
	local said
	said=$(ip netns exec "$space" "$top/test/system/dhcp_storm.py" "$count" "$limit_s" 2>&1 >"$WEFT_ROOT/leases")
	local status=$?
	echo "      $said" >&3
	return "$status"
}
# What the clients were given is what the pool says that they have.
as_planned() {
	"$weft" show dhcp -o json | python3 -c '
import json, sys
told = dict(line.split() for line in open(sys.argv[1]))
rows = json.load(sys.stdin)
held = {row["mac"]: row["ip"] for row in rows}
if told != held:
    sys.exit(f"{len(told)} leases told, {len(held)} held, {len(set(told.items()) ^ set(held.items()))} differ")' "$WEFT_ROOT/leases"
}

must "a lab with $count ports comes up" timeout 120 "$weft" up "$WEFT_ROOT/storm.weft.yaml"
must "their TAPs are there" within 60 there
must "and up" interfaces_up
check "all clients have a lease within $limit_s s, and none had to ask twice" storm
check "the leases are what the switch holds" as_planned
check "no client had a packet dropped" not says dhcp "$weft" show drops
check "no number is held twice or by nobody" "$weft" pool check
check "the same once more, with leases held" storm
check "the lab goes" timeout 120 "$weft" down storm -y
rm -f "$WEFT_ROOT/storm.weft.yaml" "$WEFT_ROOT/leases"
check "nothing is left" within 30 nothing_left
finish
