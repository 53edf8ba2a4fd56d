#!/bin/bash
# The process ctl is killed ROUNDS=n (1000) times at random instants while numbers are given and given back, on DAEMONS=n (10) daemons in turn:
# none is held twice or by nobody, and what was acknowledged is so. SEED=n.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/../system/lib.sh"

seed=${SEED:-$$}
echo "seed $seed"
top_root=$WEFT_ROOT
roots=()
clean_up_more() {
	local pid
	for WEFT_ROOT in "${roots[@]}"; do
		timeout 60 "$weft" down --all -y -q >/dev/null 2>&1
		for pid in $(our_processes); do kill -9 "$pid" 2>/dev/null; done
	done
	WEFT_ROOT=$top_root
}

# shellcheck source=test/system/pool_lab.bash
. "$(dirname "$0")/../system/pool_lab.bash"
wide="wide: { ipv4: 10.200.0.0/16 }" # for reservations

for n in $(seq "${DAEMONS:-10}"); do
	WEFT_ROOT=$top_root/$n
	mkdir -p "$WEFT_ROOT"
	ln -s "$cache" "$WEFT_ROOT/cache"
	lab 1 60 "$wide" >"$WEFT_ROOT/0.weft.yaml"
	lab 31 90 "$wide" >"$WEFT_ROOT/1.weft.yaml"
	roots+=("$WEFT_ROOT")
	must "lab $n comes up" "$weft" up "$WEFT_ROOT/1.weft.yaml"
done
WEFT_ROOT=$top_root
if python3 "$top/test/lib/pool_crash.py" "$weft" "${ROUNDS:-1000}" "$seed" "${roots[@]}"; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
fi
for WEFT_ROOT in "${roots[@]}"; do check "the numbers of $(basename "$WEFT_ROOT") are in order" "$weft" pool check; done
WEFT_ROOT=$top_root
finish
