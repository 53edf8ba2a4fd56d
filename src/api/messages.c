/*
 * The table of messages: each struct's fields by name, and each type's row.
 *
 * Long because it is the one list of all messages but those of OSPF (messages_ospf.c).
 */
#include "api/message_fields.h"
#include "api/message_group.h"
#include "api/message_nat.h"

static const char *const process_names[] = {"super", "ctl", "switch", "route", "vm", "web"};
static const char *const network_kind_names[] = {"segment", "link"};
static const char *const port_kind_names[] = {"vhost", "tap"};
const char *const rip_auth_names[RIP_AUTH_NAMES] = {"none", "password", "md5", "sha1", "sha256", "sha384", "sha512"};
static const char *const route_protocol_names[] = {"connected", "static", "rip", "ospf", "bgp"};
static const char *const route_action_names[] = {"forward", "blackhole"};
static const char *const port_state_names[] = {"down", "connected", "up"};
static const char *const vm_action_names[] = {"start", "stop", "kill", "pause", "resume", "reset", "save", "restore"};
static const char *const vm_restart_names[] = {"never", "on-failure", "always"};
static const char *const vm_state_names[] = {
	"defined", "waiting", "starting", "running", "paused", "stopping", "stopped", "failed", "saved"};
static const char *const schedule_policy_names[] = {"fcfs", "rr", "priority", "priority-preemptive"};
static const char *const arp_state_names[] = {"incomplete", "reachable", "stale", "failed"};
static const char *const trace_verdict_names[] = {"goes-on", "delivered", "flooded", "taken", "waits", "dropped"};
static const char *const show_names[] = {"mac", "arp", "interfaces", "drops", "dhcp", "routes", "rip", "rip-neighbors", "ospf-neighbors",
	"ospf-interfaces", "ospf-database", "ospf-routes", "bgp", "bgp-neighbors", "vms", "queues", "processes", "connections", "groups",
	"nat", "nat-rules"};
static const char *const bgp_from_names[] = {"local", "external", "internal"};
static const char *const bgp_origin_names[] = {"IGP", "EGP", "incomplete"};
static const char *const bgp_session_names[] = {"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"};

_Static_assert(COUNT_OF(process_names) == PROCESS_COUNT, "a name for each");
_Static_assert(COUNT_OF(network_kind_names) == NETWORK_KIND_COUNT, "a name for each");
_Static_assert(COUNT_OF(port_kind_names) == PORT_KIND_COUNT, "a name for each");
_Static_assert(COUNT_OF(rip_auth_names) == RIP_AUTH_COUNT, "a name for each");
_Static_assert(COUNT_OF(route_protocol_names) == ROUTE_PROTOCOL_COUNT, "a name for each");
_Static_assert(COUNT_OF(route_action_names) == ROUTE_ACTION_COUNT, "a name for each");
_Static_assert(COUNT_OF(port_state_names) == PORT_STATE_COUNT, "a name for each");
_Static_assert(COUNT_OF(vm_action_names) == VM_ACTION_COUNT, "a name for each");
_Static_assert(COUNT_OF(vm_restart_names) == VM_RESTART_COUNT, "a name for each");
_Static_assert(COUNT_OF(vm_state_names) == VM_STATE_COUNT, "a name for each");
_Static_assert(COUNT_OF(schedule_policy_names) == SCHEDULE_POLICY_COUNT, "a name for each");
_Static_assert(COUNT_OF(arp_state_names) == ARP_STATE_COUNT, "a name for each");
_Static_assert(COUNT_OF(trace_verdict_names) == TRACE_VERDICT_COUNT, "a name for each");
_Static_assert(COUNT_OF(track_state_names) == TRACK_STATE_COUNT, "a name for each");
_Static_assert(COUNT_OF(show_names) == SHOW_COUNT, "a name for each");
_Static_assert(COUNT_OF(bgp_from_names) == BGP_FROM_COUNT, "a name for each");
_Static_assert(COUNT_OF(bgp_origin_names) == BGP_PATH_ORIGIN_COUNT, "a name for each");
_Static_assert(COUNT_OF(bgp_session_names) == BGP_SESSION_STATE_COUNT, "a name for each");

static const struct field id_fields[] = {FIELD(msg_id, id)};

static const struct field done_fields[] = {FIELD(msg_done, error), FIELD(msg_done, text)};

static const struct field peer_fields[] = {ENUM(msg_peer, process, process_names)};

static const struct field process_fields[] = {
	ENUM(msg_process, process, process_names),
	FIELD(msg_process, running),
	FIELD(msg_process, pid),
	FIELD(msg_process, restarts),
	FIELD(msg_process, started_wall_ns),
};

static const struct field open_tap_fields[] = {
	FIELD(msg_open_tap, port),
	FIELD(msg_open_tap, mtu),
	FIELD(msg_open_tap, name),
	FIELD(msg_open_tap, netns),
};

static const struct field open_router_netns_fields[] = {FIELD(msg_open_router_netns, router), FIELD(msg_open_router_netns, mtu)};

static const struct field open_router_socket_fields[] = {
	FIELD(msg_open_router_socket, router),
	FIELD(msg_open_router_socket, listen),
	FIELD(msg_open_router_socket, port),
	FIELD(msg_open_router_socket, local),
	FIELD(msg_open_router_socket, remote),
	SECRET(msg_open_router_socket, key),
};

static const struct field connect_vhost_fields[] = {
	FIELD(msg_connect_vhost, port), FIELD(msg_connect_vhost, listen), FIELD(msg_connect_vhost, socket)};

static const struct field keep_fields[] = {FIELD(msg_keep, port), FIELD(msg_keep, serial), FIELD(msg_keep, slot)};

/* Prefixes in a row: an element without a name is the value itself. */
static const struct field prefix_elements[] = {{.name = "", .kind = FIELD_PREFIX, .size = sizeof(struct prefix)}};

static const struct field impair_elements[] = {
	FIELD(msg_impair, from),
	FIELD(msg_impair, delay_us),
	FIELD(msg_impair, jitter_us),
	FIELD(msg_impair, loss_ppm),
	FIELD(msg_impair, corrupt_ppm),
	FIELD(msg_impair, duplicate_ppm),
	FIELD(msg_impair, reorder_ppm),
	FIELD(msg_impair, rate_bps),
};
static const struct field ip_elements[] = {{.name = "", .kind = FIELD_IP, .size = sizeof(struct ip)}};
static const struct field guest_route_elements[] = {FIELD(guest_route, to), FIELD(guest_route, via)};

static const struct field network_fields[] = {
	FIELD(msg_network, id),
	ENUM(msg_network, kind, network_kind_names),
	FIELD(msg_network, up),
	FIELD(msg_network, dhcp),
	FIELD(msg_network, mtu),
	ARRAY(msg_network, subnets, subnet_count, prefix_elements),
	FIELD(msg_network, dhcp_server),
	FIELD(msg_network, gateway),
	FIELD(msg_network, lease_s),
	ARRAY(msg_network, impair, impair_count, impair_elements),
	FIELD(msg_network, storm_limit),
	FIELD(msg_network, dns),
	ARRAY(msg_network, name_servers, name_server_count, ip_elements),
	ARRAY(msg_network, ntp_servers, ntp_server_count, ip_elements),
	ARRAY(msg_network, routes, route_count, guest_route_elements),
	FIELD(msg_network, next_server),
	FIELD(msg_network, bootfile),
	FIELD(msg_network, domain),
	FIELD(msg_network, path),
};

static const struct field u32_elements[] = {{.name = "", .kind = FIELD_U32, .size = sizeof(uint32_t)}};

static const struct field address_pair_elements[] = {FIELD(address_pair, mac), FIELD(address_pair, ip)};

static const struct field port_fields[] = {
	FIELD(msg_port, id),
	ENUM(msg_port, kind, port_kind_names),
	FIELD(msg_port, up),
	FIELD(msg_port, mtu),
	FIELD(msg_port, network),
	FIELD(msg_port, mac),
	FIELD(msg_port, ipv4),
	FIELD(msg_port, ipv6),
	FIELD(msg_port, hostname),
	FIELD(msg_port, tap_name),
	FIELD(msg_port, netns),
	FIELD(msg_port, socket),
	FIELD(msg_port, listen),
	FIELD(msg_port, path),
	ARRAY(msg_port, groups, group_count, u32_elements),
	ARRAY(msg_port, pairs, pair_count, address_pair_elements),
};

static const struct field group_fields[] = {
	FIELD(msg_group, id),
	FIELD(msg_group, page_count),
	FIELD(msg_group, version),
	FIELD(msg_group, path),
};

static const struct field group_rule_elements[] = {
	FIELD(group_rule, ingress),
	FIELD(group_rule, protocol),
	FIELD(group_rule, family),
	FIELD(group_rule, port_first),
	FIELD(group_rule, port_last),
	FIELD(group_rule, remote),
	FIELD(group_rule, group),
};

static const struct field group_rules_fields[] = {
	FIELD(msg_group_rules, id),
	FIELD(msg_group_rules, group),
	FIELD(msg_group_rules, version),
	FIELD(msg_group_rules, page),
	ARRAY(msg_group_rules, rules, rule_count, group_rule_elements),
};

static const struct field router_fields[] = {
	FIELD(msg_router, id), FIELD(msg_router, router_id), FIELD(msg_router, routes_max), FIELD(msg_router, path)};

static const struct field rif_fields[] = {
	FIELD(msg_rif, id),
	FIELD(msg_rif, router),
	FIELD(msg_rif, network),
	FIELD(msg_rif, up),
	FIELD(msg_rif, mtu),
	FIELD(msg_rif, mac),
	ARRAY(msg_rif, addresses, address_count, prefix_elements),
	FIELD(msg_rif, name),
	FIELD(msg_rif, path),
};

static const struct field static_route_fields[] = {
	FIELD(msg_static_route, id),
	FIELD(msg_static_route, router),
	FIELD(msg_static_route, prefix),
	FIELD(msg_static_route, nexthop),
	FIELD(msg_static_route, distance),
	FIELD(msg_static_route, blackhole),
};

const struct field redistribution_elements[REDISTRIBUTION_FIELDS] = {ENUM(redistribution, from, route_protocol_names),
	FIELD(redistribution, has_metric), FIELD(redistribution, metric), FIELD(redistribution, policy)};

static const struct field route_policy_fields[] = {
	FIELD(msg_route_policy, id), FIELD(msg_route_policy, path), BYTES(msg_route_policy, bytes, size)};

static const struct field rip_fields[] = {FIELD(msg_rip, id), FIELD(msg_rip, update_s), FIELD(msg_rip, timeout_s),
	FIELD(msg_rip, garbage_s), ARRAY(msg_rip, redistributions, redistribution_count, redistribution_elements),
	FIELD(msg_rip, default_originate)};

static const struct field rip_interface_fields[] = {
	FIELD(msg_rip_interface, id),
	FIELD(msg_rip_interface, router),
	FIELD(msg_rip_interface, passive),
	FIELD(msg_rip_interface, cost),
	ENUM(msg_rip_interface, auth, rip_auth_names),
	FIELD(msg_rip_interface, key_id),
	SECRET(msg_rip_interface, key),
};

static const struct field bgp_fields[] = {FIELD(msg_bgp, id), FIELD(msg_bgp, as), FIELD(msg_bgp, router_id), FIELD(msg_bgp, multipath),
	ARRAY(msg_bgp, redistributions, redistribution_count, redistribution_elements)};

static const struct field bgp_neighbor_fields[] = {
	FIELD(msg_bgp_neighbor, id),
	FIELD(msg_bgp_neighbor, router),
	FIELD(msg_bgp_neighbor, as),
	FIELD(msg_bgp_neighbor, address),
	FIELD(msg_bgp_neighbor, local),
	FIELD(msg_bgp_neighbor, local_ipv6),
	FIELD(msg_bgp_neighbor, hold_s),
	FIELD(msg_bgp_neighbor, prefixes_max),
	FIELD(msg_bgp_neighbor, ipv4),
	FIELD(msg_bgp_neighbor, ipv6),
	FIELD(msg_bgp_neighbor, import_all),
	FIELD(msg_bgp_neighbor, export_all),
	FIELD(msg_bgp_neighbor, import_policy),
	FIELD(msg_bgp_neighbor, export_policy),
	FIELD(msg_bgp_neighbor, next_hop_self),
	FIELD(msg_bgp_neighbor, reflector_client),
	FIELD(msg_bgp_neighbor, passive),
	SECRET(msg_bgp_neighbor, key),
};

static const struct field punt_rule_fields[] = {
	FIELD(msg_punt_rule, router),
	FIELD(msg_punt_rule, rif),
	FIELD(msg_punt_rule, protocol),
	FIELD(msg_punt_rule, add),
	FIELD(msg_punt_rule, port),
	FIELD(msg_punt_rule, group),
};

static const struct field packet_fields[] = {
	FIELD(msg_packet, router),
	FIELD(msg_packet, rif),
	FIELD(msg_packet, nexthop),
	BYTES(msg_packet, bytes, size),
};

const struct field nexthop_elements[NEXTHOP_FIELDS] = {FIELD(nexthop, ip), FIELD(nexthop, rif)};

static const struct field fib_entry_elements[] = {
	FIELD(fib_entry, prefix),
	FIELD(fib_entry, add),
	ENUM(fib_entry, action, route_action_names),
	ENUM(fib_entry, protocol, route_protocol_names),
	FIELD(fib_entry, distance),
	FIELD(fib_entry, metric),
	ARRAY(fib_entry, nexthops, nexthop_count, nexthop_elements),
};

static const struct field fib_fields[] = {FIELD(msg_fib, router), ARRAY(msg_fib, entries, count, fib_entry_elements)};

static const struct field fib_sync_fields[] = {FIELD(msg_fib_sync, router), FIELD(msg_fib_sync, begin)};

static const struct field rif_state_fields[] = {
	FIELD(msg_rif_state, rif), FIELD(msg_rif_state, router), FIELD(msg_rif_state, routes), FIELD(msg_rif_state, up)};

static const struct field port_state_fields[] = {
	FIELD(msg_port_state, port),
	ENUM(msg_port_state, state, port_state_names),
	FIELD(msg_port_state, error),
};

static const struct field leased_fields[] = {FIELD(msg_leased, port), FIELD(msg_leased, ip)};

static const struct field limit_fields[] = {FIELD(msg_limit, limit), FIELD(msg_limit, path), FIELD(msg_limit, value)};

static const struct field vm_nic_elements[] = {FIELD(vm_nic, port), FIELD(vm_nic, mtu), FIELD(vm_nic, up), FIELD(vm_nic, mac)};

/* Ids in a row: as prefix_elements. */
static const struct field id_elements[] = {{.name = "", .kind = FIELD_U32, .size = sizeof(uint32_t)}};

static const struct field vm_fields[] = {
	FIELD(msg_vm, id),
	FIELD(msg_vm, schedule),
	FIELD(msg_vm, run),
	FIELD(msg_vm, keep_disk),
	FIELD(msg_vm, cpus),
	FIELD(msg_vm, memory_mib),
	FIELD(msg_vm, priority),
	FIELD(msg_vm, estimate_s),
	FIELD(msg_vm, walltime_s),
	ENUM(msg_vm, restart, vm_restart_names),
	FIELD(msg_vm, uuid),
	FIELD(msg_vm, hostname),
	FIELD(msg_vm, image),
	FIELD(msg_vm, uri),
	FIELD(msg_vm, path),
	ARRAY(msg_vm, after, after_count, id_elements),
	ARRAY(msg_vm, nics, nic_count, vm_nic_elements),
};

static const struct field vm_do_fields[] = {
	FIELD(msg_vm_do, id),
	ENUM(msg_vm_do, action, vm_action_names),
	FIELD(msg_vm_do, timeout_s),
};

static const struct field vm_state_fields[] = {
	FIELD(msg_vm_state, id),
	ENUM(msg_vm_state, state, vm_state_names),
	FIELD(msg_vm_state, priority),
	FIELD(msg_vm_state, position),
	FIELD(msg_vm_state, queued),
	FIELD(msg_vm_state, pid),
	FIELD(msg_vm_state, expected_ms),
	FIELD(msg_vm_state, waiting_ns),
	FIELD(msg_vm_state, service_ns),
	FIELD(msg_vm_state, turnaround_ns),
	FIELD(msg_vm_state, arrived_wall_ns),
	FIELD(msg_vm_state, reason),
	FIELD(msg_vm_state, path),
};

static const struct field schedule_fields[] = {
	FIELD(msg_schedule, id),
	ENUM(msg_schedule, policy, schedule_policy_names),
	FIELD(msg_schedule, easy),
	FIELD(msg_schedule, release),
	FIELD(msg_schedule, max_starting),
	FIELD(msg_schedule, quantum_s),
	FIELD(msg_schedule, aging_s),
	FIELD(msg_schedule, cpus),
	FIELD(msg_schedule, memory_mib),
	FIELD(msg_schedule, overcommit_cpus),
	FIELD(msg_schedule, overcommit_memory),
	FIELD(msg_schedule, calm),
	FIELD(msg_schedule, path),
};

static const struct field row_queue_fields[] = {
	FIELD(row_queue, id),
	ENUM(row_queue, policy, schedule_policy_names),
	FIELD(row_queue, easy),
	FIELD(row_queue, release),
	FIELD(row_queue, max_starting),
	FIELD(row_queue, quantum_s),
	FIELD(row_queue, aging_s),
	FIELD(row_queue, cpus),
	FIELD(row_queue, memory_mib),
	FIELD(row_queue, cpus_given),
	FIELD(row_queue, memory_given_mib),
	FIELD(row_queue, waiting),
	FIELD(row_queue, starting),
	FIELD(row_queue, running),
	FIELD(row_queue, paused),
	FIELD(row_queue, calm),
	FIELD(row_queue, load),
	FIELD(row_queue, path),
};

static const struct field exec_fields[] = {FIELD(msg_exec, id), FIELD(msg_exec, timeout_s), FIELD(msg_exec, command)};

static const struct field exec_output_fields[] = {
	FIELD(msg_exec_output, exit_status),
	FIELD(msg_exec_output, truncated),
	BYTES(msg_exec_output, bytes, size),
};

static const struct field show_fields[] = {ENUM(msg_show, what, show_names), FIELD(msg_show, object)};

static const struct field capture_insn_elements[] = {
	FIELD(capture_insn, code), FIELD(capture_insn, jt), FIELD(capture_insn, jf), FIELD(capture_insn, k)};

static const struct field capture_fields[] = {
	FIELD(msg_capture, id),
	FIELD(msg_capture, snaplen),
	FIELD(msg_capture, name),
	ARRAY(msg_capture, insns, insn_count, capture_insn_elements),
};

static const struct field trace_fields[] = {
	FIELD(msg_trace, port),
	FIELD(msg_trace, router),
	FIELD(msg_trace, source),
	FIELD(msg_trace, destination),
	FIELD(msg_trace, protocol),
	FIELD(msg_trace, ttl),
	FIELD(msg_trace, source_port),
	FIELD(msg_trace, destination_port),
	FIELD(msg_trace, size),
};

static const struct field row_trace_fields[] = {
	FIELD(row_trace, step),
	ENUM(row_trace, verdict, trace_verdict_names),
	FIELD(row_trace, id),
	FIELD(row_trace, router),
	FIELD(row_trace, feature),
	FIELD(row_trace, text),
	FIELD(row_trace, reason),
	FIELD(row_trace, meaning),
	FIELD(row_trace, fix),
};

static const struct field row_mac_fields[] = {
	FIELD(row_mac, network),
	FIELD(row_mac, mac),
	FIELD(row_mac, port),
	FIELD(row_mac, is_static),
	FIELD(row_mac, age_s),
};

static const struct field row_arp_fields[] = {
	FIELD(row_arp, router),
	FIELD(row_arp, rif),
	FIELD(row_arp, ip),
	FIELD(row_arp, mac),
	ENUM(row_arp, state, arp_state_names),
	FIELD(row_arp, age_s),
};

static const struct field row_interface_fields[] = {
	FIELD(row_interface, id),
	FIELD(row_interface, is_router),
	FIELD(row_interface, up),
	FIELD(row_interface, mtu),
	FIELD(row_interface, network),
	FIELD(row_interface, mac),
	FIELD(row_interface, rx_packets),
	FIELD(row_interface, rx_bytes),
	FIELD(row_interface, rx_dropped),
	FIELD(row_interface, tx_packets),
	FIELD(row_interface, tx_bytes),
	FIELD(row_interface, tx_dropped),
	FIELD(row_interface, rx_bps),
	FIELD(row_interface, tx_bps),
	FIELD(row_interface, bandwidth_bps),
	FIELD(row_interface, throughput_bps),
};

static const struct field row_drop_fields[] = {
	FIELD(row_drop, id), FIELD(row_drop, packets), FIELD(row_drop, reason), FIELD(row_drop, text)};

static const struct field row_dhcp_fields[] = {
	FIELD(row_dhcp, network),
	FIELD(row_dhcp, port),
	FIELD(row_dhcp, mac),
	FIELD(row_dhcp, ip),
	FIELD(row_dhcp, remaining_s),
	FIELD(row_dhcp, hostname),
};

static const struct field row_connection_fields[] = {
	FIELD(row_connection, port),
	FIELD(row_connection, protocol),
	FIELD(row_connection, inbound),
	ENUM(row_connection, state, track_state_names),
	FIELD(row_connection, source),
	FIELD(row_connection, destination),
	FIELD(row_connection, source_port),
	FIELD(row_connection, destination_port),
	FIELD(row_connection, remaining_s),
	FIELD(row_connection, packets),
	FIELD(row_connection, reply_packets),
};

static const struct field row_group_fields[] = {
	FIELD(row_group, group),
	FIELD(row_group, ports),
	FIELD(row_group, ingress_rules),
	FIELD(row_group, egress_rules),
	FIELD(row_group, complete),
	FIELD(row_group, connections),
	FIELD(row_group, denied_in),
	FIELD(row_group, denied_out),
};

static const struct field row_route_fields[] = {
	FIELD(row_route, router),
	FIELD(row_route, prefix),
	ENUM(row_route, protocol, route_protocol_names),
	ENUM(row_route, action, route_action_names),
	FIELD(row_route, selected),
	FIELD(row_route, distance),
	FIELD(row_route, metric),
	FIELD(row_route, age_s),
	ARRAY(row_route, nexthops, nexthop_count, nexthop_elements),
};

static const struct field row_rip_fields[] = {
	FIELD(row_rip, router),
	FIELD(row_rip, prefix),
	FIELD(row_rip, nexthop),
	FIELD(row_rip, from),
	FIELD(row_rip, rif),
	FIELD(row_rip, tag),
	FIELD(row_rip, metric),
	FIELD(row_rip, timeout_s),
};

static const struct field row_rip_neighbor_fields[] = {
	FIELD(row_rip_neighbor, router),
	FIELD(row_rip_neighbor, rif),
	FIELD(row_rip_neighbor, ip),
	FIELD(row_rip_neighbor, age_s),
	FIELD(row_rip_neighbor, bad_packets),
	FIELD(row_rip_neighbor, bad_routes),
	FIELD(row_rip_neighbor, bad_auth),
};

static const struct field row_bgp_fields[] = {
	FIELD(row_bgp, router),
	FIELD(row_bgp, network),
	FIELD(row_bgp, nexthop),
	NAMED(row_bgp, peer, "peerId"),
	{.name = "pathFrom",
		.offset = offsetof(struct row_bgp, from),
		.kind = FIELD_ENUM,
		.size = 1,
		.limit = COUNT_OF(bgp_from_names),
		.names = bgp_from_names},
	ENUM(row_bgp, origin, bgp_origin_names),
	FIELD(row_bgp, valid),
	FIELD(row_bgp, bestpath),
	FIELD(row_bgp, filtered),
	FIELD(row_bgp, metric),
	NAMED(row_bgp, local_pref, "locPrf"),
	FIELD(row_bgp, weight),
	FIELD(row_bgp, path),
};

static const struct field row_bgp_neighbor_fields[] = {
	FIELD(row_bgp_neighbor, router),
	FIELD(row_bgp_neighbor, neighbor),
	NAMED(row_bgp_neighbor, router_id, "routerId"),
	NAMED(row_bgp_neighbor, remote_router_id, "remoteRouterId"),
	NAMED(row_bgp_neighbor, local_as, "localAs"),
	NAMED(row_bgp_neighbor, remote_as, "remoteAs"),
	ENUM(row_bgp_neighbor, state, bgp_session_names),
	FIELD(row_bgp_neighbor, policy),
	NAMED(row_bgp_neighbor, messages_received, "msgRcvd"),
	NAMED(row_bgp_neighbor, messages_sent, "msgSent"),
	NAMED(row_bgp_neighbor, updates_received, "updatesRecv"),
	NAMED(row_bgp_neighbor, updates_sent, "updatesSent"),
	NAMED(row_bgp_neighbor, prefixes_received, "pfxRcd"),
	NAMED(row_bgp_neighbor, prefixes_sent, "pfxSnt"),
	NAMED(row_bgp_neighbor, rib_count, "ribCount"),
	NAMED(row_bgp_neighbor, treated_as_withdraw, "treatedAsWithdraw"),
	NAMED(row_bgp_neighbor, uptime_ms, "peerUptimeMsec"),
	NAMED(row_bgp_neighbor, dropped, "connectionsDropped"),
	NAMED(row_bgp_neighbor, hold_s, "holdTime"),
	NAMED(row_bgp_neighbor, last_error, "lastNotificationReason"),
};

static const struct message_row message_rows[MSG_TYPE_COUNT] = {
	ROW(DONE, msg_done, done_fields),
	EMPTY(SYNC_BEGIN, msg_sync),
	EMPTY(SYNC_END, msg_sync),

	ROW(PEER, msg_peer, peer_fields),
	EMPTY(READY, msg_none),
	EMPTY(SHUTDOWN, msg_none),
	ROW(OPEN_TAP, msg_open_tap, open_tap_fields),
	ROW(CONNECT_VHOST, msg_connect_vhost, connect_vhost_fields),
	ROW(CLOSE_VHOST, msg_id, id_fields),
	ROW(OPEN_ROUTER_NETNS, msg_open_router_netns, open_router_netns_fields),
	ROW(OPEN_ROUTER_SOCKET, msg_open_router_socket, open_router_socket_fields),
	ROW(CLOSE_ROUTER_NETNS, msg_id, id_fields),
	EMPTY(OPENED, msg_none),
	ROW(KEEP, msg_keep, keep_fields),
	ROW(KEPT, msg_keep, keep_fields),
	ROW(FORGET, msg_keep, keep_fields),
	EMPTY(FORGET_UNASKED, msg_none),
	ROW(PROCESS_CHANGED, msg_process, process_fields),

	ROW(NETWORK_SET, msg_network, network_fields),
	ROW(NETWORK_DEL, msg_id, id_fields),
	ROW(GROUP_SET, msg_group, group_fields),
	ROW(GROUP_DEL, msg_id, id_fields),
	TAIL(GROUP_RULES_SET, msg_group_rules, group_rules_fields),
	ROW(GROUP_RULES_DEL, msg_id, id_fields),
	ROW(PORT_SET, msg_port, port_fields),
	ROW(PORT_DEL, msg_id, id_fields),
	ROW(ROUTER_SET, msg_router, router_fields),
	ROW(ROUTER_DEL, msg_id, id_fields),
	ROW(RIF_SET, msg_rif, rif_fields),
	ROW(RIF_DEL, msg_id, id_fields),
	TAIL(NAT_SET, msg_nat, nat_fields),
	ROW(NAT_DEL, msg_id, id_fields),

	ROW(STATIC_ROUTE_SET, msg_static_route, static_route_fields),
	ROW(STATIC_ROUTE_DEL, msg_id, id_fields),
	TAIL(ROUTE_POLICY_SET, msg_route_policy, route_policy_fields),
	ROW(ROUTE_POLICY_DEL, msg_id, id_fields),
	ROW(RIP_SET, msg_rip, rip_fields),
	ROW(RIP_DEL, msg_id, id_fields),
	ROW(RIP_INTERFACE_SET, msg_rip_interface, rip_interface_fields),
	ROW(RIP_INTERFACE_DEL, msg_id, id_fields),
	ROW(OSPF_DEL, msg_id, id_fields),
	ROW(OSPF_INTERFACE_DEL, msg_id, id_fields),
	ROW(BGP_SET, msg_bgp, bgp_fields),
	ROW(BGP_DEL, msg_id, id_fields),
	ROW(BGP_NEIGHBOR_SET, msg_bgp_neighbor, bgp_neighbor_fields),
	ROW(BGP_NEIGHBOR_DEL, msg_id, id_fields),

	ROW(PUNT_RULE, msg_punt_rule, punt_rule_fields),
	TAIL(PUNT, msg_packet, packet_fields),
	TAIL(INJECT, msg_packet, packet_fields),
	TAIL(FIB_BATCH, msg_fib, fib_fields),
	ROW(FIB_SYNC, msg_fib_sync, fib_sync_fields),
	ROW(RIF_CHANGED, msg_rif_state, rif_state_fields),

	ROW(PORT_CHANGED, msg_port_state, port_state_fields),
	ROW(LEASED, msg_leased, leased_fields),
	ROW(LIMIT_REACHED, msg_limit, limit_fields),

	ROW(VM_SET, msg_vm, vm_fields),
	ROW(VM_DEL, msg_id, id_fields),
	ROW(VM_DO, msg_vm_do, vm_do_fields),
	ROW(VM_CHANGED, msg_vm_state, vm_state_fields),
	ROW(SCHEDULE_SET, msg_schedule, schedule_fields),
	ROW(SCHEDULE_DEL, msg_id, id_fields),
	ROW(CONSOLE_OPEN, msg_id, id_fields),
	ROW(EXEC, msg_exec, exec_fields),
	TAIL(EXEC_OUTPUT, msg_exec_output, exec_output_fields),

	ROW(SHOW, msg_show, show_fields),
	TAIL(CAPTURE, msg_capture, capture_fields),
	ROW(TRACE, msg_trace, trace_fields),
	ROW(ROW_MAC, row_mac, row_mac_fields),
	ROW(ROW_ARP, row_arp, row_arp_fields),
	ROW(ROW_INTERFACE, row_interface, row_interface_fields),
	ROW(ROW_DROP, row_drop, row_drop_fields),
	ROW(ROW_DHCP, row_dhcp, row_dhcp_fields),
	ROW(ROW_ROUTE, row_route, row_route_fields),
	ROW(ROW_RIP, row_rip, row_rip_fields),
	ROW(ROW_RIP_NEIGHBOR, row_rip_neighbor, row_rip_neighbor_fields),
	ROW(ROW_BGP, row_bgp, row_bgp_fields),
	ROW(ROW_BGP_NEIGHBOR, row_bgp_neighbor, row_bgp_neighbor_fields),
	ROW(ROW_VM, msg_vm_state, vm_state_fields),
	ROW(ROW_QUEUE, row_queue, row_queue_fields),
	ROW(ROW_PROCESS, msg_process, process_fields),
	ROW(ROW_TRACE, row_trace, row_trace_fields),
	ROW(ROW_CONNECTION, row_connection, row_connection_fields),
	ROW(ROW_GROUP, row_group, row_group_fields),
	ROW(ROW_NAT, row_nat, row_nat_fields),
	ROW(ROW_NAT_RULE, row_nat_rule, row_nat_rule_fields),
};

const struct message_row *message_row(unsigned type)
{
	return type < MSG_TYPE_COUNT && message_rows[type].name != NULL ? &message_rows[type] : ospf_message_row(type);
}

const char *process_name(enum process_id process) { return (unsigned)process < PROCESS_COUNT ? process_names[process] : "?"; }
