/* What the OSPF engine sends: packets filled up to the interface's MTU, authenticated, given to the ways out. */
#include "route/ospf/ospf_engine.h"

#define IP_HEADER_BYTES 20
#define MTU_LEAST 576
#define REQUEST_BYTES 12
#define DESCRIPTION_HEAD_BYTES 8

static size_t digest_room(const struct ospf_auth *auth) { return auth->kind == OSPF_AUTH_CRYPTO ? digest_size(auth->digest) : 0; }

/* Bytes that packets of this interface may have behind their header. */
static size_t body_room(const struct ospf_interface *interface)
{
	size_t mtu = interface->mtu < MTU_LEAST ? MTU_LEAST : interface->mtu;

	return mtu - IP_HEADER_BYTES - OSPF_HEADER_BYTES - digest_room(&interface->settings.auth);
}

/* Begins a packet with room for `body_bytes` behind the header. */
static struct writer output_begin(struct ospf_interface *interface, enum ospf_packet_type type, size_t body_bytes)
{
	struct ospf *ospf = interface->ospf;
	struct writer w =
		writer_over(ospf_store_packet(ospf->store), OSPF_HEADER_BYTES + body_bytes + digest_room(&interface->settings.auth));

	ospf_packet_begin(&w, type, ospf->settings.router_id, interface->area->id);
	return w;
}

struct writer ospf_output_begin(struct ospf_interface *interface, enum ospf_packet_type type)
{
	return output_begin(interface, type, body_room(interface));
}

void ospf_output_end(struct ospf_interface *interface, struct writer *w, uint32_t destination)
{
	struct ospf *ospf = interface->ospf;
	uint32_t sequence = ospf->wall_s + (uint32_t)(instant_diff(ospf->now, ospf->started).ns / 1000000000);
	struct ospf_datagram datagram = {interface->rif, interface->address, destination, w->start, 0};

	ospf_packet_end(w, &interface->settings.auth, sequence);
	CHECK(writer_ok(w));
	datagram.size = writer_used(w);
	ospf->ops->send(ospf->context, &datagram);
}

void ospf_send_hello(struct ospf_interface *interface)
{
	const struct ospf_interface_settings *settings = &interface->settings;
	struct writer w = ospf_output_begin(interface, OSPF_HELLO);
	const struct ospf_neighbor *neighbor;
	size_t digest = digest_room(&settings->auth);
	struct ospf_hello hello = {
		.mask = interface->mask,
		.hello_s = settings->hello_s,
		.options = ospf_interface_options(interface),
		.priority = settings->priority,
		.dead_s = settings->dead_s,
		.designated = interface->designated,
		.backup = interface->backup,
	};

	ospf_hello_write(&w, &hello);
	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		if (neighbor->state >= OSPF_NB_INIT && writer_room(&w) >= 4 + digest)
			writer_u32(&w, neighbor->router_id);
	ospf_output_end(interface, &w, OSPF_ALL_ROUTERS);
}

static void header_write(struct writer *w, const struct ospf_lsa_header *header)
{
	writer_u16(w, header->age_s);
	writer_u8(w, header->options);
	writer_u8(w, header->type);
	writer_u32(w, header->id);
	writer_u32(w, header->router);
	writer_u32(w, (uint32_t)header->sequence);
	writer_u16(w, header->checksum);
	writer_u16(w, header->bytes);
}

/* RFC 2328 10.8: what `sent_first` says is the next to describe; `sent_count` are told by this packet. */
void ospf_send_description(struct ospf_neighbor *neighbor)
{
	struct ospf_interface *interface = neighbor->interface;
	struct writer w = ospf_output_begin(interface, OSPF_DATABASE);
	struct ospf_database database = {
		.mtu_bytes = interface->mtu,
		.options = ospf_interface_options(interface) | OSPF_OPTION_O,
		.sequence = neighbor->exchange_sequence,
	};
	unsigned room = (unsigned)((body_room(interface) - DESCRIPTION_HEAD_BYTES) / OSPF_LSA_HEADER_BYTES);
	unsigned left = neighbor->summary_count - neighbor->sent_first;

	neighbor->sent_count = neighbor->state == OSPF_NB_EX_START ? 0 : left < room ? left : room;
	if (neighbor->state == OSPF_NB_EX_START)
		database.flags = OSPF_DATABASE_INIT | OSPF_DATABASE_MORE | OSPF_DATABASE_MASTER;
	else
		database.flags =
			(uint8_t)((neighbor->sent_count < left ? OSPF_DATABASE_MORE : 0) | (neighbor->master ? OSPF_DATABASE_MASTER : 0));
	neighbor->sent_flags = database.flags;
	ospf_database_write(&w, &database);
	for (unsigned i = 0; i < neighbor->sent_count; i++)
		header_write(&w, &neighbor->summary[neighbor->sent_first + i]);
	ospf_output_end(interface, &w, neighbor->address);
}

void ospf_send_requests(struct ospf_neighbor *neighbor)
{
	struct ospf_interface *interface = neighbor->interface;
	struct writer w = ospf_output_begin(interface, OSPF_REQUEST);
	unsigned room = (unsigned)(body_room(interface) / REQUEST_BYTES);
	const struct ospf_want *want;

	neighbor->asked = 0;
	list_each (want, &neighbor->wants, struct ospf_want, in_neighbor) {
		if (neighbor->asked == room)
			break;
		writer_u32(&w, want->header.type);
		writer_u32(&w, want->header.id);
		writer_u32(&w, want->header.router);
		neighbor->asked++;
	}
	ospf_output_end(interface, &w, neighbor->address);
}

void ospf_send_acks(struct ospf_interface *interface, uint32_t destination, const struct ospf_lsa_header *headers, unsigned count)
{
	unsigned room = (unsigned)(body_room(interface) / OSPF_LSA_HEADER_BYTES);

	for (unsigned at = 0; at < count;) {
		struct writer w = ospf_output_begin(interface, OSPF_ACK);

		for (unsigned i = 0; i < room && at < count; i++)
			header_write(&w, &headers[at++]);
		ospf_output_end(interface, &w, destination);
	}
}

/* Writes an LSA with its age as it will be at the other end. */
static void entry_write(struct writer *w, const struct ospf_entry *entry, struct instant now)
{
	uint16_t age = ospf_entry_age(entry, now);

	age = age + OSPF_TRANSMIT_DELAY_S < OSPF_MAX_AGE_S ? (uint16_t)(age + OSPF_TRANSMIT_DELAY_S) : OSPF_MAX_AGE_S;
	writer_u16(w, age);
	writer_bytes(w, entry->blob->bytes + 2, entry->blob->size - 2U);
}

void ospf_send_update(struct ospf_interface *interface, uint32_t destination, struct ospf_entry *const *entries, unsigned count)
{
	struct ospf *ospf = interface->ospf;
	size_t room = body_room(interface);

	for (unsigned at = 0; at < count;) {
		size_t used = 4, least = used + entries[at]->blob->size;
		uint16_t packed = 0;
		struct writer w;

		if (entries[at]->blob->size > OSPF_LSA_BYTES_MAX) {
			ospf->ops->limit_reached(ospf->context, "ospf LSA bytes", OSPF_LSA_BYTES_MAX);
			at++;
			continue;
		}
		w = output_begin(interface, OSPF_UPDATE, least > room ? least : room);
		writer_u32(&w, 0);
		for (; at < count && (packed == 0 || used + entries[at]->blob->size <= room); at++, packed++) {
			used += entries[at]->blob->size;
			entry_write(&w, entries[at], ospf->now);
		}
		writer_patch_u16(&w, OSPF_HEADER_BYTES + 2, packed);
		ospf_output_end(interface, &w, destination);
	}
}
