#!/bin/bash
# LABS=n (100) labs come up and go at random for MINUTES=n (10): afterwards the pools are as they were before. SEED=n.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/../system/lib.sh"

labs=${LABS:-100}
minutes=${MINUTES:-10}
RANDOM=${SEED:-$$}
echo "seed ${SEED:-$$}"

# lab NUMBER VARIANT: networks from a pool, a router, machines that don't start, a pool of MACs that all labs share.
lab() {
	local n vms=$((1 + $1 % 5 + $2 * 2))
	echo "version: 1"
	echo "name: lab$1"
	echo "pools:"
	echo "  lans: { ipv4: 10.$(($1 % 200)).0.0/16, prefix: 24, strategy: $([ $(($1 % 2)) = 0 ] && echo random || echo sequential), seed: $1 }"
	echo "  macs: { mac: 02:77:00:00:00:00/28, strategy: $([ $(($1 % 3)) = 0 ] && echo random || echo sequential) }"
	echo "networks: { a: { pool: lans }, b: { pool: lans, dhcp: true } }"
	echo "routers: { r1: { interfaces: { a: a, b: b } } }"
	echo "vms:"
	for n in $(seq "$vms"); do echo "  vm$n: { image: builtin:tiny, memory: 80M, start: false, nics: [{ network: a, mac: pool:macs }, { network: b }] }"; done
}

pools() { "$weft" pool ls -j && "$weft" pool show -j; }

lab 0 0 >"$WEFT_ROOT/stays.weft.yaml"
sed -i 's/^name: .*/name: stays/' "$WEFT_ROOT/stays.weft.yaml"
for n in $(seq "$labs"); do for variant in 0 1; do lab "$n" "$variant" >"$WEFT_ROOT/$n-$variant.weft.yaml"; done; done
must "a lab comes up that stays" "$weft" up "$WEFT_ROOT/stays.weft.yaml"
# What is said of when may change, what is held may not.
pools | grep -v since >"$WEFT_ROOT/before"

declare -A up
ups=0 downs=0 changes=0 refused=0
end=$((SECONDS + minutes * 60))
while [ "$SECONDS" -lt "$end" ]; do
	n=$((1 + RANDOM % labs))
	if [ -n "${up[$n]:-}" ] && [ $((RANDOM % 3)) != 0 ]; then
		"$weft" down "lab$n" -y -q >/dev/null || refused=$((refused + 1))
		unset "up[$n]"
		downs=$((downs + 1))
		continue
	fi
	# 3: there was nothing to change.
	"$weft" up -q "$WEFT_ROOT/$n-$((RANDOM % 2)).weft.yaml" >/dev/null
	case $? in 0 | 3) ;; *) refused=$((refused + 1)) ;; esac
	[ -n "${up[$n]:-}" ] && changes=$((changes + 1)) || ups=$((ups + 1))
	up[$n]=1
	[ $((ups % 50)) != 0 ] || "$weft" pool check >"$WEFT_ROOT/check" || { refused=$((refused + 1)); cat "$WEFT_ROOT/check"; }
done
echo "$ups labs came up, $downs went, $changes changed"
check "none was refused, and the numbers were in order all the time" test "$refused" = 0
check "the numbers of those that are up are in order" "$weft" pool check
for n in "${!up[@]}"; do "$weft" down "lab$n" -y -q >/dev/null; done
pools | grep -v since >"$WEFT_ROOT/after"
check "the pools are as they were" diff "$WEFT_ROOT/before" "$WEFT_ROOT/after"
check "the numbers are in order" "$weft" pool check
check "the lab that stayed goes" "$weft" down stays -y
rm -f "$WEFT_ROOT"/*.yaml "$WEFT_ROOT/before" "$WEFT_ROOT/after" "$WEFT_ROOT/check"
check "nothing is left" within 30 nothing_left
finish
