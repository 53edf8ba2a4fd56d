/*
 * Policies of routes: an ordered list of rules, each with conditions, changes, and what follows when the conditions hold.
 *
 * Theory of operation. A policy travels between processes as bytes (route_policy_encode, route_policy_new) and is compiled where it is
 * used. Routes come in crowds that have everything but the prefix in common (the attributes of an UPDATE), so the work is cut in two: which
 * rules a crowd can still match at all is found once (route_policy_candidates, a bit a rule), and for each prefix only the prefix
 * conditions of those are looked at (route_policy_decide). Prefix conditions are a longest-prefix match whose entries know the next shorter
 * one that holds them; AS path patterns are tables (as_pattern.h). What a route becomes follows from which rules fired, so whoever applies
 * a policy may remember the result by (attributes, fired).
 *
 * Rules are tried in order. `accept` and `reject` end it, `next` makes its changes and goes on. What no rule decides is rejected.
 */
#ifndef NET_ROUTE_POLICY_H
#define NET_ROUTE_POLICY_H

#include "base/err.h"
#include "base/writer.h"
#include "net/addr.h"

/* Rules of a policy; communities that a rule adds, and of one route's that are looked at. */
#define POLICY_RULES_MAX 64
#define POLICY_ADD_MAX 16

/* Bytes of a policy as it travels: about 3,000 IPv4 prefixes. */
#define POLICY_BYTES_MAX 30000

struct route_policy;

enum policy_verdict { POLICY_REJECT, POLICY_ACCEPT, POLICY_NEXT, POLICY_VERDICT_COUNT };

/* Prefixes inside `prefix` of at least and at most so many bits. */
struct policy_prefix {
	struct prefix prefix;
	uint8_t least, most;
};

/* Communities (RFC 1997), extended (RFC 4360) and large ones (RFC 8092): 1, 2, 3 words. Bits outside of `mask` don't matter. */
enum policy_community_kind { POLICY_COMMUNITY = 1, POLICY_EXTENDED, POLICY_LARGE };
struct policy_community {
	uint8_t kind;
	uint32_t value[3];
	uint32_t mask[3];
};

/* What rules do to a route. */
struct policy_changes {
	bool has_local_pref, has_metric, has_origin;
	bool clear_communities; /* all of them, before some are added */
	uint8_t origin;
	uint8_t prepend; /* our own AS so many times more */
	uint32_t local_pref;
	uint32_t metric; /* BGP: MED */
	uint8_t add_count;
	struct policy_community add[POLICY_ADD_MAX];
	uint8_t remove_count;
	struct policy_community remove[POLICY_ADD_MAX];
};

/* A rule as it is written. Masks of 0 and counts of 0 ask for nothing; elsewhere one of the alternatives must hold. */
struct policy_rule {
	enum policy_verdict verdict;
	uint32_t protocols; /* 1 << enum route_protocol */
	uint8_t families;   /* 1 << enum ip_family */
	uint8_t origins;    /* 1 << IGP (0), EGP (1), incomplete (2) */
	uint16_t path_least, path_most;
	bool has_path_length;
	const struct policy_prefix *prefixes;
	size_t prefix_count;
	const char *const *as_paths;
	size_t as_path_count;
	const struct policy_community *communities;
	size_t community_count;
	struct policy_changes changes;
};

/* Writes rules as bytes; false when they don't fit. */
bool route_policy_encode(struct writer *w, const struct policy_rule *rules, size_t count);

/* Compiles what was written; NULL when it is broken. */
struct route_policy *route_policy_new(const uint8_t *bytes, size_t count, struct err *err);
void route_policy_free(struct route_policy *policy);

/* What is looked at of a crowd of routes beside their prefixes. Attributes in wire form (borrowed), none where there are none. */
struct policy_route {
	uint8_t protocol; /* enum route_protocol */
	uint8_t origin;
	uint16_t path_length;
	struct policy_bytes {
		const uint8_t *at;
		size_t count;
	} as_path, communities, extended, large;
};

/* The rules that routes like this may match: a bit each. */
uint64_t route_policy_candidates(const struct route_policy *policy, const struct policy_route *route);

struct policy_outcome {
	bool accept;
	uint8_t rule;	/* that decided; POLICY_RULES_MAX: none did */
	uint64_t fired; /* the rules whose changes are to be made */
};

struct policy_outcome route_policy_decide(const struct route_policy *policy, uint64_t candidates, const struct prefix *prefix);

/* The changes of all rules that fired, later ones over earlier ones. */
void route_policy_changes(const struct route_policy *policy, uint64_t fired, struct policy_changes *changes);

/* Whether a community is one of `list`. */
bool policy_community_in(const struct policy_community *list, size_t count, const struct policy_community *community);

/* Takes the next community of an attribute's value; false at its end. */
bool policy_community_next(struct policy_bytes *bytes, enum policy_community_kind kind, struct policy_community *community);

#endif
