/* Any bytes as an image's head, a manifest, a descriptor: read to their end and no further, and what is taken from them is in bounds. */
#include "base/check.h"
#include "image/image_head.h"
#include "image/ovf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct manifest manifest;
	static struct ovf ovf;
	struct image_head head;
	struct err err;

	if (image_head("x", bytes, size < IMAGE_HEAD_BYTES ? size : IMAGE_HEAD_BYTES, &head, &err) == 0)
		CHECK(head.name != NULL && (head.format != IMAGE_OTHER || head.advice != NULL));
	if (manifest_read((const char *)bytes, size, &manifest, &err) == 0)
		for (unsigned i = 0; i < manifest.count; i++)
			CHECK(package_name_ok(manifest.lines[i].name));
	if (ovf_read((const char *)bytes, size, &ovf, &err) != 0)
		return 0;
	CHECK(ovf.nic_count <= OVF_NICS_MAX && ovf.disk_count <= OVF_DISKS_MAX);
	for (unsigned i = 0; i < ovf.disk_count; i++)
		CHECK(package_name_ok(ovf.disks[i].file));
	return 0;
}
