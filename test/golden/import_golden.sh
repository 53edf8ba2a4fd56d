#!/bin/sh
# Golden tests of weft import: files of others give exactly their lab and what is said of the rest; each such lab is in order.
# usage: import_golden.sh WEFT; with UPDATE=1 the expected files are written anew (then read them before you commit).
set -u
weft=$(realpath "$1")
cd "$(dirname "$0")/import" || exit 1
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

for file in *.clab.yml netlab.yml project.gns3 domain.xml; do
	"$weft" import "$file" >"$work/lab.weft.yaml" 2>"$work/said" || fail "$file: not imported: $(cat "$work/said")"
	cat "$work/lab.weft.yaml" "$work/said" >"$work/out"
	[ -n "${UPDATE:-}" ] && cp "$work/out" "$file.out"
	if diff -u "$file.out" "$work/out"; then pass; else fail "$file: output differs"; fi
	if "$weft" validate "$work/lab.weft.yaml" >"$work/said" 2>&1; then pass; else fail "$file: $(cat "$work/said")"; fi
done

# As they stand.
if "$weft" validate -q 01-static.clab.yml 2>/dev/null; then pass; else fail "a containerlab file as it stands"; fi
# There and back again: what is exported has the same nodes.
"$weft" import -q 02-ospf-ring.clab.yml >"$work/ring.weft.yaml"
"$weft" export containerlab "$work/ring.weft.yaml" >"$work/ring.clab.yml" 2>"$work/said"
if "$weft" import containerlab "$work/ring.clab.yml" >"$work/again.weft.yaml" 2>"$work/said" && "$weft" validate "$work/again.weft.yaml" >/dev/null; then
	pass
else
	fail "exported and imported again: $(cat "$work/said")"
fi
if "$weft" export netplan "$work/ring.weft.yaml" | grep -q 'dhcp4: true'; then pass; else fail "netplan"; fi
if "$weft" export graphviz "$work/ring.weft.yaml" | grep -q '^graph'; then pass; else fail "graphviz"; fi

# What can't be read says so and never breaks.
for text in '<domain' 'topology: 5' 'topology: { nodes: [] }' 'nodes: 3' '{"topology": {"nodes": {}}, "type": "topology"}' 'a: 1' '<a><b/></a>' \
	'topology: { nodes: { a: { kind: { b: c } } }, links: [ 5, { endpoints: [ 5, a ] }, { endpoints: [ "a:", ":b" ] }, { endpoints: [ { node: a }, "a" ] } ] }' \
	'topology: { nodes: { a: [ b ], b: c, c: }, links: [ [ a, b ], { endpoints: 3 } ] }'; do
	printf '%s\n' "$text" >"$work/bad"
	timeout 20 "$weft" import "$work/bad" >"$work/out" 2>&1
	status=$?
	if [ $status = 2 ] || [ $status = 0 ]; then pass; else fail "\"$text\": exit status $status"; fi
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
