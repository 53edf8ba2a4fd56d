#!/bin/bash
# The process ctl is killed at random instants while many numbers are given and given back: none is held twice, none by nobody. ROUNDS=n (15), SEED=n.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=${ROUNDS:-15}
RANDOM=${SEED:-$$}
echo "seed ${SEED:-$$}"

# shellcheck source=test/system/pool_lab.bash
. "$(dirname "$0")/pool_lab.bash"
lab 1 60 >"$WEFT_ROOT/0.weft.yaml"
lab 31 90 >"$WEFT_ROOT/1.weft.yaml"

must "the lab comes up" "$weft" up "$WEFT_ROOT/0.weft.yaml"
kills=0
# up says 3 when there is nothing to do.
up_again() { "$weft" up "$1" >/dev/null 2>&1 || [ $? = 3 ]; }
failures=0
for round in $(seq "$rounds"); do
	"$weft" up "$WEFT_ROOT/$((round % 2)).weft.yaml" >/dev/null 2>&1 &
	change=$!
	sleep "0.$(printf '%03d' $((RANDOM % 400)))"
	pid=$(number ctl)
	[ -n "$pid" ] && kill -9 "$pid" && kills=$((kills + 1))
	wait "$change"
	within 30 up_again "$WEFT_ROOT/$((round % 2)).weft.yaml" || failures=$((failures + 1))
	"$weft" pool check >"$WEFT_ROOT/check" || { failures=$((failures + 1)); cat "$WEFT_ROOT/check"; }
done
echo "ctl was killed $kills times in $rounds changes; $(cat "$WEFT_ROOT/check")"
check "ctl was killed in most of the changes" test "$kills" -ge $((rounds / 2))
check "no number was ever held twice or by nobody" test "$failures" = 0
check "the lab goes" "$weft" down crash -y
rm -f "$WEFT_ROOT"/*.yaml "$WEFT_ROOT/check"
check "nothing is left" within 30 nothing_left
finish
