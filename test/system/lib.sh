# shellcheck shell=bash
# What the system tests share: a place of their own, checks that count, cleaning up, the daemon's processes, what must not be left behind.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-$top/build}
weft=$build/src/weft
[ -x "$weft" ] || { echo "there is no $weft: run make first"; echo "0 passed, 1 failed"; exit 1; }
# A network of the test's own, and a list of named namespaces of its own, where that can be had: what others do to the host's devices meanwhile is
# not our lab's doing, and tests can run beside each other.
if [ -z "${WEFT_TEST_NETNS:-}" ] && unshare --net --mount true 2>/dev/null; then
	# shellcheck disable=SC2016
	WEFT_TEST_NETNS=1 exec unshare --net --mount -- sh -c 'mkdir -p /run/netns && mount -t tmpfs netns /run/netns && exec "$0" "$@"' "$0" "$@"
fi
ip link set lo up 2>/dev/null
passed=0
failed=0
# What a check measured goes here, past the check's own catching of output.
exec 3>&1
processes="guard super ctl switch route vm"

# Everything of the daemon lies here. The cache (QEMU's capabilities, the tiny guest) is shared by all tests of one user.
WEFT_ROOT=$(mktemp -d /tmp/weft-test.XXXXXX)
export WEFT_ROOT
unset NO_COLOR WEFT_LOG
cache=${WEFT_TEST_CACHE:-/tmp/weft-test-cache.$(id -u)}
mkdir -p "$cache" && ln -s "$cache" "$WEFT_ROOT/cache"

namespaces_before=$(ip netns list 2>/dev/null | sort)
links_before=$(ip -o link 2>/dev/null | sed 's/^[0-9]*: //; s/[:@].*//' | sort)

# The numbers of our daemon's processes $1, oldest first. A jailed process hides its environment; then its parent's is looked at.
numbers() {
	local pid parent
	for pid in $(pgrep -fx "weftd --process $1"); do
		parent=$(ps -o ppid= -p "$pid" | tr -d ' ')
		grep -qzx "WEFT_ROOT=$WEFT_ROOT" "/proc/$pid/environ" "/proc/$parent/environ" 2>/dev/null && echo "$pid"
	done
}

# The number of the one at work: of the switch there is a younger spare, too.
number() { numbers "$1" | head -1; }

# Numbers of all processes that belong to this test: the daemon's, and hypervisors, whose command line names our folder.
our_processes() {
	local name
	for name in $processes; do numbers "$name"; done
	pgrep -f "qemu.*$WEFT_ROOT"
}

clean_up() {
	trap - EXIT
	local pid
	[ ! -e "$WEFT_ROOT/run" ] || timeout 60 "$weft" down --all -y -q >/dev/null 2>&1
	for _ in 1 2; do
		for pid in $(our_processes); do kill -9 "$pid" 2>/dev/null; done
	done
	type clean_up_more >/dev/null 2>&1 && clean_up_more
	[ -z "${KEEP:-}" ] && rm -rf "$WEFT_ROOT"
	true
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# check TEXT COMMAND...: one assertion; what the command says is shown when it fails.
check() {
	local text=$1 output
	shift
	if output=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok    $text"
	else
		failed=$((failed + 1))
		echo "FAIL  $text: $*"
		printf '%s\n' "$output" | tail -20 | sed 's/^/      /'
		[ -n "${quiet_log:-}" ] || tail -5 "$WEFT_ROOT/run/weftd.log" 2>/dev/null | sed 's/^/      log: /'
		return 1
	fi
}

# must TEXT COMMAND...: a check without which the rest makes no sense.
must() { check "$@" || finish; }

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

# within SECONDS COMMAND...: tries until it succeeds.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# status N COMMAND...: the command ends with this exit status.
status() {
	local want=$1 got
	shift
	"$@"
	got=$?
	[ "$got" = "$want" ] || { echo "exit status $got, not $want"; return 1; }
}

not() { ! "$@"; }

# says TEXT COMMAND...: the command's output (both streams) has the text.
says() {
	local text=$1 output
	shift
	output=$("$@" 2>&1)
	printf '%s\n' "$output"
	printf '%s\n' "$output" | grep -qF -- "$text"
}

# in_guest VM COMMAND...: runs a command in a guest.
in_guest() {
	local vm=$1
	shift
	"$weft" vm exec --timeout "${guest_timeout:-60}" "$vm" -- "$*"
}

# The first address of a machine.
address() { "$weft" ps -o json | python3 -c '
import json, sys
print(next(n["ipv4"].split("/")[0] for v in json.load(sys.stdin) if v["name"] == sys.argv[1] for n in v["nics"] if n.get("ipv4")))' "$1"; }
mac() { "$weft" ps -o json | python3 -c '
import json, sys
print(next(n["mac"] for v in json.load(sys.stdin) if v["name"] == sys.argv[1] for n in v["nics"]))' "$1"; }
hypervisor() { "$weft" ps -o json | python3 -c '
import json, sys
print(next(v["pid"] for v in json.load(sys.stdin) if v["name"] == sys.argv[1]))' "$1"; }

# One ping must be answered, or none may be.
reaches() { in_guest "$1" "ping -c 1 -W 2 $2"; }
reaches_not() { not in_guest "$1" "ping -c 2 -W 1 $2"; }

# After down: no process, socket, namespace, device or file of ours. Only the cache stays.
nothing_left() {
	local left
	left=$(
		for pid in $(our_processes); do echo "process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"; done
		find "$WEFT_ROOT" -mindepth 1 -not -path "$WEFT_ROOT/cache*" 2>/dev/null
		grep -F "$WEFT_ROOT" /proc/net/unix
		comm -13 <(echo "$namespaces_before") <(ip netns list 2>/dev/null | sort)
		comm -13 <(echo "$links_before") <(ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | sort)
	)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}
