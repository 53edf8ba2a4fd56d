/* The descriptor of an OVF package (DSP0243): which disks, how much of what, which NICs. Pure but for the XML library. */
#ifndef IMAGE_OVF_H
#define IMAGE_OVF_H

#include "image/manifest.h"

#define OVF_BYTES_MAX (1 << 20)
#define OVF_NICS_MAX 16
#define OVF_DISKS_MAX 16
#define OVF_TEXT_BYTES 64

struct ovf_nic {
	char network[OVF_TEXT_BYTES]; /* as the descriptor calls it */
	char model[OVF_TEXT_BYTES];
};

struct ovf_disk {
	char file[PACKAGE_NAME_BYTES]; /* beside the descriptor */
	uint64_t file_bytes;	       /* 0: not said */
	uint64_t virtual_bytes;	       /* 0: not said */
};

struct ovf {
	char name[OVF_TEXT_BYTES];
	char system[OVF_TEXT_BYTES];
	uint16_t cpus;	     /* 0: not said */
	uint32_t memory_mib; /* 0: not said */
	unsigned nic_count, disk_count;
	struct ovf_nic nics[OVF_NICS_MAX];
	struct ovf_disk disks[OVF_DISKS_MAX];
};

/* Reads a descriptor of one machine. 0, or a negative errno with what is wrong in it. */
int ovf_read(const char *bytes, size_t size, struct ovf *out, struct err *err);

#endif
