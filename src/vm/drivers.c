/* The table of hypervisor drivers: the first row that accepts a URI gets its machines. */
#include "vm/driver.h"

#include "base/check.h"

static const struct vm_driver *const drivers[] = {
	&driver_libvirt,
};

const struct vm_driver *driver_for(const char *uri)
{
	for (size_t i = 0; i < COUNT_OF(drivers); i++)
		if (drivers[i]->accepts(uri))
			return drivers[i];
	return NULL;
}
