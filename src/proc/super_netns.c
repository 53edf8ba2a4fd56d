/* Making routers' namespaces and their sockets; see super_netns.h. */
#include "proc/super_netns.h"

#include "base/check.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUN_NAME "weft0"
#define LISTEN_BACKLOG 64

static bool is_ipv6(struct ip ip) { return ip.family == IP_V6; }
static int family_of(struct ip ip) { return is_ipv6(ip) ? AF_INET6 : AF_INET; }

/* A request to rtnetlink: one message with attributes. */
struct request {
	struct nlmsghdr head;
	union {
		struct ifaddrmsg address;
		struct rtmsg route;
	} body;
	uint8_t attributes[128];
};

static void request_add(struct request *request, unsigned short type, const void *bytes, size_t size)
{
	struct rtattr *attribute = (struct rtattr *)(void *)((uint8_t *)request + NLMSG_ALIGN(request->head.nlmsg_len));

	CHECK(NLMSG_ALIGN(request->head.nlmsg_len) + RTA_SPACE(size) <= sizeof(*request));
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), bytes, size);
	request->head.nlmsg_len = NLMSG_ALIGN(request->head.nlmsg_len) + (uint32_t)RTA_SPACE(size);
}

/* Sends the request and reads the kernel's answer: 0 or a negative errno; what is there already is no error. */
static int request_do(struct request *request)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), error = -EPROTO;

	if (fd < 0)
		return -errno;
	request->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	if (send(fd, request, request->head.nlmsg_len, 0) < 0)
		error = -errno;
	else if (recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer) && answer.head.nlmsg_type == NLMSG_ERROR)
		error = answer.error.error == -EEXIST ? 0 : answer.error.error;
	(void)close(fd);
	return error;
}

static int add_address(struct ip ip, unsigned device)
{
	struct request request = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .nlmsg_type = RTM_NEWADDR}};

	request.body.address.ifa_family = (unsigned char)family_of(ip);
	request.body.address.ifa_prefixlen = (unsigned char)ip_bits(ip.family);
	request.body.address.ifa_flags = is_ipv6(ip) ? IFA_F_NODAD : 0;
	request.body.address.ifa_index = device;
	request_add(&request, IFA_LOCAL, ip.bytes, is_ipv6(ip) ? 16 : 4);
	return request_do(&request);
}

static int add_default_route(int family, unsigned device)
{
	struct request request = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_NEWROUTE}};
	uint32_t out = device;

	request.body.route.rtm_family = (unsigned char)family;
	request.body.route.rtm_table = RT_TABLE_MAIN;
	request.body.route.rtm_protocol = RTPROT_STATIC;
	request.body.route.rtm_scope = RT_SCOPE_LINK;
	request.body.route.rtm_type = RTN_UNICAST;
	request_add(&request, RTA_OIF, &out, sizeof(out));
	return request_do(&request);
}

/* As an ordinary user a namespace of users goes with it, in which we may make devices. */
static int enter_new_netns(struct err *err)
{
	if (unshare(CLONE_NEWNET) == 0 || (errno == EPERM && unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0))
		return 0;
	return err_set(err, -errno, "can't make a network namespace: %s", strerror(errno));
}

static int device_up(struct ifreq *ifr, uint16_t mtu, struct err *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return err_set(err, -errno, "can't configure a TUN: %s", strerror(errno));
	ifr->ifr_mtu = mtu;
	if (mtu != 0 && ioctl(fd, SIOCSIFMTU, ifr) != 0)
		error = -errno;
	ifr->ifr_flags = IFF_UP;
	if (error == 0 && ioctl(fd, SIOCSIFFLAGS, ifr) != 0)
		error = -errno;
	(void)close(fd);
	if (error == 0)
		error = add_default_route(AF_INET, if_nametoindex(ifr->ifr_name));
	if (error == 0)
		(void)add_default_route(AF_INET6, if_nametoindex(ifr->ifr_name)); /* a kernel may have no IPv6 */
	return error == 0 ? 0 : err_set(err, error, "can't configure a TUN: %s", strerror(-error));
}

int router_netns_make(const struct msg_open_router_netns *order, struct err *err)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = TUN_NAME};
	int fd, error = enter_new_netns(err);

	if (error != 0)
		return error;
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "can't open /dev/net/tun: %s",
			errno == ENOENT || errno == ENODEV ? "load the kernel module tun" : strerror(errno));
	/* A device that outlives its descriptor goes with its namespace, in the background: closing it otherwise takes 30 ms. */
	if (ioctl(fd, TUNSETIFF, &ifr) != 0 || ioctl(fd, TUNSETPERSIST, 1UL) != 0)
		error = err_set(err, -errno, "can't make a TUN: %s", strerror(errno));
	if (error == 0)
		error = device_up(&ifr, order->mtu, err);
	if (error != 0) {
		(void)close(fd);
		return error;
	}
	return fd;
}

int router_netns_of(int tun)
{
	int fd = ioctl(tun, SIOCGSKNS);

	return fd >= 0 ? fd : -errno;
}

/* Into the namespace; where we may not, first into the namespace of users that owns it. */
static int enter_netns(int netns, struct err *err)
{
	int users;

	if (setns(netns, CLONE_NEWNET) == 0)
		return 0;
	users = ioctl(netns, NS_GET_USERNS);
	if (users >= 0 && setns(users, CLONE_NEWUSER) == 0 && setns(netns, CLONE_NEWNET) == 0)
		return 0;
	return err_set(err, -errno, "can't enter the router's network namespace: %s", strerror(errno));
}

static socklen_t address_fill(struct sockaddr_storage *out, struct ip ip, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;

	memset(out, 0, sizeof(*out));
	if (is_ipv6(ip)) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, ip.bytes, 16);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	memcpy(&in->sin_addr, ip.bytes, 4);
	return sizeof(*in);
}

/* RFC 2385: segments to and from that address carry a digest with the key. */
static int set_key(int fd, struct ip remote, const char *key)
{
	struct tcp_md5sig sig = {.tcpm_keylen = (uint16_t)strlen(key)};
	struct sockaddr_storage address;

	if (sig.tcpm_keylen == 0)
		return 0;
	(void)address_fill(&address, remote, 0);
	memcpy(&sig.tcpm_addr, &address, sizeof(address));
	memcpy(sig.tcpm_key, key, sig.tcpm_keylen);
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig)) == 0 ? 0 : -errno;
}

static int socket_ready(int fd, const struct msg_open_router_socket *order)
{
	const int one = 1;
	struct sockaddr_storage address;
	socklen_t size = address_fill(&address, order->local, order->listen ? order->port : 0);
	int error = set_key(fd, order->remote, order->key);

	if (error != 0)
		return error;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&address, size) != 0)
		return -errno;
	if (order->listen)
		return listen(fd, LISTEN_BACKLOG) == 0 ? 0 : -errno;
	size = address_fill(&address, order->remote, order->port);
	return connect(fd, (const struct sockaddr *)&address, size) == 0 || errno == EINPROGRESS ? 0 : -errno;
}

int router_socket_make(int netns, const struct msg_open_router_socket *order, struct err *err)
{
	int fd, error = enter_netns(netns, err);

	if (error != 0)
		return error;
	error = add_address(order->local, if_nametoindex(TUN_NAME));
	if (error != 0)
		return err_set(err, error, "can't give the router its address: %s", strerror(-error));
	fd = socket(family_of(order->local), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, -errno, "can't make a socket: %s", strerror(errno));
	error = socket_ready(fd, order);
	if (error != 0) {
		(void)close(fd);
		return err_set(err, error, "can't %s: %s", order->listen ? "listen" : "connect", strerror(-error));
	}
	return fd;
}
