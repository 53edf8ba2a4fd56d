#!/bin/bash
# The demo lab as an ordinary user: no root, no TAP, nothing of the system touched. As root the test makes itself a throw-away user.
set -u

if [ "$(id -u)" = 0 ] && [ -z "${WEFT_TEST_USER:-}" ]; then
	user=wefttest$$
	useradd --system --create-home --home-dir "/tmp/$user" --shell /bin/bash "$user" || exit 77
	trap 'pkill -9 -U "$user"; sleep 0.3; userdel -r "$user" 2>/dev/null; rm -rf "/tmp/weft-test-cache-$user"' EXIT
	trap 'exit 1' INT TERM HUP
	# The tree may be where the user can't look; it gets copies of what it runs.
	top=$(cd "$(dirname "$0")/../.." && pwd)
	build=${BUILD:-$top/build}
	install -d -o "$user" "/tmp/$user/tree/build/src"
	cp -r "$top/test" "$top/examples" "/tmp/$user/tree/"
	cp "$build/src/weft" "$build/src/weftd" "/tmp/$user/tree/build/src/"
	[ ! -d "$build/guest" ] || cp -r "$build/guest" "/tmp/$user/tree/build/"
	chown -R "$user" "/tmp/$user"
	setpriv --reuid "$user" --regid "$user" --clear-groups --reset-env env HOME="/tmp/$user" WEFT_TEST_USER="$user" \
		WEFT_TEST_CACHE="/tmp/weft-test-cache-$user" PATH="$PATH" "/tmp/$user/tree/test/system/user.sh"
	exit
fi
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

lab=$top/examples/demo.weft.yaml
must "weft up as $(id -un)" "$weft" up "$lab"
check "the tests hold" "$weft" test demo
check "a1 reaches b1" reaches a1 "$(address b1)"
check "four hypervisors and the daemon run" test "$(our_processes | wc -l)" -ge 9
check "no process of the lab is root's" test -z "$(for pid in $(our_processes); do ps -o uid= -p "$pid"; done | grep -x ' *0')"
check "weft down" "$weft" down -y demo
check "nothing is left" within 10 nothing_left
finish
