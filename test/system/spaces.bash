# shellcheck shell=bash
# Hosts for system tests: network namespaces, into which a lab's TAPs go. Sourced after lib.sh, not run.

[ "$(id -u)" = 0 ] || { echo "this needs root"; exit 77; }
spaces=

# The name of a host's namespace.
space() { echo "weft-$1-$$"; }

# in_space NAME COMMAND...: runs a command on the host.
in_space() { ip netns exec "$(space "$1")" "${@:2}"; }

# Ends what runs on the hosts.
end_in_spaces() {
	local name
	for name in $spaces; do ip netns pids "$(space "$name")" 2>/dev/null | xargs -r kill 2>/dev/null; done
}

clean_up_more() {
	local name
	end_in_spaces
	for name in $spaces; do ip netns del "$(space "$name")" 2>/dev/null; done
}

# make_spaces NAME...: the hosts of this test, which are none of what it may leave behind.
make_spaces() {
	local name
	spaces="$*"
	for name in $spaces; do
		ip netns add "$(space "$name")"
		ip -n "$(space "$name")" link set lo up
	done
	namespaces_before=$(ip netns list 2>/dev/null | sort)
}
