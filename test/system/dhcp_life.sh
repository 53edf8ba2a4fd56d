#!/bin/bash
# Needs root. The life of a lease, with a lease of 10 s: busybox udhcpc, ISC dhclient, dhcpcd and systemd-networkd get addresses, renew and rebind
# them, give them back and refuse them, by DHCPv4 and DHCPv6; whatever they do, they have the address that the pool gave them.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/system/spaces.bash
. "$(dirname "$0")/spaces.bash"
networkd=/lib/systemd/systemd-networkd
for tool in udhcpc dhclient dhcpcd tcpdump $networkd; do
	command -v "$tool" >/dev/null || { echo "there is no $tool"; exit 77; }
done

# One client in each: udhcpc, ISC dhclient, dhcpcd, networkd, dhclient for IPv6.
clients="udhcpc isc dhcpcd networkd isc6"
declare -A mac=([udhcpc]=52:54:00:00:0a:01 [isc]=52:54:00:00:0a:02 [dhcpcd]=52:54:00:00:0a:03 [networkd]=52:54:00:00:0a:04 [isc6]=52:54:00:00:0a:05)
# shellcheck disable=SC2086 # a list of words
make_spaces $clients

cat >"$WEFT_ROOT/life.weft.yaml" <<EOT
version: 1
name: life
networks:
  lan: { ipv4: 10.6.0.0/24, ipv6: "2001:db8:6::/64", dhcp: true, dns: true, mtu: 1400, lease: 10s }
routers:
  gw: { interfaces: { lan: { network: lan, ipv4: 10.6.0.1, ipv6: "2001:db8:6::1" } } }
ports:
$(for name in $clients; do echo "  $name: { network: lan, tap: tap0, netns: $(space "$name"), mac: \"${mac[$name]}\" }"; done)
EOT

# Sets what it is told by udhcpc or dhclient, and keeps it in FILE.REASON.
cat >"$WEFT_ROOT/hook" <<'EOT'
#!/bin/sh
reason=${reason:-$1}
set >"$0.${interface}.$reason"
case $reason in
bound) ip addr replace "$ip/$mask" dev "$interface"; ip route replace default via "$router" ;;
BOUND) ip addr replace "$new_ip_address/$new_subnet_mask" dev "$interface"; ip route replace default via "$new_routers" ;;
BOUND6) ip addr replace "$new_ip6_address/$new_ip6_prefixlen" dev "$interface" nodad ;;
esac
EOT
chmod +x "$WEFT_ROOT/hook"
# A script for ISC dhclient that finds the address in use, so that it is declined.
# shellcheck disable=SC2016 # for the script itself
printf '#!/bin/sh\n[ "$reason" != BOUND ]\n' >"$WEFT_ROOT/refuse"
chmod +x "$WEFT_ROOT/refuse"

hook_of() { ln -sf hook "$WEFT_ROOT/hook-$1" && echo "$WEFT_ROOT/hook-$1"; }
told() { cat "$WEFT_ROOT/hook-$1.tap0.$2"; }
# A client's packets, told at length: DHCPv4 as "Request", DHCPv6 as "dhcp6 request".
listen() { in_space "$1" tcpdump -l -n -v -i tap0 'port 67 or port 547 or port 546' >"$WEFT_ROOT/$1.packets" 2>/dev/null & }
spoke() { grep -qE "$2" "$WEFT_ROOT/$1.packets"; }
count() { grep -cE "$2" "$WEFT_ROOT/$1.packets"; }
more_than() { [ "$(count "$1" "$2")" -gt "$3" ]; }
# The host's address, and whether the pools say that it is that host's; what it holds by DHCP.
address_of() { in_space "$1" ip -o "$2" addr show dev tap0 scope global | sed -n 's|.* inet6\? \([0-9a-f.:]*\)/.*|\1|p' | head -1; }
has_own() {
	local ip
	ip=$(address_of "$1" -4)
	[ -n "$ip" ] && says "life/$1" "$weft" pool show --why "$ip"
}
# The address that its MAC makes.
has_own6() { in_space "$1" ip -6 -o addr show dev tap0 scope global | grep -F " 2001:db8:6:0:5054:ff:fe00:a0${mac[$1]: -1}/"; }
# holds FAMILY NAME...: each of them has its address by DHCP.
holds() {
	local family=$1 leases name ip
	shift
	leases=$("$weft" show dhcp)
	printf '%s\n' "$leases"
	for name in "$@"; do
		ip=$(address_of "$name" "$family")
		printf '%s\n' "$leases" | grep -qE " ${ip:-none} .*${mac[$name]}" || { echo "$name does not hold '$ip'"; return 1; }
	done
}
routed() { in_space "$1" ip route show default | grep "via 10.6.0.1 dev tap0"; }
pid_of() { ip netns pids "$(space "$1")" | while read -r pid; do grep -qa "$2" "/proc/$pid/cmdline" && echo "$pid"; done | head -1; }
# The lease that networkd keeps in a file.
keeps() { nsenter -t "$(pid_of networkd systemd-networkd)" -m cat /run/systemd/netif/leases/2 | grep -xF "$1"; }

must "the lab comes up" "$weft" up "$WEFT_ROOT/life.weft.yaml"
must "the TAPs are there" within 10 in_space isc6 ip link show tap0
for name in $clients; do
	in_space "$name" sysctl -qw net.ipv6.conf.tap0.accept_dad=0
	in_space "$name" ip link set tap0 down
	in_space "$name" ip link set tap0 address "${mac[$name]}"
	in_space "$name" ip link set tap0 up
	listen "$name"
done
within 10 test -s "$WEFT_ROOT/isc6.packets"


# All begin at once and go on by themselves. dhcpcd and networkd want places of their own.
in_space udhcpc busybox udhcpc -f -i tap0 -t 5 -T 1 -R -O mtu -O lease -s "$(hook_of udhcpc)" >/dev/null 2>&1 &
printf 'request subnet-mask, routers, domain-name-servers, domain-name, interface-mtu, dhcp-lease-time;\n' >"$WEFT_ROOT/isc.conf"
in_space isc dhclient -4 -d -cf "$WEFT_ROOT/isc.conf" -lf "$WEFT_ROOT/isc.leases" -pf "$WEFT_ROOT/isc.pid" -sf "$(hook_of isc)" tap0 >/dev/null 2>&1 &
in_space isc6 dhclient -6 -d -cf /dev/null -lf "$WEFT_ROOT/isc6.leases" -pf "$WEFT_ROOT/isc6.pid" -sf "$(hook_of isc6)" tap0 >/dev/null 2>&1 &

cat >"$WEFT_ROOT/dhcpcd.conf" <<EOT
option domain_name_servers, domain_name, interface_mtu, routers
duid ll
slaac hwaddr
script $(hook_of dhcpcd)
noarp
ia_na
EOT
in_space dhcpcd unshare --mount sh -c 'mount -t tmpfs none /run && mount -t tmpfs none /var/lib/dhcpcd && exec "$@"' sh \
	dhcpcd -B -f "$WEFT_ROOT/dhcpcd.conf" tap0 >"$WEFT_ROOT/dhcpcd.log" 2>&1 &

printf '[Match]\nName=tap0\n[Network]\nDHCP=yes\n' >"$WEFT_ROOT/networkd.network"
# shellcheck disable=SC2016 # for the inner shell
in_space networkd unshare --mount sh -c 'mount -t tmpfs none /run && mount -t tmpfs none /etc/systemd/network &&
	mkdir -p /run/systemd/network /run/systemd/netif/leases /run/systemd/netif/links /run/systemd/netif/lldp &&
	cp "$0" /run/systemd/network/tap0.network && chmod a+r /run/systemd/network/* && chown -R systemd-network: /run/systemd/netif &&
	mount -o remount,bind,ro /sys && exec "$@"' "$WEFT_ROOT/networkd.network" $networkd >"$WEFT_ROOT/networkd.log" 2>&1 &

for name in udhcpc isc dhcpcd networkd; do
	check "$name has the address that the pool says, by DHCPv4" within 10 has_own $name
	check "and the router as its default route" within 5 routed $name
done
for name in isc6 dhcpcd networkd; do check "$name has the IPv6 address that its MAC makes" within 10 has_own6 $name; done
check "weft show dhcp has those of DHCPv4" within 5 holds -4 udhcpc isc dhcpcd networkd
check "and those of DHCPv6" within 10 holds -6 isc6 dhcpcd networkd
check "udhcpc was told of MTU, name server, domain, lease" eval 'says "mtu='"'1400'"'" told udhcpc bound && says "dns='"'10.6.0.1'"'" told udhcpc bound &&
	says "domain='"'life'"'" told udhcpc bound && says "lease='"'10'"'" told udhcpc bound'
check "so was dhclient" eval 'says "new_interface_mtu='"'1400'"'" told isc BOUND && says "new_domain_name_servers='"'10.6.0.1'"'" told isc BOUND &&
	says "new_domain_name='"'life'"'" told isc BOUND && says "new_dhcp_lease_time='"'10'"'" told isc BOUND'
check "and dhcpcd" eval 'says "new_interface_mtu='"'1400'"'" told dhcpcd BOUND && says "new_domain_name_servers='"'10.6.0.1'"'" told dhcpcd BOUND &&
	says "new_domain_name='"'life'"'" told dhcpcd BOUND && says "new_dhcp_lease_time='"'10'"'" told dhcpcd BOUND'
check "and networkd" eval 'keeps MTU=1400 && keeps DNS=10.6.0.1 && keeps DOMAINNAME=life && keeps LIFETIME=10'
check "and dhclient by DHCPv6" eval 'says "new_dhcp6_name_servers='"'fe80::"'" told isc6 BOUND6 && says "new_dhcp6_domain_search='"'life."'" told isc6 BOUND6'
check "dhcpcd heard the name server and the MTU from the router" eval 'says "nd1_mtu='"'1400'"'" told dhcpcd ROUTERADVERT && says nd1_rdnss1_servers= told dhcpcd ROUTERADVERT'

# After half of the lease all renew, by unicast; udhcpc has lost its way to the server, and asks when and as it likes: mostly by broadcast.
check "udhcpc loses its way to the server" in_space udhcpc ip route add blackhole 10.6.0.1/32
check "dhclient renews" within 10 spoke isc '10\.6\.0\.[0-9]*\.68 > 10\.6\.0\.1\.67'
check "dhcpcd renews" within 10 spoke dhcpcd '10\.6\.0\.[0-9]*\.68 > 10\.6\.0\.1\.67'
check "networkd renews" within 10 spoke networkd '10\.6\.0\.[0-9]*\.68 > 10\.6\.0\.1\.67'
check "dhclient renews its IPv6 address" within 10 spoke isc6 'dhcp6 renew'
check "which is answered" within 5 test -e "$WEFT_ROOT/hook-isc6.tap0.RENEW6"
check "udhcpc asks for its address again" within 25 spoke udhcpc '10\.6\.0\.[0-9]*\.68 > (255\.255\.255\.255|10\.6\.0\.1)\.67'
check "which is answered, and the address stays" within 10 holds -4 udhcpc || grep -E "length 1:|>|Client-IP" "$WEFT_ROOT/udhcpc.packets"
check "all still have the pool's addresses" holds -4 udhcpc isc dhcpcd networkd

# What is given back isn't held any more; what is refused is counted and given again.
isc=$(address_of isc -4) isc6=$(address_of isc6 -6)
check "udhcpc ends" kill "$(pid_of udhcpc udhcpc)"
check "and gives its address back" within 5 spoke udhcpc 'length 1: Release'
in_space isc dhclient -4 -r -cf /dev/null -lf "$WEFT_ROOT/isc.leases" -pf "$WEFT_ROOT/isc.pid" -sf /bin/true tap0 >/dev/null 2>&1
check "dhclient gives its address back" within 5 not says " $isc " "$weft" show dhcp
in_space isc6 dhclient -6 -r -cf /dev/null -lf "$WEFT_ROOT/isc6.leases" -pf "$WEFT_ROOT/isc6.pid" -sf /bin/true tap0 >/dev/null 2>&1
check "and its IPv6 address" within 5 not says " $isc6 " "$weft" show dhcp
in_space isc timeout 3 dhclient -4 -1 -cf /dev/null -lf "$WEFT_ROOT/refused.leases" -pf "$WEFT_ROOT/refused.pid" -sf "$WEFT_ROOT/refuse" tap0 >/dev/null 2>&1
check "dhclient refuses an address" within 5 spoke isc 'length 1: Decline'
check "which is counted" within 5 says dhcp_declined "$weft" show drops
check "dhclient gets the same address again" says "bound to $isc" in_space isc timeout 20 dhclient -4 -1 -v -cf /dev/null \
	-lf "$WEFT_ROOT/again.leases" -pf "$WEFT_ROOT/isc.pid" -sf /bin/true tap0

check "no number is held twice or by nobody" "$weft" pool check
end_in_spaces
check "the lab goes" "$weft" down life -y
find "$WEFT_ROOT" -mindepth 1 -maxdepth 1 -type f -delete -o -mindepth 1 -maxdepth 1 -name 'hook*' -delete
check "nothing is left" within 30 nothing_left
finish
