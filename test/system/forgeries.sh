#!/bin/bash
# Needs root. What a host can pretend: 16 kinds of forgery, 1,000 frames each, from a TAP whose host the lab knows; also while a port is added and
# while the switch dies. Nobody hears one of them, no table changes, and each is counted by the name of what was wrong. Then 60,000 forged MACs.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/system/spaces.bash
. "$(dirname "$0")/spaces.bash"

frames=${FRAMES:-1000}
seed=${SEED:-$RANDOM}
echo "seed $seed"
hosts="forger left right"
# shellcheck disable=SC2086 # a list of words
make_spaces $hosts
for name in $hosts; do in_space "$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; done

lab() {
	local number=0 name
	cat <<EOT
version: 1
name: forged
networks:
  lan: { ipv4: 10.8.0.0/24, ipv6: "2001:db8:8::/64", dhcp: true, dns: true, storm-limit: 100000 }
routers:
  gw: { interfaces: { lan: { network: lan, ipv4: 10.8.0.1, ipv6: "2001:db8:8::1" } } }
ports:
EOT
	for name in $hosts "$@"; do
		number=$((number + 1))
		echo "  $name: { network: lan, tap: tap0, netns: $(space "${name/more/right}"), mac: \"52:54:00:00:08:0$number\", ipv4: 10.8.0.1$number, ipv6: \"2001:db8:8::1$number\" }" |
			sed "/ more:/s/tap: tap0/tap: tap1/"
	done
}
lab >"$WEFT_ROOT/forged.weft.yaml"

declare -A ears
ears_open() {
	for name in left right; do
		# Not by a function: its number is that of the listener itself.
		ip netns exec "$(space "$name")" "$top/test/system/forgeries.py" listen >"$WEFT_ROOT/$name.heard" 2>"$WEFT_ROOT/$name.ready" &
		ears[$name]=$!
		within 10 test -s "$WEFT_ROOT/$name.ready"
	done
}
# Whether each of the two heard no forged frame, and the honest ones.
heard_only_honest() {
	local name status=0
	sleep 0.5
	for name in left right; do
		kill "${ears[$name]}" 2>/dev/null
		within 5 test -s "$WEFT_ROOT/$name.heard"
		read -r forged honest <"$WEFT_ROOT/$name.heard"
		echo "$name heard $forged forged and $honest honest frames"
		[ "$forged" = 0 ] && [ "$honest" -ge "$1" ] || status=1
	done
	return "$status"
}
forge() { in_space forger "$top/test/system/forgeries.py" "$@"; }
honest() { forge honest 2 >"$WEFT_ROOT/sent.honest" && forge honest 3 >>"$WEFT_ROOT/sent.honest"; }
# All rows of the tables of MACs and neighbors but for their ages.
tables() {
	{ "$weft" show mac -o json; "$weft" show arp -o json; } | python3 -c '
import json, sys
decoder, text = json.JSONDecoder(), sys.stdin.read().strip()
while text:
    rows, end = decoder.raw_decode(text)
    text = text[end:].strip()
    print(*sorted(str({key: row[key] for key in row if key not in ("age_s", "state")}) for row in rows), sep="\n")'
}
same_tables() { diff "$WEFT_ROOT/tables" <(tables); }
drops_of_forger() { "$weft" show drops -o json | python3 -c '
import json, sys
print(sum(row["packets"] for row in json.load(sys.stdin) if "forger" in json.dumps(row)))'; }
# As many frames were dropped by name, or by the full queue of the TAP, as were sent.
all_named() {
	local dropped lost
	dropped=$(drops_of_forger)
	lost=$(in_space forger cat /sys/class/net/tap0/statistics/tx_dropped)
	echo "sent $1, dropped by name $dropped, lost before the switch $lost"
	[ $((dropped + lost)) = "$1" ] && [ "$lost" -lt $(($1 / 10)) ]
}
resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(number switch)/status"; }

must "the lab comes up" "$weft" up "$WEFT_ROOT/forged.weft.yaml"
must "the TAPs are there" within 10 in_space right ip link show tap0
number=0
for name in $hosts; do
	number=$((number + 1))
	in_space "$name" ip link set tap0 address 52:54:00:00:08:0$number txqueuelen 10000
	in_space "$name" ip link set tap0 up
done
router_mac=$("$weft" show mac -o json | python3 -c '
import json, sys
print(next(row["mac"] for row in json.load(sys.stdin) if "gw" in json.dumps(row)))')
tables >"$WEFT_ROOT/tables"

ears_open
honest
sent=$(forge forge "$frames" "$seed")
honest
check "all 16 kinds were sent, $sent frames" test "$sent" = $((16 * frames))
check "nobody heard one of them, and the honest ones were" heard_only_honest 20
check "each was dropped by name" within 5 all_named "$sent"
check "no table changed" same_tables
"$weft" show drops >"$WEFT_ROOT/drops"
for reason in mac_spoofed ip_spoofed arp_spoofed nd_spoofed rogue_router rogue_dhcp dhcp_not_ours tagged reserved_group; do
	check "among the names is $reason" grep -q " $reason " "$WEFT_ROOT/drops"
done

ears_open
forge malformed "$frames" "$seed" "$router_mac" >/dev/null
honest
check "nobody heard of malformed DHCP, ND and DNS" heard_only_honest 10
"$weft" show drops >"$WEFT_ROOT/drops"
for reason in dhcp_malformed bad_nd dns_malformed; do
	check "among the names is $reason" grep -q " $reason " "$WEFT_ROOT/drops"
done

# While a port comes, and while the switch goes.
ears_open
forge forge "$frames" $((seed + 1)) >/dev/null &
forging=$!
lab more >"$WEFT_ROOT/forged.weft.yaml"
check "a port is added meanwhile" "$weft" up "$WEFT_ROOT/forged.weft.yaml"
wait $forging
honest
check "nobody heard a forged frame" heard_only_honest 10
tables >"$WEFT_ROOT/tables"
ears_open
forge forge "$frames" $((seed + 2)) >/dev/null &
forging=$!
sleep 0.3
check "the switch is killed meanwhile" kill -9 "$(number switch)"
wait $forging
within 10 "$weft" show drops >/dev/null
sleep 1
honest
check "nobody heard a forged frame then" heard_only_honest 10
check "and the tables are as before" within 10 same_tables

# A port may have a quarter of the flow cache, 16,384 entries: these fill it first.
forge flood 20000 >/dev/null
before=$(resident_kib)
ears_open
forge flood 60000 >/dev/null
honest
check "60,000 forged MACs: nobody heard one" heard_only_honest 10
check "the tables are as before" same_tables
check "and the switch has not grown by more than 1 MiB" test $(($(resident_kib) - before)) -lt 1024

check "the lab goes" "$weft" down forged -y
rm -f "$WEFT_ROOT"/{forged.weft.yaml,tables,drops,sent.honest,left.*,right.*}
check "nothing is left" within 30 nothing_left
finish
