#!/bin/bash
# Needs root. Malformed UPDATEs from behind a TAP port: each is treated as RFC 7606 says, and the session lives on. WEFT_BGP_CASES names a
# file with further cases (bgp_malformed.py).
# shellcheck source=test/interop/peers.bash
. "$(dirname "$0")/peers.bash"
# shellcheck source=test/interop/bgp_lab.bash
. "$(dirname "$0")/bgp_lab.bash"

# shellcheck disable=SC2016 # for the shell that asks
used='"$weft" show ip bgp --router r1 -j | python3 -c "
import json, sys
print(*[r[\"network\"] for r in json.load(sys.stdin) if r[\"bestpath\"]])"'
export weft

must "the lab comes up" up 'passive: true'
peer_addresses
check "no malformed UPDATE ends the session" ip netns exec "$peer" \
	python3 "$top/test/interop/bgp_malformed.py" 10.77.0.2 65100 10.77.0.1 "$used" ${WEFT_BGP_CASES:+"$WEFT_BGP_CASES"}
check "the lab goes" "$weft" down -y interop
finish
