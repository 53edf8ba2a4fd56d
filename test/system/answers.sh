#!/bin/bash
# The client against canned answers: what every list looks like, to the letter. `answers.sh --write` writes what comes out as the new truth.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

golden=$top/test/golden/client
python3 "$top/test/system/fake_daemon.py" "$WEFT_ROOT/run/api.sock" "$golden/answers.json" >"$WEFT_ROOT/asked" &
fake=$!
clean_up_more() { kill "$fake" 2>/dev/null; }
within 5 test -S "$WEFT_ROOT/run/api.sock" || { echo "0 passed, 1 failed"; exit 1; }

# Runs a line of words as arguments of weft; prints what comes out and the status.
run_line() {
	local -a words
	eval "words=($1)"
	"$weft" "${words[@]}" 2>&1 </dev/null
	echo "= $?"
}
if [ "${1:-}" = --write ]; then
	grep '^\$ ' "$golden/script" | sed 's/^\$ //' >"$WEFT_ROOT/lines"
	{
		head -1 "$golden/script"
		while IFS= read -r line; do
			echo "\$ $line"
			run_line "$line"
		done <"$WEFT_ROOT/lines"
	} >"$WEFT_ROOT/new" && cp "$WEFT_ROOT/new" "$golden/script" && cp "$WEFT_ROOT/asked" "$golden/asked"
	exit
fi
same() { diff <(awk -v line="\$ $1" '$0 == line { inside = 1; next } inside { print } /^= / { inside = 0 }' "$golden/script") <(run_line "$1"); }
while IFS= read -r line; do
	check "weft $line" same "$line"
done < <(grep '^\$ ' "$golden/script" | sed 's/^\$ //')
check "what was asked" diff "$golden/asked" "$WEFT_ROOT/asked"
finish
