/* What is written in the sets and rules of route policies: prefixes with bounds, communities, names. */
#ifndef MODEL_POLICY_TEXT_H
#define MODEL_POLICY_TEXT_H

#include "net/route_policy.h"

#include <stdbool.h>

/* "10.0.0.0/8", "10.0.0.0/8 le 24", "10.0.0.0/8 ge 16 le 24". NULL, or what is wrong with it. */
const char *policy_prefix_read(const char *text, struct policy_prefix *out);

/*
 * "65001:100", "65001:*", "65001:1:2" (large), "rt:65001:1", "soo:65001:1" (extended), or a well-known name such as no-export. NULL, or
 * what is wrong with it.
 */
const char *policy_community_read(const char *text, struct policy_community *out);

/* Whether a community names one alone, so that it can be added to a route. */
bool policy_community_is_single(const struct policy_community *community);

/* Whether the text is the name of a set and no value itself. */
bool policy_text_is_name(const char *text);

#endif
