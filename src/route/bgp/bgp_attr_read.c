/* Reading path attributes with the error handling of RFC 7606, and writing them in the canonical form. */
#include "base/check.h"
#include "route/bgp/bgp_attr_table.h"

#include <string.h>

/* Most attributes of one message; IANA has assigned fewer than 40 types. */
#define ATTRS_MAX 64

/* NOTIFICATION codes of UPDATE errors (RFC 4271 6.3). */
#define CODE_UPDATE 3
#define SUBCODE_ATTRIBUTE_LIST 1
#define SUBCODE_UNRECOGNIZED 2
#define SUBCODE_OPTIONAL 9

struct found {
	uint8_t type;
	uint8_t flags;
	struct reader value;
};

/* The attributes of one message that are good so far, sorted by type. */
struct finding {
	struct bgp_attr_read *read;
	const struct bgp_attr_context *context;
	struct found list[ATTRS_MAX];
	unsigned count;
	uint64_t seen[4];
};

static void worsen(struct bgp_attr_read *read, enum bgp_outcome outcome, uint8_t type, uint8_t subcode)
{
	if (outcome <= read->outcome)
		return;
	read->outcome = outcome;
	read->worst_type = type;
	read->notification[0] = CODE_UPDATE;
	read->notification[1] = subcode;
}

static void fault(struct bgp_attr_read *read, uint8_t type, enum bgp_attr_fault what)
{
	switch (what) {
	case BGP_FAULT_NONE:
		break;
	case BGP_FAULT_DISCARD:
		read->discarded++;
		break;
	case BGP_FAULT_WITHDRAW:
		worsen(read, BGP_OUTCOME_WITHDRAW, type, 0);
		break;
	case BGP_FAULT_RESET:
		worsen(read, BGP_OUTCOME_RESET, type, type == BGP_ATTR_MP_REACH ? SUBCODE_ATTRIBUTE_LIST : SUBCODE_OPTIONAL);
		break;
	}
}

static bool seen_before(struct finding *finding, uint8_t type)
{
	uint64_t bit = UINT64_C(1) << (type % 64), *word = &finding->seen[type / 64];
	bool before = (*word & bit) != 0;

	*word |= bit;
	return before;
}

/* Keeps a good attribute in its place by type; they mostly come sorted. */
static void keep(struct finding *finding, uint8_t type, uint8_t flags, struct reader value)
{
	unsigned i = finding->count;

	if (i == ATTRS_MAX) {
		worsen(finding->read, BGP_OUTCOME_WITHDRAW, type, 0);
		return;
	}
	for (; i > 0 && finding->list[i - 1].type > type; i--)
		finding->list[i] = finding->list[i - 1];
	finding->list[i] = (struct found){type, flags, value};
	finding->count++;
}

static bool length_right(const struct bgp_attr_row *row, size_t length)
{
	if (row->exact)
		return length == row->least;
	return length >= row->least && (row->step == 0 || length % row->step == 0);
}

/* An attribute that no row knows: RFC 4271 5 and 6.3. */
static void read_unknown(struct finding *finding, uint8_t type, uint8_t flags, struct reader value)
{
	if (!(flags & BGP_FLAG_OPTIONAL))
		worsen(finding->read, BGP_OUTCOME_RESET, type, SUBCODE_UNRECOGNIZED);
	else if (flags & BGP_FLAG_TRANSITIVE)
		keep(finding, type, BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE | BGP_FLAG_PARTIAL, value);
	else
		finding->read->discarded++;
}

static void read_one(struct finding *finding, uint8_t type, uint8_t flags, struct reader value)
{
	const struct bgp_attr_row *row = bgp_attr_row(type);
	bool well_known = row != NULL && !(row->flags & BGP_FLAG_OPTIONAL);

	if (seen_before(finding, type)) {
		/* RFC 7606 3 g: the first counts, except for the multiprotocol ones. */
		if (type == BGP_ATTR_MP_REACH || type == BGP_ATTR_MP_UNREACH)
			worsen(finding->read, BGP_OUTCOME_RESET, type, SUBCODE_ATTRIBUTE_LIST);
		else
			finding->read->discarded++;
		return;
	}
	if (row == NULL) {
		read_unknown(finding, type, flags, value);
		return;
	}
	/* RFC 7606 3 c; RFC 4271 4.3: a well-known attribute is never partial. */
	if ((flags & (BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE)) != row->flags || (well_known && (flags & BGP_FLAG_PARTIAL))) {
		fault(finding->read, type, row->malformed);
		return;
	}
	if (row->dropped || (row->internal && finding->context->ebgp)) {
		finding->read->discarded++;
		return;
	}
	if (!length_right(row, reader_left(&value)) || (row->valid != NULL && !row->valid(value, finding->context))) {
		fault(finding->read, type, row->malformed);
		return;
	}
	keep(finding, type, row->flags | (flags & BGP_FLAG_PARTIAL), value);
}

/* Whether NLRI of a family is well formed: a length in bits and as many bytes as it needs, again and again. */
static bool nlri_valid(struct reader nlri, uint16_t afi)
{
	unsigned most = afi == 1 ? 32 : 128;

	while (reader_left(&nlri) > 0) {
		uint8_t length = reader_u8(&nlri);

		if (length > most)
			return false;
		reader_skip(&nlri, (length + 7u) / 8);
		if (!reader_ok(&nlri))
			return false;
	}
	return true;
}

/* Families whose NLRI are plain prefixes; others are passed over whole (RFC 7606 5.4 lets us, they were never agreed on). */
static bool plain_prefixes(uint16_t afi, uint8_t safi) { return (afi == 1 || afi == 2) && (safi == 1 || safi == 2); }

/* RFC 4760 3 and RFC 8950: the next hop has 4, 16 or 32 bytes for unicast. False when the attribute is broken. */
static bool read_mp_reach(struct bgp_mp *mp, struct reader value)
{
	struct reader nexthop;
	size_t size;

	mp->afi = reader_u16(&value);
	mp->safi = reader_u8(&value);
	nexthop = reader_sub(&value, reader_u8(&value));
	size = reader_left(&nexthop);
	reader_skip(&value, 1);
	if (!reader_ok(&value))
		return false;
	mp->nlri = value;
	if (!plain_prefixes(mp->afi, mp->safi))
		return true;
	if (!(size == 16 || size == 32 || (size == 4 && mp->afi == 1)) || !nlri_valid(value, mp->afi))
		return false;
	mp->nexthop = ip_from_bytes(size == 4 ? IP_V4 : IP_V6, reader_bytes(&nexthop, size == 4 ? 4 : 16));
	if (size == 32)
		mp->nexthop_link_local = ip_from_bytes(IP_V6, reader_bytes(&nexthop, 16));
	mp->present = true;
	return true;
}

static bool read_mp_unreach(struct bgp_mp *mp, struct reader value)
{
	mp->afi = reader_u16(&value);
	mp->safi = reader_u8(&value);
	mp->nlri = value;
	if (!reader_ok(&value))
		return false;
	mp->present = plain_prefixes(mp->afi, mp->safi);
	return !mp->present || nlri_valid(value, mp->afi);
}

static const struct found *found_of(const struct finding *finding, uint8_t type)
{
	for (unsigned i = 0; i < finding->count && finding->list[i].type <= type; i++)
		if (finding->list[i].type == type)
			return &finding->list[i];
	return NULL;
}

static unsigned path_hops(struct reader path, unsigned as_bytes)
{
	unsigned hops = 0;

	while (reader_left(&path) > 0) {
		uint8_t type = reader_u8(&path), count = reader_u8(&path);

		reader_skip(&path, (size_t)count * as_bytes);
		hops += type == BGP_AS_SEQUENCE ? count : type == BGP_AS_SET ? 1 : 0;
	}
	return hops;
}

/* Copies the first `keep_hops` hops of a path of 2-octet numbers with 4 octets each (RFC 6793 4.2.3: what AS4_PATH doesn't cover). */
static void widen_path(struct writer *w, struct reader path, unsigned keep_hops)
{
	while (reader_left(&path) > 0 && keep_hops > 0) {
		uint8_t type = reader_u8(&path), count = reader_u8(&path);
		struct reader segment = reader_sub(&path, (size_t)count * 2);
		unsigned take = count;

		if (type == BGP_AS_SEQUENCE && take > keep_hops)
			take = keep_hops;
		keep_hops -= type == BGP_AS_SEQUENCE ? take : type == BGP_AS_SET ? 1 : 0;
		writer_u8(w, type);
		writer_u8(w, (uint8_t)take);
		while (take-- > 0)
			writer_u32(w, reader_u16(&segment));
	}
}

/* AS_PATH in 4-octet numbers, put together with AS4_PATH where the peer knows only 2 octets. */
static void write_path(struct writer *w, const struct finding *finding, const struct found *path)
{
	const struct found *path4 = found_of(finding, BGP_ATTR_AS4_PATH);
	uint8_t buffer[BGP_ATTR_BYTES_MAX / 2];
	struct writer value = writer_over(buffer, sizeof(buffer));
	unsigned hops, hops4;

	if (finding->context->as4) {
		bgp_attr_write(w, BGP_FLAG_TRANSITIVE, BGP_ATTR_AS_PATH, path->value.at, reader_left(&path->value));
		return;
	}
	hops = path_hops(path->value, 2);
	hops4 = path4 ? path_hops(path4->value, 4) : 0;
	if (path4 == NULL || hops4 > hops) {
		widen_path(&value, path->value, UINT32_MAX);
	} else {
		widen_path(&value, path->value, hops - hops4);
		writer_bytes(&value, path4->value.at, reader_left(&path4->value));
	}
	if (!writer_ok(&value)) {
		w->failed = true;
		return;
	}
	bgp_attr_write(w, BGP_FLAG_TRANSITIVE, BGP_ATTR_AS_PATH, buffer, writer_used(&value));
}

/* AGGREGATOR with a 4-octet number; AS_TRANS gives way to AS4_AGGREGATOR. */
static void write_aggregator(struct writer *w, const struct finding *finding, const struct found *aggregator)
{
	const struct found *wide = found_of(finding, BGP_ATTR_AS4_AGGREGATOR);
	struct reader value = aggregator->value;
	uint8_t bytes[8];
	struct writer out = writer_over(bytes, sizeof(bytes));

	if (finding->context->as4 || wide != NULL) {
		memcpy(bytes, wide != NULL && !finding->context->as4 ? wide->value.at : value.at, sizeof(bytes));
	} else {
		writer_u32(&out, reader_u16(&value));
		writer_u32(&out, reader_u32(&value));
	}
	bgp_attr_write(w, aggregator->flags, BGP_ATTR_AGGREGATOR, bytes, sizeof(bytes));
}

static void write_canonical(struct finding *finding)
{
	struct writer w = writer_over(finding->read->canonical, sizeof(finding->read->canonical));

	for (unsigned i = 0; i < finding->count; i++) {
		const struct found *found = &finding->list[i];

		switch (found->type) {
		case BGP_ATTR_NEXT_HOP:
		case BGP_ATTR_MP_REACH:
		case BGP_ATTR_MP_UNREACH:
		case BGP_ATTR_AS4_PATH:
		case BGP_ATTR_AS4_AGGREGATOR:
			break;
		case BGP_ATTR_AS_PATH:
			write_path(&w, finding, found);
			break;
		case BGP_ATTR_AGGREGATOR:
			write_aggregator(&w, finding, found);
			break;
		default:
			bgp_attr_write(&w, found->flags, found->type, found->value.at, reader_left(&found->value));
			break;
		}
	}
	if (!writer_ok(&w))
		worsen(finding->read, BGP_OUTCOME_WITHDRAW, BGP_ATTR_AS_PATH, 0);
	finding->read->canonical_bytes = writer_used(&w);
}

/* What the kept ones say beyond the canonical form, and whether the mandatory ones are there (RFC 7606 3 d). */
static void conclude(struct finding *finding, bool has_nlri)
{
	struct bgp_attr_read *read = finding->read;
	const struct found *nexthop = found_of(finding, BGP_ATTR_NEXT_HOP), *reach = found_of(finding, BGP_ATTR_MP_REACH),
			   *unreach = found_of(finding, BGP_ATTR_MP_UNREACH);

	if (reach != NULL && !read_mp_reach(&read->reach, reach->value))
		fault(read, BGP_ATTR_MP_REACH, BGP_FAULT_RESET);
	if (unreach != NULL && !read_mp_unreach(&read->unreach, unreach->value))
		fault(read, BGP_ATTR_MP_UNREACH, BGP_FAULT_RESET);
	if (nexthop != NULL) {
		read->has_nexthop = true;
		read->nexthop = ip_from_bytes(IP_V4, nexthop->value.at);
	}
	if (!has_nlri && !read->reach.present)
		return;
	if (found_of(finding, BGP_ATTR_ORIGIN) == NULL)
		worsen(read, BGP_OUTCOME_WITHDRAW, BGP_ATTR_ORIGIN, 0);
	if (found_of(finding, BGP_ATTR_AS_PATH) == NULL)
		worsen(read, BGP_OUTCOME_WITHDRAW, BGP_ATTR_AS_PATH, 0);
	if (has_nlri && nexthop == NULL)
		worsen(read, BGP_OUTCOME_WITHDRAW, BGP_ATTR_NEXT_HOP, 0);
	if (read->reach.present && (ip_is_unspecified(read->reach.nexthop) || ip_is_multicast(read->reach.nexthop)))
		worsen(read, BGP_OUTCOME_WITHDRAW, BGP_ATTR_MP_REACH, 0);
}

void bgp_attr_read(struct bgp_attr_read *read, struct reader attributes, bool has_nlri, const struct bgp_attr_context *context)
{
	struct finding finding;

	/* The large array at the end is written before it is read. */
	memset(read, 0, offsetof(struct bgp_attr_read, canonical));
	finding.read = read;
	finding.context = context;
	finding.count = 0;
	memset(finding.seen, 0, sizeof(finding.seen));
	read->seen_any = reader_left(&attributes) > 0;
	while (reader_left(&attributes) > 0) {
		uint8_t flags = reader_u8(&attributes), type = reader_u8(&attributes);
		uint16_t length = flags & BGP_FLAG_EXTENDED ? reader_u16(&attributes) : reader_u8(&attributes);
		struct reader value = reader_sub(&attributes, length);

		/* RFC 7606 4: a length that overruns the rest leaves nothing to trust but the NLRI field. */
		if (!reader_ok(&attributes)) {
			worsen(read, BGP_OUTCOME_WITHDRAW, type, 0);
			break;
		}
		read_one(&finding, type, flags, value);
	}
	conclude(&finding, has_nlri);
	if (read->outcome == BGP_OUTCOME_GOOD && (has_nlri || read->reach.present))
		write_canonical(&finding);
}
