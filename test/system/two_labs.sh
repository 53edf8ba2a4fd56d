#!/bin/bash
# Needs root. Two labs with the very same addresses run at once and don't touch each other.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

write_lab() {
	cat >"$WEFT_ROOT/$1.weft.yaml" <<EOT
# One of two labs with the same addresses.
version: 1
name: $1
networks:
  lan: { ipv4: 10.1.0.0/24, dhcp: true }
vms:
  $2: { image: builtin:tiny, memory: 96M, nics: [ { network: lan, ipv4: 10.1.0.10 } ] }
  $3: { image: builtin:tiny, memory: 96M, nics: [ { network: lan, ipv4: $4 } ] }
EOT
}
write_lab one p1 p2 10.1.0.11
write_lab two q1 q2 10.1.0.12

must "the first lab comes up" "$weft" up "$WEFT_ROOT/one.weft.yaml"
must "the second lab comes up" "$weft" up "$WEFT_ROOT/two.weft.yaml"
check "p1 and q1 have the same address" test "$(address p1)" = "$(address q1)"
check "p2 reaches 10.1.0.10" within 30 reaches p2 10.1.0.10
check "q2 reaches 10.1.0.10" within 30 reaches q2 10.1.0.10
neighbor() { in_guest "$1" "ip neigh show 10.1.0.10" | grep -o '..:..:..:..:..:..'; }
check "which is another machine" test "$(neighbor p2)" = "$(mac p1)" -a "$(neighbor q2)" = "$(mac q1)" -a "$(mac p1)" != "$(mac q1)"
check "p1 doesn't reach q2" reaches_not p1 10.1.0.12
check "q1 doesn't reach p2" reaches_not q1 10.1.0.11
check "with two labs, the one that is meant must be said" says "several labs" "$weft" test
check "the first lab goes" "$weft" down -y one
check "the second lab doesn't notice" reaches q2 10.1.0.10
check "the second lab goes" "$weft" down -y two
rm -f "$WEFT_ROOT"/*.weft.yaml
check "nothing is left" within 10 nothing_left
finish
