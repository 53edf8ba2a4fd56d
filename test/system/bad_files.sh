#!/bin/bash
# Every bad lab file is refused with status 2 and a place, by validate, plan and up, and changes nothing; no daemon is started for it.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

refused() {
	local output
	output=$(timeout 10 "$weft" "$1" "$2" 2>&1)
	local status=$?
	printf '%s\n' "$output" | head -5
	[ "$status" = 2 ] || { echo "status $status"; return 1; }
	grep -qE '^[^ ]+(:[0-9]+:[0-9]+)?: error: ' <<<"$output"
}
shopt -s nullglob
count=0
for file in "$top"/test/golden/lab/bad/*.yaml; do
	# One of containerlab's is bad for the model, but the client reads it.
	[ "$(basename "$file")" != containerlab.weft.yaml ] || continue
	count=$((count + 1))
	check "validate refuses $(basename "$file")" refused validate "$file"
done
check "there are at least 40 bad files" test "$count" -ge 40

# Made here, since it is big: ten megabytes of nesting.
python3 -c "print('version: 1\nname: deep\nnetworks: ' + '[' * 10000000)" >"$WEFT_ROOT/deep.weft.yaml"
check "ten megabytes of nesting are refused" status 2 timeout 10 "$weft" validate "$WEFT_ROOT/deep.weft.yaml"
printf 'version: 1\nname: x\nimages:\n  d: { file: nowhere.qcow2 }\nvms:\n  v: { image: d, memory: 96M }\n' >"$WEFT_ROOT/image.weft.yaml"
check "a missing image is found with its place" refused validate "$WEFT_ROOT/image.weft.yaml"
check "up refuses it, too" refused up "$WEFT_ROOT/image.weft.yaml"
check "a missing file is status 2" status 2 "$weft" up "$WEFT_ROOT/none.weft.yaml"
rm -f "$WEFT_ROOT"/*.weft.yaml
check "nothing was started or written" nothing_left
finish
