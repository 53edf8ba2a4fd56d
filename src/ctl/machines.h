/*
 * What is: the states that vm and switch report of machines and ports. Kept in memory only; a process that comes up reports all anew.
 */
#ifndef CTL_MACHINES_H
#define CTL_MACHINES_H

#include "ctl/ctl_state.h"

struct machines *machines_new(void);
void machines_free(struct machines *machines);

/* An event came (VM_CHANGED, PORT_CHANGED, LEASED): it is kept, told as an event when it is news, and given to those that wait. */
void machines_vm_changed(struct ctl *ctl, const struct msg_vm_state *state);
void machines_port_changed(struct ctl *ctl, const struct msg_port_state *state);
void machines_leased(struct ctl *ctl, const struct msg_leased *leased);

/* Notes the state of a router's interface; true when it is another than before (the first one is no news). */
bool machines_rif_news(struct ctl *ctl, const struct msg_rif_state *state);

/* The last report of a machine, NULL when there was none. */
const struct msg_vm_state *machines_vm(const struct ctl *ctl, uint32_t id);

/* The state of a port, and whether its machine got an address by DHCP. */
enum port_state machines_port(const struct ctl *ctl, uint32_t id, bool *leased);

/* Forgets a machine or port that is gone, or a machine that is started anew. */
void machines_forget(struct ctl *ctl, uint32_t id);

/* waiting_s, service_s, turnaround_s of a report, for events and answers: numbers, null before the machine was first wanted. */
json_t *machines_times(const struct msg_vm_state *state);

#endif
