/* Link state advertisements: reading with every check, writing, which of two is newer. */
#include "route/ospf/ospf_lsa.h"

/*
 * Theory of operation. An LSA is its 20-byte header and a body by type. Its Fletcher checksum (RFC 2328 12.1.7, RFC 905 annex B) covers all
 * but the age, which changes on the way. Everything is checked once, when an LSA comes in, so that the shortest path computation reads
 * bodies without looking: counts match lengths, masks are masks. Opaque LSAs (RFC 5250) are passed as they are.
 */
enum { AT_AGE = 0, AT_SUMMED = 2, AT_CHECKSUM = 16, AT_LENGTH = 18 };

const char *const ospf_lsa_fault_names[OSPF_LSA_FAULT_COUNT] = {
	[OSPF_LSA_GOOD] = "good",
	[OSPF_LSA_SHORT] = "ospf_lsa_short",
	[OSPF_LSA_CHECKSUM] = "ospf_lsa_checksum",
	[OSPF_LSA_TYPE] = "ospf_lsa_type",
	[OSPF_LSA_BODY] = "ospf_lsa_body",
};

struct fletcher {
	uint32_t c0, c1;
};

static struct fletcher fletcher_of(const uint8_t *bytes, size_t size)
{
	struct fletcher f = {0, 0};

	for (size_t i = 0; i < size; i++) {
		f.c0 = (f.c0 + bytes[i]) % 255;
		f.c1 = (f.c1 + f.c0) % 255;
	}
	return f;
}

static bool checksum_good(const uint8_t *lsa, size_t bytes)
{
	struct fletcher f = fletcher_of(lsa + AT_SUMMED, bytes - AT_SUMMED);

	return f.c0 == 0 && f.c1 == 0 && (lsa[AT_CHECKSUM] != 0 || lsa[AT_CHECKSUM + 1] != 0);
}

/* The two bytes that make both sums zero; the field itself is zero when this is called. */
static uint16_t checksum_make(const uint8_t *lsa, size_t bytes)
{
	struct fletcher f = fletcher_of(lsa + AT_SUMMED, bytes - AT_SUMMED);
	int64_t behind = (int64_t)bytes - AT_CHECKSUM - 1; /* bytes behind the first of the two */
	int64_t x = (behind * f.c0 - f.c1) % 255, y;

	if (x <= 0)
		x += 255;
	y = 510 - (int64_t)f.c0 - x;
	if (y > 255)
		y -= 255;
	return (uint16_t)(x << 8 | y);
}

void ospf_lsa_header_read(struct reader *r, struct ospf_lsa_header *header)
{
	header->age_s = reader_u16(r);
	header->options = reader_u8(r);
	header->type = reader_u8(r);
	header->id = reader_u32(r);
	header->router = reader_u32(r);
	header->sequence = (int32_t)reader_u32(r);
	header->checksum = reader_u16(r);
	header->bytes = reader_u16(r);
}

uint8_t ospf_router_flags(struct reader *body, uint16_t *links)
{
	uint8_t flags = reader_u8(body);

	reader_skip(body, 1);
	*links = reader_u16(body);
	return flags;
}

bool ospf_link_read(struct reader *body, struct ospf_link *link)
{
	uint8_t tos;

	if (reader_left(body) == 0)
		return false;
	link->id = reader_u32(body);
	link->data = reader_u32(body);
	link->type = reader_u8(body);
	tos = reader_u8(body);
	link->metric = reader_u16(body);
	reader_skip(body, (size_t)tos * 4); /* metrics by TOS: obsolete */
	return reader_ok(body);
}

void ospf_link_write(struct writer *w, const struct ospf_link *link)
{
	writer_u32(w, link->id);
	writer_u32(w, link->data);
	writer_u8(w, link->type);
	writer_u8(w, 0);
	writer_u16(w, link->metric);
}

void ospf_far_route_read(struct reader body, uint8_t type, struct ospf_far_route *route)
{
	bool external = type == OSPF_LSA_EXTERNAL || type == OSPF_LSA_NSSA;

	*route = (struct ospf_far_route){.mask = reader_u32(&body)};
	route->type_2 = (reader_u8(&body) & 0x80) != 0 && external;
	route->metric = reader_u24(&body);
	if (external) {
		route->forward = reader_u32(&body);
		route->tag = reader_u32(&body);
	}
}

static bool router_good(struct reader body, uint32_t id, uint32_t router)
{
	struct ospf_link link;
	uint16_t count, found = 0;

	ospf_router_flags(&body, &count);
	while (ospf_link_read(&body, &link)) {
		if (link.type == OSPF_LINK_STUB && !ospf_mask_good(link.data))
			return false;
		found++;
	}
	return reader_done(&body) && found == count && id == router;
}

static enum ospf_lsa_fault body_check(const struct ospf_lsa *lsa)
{
	size_t bytes = reader_left(&lsa->body);
	struct ospf_far_route far;
	struct reader body = lsa->body;
	bool good;

	switch (lsa->header.type) {
	case OSPF_LSA_ROUTER:
		good = router_good(body, lsa->header.id, lsa->header.router);
		break;
	case OSPF_LSA_NETWORK:
		good = bytes >= 8 && bytes % 4 == 0 && ospf_mask_good(reader_u32(&body));
		break;
	case OSPF_LSA_SUMMARY:
	case OSPF_LSA_SUMMARY_ASBR:
		ospf_far_route_read(body, lsa->header.type, &far);
		good = bytes >= 8 && bytes % 4 == 0 && (lsa->header.type == OSPF_LSA_SUMMARY_ASBR || ospf_mask_good(far.mask));
		break;
	case OSPF_LSA_EXTERNAL:
	case OSPF_LSA_NSSA:
		ospf_far_route_read(body, lsa->header.type, &far);
		good = bytes >= 16 && (bytes - 4) % 12 == 0 && ospf_mask_good(far.mask);
		break;
	case OSPF_LSA_OPAQUE_LINK:
	case OSPF_LSA_OPAQUE_AREA:
	case OSPF_LSA_OPAQUE_AS:
		good = true;
		break;
	default:
		return OSPF_LSA_TYPE;
	}
	return good ? OSPF_LSA_GOOD : OSPF_LSA_BODY;
}

enum ospf_lsa_fault ospf_lsa_read(struct reader *r, struct ospf_lsa *lsa)
{
	const uint8_t *start = r->at;
	struct reader head = *r;

	ospf_lsa_header_read(&head, &lsa->header);
	lsa->body = reader_sub(r, reader_ok(&head) ? lsa->header.bytes : OSPF_LSA_HEADER_BYTES);
	if (reader_left(&lsa->body) < OSPF_LSA_HEADER_BYTES) {
		r->failed = true;
		r->at = r->end;
		return OSPF_LSA_SHORT;
	}
	reader_skip(&lsa->body, OSPF_LSA_HEADER_BYTES);
	if (!checksum_good(start, lsa->header.bytes))
		return OSPF_LSA_CHECKSUM;
	return body_check(lsa);
}

size_t ospf_lsa_begin(struct writer *w, const struct ospf_lsa_header *header)
{
	size_t start = writer_used(w);

	writer_u16(w, header->age_s);
	writer_u8(w, header->options);
	writer_u8(w, header->type);
	writer_u32(w, header->id);
	writer_u32(w, header->router);
	writer_u32(w, (uint32_t)header->sequence);
	writer_u16(w, 0);
	writer_u16(w, 0);
	return start;
}

void ospf_lsa_end(struct writer *w, size_t start)
{
	size_t bytes = writer_used(w) - start;

	if (!writer_ok(w))
		return;
	writer_patch_u16(w, start + AT_LENGTH, (uint16_t)bytes);
	writer_patch_u16(w, start + AT_CHECKSUM, checksum_make(w->start + start, bytes));
}

int ospf_lsa_compare(const struct ospf_lsa_header *a, const struct ospf_lsa_header *b)
{
	int apart = (int)b->age_s - (int)a->age_s;
	bool a_old = a->age_s >= OSPF_MAX_AGE_S, b_old = b->age_s >= OSPF_MAX_AGE_S;

	if (a->sequence != b->sequence)
		return a->sequence > b->sequence ? 1 : -1;
	if (a->checksum != b->checksum)
		return a->checksum > b->checksum ? 1 : -1;
	if (a_old != b_old)
		return a_old ? 1 : -1;
	if (apart > OSPF_MAX_AGE_DIFF_S || apart < -OSPF_MAX_AGE_DIFF_S)
		return apart > 0 ? 1 : -1;
	return 0;
}
