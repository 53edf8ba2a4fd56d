/* Whether this host can run guests on its processor. */
#ifndef VM_KVM_H
#define VM_KVM_H

#include <stdbool.h>

/*
 * True when the processor has virtualization (vmx or svm: a /dev/kvm without it exists on some hosts, and guests hang on it) and this
 * process may use it; else guests are emulated.
 */
bool kvm_usable(void);

#endif
