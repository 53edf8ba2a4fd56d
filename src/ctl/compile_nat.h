/* What a rule of address translation of a flat lab comes to in the message. */
#ifndef CTL_COMPILE_NAT_H
#define CTL_COMPILE_NAT_H

#include "api/message_nat.h"
#include "model/lab.h"

/* Fills all in but the interface's id. -EADDRNOTAVAIL when the interface or the machine has no address. */
int compile_nat_rule(
	const struct lab *lab, const struct lab_router *router, const struct lab_nat *nat, struct nat_rule *rule, struct err *err);

#endif
