#!/bin/bash
# Needs root. Real clients behind TAP ports whose MAC the lab's file says: busybox udhcpc, ISC dhclient (DHCPv4 and DHCPv6), Linux's own SLAAC, dig; a rogue server; a storm of clients.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/system/spaces.bash
. "$(dirname "$0")/spaces.bash"
for tool in udhcpc dhclient dig; do
	command -v $tool >/dev/null || { echo "there is no $tool"; exit 77; }
done

make_spaces a b

cat >"$WEFT_ROOT/clients.weft.yaml" <<EOT
version: 1
name: clients
networks:
  lan:
    ipv4: 10.1.0.0/24
    ipv6: "2001:db8:1::/64"
    dhcp: true
    dns: true
    mtu: 1400
    lease: 600s
    exclude: [10.1.0.11-10.1.0.19]
    ntp-servers: [10.1.0.2]
    dhcp-routes: ["10.77.0.0/16 via 10.1.0.1"]
    next-server: 10.1.0.3
    bootfile: pxelinux.0
routers:
  gw: { interfaces: { lan: { network: lan, ipv4: 10.1.0.1, ipv6: "2001:db8:1::1" } } }
ports:
  a: { network: lan, tap: tap0, netns: $(space a), mac: "52:54:00:00:0a:0a" }
  b: { network: lan, tap: tap0, netns: $(space b), mac: "52:54:00:00:0b:0b", ipv4: 10.1.0.99 }
EOT

# A script for udhcpc that sets address and default route, and keeps what it was told.
cat >"$WEFT_ROOT/udhcpc.sh" <<'EOT'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
ip route add default via "$router"
set >"$0.told"
EOT
chmod +x "$WEFT_ROOT/udhcpc.sh"

tap_up() { in_space "$1" ip link set tap0 address "$2" && in_space "$1" ip link set tap0 up; }
# dig's answer as one word.
asks() { in_space a dig +short +time=2 +tries=2 "$@" | tr '\n' ' '; }
dropped() { "$weft" show drops -o json | grep -q "\"$1\""; }

must "the lab comes up" "$weft" up "$WEFT_ROOT/clients.weft.yaml"
must "the TAPs are there" within 10 in_space b ip link show tap0
in_space a sysctl -qw net.ipv6.conf.tap0.accept_ra=2 net.ipv6.conf.tap0.accept_dad=0
check "hosts get their MACs" eval 'tap_up a 52:54:00:00:0a:0a && tap_up b 52:54:00:00:0b:0b'

check "busybox udhcpc gets an address" in_space a busybox udhcpc -f -q -n -i tap0 -t 5 -T 1 -O mtu -O ntpsrv -O staticroutes -s "$WEFT_ROOT/udhcpc.sh"
check "the first one that is not excluded" says "inet 10.1.0.20/24" in_space a ip -4 addr show dev tap0
check "and is told of the MTU" says "mtu='1400'" cat "$WEFT_ROOT/udhcpc.sh.told"
check "of the time server" says "ntpsrv='10.1.0.2'" cat "$WEFT_ROOT/udhcpc.sh.told"
check "of a route" says "10.77.0.0/16 10.1.0.1" cat "$WEFT_ROOT/udhcpc.sh.told"
check "of what to boot" says "pxelinux.0" cat "$WEFT_ROOT/udhcpc.sh.told"
check "of the name server and the lab's domain" says "dns='10.1.0.1'" cat "$WEFT_ROOT/udhcpc.sh.told"
check "the router answers it" in_space a ping -n -c 2 -i 0.2 -W 2 10.1.0.1
check "ISC dhclient gets the address that the file says" says "bound to 10.1.0.99" in_space b timeout 20 dhclient -4 -1 -v -cf /dev/null \
	-lf "$WEFT_ROOT/b.leases" -pf "$WEFT_ROOT/b.pid" -sf /bin/true tap0
check "weft show dhcp has the one" says 10.1.0.20 "$weft" show dhcp
check "and the other" says 10.1.0.99 "$weft" show dhcp

check "SLAAC: an address from the advertisement" within 10 says "2001:db8:1:0:5054:ff:fe00:a0a/64" in_space a ip -6 addr show dev tap0
check "with the router as the default route" says "default via fe80::" in_space a ip -6 route show default
check "the router answers by IPv6" within 10 in_space a ping -n -c 1 -W 2 2001:db8:1::1
check "ISC dhclient gets the same by DHCPv6" says "2001:db8:1:0:5054:ff:fe00:a0a" in_space a timeout 20 dhclient -6 -1 -v \
	-cf /dev/null -lf "$WEFT_ROOT/a6.leases" -pf "$WEFT_ROOT/a6.pid" -sf /bin/true tap0

check "a name has its address" says 10.1.0.99 asks @10.1.0.1 b.clients
check "so has the router's" says 10.1.0.1 asks @10.1.0.1 gw.clients
check "and its IPv6 address" says 2001:db8:1:0:5054:ff:fe00:b0b asks @10.1.0.1 b.clients AAAA
check "an address has its name" says b.clients. asks @10.1.0.1 -x 10.1.0.99
check "a name outside of the lab is refused" says REFUSED in_space a dig +time=2 +tries=1 @10.1.0.1 example.org
check "a name that isn't there is said so" says NXDOMAIN in_space a dig +time=2 +tries=1 @10.1.0.1 nobody.clients

# A DHCP server and a router in a guest: neither reaches the other one.
cat >"$WEFT_ROOT/rogue.py" <<'EOT'
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("tap0", 0))
mac = bytes.fromhex("525400000a0a")
def ip4(payload, src, dst):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, 17, 0, src, dst)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[12:] + payload
offer = b"\2\1\6\0" + bytes(232) + b"\x63\x82\x53\x63\x35\1\2\xff" + bytes(60)
udp = struct.pack("!HHHH", 67, 68, 8 + len(offer), 0) + offer
s.send(b"\xff" * 6 + mac + b"\x08\0" + ip4(udp, bytes([10, 1, 0, 20]), b"\xff" * 4))
link_local = bytes.fromhex("fe80000000000000505400fffe000a0a")
ra = b"\x86\0\0\0\x40\0\x07\x08" + bytes(8)
s.send(bytes.fromhex("333300000001") + mac + b"\x86\xdd" + b"\x60\0\0\0" + struct.pack("!H", len(ra)) + b"\x3a\xff" + link_local +
    bytes.fromhex("ff020000000000000000000000000001") + ra)
EOT
check "a rogue server and router speak" in_space a python3 "$WEFT_ROOT/rogue.py"
check "the DHCP server is not heard" within 5 dropped rogue_dhcp
check "nor is the router" within 5 dropped rogue_router

# Who asks whether an address is in use hears the truth.
free() { in_space a busybox arping -D -q -c 2 -w 3 -I tap0 "$1"; }
in_use6() { in_space a ip -6 addr show dev tap0 | grep -F "$1" | grep -qF dadfailed; }
check "the router's address is in use" not free 10.1.0.1
check "a free one is not" free 10.1.0.201
in_space a sysctl -qw net.ipv6.conf.tap0.accept_dad=1
check "Linux gives itself the router's IPv6 address" in_space a ip -6 addr add 2001:db8:1::1/64 dev tap0
check "and finds that it is in use" within 10 in_use6 2001:db8:1::1
in_space a ip -6 addr del 2001:db8:1::1/64 dev tap0

check "no number is held twice or by nobody" "$weft" pool check
end_in_spaces
check "the lab goes" "$weft" down clients -y
rm -f "$WEFT_ROOT"/*.yaml "$WEFT_ROOT"/udhcpc.sh* "$WEFT_ROOT"/rogue.py "$WEFT_ROOT"/*.leases "$WEFT_ROOT"/*.pid
check "nothing is left" within 30 nothing_left
finish
