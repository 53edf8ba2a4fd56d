# shellcheck shell=bash
# The lab of the tests that kill ctl while numbers are given. Sourced, not run.

# lab FIRST LAST [NETWORK]: networks from a pool, two routers in each: a subnet, two addresses and two MACs a network; and one more network.
lab() {
	local n r
	echo "version: 1"
	echo "name: crash"
	echo "pools: { lans: { ipv4: 10.64.0.0/16, prefix: 24, strategy: random, seed: 7, quarantine: 1s } }"
	echo "networks:"
	[ $# -lt 3 ] || echo "  $3"
	for n in $(seq "$1" "$2"); do echo "  n$n: { pool: lans }"; done
	echo "routers:"
	for r in 1 2; do
		echo "  r$r:"
		echo "    interfaces:"
		for n in $(seq "$1" "$2"); do echo "      n$n: n$n"; done
	done
}
