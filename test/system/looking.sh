#!/bin/bash
# Looking at a lab without guests: weft top, rates of routers, --watch, sorted rows, what Prometheus gets.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

cat >"$WEFT_ROOT/looking.weft.yaml" <<'EOT'
version: 1
name: looking
networks:
  left:  { ipv4: 10.1.0.0/24 }
  right: { ipv4: 10.2.0.0/24 }
routers:
  r10: { interfaces: { right: right }, routes: [ { to: 10.1.0.0/24, via: 10.255.0.0 } ] }
  r2:  { interfaces: { left: left }, routes: [ { to: 10.2.0.0/24, via: 10.255.0.1 } ] }
links:
  - { from: r2, to: r10, ipv4: 10.255.0.0/31, rate: 10Mbit }
ports:
  a: { network: left, tap: wl-a, mac: "52:54:00:00:0a:01", ipv4: 10.1.0.10 }
EOT
must "up" "$weft" up -q "$WEFT_ROOT/looking.weft.yaml"

# names KIND: what top lists, joined by blanks.
names() { "$weft" top -j --sort name | python3 -c 'import json, sys; print(" ".join(r["name"] for r in json.load(sys.stdin)[sys.argv[1]]))' "$1"; }
check "top lists the routers, r2 before r10" says "r2 r10" names routers
check "and the link" says "r2:r10" names links
check "top for people" says "ROUTER" "$weft" top --once
check "an order that doesn't exist" status 2 "$weft" top --sort beauty
check "rows of show are sorted" sh -c "'$weft' show interfaces -j | python3 -c '
import json, sys
names = [r[\"name\"] for r in json.load(sys.stdin)]
sys.exit(names != [\"a\", \"r2:eth0\", \"r2:left\", \"r10:eth0\", \"r10:right\"] and print(names) is None)'"

# Packets from the host behind the port to the far router's side of the cable.
ip address add 10.1.0.10/24 dev wl-a 2>/dev/null
ip link set wl-a address 52:54:00:00:0a:01 up
ip route add 10.2.0.0/24 via 10.1.0.1
check "the far router answers" within 10 ping -q -c 1 -W 1 10.2.0.1
loads() {
	ping -q -i 0.02 -s 1400 -c 100 10.2.0.1 >"$WEFT_ROOT/ping" 2>&1 &
	"$weft" top -j | python3 -c '
import json, sys
top = json.load(sys.stdin)
for kind in top:
    for row in top[kind]:
        assert abs(row["bandwidth_bps"] * row["load"] - row["throughput_bps"]) < 2 + row["throughput_bps"] / 1000, row
link, = top["links"]
print(link, top["routers"])
sys.exit(not (link["bandwidth_bps"] == 10000000 and link["load"] > 0.002 and all(r["throughput_bps"] > 20000 for r in top["routers"])))'
	local result=$?
	wait %+ 2>/dev/null
	return "$result"
}
check "load of the cable and the routers, R = G x C everywhere" within 20 loads
metrics() { curl -s --unix-socket "$WEFT_ROOT/run/api.sock" http://weft/metrics; }
check "Prometheus gets bandwidth" says 'weft_router_bandwidth_bits_per_second{lab="looking",router="r2"} 1.001e+10' metrics
check "throughput" says 'weft_router_throughput_bits_per_second{lab="looking",router="r10"}' metrics
check "and load" says 'weft_router_interface_load_ratio{lab="looking",interface="r2:eth0"}' metrics

check "the example of the API" says "r2: " python3 "$top/examples/api.py" "$WEFT_ROOT/run/api.sock"
check "--watch looks again" sh -c "[ \$(timeout -s INT 4 '$weft' show interfaces --watch | grep -c ^INTERFACE) -ge 2 ]"
check "--watch of a command that changes something" status 2 "$weft" link down r2:r10 --watch
check "top on a terminal shows and ends with q" sh -c "(sleep 2; printf 2; sleep 1; printf q) | TERM=xterm timeout 20 script -qec '$weft top' /dev/null | grep -q 'weft top'"
check "down" "$weft" down looking -y -q
rm -f "$WEFT_ROOT/looking.weft.yaml" "$WEFT_ROOT/ping"
check "nothing is left" within 10 nothing_left
finish
