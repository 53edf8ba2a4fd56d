#!/bin/bash
# A machine's memory goes to disk and comes back: what ran in the guest runs on, its network works, whatever died meanwhile.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

lab=$WEFT_ROOT.saved.weft.yaml
cat >"$lab" <<'L'
version: 1
name: saved
networks:
  lan: { ipv4: 10.1.0.0/24, dhcp: true }
vms:
  a: { image: builtin:tiny, nics: [lan] }
  b: { image: builtin:tiny, nics: [lan] }
L
clean_up_more() { rm -f "$lab"; }
state_is() { "$weft" queue ls -j | python3 -c '
import json, sys
sys.exit(not any(v["name"] == sys.argv[1] and v["state"] == sys.argv[2] for v in json.load(sys.stdin)))' "$1" "$2"; }
count() { in_guest a "cat /tmp/count"; }
counts_on() { [ "$(count)" -gt "$1" ]; }
# Seconds from the order to the first answered ping.
restored_in() {
	local from
	from=$(date +%s%N)
	"$weft" vm restore a || return 1
	within 30 state_is a running || return 1
	echo "      restored after $((($(date +%s%N) - from) / 1000000)) ms" >&3
}

must "the lab comes up" "$weft" up "$lab"
check "both have their addresses" within 60 reaches b "$(address a)"
check "something runs in the guest" in_guest a "(i=0; while sleep 0.2; do i=\$((i+1)); echo \$i >/tmp/count; done) >/dev/null 2>&1 </dev/null &"
sleep 2
before=$(count)
qemu=$(hypervisor a)
check "it is saved" "$weft" vm save a
check "and says so" state_is a saved
check "its hypervisor is gone" within 10 not kill -0 "$qemu"
check "it can't be stopped" status 1 "$weft" vm stop a
check "kill -9 of the process vm" kill -9 "$(number vm)"
check "it is still saved" within 20 state_is a saved
check "the other one still runs" within 20 state_is b running
check "it is restored" restored_in
check "what ran in it runs on" within 30 counts_on "$before"
check "it reaches the other one" within 20 reaches a "$(address b)"
check "and is reached" within 20 reaches b "$(address a)"
check "it is saved again" "$weft" vm save a
check "and thrown away" "$weft" vm kill a
check "which is stopped" within 10 state_is a stopped
check "down" "$weft" down saved -y
check "nothing is left" within 15 nothing_left
finish
