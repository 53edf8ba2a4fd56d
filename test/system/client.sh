#!/bin/bash
# The client on its own: quick start, help, exit statuses, the starter file, the manual and the README against the program.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

# The best of 21 starts, in milliseconds: what it takes when nothing else is in the way.
start_ms() { python3 - "$@" <<'EOT'
import subprocess, sys, time
times = []
for _ in range(21):
    begin = time.monotonic()
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    times.append((time.monotonic() - begin) * 1000)
print(f"{min(times):.1f}")
EOT
}
quick() {
	local ms
	ms=$(start_ms "$@")
	echo "$ms ms"
	awk -v ms="$ms" 'BEGIN { exit !(ms < 30) }'
}
check "weft help starts in less than 30 ms" quick "$weft" help
check "weft ps without a daemon takes less than 30 ms" quick "$weft" ps

check "no command: status 2" status 2 "$weft"
check "unknown command: did you mean" says 'did you mean "validate"' "$weft" valiadte
check "no daemon: ps has nothing to show (status 3)" status 3 "$weft" ps
check "no daemon: show fails with what to do" says "weft up FILE starts one" "$weft" show ip route
check "no lab: down has nothing to do (status 3)" status 3 "$weft" down
check "ps -j prints a JSON list" says "[]" "$weft" ps -j
check "colours only on terminals" not says $'\033' "$weft" help

cd "$WEFT_ROOT" || exit 1
check "weft init writes a lab file" "$weft" init mine.weft.yaml
check "that is in order" "$weft" validate mine.weft.yaml
check "and is never overwritten" status 1 "$weft" init mine.weft.yaml
check "its canonical form is in order, too" sh -c "'$weft' validate -o yaml -q mine.weft.yaml >canonical.weft.yaml && '$weft' validate canonical.weft.yaml"
check "plan without a daemon says what would be made" says "to add" "$weft" plan mine.weft.yaml
check "a picture of a file" sh -c "'$weft' graph mine.weft.yaml -o svg | grep -q '<svg'"
check "and as PNG" sh -c "'$weft' graph mine.weft.yaml -o png | head -c 4 | grep -q PNG"
rm -f ./*.weft.yaml

for file in "$top"/examples/*.weft.yaml; do check "$(basename "$file") is in order" "$weft" validate "$file"; done
check "the picture in the README is that of the demo" sh -c "'$weft' graph '$top/examples/demo.weft.yaml' -o dot | diff - '$top/doc/demo.dot'"
check "doctor prints a list" says virtualization "$weft" doctor

# The manual names every command and no other.
commands() { "$weft" help -j | python3 -c 'import json, sys
for row in json.load(sys.stdin): print(row["name"])' | sort; }
manual() { sed -n 's/^\.It Ic //p' "$top/doc/weft.1" | sed 's/ \(Op\|Oo\|Ar\|Fl\|Cm\) .*//' | sort; }
check "weft(1) and the program have the same commands" diff <(commands) <(manual)
# Every command line in the README is one that the program understands.
readme() {
	local line words
	sed -n 's/^ *\$* *\(weft [a-z][^#|>]*\).*/\1/p' "$@" | while read -r line; do
		words=${line#weft }
		# shellcheck disable=SC2086 # words of a command
		"$weft" --help $words >/dev/null || { echo "README: $line"; exit 1; }
	done
}
check "the README's commands exist" readme "$top/README.md"
# Those in fenced blocks and between backquotes of the guides, likewise.
# shellcheck disable=SC2016 # backquotes are what is looked for
guides() { sed -n '/^```/,/^```/p' "$top/doc/tutorial.md" "$top/doc/coming-from.md" >guides && grep -oh '`weft [a-z][^`]*`' "$top/doc/tutorial.md" \
	"$top/doc/coming-from.md" | tr -d '`' >>guides && readme guides; }
check "the guides' commands exist" guides
rm -f guides
awk '/^```yaml/ { inside = 1; next } /^```/ { inside = 0 } inside' "$top/README.md" >readme.weft.yaml
check "the README's lab is in order" "$weft" validate readme.weft.yaml
rm -f readme.weft.yaml
finish
