/*
 * Images that were imported: disks that machines start from, each in a folder of its own below `state`.
 *
 *   state/images/NAME/disk.qcow2   never written again; every machine has a file of its own over it
 *   state/images/NAME/image.json   what is known of it
 *
 * Theory of operation. An import works in a folder whose name begins with a dot and which its process holds a lock on; when all is there
 * and on the disk it is renamed, so an image is whole or not there. Folders that nobody holds a lock on are removed by whoever looks next:
 * an import that was killed leaves nothing behind and is started again from the beginning. All that is foreign is read in a confined child
 * (image_work.c), also by qemu-img, which is its child.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "base/text.h"
#include "image/hash_file.h"
#include "image/ovf.h"
#include "proc/process.h"

#include <signal.h>

#define IMAGE_NAME_BYTES 64

/* What is known of an image. `cpus`, `memory_mib` and NICs are its descriptor's wishes, 0 without one. */
struct image_info {
	char name[IMAGE_NAME_BYTES];
	char format[32]; /* of what was imported */
	char file[FILE_BYTES];
	char file_sha256[SHA256_TEXT_BYTES]; /* of what was imported */
	char sha256[SHA256_TEXT_BYTES];	     /* of the disk */
	uint64_t file_bytes, bytes, virtual_bytes;
	int64_t imported_wall_ns;
	char system[OVF_TEXT_BYTES];
	uint16_t cpus;
	uint32_t memory_mib;
	bool manifest; /* every file was what the manifest said */
	uint32_t nic_count;
	struct ovf_nic nics[OVF_NICS_MAX];
};

/* Largest virtual size, and how much more than it has an image may unpack to, unless somebody asks for more. */
#define IMAGE_VIRTUAL_BYTES_MAX (256ULL << 30)
#define IMAGE_UNPACK_RATIO 64
#define IMAGE_UNPACK_BYTES_MIN (1ULL << 30)

enum image_stage { IMAGE_CHECKING, IMAGE_CONVERTING, IMAGE_HASHING, IMAGE_STAGE_COUNT };

struct image_wish {
	const struct places *places;
	const char *file;
	const char *name;	    /* NULL: from the file's name */
	const char *sha256;	    /* NULL: whatever it has */
	bool raw;		    /* take it for a raw disk */
	uint64_t virtual_bytes_max; /* 0: the default */
	uint64_t disk_bytes_max;    /* 0: the ratio */
	void (*progress)(void *context, enum image_stage stage, unsigned permille);
	void *context;
	const volatile sig_atomic_t *interrupted; /* may be NULL */
};

/* Imports an image. 0, or a negative errno with nothing left behind (-EEXIST: there is one of that name; -ECANCELED: interrupted). */
int image_import(const struct image_wish *wish, struct image_info *out, struct err *err);

/* Whether a name can be an image's. */
bool image_name_ok(const char *name);

/* The path of an image's disk; `out` has FILE_BYTES. */
const char *image_disk(const struct places *places, const char *name, char out[FILE_BYTES]);

/* Reads what is known of one; -ENOENT when there is none. */
int image_read(const struct places *places, const char *name, struct image_info *out, struct err *err);

/* Tells of all images, by name, as far as they can be read. */
typedef void image_tell_fn(void *context, const struct image_info *info);
void image_each(const struct places *places, image_tell_fn *tell, void *context);

/* Holds the disk against its digest: 0, -EBADMSG when it differs. */
int image_verify(const struct places *places, const char *name, hash_progress_fn *progress, void *context, struct err *err);

/* Removes one that no machine's disk lies over; -EBUSY otherwise. */
int image_remove(const struct places *places, const char *name, struct err *err);

#endif
