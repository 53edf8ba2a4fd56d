/* DNS messages on the wire (RFC 1035 4, RFC 3596): reading a question, writing its answer. */
#ifndef NET_DNS_PACKET_H
#define NET_DNS_PACKET_H

#include "net/addr.h"

#define DNS_BYTES_MAX 512
#define DNS_NAME_BYTES 256 /* as text, without the last dot, with its NUL */
#define DNS_ANSWERS_MAX 16

/* How long an answer may be kept: short, since machines come and go. */
#define DNS_TTL_S 60

enum dns_type { DNS_TYPE_A = 1, DNS_TYPE_PTR = 12, DNS_TYPE_AAAA = 28, DNS_TYPE_ANY = 255 };
enum dns_code { DNS_OK = 0, DNS_MALFORMED = 1, DNS_NO_NAME = 3, DNS_NOT_BUILT = 4, DNS_REFUSED = 5 };

/* A question; the name in small letters. */
struct dns_question {
	uint16_t id;
	uint16_t flags;
	uint16_t type;
	bool plain; /* a standard query of class IN: others are answered with DNS_NOT_BUILT */
	char name[DNS_NAME_BYTES];
	uint16_t raw_bytes; /* the question as it stands behind the header, to be repeated */
};

/* An answer: an address, or for PTR a name. */
struct dns_answer {
	struct ip ip;
	const char *name; /* NULL: the address */
};

/* Reads a message that asks one question; false when it is malformed or no question. */
bool dns_question_read(const uint8_t *bytes, size_t size, struct dns_question *out);

/* The addresses that a name below in-addr.arpa or ip6.arpa is about: all or the first parts of one. False when the name is malformed. */
bool dns_reverse_zone(const char *name, struct prefix *out);

/* The address that a name below in-addr.arpa or ip6.arpa stands for; false when it stands for none. */
bool dns_reverse_parse(const char *name, struct ip *out);

/* Writes the answer to the question in `asked` (the message that it was read from); returns its length. Answers that have no room are cut
 * off and the message says so. */
size_t dns_answer_write(const uint8_t *asked, const struct dns_question *question, enum dns_code code, const struct dns_answer *answers,
	unsigned count, uint8_t out[DNS_BYTES_MAX]);

#endif
