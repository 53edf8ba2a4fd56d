/* A machine as libvirt's domain XML. Pure. */
#ifndef VM_DOMAIN_XML_H
#define VM_DOMAIN_XML_H

#include "vm/driver.h"

/* What runs it: QEMU by emulation, QEMU with the processor's help, libvirt's test driver. */
enum domain_kind { DOMAIN_EMULATED, DOMAIN_KVM, DOMAIN_TEST };

/* Appends the whole domain to `out`. */
void domain_xml(const struct machine_spec *spec, enum domain_kind kind, struct text *out);

/* The alias of a NIC, which is also its id in QEMU ("ua-nic0"). */
void domain_nic_alias(unsigned nic, char *out, size_t size);

#endif
