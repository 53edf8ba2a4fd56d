/* Whether this host can run guests on its processor: what the processor says, and what the kernel lets us have. */
#include "vm/kvm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool kvm_usable(void)
{
	char line[4096];
	bool flag = false;
	FILE *file = fopen("/proc/cpuinfo", "re");
	int fd;

	while (file != NULL && !flag && fgets(line, sizeof(line), file) != NULL)
		flag = strncmp(line, "flags", 5) == 0 && (strstr(line, " vmx") != NULL || strstr(line, " svm") != NULL);
	if (file != NULL)
		(void)fclose(file);
	fd = flag ? open("/dev/kvm", O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
