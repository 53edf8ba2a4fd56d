/*
 * DNS messages: a header, the question, answers that name the question's name by a pointer.
 *
 * Theory of operation. Only what resolvers of machines send is read: one question, labels without compression (a question is the first
 * name, so there is nothing that it could point to). What stands behind the question (EDNS) is not looked at; answers fit 512 bytes.
 */
#include "net/dns_packet.h"

#include "base/reader.h"
#include "base/writer.h"
#include "net/wire.h"

#include <ctype.h>
#include <string.h>

#define HEADER_BYTES 12
#define CLASS_IN 1
#define FLAG_ANSWER 0x8000
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_TRUNCATED 0x0200
#define FLAG_RECURSE 0x0100
#define OPCODE_MASK 0x7800
#define LABEL_BYTES_MAX 63

/* The question's name, as everything that follows names it. */
#define POINTER_TO_QUESTION 0xc00c

/* Labels up to the empty one, in small letters; false when they are malformed. Dots and odd bytes in labels become '?', which no name has.
 */
static bool read_name(struct reader *r, char out[DNS_NAME_BYTES])
{
	size_t used = 0;

	for (;;) {
		uint8_t length = reader_u8(r);
		const uint8_t *label;

		if (!reader_ok(r) || length > LABEL_BYTES_MAX)
			return false;
		if (length == 0)
			break;
		label = reader_bytes(r, length);
		if (label == NULL || used + length + 2 > DNS_NAME_BYTES)
			return false;
		if (used > 0)
			out[used++] = '.';
		for (uint8_t i = 0; i < length; i++) {
			bool good = label[i] > ' ' && label[i] < 0x7f && label[i] != '.';

			out[used] = '?';
			if (good)
				out[used] = (char)tolower(label[i]);
			used++;
		}
	}
	out[used] = '\0';
	return true;
}

bool dns_question_read(const uint8_t *bytes, size_t size, struct dns_question *out)
{
	struct reader r = reader_over(bytes, size);
	struct dns_question question = {.id = reader_u16(&r)};
	uint16_t count;

	question.flags = reader_u16(&r);
	count = reader_u16(&r);
	reader_skip(&r, 6);
	if (!reader_ok(&r) || (question.flags & FLAG_ANSWER) || count != 1 || !read_name(&r, question.name))
		return false;
	question.type = reader_u16(&r);
	question.plain = reader_u16(&r) == CLASS_IN && (question.flags & OPCODE_MASK) == 0;
	if (!reader_ok(&r))
		return false;
	question.raw_bytes = (uint16_t)(size - reader_left(&r) - HEADER_BYTES);
	*out = question;
	return true;
}

/* A label of a reverse name as a number: decimal without leading zeros for IPv4, a hexadecimal digit for IPv6; -1 when it is none. */
static int reverse_label(const char *label, size_t length, bool v6)
{
	int value = 0;

	if (length == 0 || length > (v6 ? 1u : 3u) || (length > 1 && label[0] == '0'))
		return -1;
	if (v6)
		return !isxdigit((unsigned char)*label) ? -1 : isdigit((unsigned char)*label) ? *label - '0' : (*label | 0x20) - 'a' + 10;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)label[i]))
			return -1;
		value = value * 10 + (label[i] - '0');
	}
	return value <= UINT8_MAX ? value : -1;
}

/* The labels in front of the suffix, the last one of which is the first part of the address. */
static bool reverse_labels(const char *name, size_t length, bool v6, struct prefix *out)
{
	struct prefix prefix = {.ip = {.family = v6 ? IP_V6 : IP_V4}};
	unsigned parts = 0, parts_max = v6 ? 32 : 4;

	while (length > 0) {
		size_t start = length;
		int value;

		while (start > 0 && name[start - 1] != '.')
			start--;
		value = reverse_label(name + start, length - start, v6);
		if (value < 0 || parts == parts_max || start == 1)
			return false;
		if (v6)
			prefix.ip.bytes[parts / 2] |= (uint8_t)(value << (parts % 2 ? 0 : 4));
		else
			prefix.ip.bytes[parts] = (uint8_t)value;
		parts++;
		length = start > 0 ? start - 1 : 0;
	}
	prefix.length = (uint8_t)(parts * (v6 ? 4 : 8));
	*out = prefix;
	return true;
}

bool dns_reverse_zone(const char *name, struct prefix *out)
{
	size_t length = strlen(name);

	if (length > 13 && strcmp(name + length - 13, ".in-addr.arpa") == 0)
		return reverse_labels(name, length - 13, false, out);
	if (length > 9 && strcmp(name + length - 9, ".ip6.arpa") == 0)
		return reverse_labels(name, length - 9, true, out);
	return false;
}

bool dns_reverse_parse(const char *name, struct ip *out)
{
	struct prefix prefix;

	if (!dns_reverse_zone(name, &prefix) || prefix.length != (prefix.ip.family == IP_V4 ? 32 : 128))
		return false;
	*out = prefix.ip;
	return true;
}

/* A name as labels; false when it is none. */
static bool write_name(struct writer *w, const char *name)
{
	while (*name != '\0') {
		size_t length = strcspn(name, ".");

		if (length == 0 || length > LABEL_BYTES_MAX)
			return false;
		writer_u8(w, (uint8_t)length);
		writer_bytes(w, name, length);
		name += length + (name[length] == '.');
	}
	writer_u8(w, 0);
	return true;
}

/* Not inlined: gcc 12 loses sight of the writer's room in the loop around it and warns. */
__attribute__((noinline)) static bool write_answer(struct writer *w, const struct dns_answer *answer)
{
	enum dns_type type = answer->name != NULL ? DNS_TYPE_PTR : answer->ip.family == IP_V4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
	size_t length_at;

	writer_u16(w, POINTER_TO_QUESTION);
	writer_u16(w, (uint16_t)type);
	writer_u16(w, CLASS_IN);
	writer_u32(w, DNS_TTL_S);
	length_at = writer_used(w);
	writer_u16(w, 0);
	if (answer->name == NULL)
		writer_bytes(w, answer->ip.bytes, ip_bits(answer->ip.family) / 8);
	else if (!write_name(w, answer->name))
		return false;
	writer_patch_u16(w, length_at, (uint16_t)(writer_used(w) - length_at - 2));
	return writer_ok(w);
}

size_t dns_answer_write(const uint8_t *asked, const struct dns_question *question, enum dns_code code, const struct dns_answer *answers,
	unsigned count, uint8_t out[DNS_BYTES_MAX])
{
	uint16_t flags = (uint16_t)(FLAG_ANSWER | FLAG_AUTHORITATIVE | (question->flags & (FLAG_RECURSE | OPCODE_MASK)) | code);
	struct writer w = writer_over(out, DNS_BYTES_MAX);
	uint16_t written = 0;
	size_t used;

	writer_u16(&w, question->id);
	writer_u16(&w, flags);
	writer_u16(&w, 1);
	writer_zero(&w, 6);
	writer_bytes(&w, asked + HEADER_BYTES, question->raw_bytes);
	used = writer_used(&w);
	for (unsigned i = 0; i < count; i++) {
		if (!write_answer(&w, &answers[i])) {
			wire_put_u16(out + 2, flags | FLAG_TRUNCATED);
			break;
		}
		used = writer_used(&w);
		written++;
	}
	wire_put_u16(out + 6, written);
	return used;
}
