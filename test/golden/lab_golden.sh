#!/bin/sh
# Golden tests of lab files: bad ones give exactly their errors and exit 2, good ones their canonical JSON, pairs their plan.
# usage: lab_golden.sh LAB_PRINT EXAMPLES MANUAL; with UPDATE=1 the expected files are written anew (then read them before you commit).
set -u
print=$1
examples=$2
manual=$3
here=$(dirname "$0")/lab
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0

pass() { passed=$((passed + 1)); }
fail() {
	failed=$((failed + 1))
	echo "FAIL $*"
}

# expect NAME WANTED_STATUS GOT_STATUS EXPECTED_FILE: compares the status and $work/out
expect() {
	[ -n "${UPDATE:-}" ] && cp "$work/out" "$4"
	if [ "$2" != "$3" ]; then
		fail "$1: exit status $3, expected $2"
	elif ! diff -u "$4" "$work/out"; then
		fail "$1: output differs"
	else
		pass
	fi
}

for file in "$here"/bad/*.weft.yaml "$here"/bad/*.json; do
	"$print" "$file" >"$work/out" 2>&1
	expect "$file" 2 $? "$file.out"
done

# What is printed parses again to the same: as JSON, as YAML, and flat.
for file in "$here"/good/*.weft.yaml "$examples"/*.weft.yaml; do
	name=$(basename "$file" .weft.yaml)
	"$print" "$file" >"$work/$name.json"
	status=$?
	"$print" "$file" flat >"$work/$name.flat.json"
	"$print" "$file" yaml >"$work/$name.weft.yaml"
	cat "$work/$name.json" "$work/$name.flat.json" "$work/$name.weft.yaml" >"$work/out"
	case $file in
	"$here"/*) expect "$file" 0 $status "$file.out" ;;
	*) if [ $status = 0 ]; then pass; else fail "$file: $(cat "$work/out")"; fi ;;
	esac
	for again in "$work/$name.json" "$work/$name.weft.yaml"; do
		"$print" "$again" >"$work/again"
		if diff -u "$work/$name.json" "$work/again"; then pass; else fail "$file: printed and parsed again it differs"; fi
	done
	"$print" "$work/$name.flat.json" flat >"$work/again"
	if diff -u "$work/$name.flat.json" "$work/again"; then pass; else fail "$file: the flat lab printed and expanded again differs"; fi
done

for old in "$here"/plan/*.old.weft.yaml; do
	stem=${old%.old.weft.yaml}
	"$print" "$stem.new.weft.yaml" plan "$old" >"$work/out" 2>&1
	expect "$stem" 0 $? "$stem.out"
done

# The manual page is what the knob table says.
"$print" -- manual >"$work/out"
expect "$manual" 0 $? "$manual"

# hostile NAME PATTERN: $work/hostile must be refused with that error, quickly.
hostile() {
	timeout 20 "$print" "$work/hostile" >"$work/out" 2>&1
	status=$?
	if [ $status != 2 ]; then
		fail "$1: exit status $status, expected 2"
	elif ! grep -q -- "$2" "$work/out"; then
		fail "$1: no error like \"$2\""
		head -c 300 "$work/out"
	else
		pass
	fi
}

# repeat TEXT BYTES, numbered LAST SED_TEXT (& is the number)
repeat() { yes "$1" | tr -d '\n' | head -c "$2"; }
numbered() { seq 1 "$1" | sed "s/.*/$2/"; }

repeat '[' 10485760 >"$work/hostile"
hostile "10 MB of nesting" "at most 4194304 are read"
repeat '[' 4000000 >"$work/hostile"
hostile "4 MB of brackets in a line" "nested too deeply"
repeat 'a' 4000000 >"$work/hostile"
hostile "4 MB in a line" "a line of more than 65536 bytes"
repeat '[' 60000 >"$work/hostile"
hostile "60 kB of brackets in a line" "nested too deeply"
yes '[' | head -c 4000000 >"$work/hostile"
hostile "4 MB of brackets" "nested too deeply"
yes '{a: ' | head -c 4000000 >"$work/hostile"
hostile "4 MB of maps" "nested too deeply"
awk 'BEGIN { for (i = 0; i < 1900; i++) printf "%*s-\n", i, "" }' >"$work/hostile"
hostile "dashes, each deeper" "nested too deeply"
yes '?' | head -c 400000 >"$work/hostile"
hostile "400 kB of question marks" "written twice"
yes -- '- *a' | head -c 4000000 >"$work/hostile"
hostile "4 MB of aliases" "aliases"
{ printf 'version: 1\nname: x\nlinks:\n' && yes -- '- a' | head -c 4000000; } >"$work/hostile"
hostile "a list of a million values" "more values"
{ printf 'version: 1\nname: x\nnetworks:\n' && numbered 200000 '  n&: {}'; } >"$work/hostile"
hostile "too many networks" "at most 20000"
{ printf 'version: 1\nname: x\nnetworks:\n' && numbered 15000 '  n&: { pol&: x&, ipv4: y }'; } >"$work/hostile"
hostile "thirty thousand errors" "and [0-9]* more"
{ printf 'version: 1\nname: x\nrouters: { r: { count: 4096 } }\nlinks:\n' && numbered 15000 '  - { from: r1, to: r2, ipv4: 10.0.0.0\/31 }'; } >"$work/hostile"
hostile "many links that overlap" "overlaps"
{ printf 'version: 1\nname: x\nvms: { v: { count: 4096, image: builtin:tiny } }\ntests:\n' && numbered 900 '  - { ping-all: ["v*", "v[1-4096]", "*"] }'; } >"$work/hostile"
hostile "tests that select too much" "more machines than is bearable"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
