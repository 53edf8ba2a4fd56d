/* What OSPF of a flat lab's router and interfaces comes to as messages. */
#ifndef CTL_COMPILE_OSPF_H
#define CTL_COMPILE_OSPF_H

#include "api/message_ospf.h"
#include "model/lab.h"

/* Fill all in but ids and key. */
void compile_ospf_router(const struct lab_ospf *ospf, struct msg_ospf *body);
void compile_ospf_interface(const struct lab_ospf *ospf, struct msg_ospf_interface *body);

#endif
