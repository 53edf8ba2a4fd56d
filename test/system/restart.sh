#!/bin/bash
# What happens to machines that end by themselves: `restart: never`, `on-failure` and `always`, also when the process vm dies meanwhile.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

cat >"$WEFT_ROOT.again.weft.yaml" <<'E2'
version: 1
name: again
networks:
  lan: { ipv4: 10.1.0.0/24, dhcp: true }
vms:
  stays: { image: builtin:tiny, nics: [lan] }
  fails: { image: builtin:tiny, nics: [lan], restart: on-failure }
  comes: { image: builtin:tiny, nics: [lan], restart: always }
E2
clean_up_more() { rm -f "$WEFT_ROOT.again.weft.yaml"; }
state_is() { "$weft" queue ls -j | python3 -c '
import json, sys
sys.exit(not any(v["name"] == sys.argv[1] and v["state"] == sys.argv[2] for v in json.load(sys.stdin)))' "$1" "$2"; }
power_off() { in_guest "$1" "(sleep 1; poweroff -f) >/dev/null 2>&1 </dev/null &"; }
# Another hypervisor process than $2.
runs_anew() { state_is "$1" running && [ "$(hypervisor "$1")" != "$2" ]; }

must "the lab comes up" "$weft" up "$WEFT_ROOT.again.weft.yaml"
fails=$(hypervisor fails)
check "two hypervisors die" kill -9 "$fails" "$(hypervisor stays)"
check "by default a machine stays failed" within 20 state_is stays failed
check "with on-failure it is started again" within 40 runs_anew fails "$fails"

comes=$(hypervisor comes)
check "two guests shut themselves down" power_off comes
check "the second, too" power_off fails
check "with always it is started again" within 60 runs_anew comes "$comes"
check "with on-failure it isn't" within 20 state_is fails stopped

check "a machine is stopped by hand" "$weft" vm kill comes
check "kill -9 of the process vm" kill -9 "$(number vm)"
check "the failed one stays so" within 20 state_is stays failed
check "the one that shut down stays so" state_is fails stopped
sleep 3
check "the one that was stopped by hand stays so, whatever its policy" not state_is comes running
check "who is started by hand runs" "$weft" vm start stays
check "again" within 40 state_is stays running
check "down" "$weft" down again -y
check "nothing is left" within 15 nothing_left
finish
