#!/bin/bash
# Needs root. A hostile guest puts bad states into its rings and requests while two good ones of the same network exchange frames through the
# same switch: none of theirs is lost, the switch stays, the attack is counted by name. STATES=1000000 is the long run (make hostile).
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"

states=${STATES:-4000}
lab=$(mktemp /tmp/weft-hostile.XXXXXX)
clean_up_more() { rm -f "$lab"; }
sockets=$WEFT_ROOT/run/ports
cat >"$lab" <<'EOT'
version: 1
name: hostile
networks:
  lan: { ipv4: 10.5.0.0/24 }
ports:
  a: { network: lan, vhost-user: a, mode: server }
  b: { network: lan, vhost-user: b, mode: server }
  evil: { network: lan, vhost-user: evil, mode: server }
EOT
memory_kib() { sed -n 's/^RssAnon: *\([0-9]*\) kB/\1/p' "/proc/$1/status"; }
attack() { "$build/test/hostile/hostile_guest" "$sockets/a" "$sockets/b" "$sockets/evil" "$@" | tail -3; }
counted() { "$weft" show drops | grep -w evil | grep -qw "$1"; }
grew_little() {
	local now
	now=$(memory_kib "$(number switch)")
	echo "from $before kB to $now kB"
	[ $((now - before)) -lt 10240 ]
}

must "the lab comes up" "$weft" up "$lab"
switch=$(number switch)
must "the sockets are there" within 10 test -S "$sockets/evil"
check "a first attack" attack 500
before=$(memory_kib "$switch")
must "no frame of the good guests is lost in $states bad states" attack "$states" ${SEED:+"$SEED"}
attack 200 >&3; "$weft" show drops >&3
check "it is the same switch" test "$(number switch)" = "$switch"
check "its memory stays" grew_little
for reason in desc_index desc_loop desc_address desc_indirect; do check "the attack is counted by name: $reason" counted $reason; done
must "the lab is removed" "$weft" down hostile -y
check "nothing is left" within 30 nothing_left
finish
