/* What stands in for the worker where devices are tested alone. Include in one file of the test. */
#ifndef TEST_LIB_STUB_DEVICE_H
#define TEST_LIB_STUB_DEVICE_H

#include "switch/device.h"

int device_watch(struct device *device, int fd, uint32_t events, uint32_t tag) { return 0; }
void device_unwatch(struct device *device, int fd) {}
__attribute__((weak)) void device_keep(struct device *device, enum keep_slot slot, uint32_t serial, int fd) {}
void device_set_state(struct device *device, enum port_state state) { device->state = state; }

void device_fail(struct device *device, const struct err *err)
{
	device->failed = true;
	device->error = *err;
}

#endif
