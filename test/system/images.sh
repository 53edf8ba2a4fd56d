#!/bin/bash
# weft image: every format comes in with its content; hostile and broken images are refused, with the reason, and leave nothing behind.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
files=$WEFT_ROOT/files
images=$WEFT_ROOT/state/images
mkdir "$files"
check "images are made" python3 "$top/test/system/make_images.py" "$files"
python3 "$top/test/system/make_images.py" "$(mktemp -d "$WEFT_ROOT/again.XXXX")" >"$WEFT_ROOT/bad"

imported() { # FILE NAME [OPTION]...: the disk has the content of good.raw
	timeout 60 "$weft" image import "$files/$1" --name "$2" "${@:3}" &&
		qemu-img compare -q -f qcow2 -F raw "$images/$2/disk.qcow2" "$files/good.raw" &&
		"$weft" image verify "$2"
}
for format in qcow2 raw vdi vmdk; do
	check "$format comes in with its content" imported "good.$format" "of-$format"
done
check "a streamOptimized VMDK comes in" imported stream.vmdk stream
check "an OVA comes in" imported good.ova appliance
check "an OVF with its files beside it comes in" imported folder/appliance.ovf folder
check "the descriptor's processors and memory are kept" test "$("$weft" image show appliance -j |
	python3 -c 'import json, sys; i = json.load(sys.stdin); print(i["cpus"], i["memory_mib"], i["nics"][0]["network"], i["manifest"])')" = "2 192 VM Network True"
check "weft image ls lists them" test "$("$weft" image ls | wc -l)" = 8
check "a name is not given twice" status 1 "$weft" image import "$files/good.raw" --name stream
check "a bad name is refused" status 1 "$weft" image import "$files/good.raw" --name ../../x
for name in of-qcow2 of-raw of-vdi of-vmdk stream folder; do "$weft" image rm "$name" -q; done
check "what was removed is gone" test "$(ls -A "$images")" = appliance

printf x | dd of="$images/appliance/disk.qcow2" bs=1 seek=300000 conv=notrunc status=none
check "a disk that was changed is found out" status 1 "$weft" image verify appliance
"$weft" image rm appliance -q

# One line a bad image: the file, what its refusal says, options.
refused() {
	local output rc
	# shellcheck disable=SC2086 # $3 is a list of words
	output=$(cd "$files" && timeout 60 "$weft" image import "$1" $3 2>&1)
	rc=$?
	printf '%s\n' "$output"
	[ "$rc" = 1 ] || { echo "status $rc"; return 1; }
	grep -qE "^weft: .*($2)" <<<"$output" || { echo "it doesn't say: $2"; return 1; }
	[ -z "$(ls -A "$images")" ] || { ls -RA "$images"; return 1; }
}
count=0
while IFS=$'\t' read -r file pattern options; do
	count=$((count + 1))
	check "$file is refused" refused "$file" "$pattern" "$options"
done <"$WEFT_ROOT/bad"
check "there are at least 20 bad images" test "$count" -ge 20
check "nothing was written outside" test ! -e /tmp/weft-was-here -a ! -e /etc/weft-was-here

# Killed in its midst: the next one tidies up.
truncate -s 20G "$files/large.raw" && printf '\125\252' | dd of="$files/large.raw" bs=1 seek=510 conv=notrunc status=none
working() { [ -n "$(find "$images" -name '.import-*')" ]; }
no_work() { ! pgrep -f "qemu-img.*$WEFT_ROOT"; }
only() { [ "$(ls -A "$images")" = "$1" ]; }
"$weft" image import "$files/large.raw" -q &
within 5 working
kill -9 $!
wait $! 2>/dev/null
check "the work of a killed import ends with it" within 5 no_work
check "another import goes as ever" imported good.raw next
check "and removed what the killed one left" only next
"$weft" image import "$files/large.raw" -q &
within 5 working
kill -INT $!
wait $!
check "an interrupted import leaves nothing" only next
"$weft" image rm next -q
rmdir "$images"
finish
