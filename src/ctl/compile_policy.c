/* Route policies as the bytes that the route process compiles. */
#include "ctl/compile_policy.h"

#include "base/check.h"
#include "model/lab_policy.h"

_Static_assert(ROUTE_POLICY_BYTES_MAX == POLICY_BYTES_MAX, "what the model allows fits a message");
_Static_assert((int)LAB_FROM_BGP == (int)ROUTE_BGP && (int)LAB_FROM_COUNT == (int)ROUTE_PROTOCOL_COUNT &&
		       (int)LAB_FROM_COUNT == REDISTRIBUTIONS_MAX,
	"the model's sources are the routers' protocols, in their order");

int compile_route_policy(const struct lab *lab, const struct lab_route_policy *policy, struct msg_route_policy *body, struct err *err)
{
	struct writer w = writer_over(body->bytes, sizeof(body->bytes));
	int rc = lab_policy_encode(lab, policy, &w, err);

	body->size = (uint16_t)writer_used(&w);
	return rc == 0 ? 0 : err_prefix(err, "route policy %s", policy->name);
}

uint16_t compile_redistributions(const struct lab_redistribution *list, size_t count, const struct compile_inputs *in,
	struct redistribution out[REDISTRIBUTIONS_MAX])
{
	CHECK(count <= REDISTRIBUTIONS_MAX); /* the model's own limit */
	for (size_t i = 0; i < count; i++) {
		out[i].from = (uint8_t)list[i].from;
		out[i].has_metric = list[i].metric_set;
		out[i].metric = list[i].metric;
		out[i].policy = list[i].policy_name ? in->id(in->context, "route-policy", list[i].policy_name) : 0;
	}
	return (uint16_t)count;
}
