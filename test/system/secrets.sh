#!/bin/bash
# A marker in every secret field is found nowhere but in the lab file and in the store, which only its owner reads.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

export WEFT_LOG=debug
marker=$(tr -dc "[:lower:]" </dev/urandom | head -c 10)
lab=$WEFT_ROOT/secret.weft.yaml
cat >"$lab" <<EOT
version: 1
name: secret
networks: { lan: { ipv4: 10.1.0.0/24 } }
routers:
  r1:
    interfaces: { lan: { network: lan, ipv4: 10.1.0.1, rip: { auth: { type: md5, key-id: 1, key: $marker } } } }
    rip: { auth: { type: sha256, key-id: 2, key: ${marker} } }
    ospf: { auth: { type: md5, key-id: 3, key: ${marker} } }
    bgp: { as: 65001, neighbors: [ { router: r2, as: 65002, md5: ${marker} } ] }
  r2:
    bgp: { as: 65002, neighbors: [ { router: r1, as: 65001, md5: ${marker} } ] }
links:
  - { from: r1, to: r2, ipv4: 10.9.0.0/31 }
EOT
must "the lab comes up" "$weft" up "$lab"
# hides COMMAND...: the command succeeds and its output lacks the marker.
hides() {
	local output
	output=$("$@" 2>&1) || { echo "$output"; return 1; }
	case $output in *"$marker"*) echo "the marker is in it"; return 1 ;; esac
}
check "inspect hides it" hides "$weft" inspect secret
check "and of a router" hides "$weft" inspect r1 -j
check "and shows that there is one" says 'md5: "***"' "$weft" inspect secret
check "the graph hides it" hides "$weft" graph secret
sed "s/$marker/other$marker/" "$lab" >"$WEFT_ROOT/other.weft.yaml"
plans() { "$weft" plan "$WEFT_ROOT/other.weft.yaml" || [ $? = 2 ]; }
check "a plan of another secret hides both" hides plans
check "up twice changes nothing" status 3 "$weft" up "$lab"
nowhere() {
	local found pid
	found=$(grep -rl "$marker" "$WEFT_ROOT" --include='*' --exclude='*.weft.yaml' --exclude='weft.db*' 2>/dev/null)
	for pid in $(our_processes); do
		tr '\0' '\n' <"/proc/$pid/cmdline" | grep -q "$marker" && found="$found cmdline of $pid"
		tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -q "$marker" && found="$found environment of $pid"
	done
	[ -z "$found" ] || { echo "found in: $found"; return 1; }
}
check "log, command lines and environments lack it" nowhere
check "the store is its owner's" not grep -q . <(find "$WEFT_ROOT/state" -name "weft.db*" -perm /077)
check "the lab goes" "$weft" down -y
rm -f "$WEFT_ROOT"/*.weft.yaml
check "nothing is left" within 10 nothing_left
finish
