/* What the files of an import share. */
#ifndef IMAGE_IMAGE_PARTS_H
#define IMAGE_IMAGE_PARTS_H

#include "image/image.h"
#include "image/package.h"

#define IMAGE_DISK "disk.qcow2"
#define IMAGE_JSON "image.json"

/* ---- image_work.c: the confined child ---- */

/* What the child tells its parent, one packet each. `permille` is of the stage. */
enum report_kind { REPORT_PROGRESS, REPORT_DONE, REPORT_FAILED };

struct report {
	enum report_kind kind;
	enum image_stage stage;
	unsigned permille;
	struct err err;
	struct image_info info;
};

struct work {
	int file;   /* descriptor of what is imported */
	int folder; /* of the folder it lies in, -1 unless it may be a descriptor with files beside it */
	int reports;
	char folder_path[FILE_BYTES];
	char name[PACKAGE_NAME_BYTES]; /* of the file in that folder */
	char scratch[FILE_BYTES];
	bool raw;
	bool in_package;
	const char *sha256;
	uint64_t virtual_bytes_max, disk_bytes_max;
	struct image_info info;
	enum image_stage stage;
	uint64_t done, total; /* bytes of the stage */
	unsigned permille;
};

/* Confines the calling process, does the import in the scratch folder, reports, and never returns. */
_Noreturn void image_work(struct work *work);

/* Tells how far the stage is; only what changed is sent. */
void image_report(struct work *work, unsigned permille);

/* ---- image_convert.c ---- */

/* Has qemu-img make the scratch folder's disk from `disk`, read as `driver`. `whole`: it is all of its file. */
int image_convert(struct work *work, const char *driver, const struct package_file *disk, bool whole, struct err *err);

/* ---- image_folder.c ---- */

/* Makes the folder of all images, removes what died in it. Its descriptor, locked, or a negative errno. */
int image_folder_open(const struct places *places, struct err *err);

/* Removes a folder with the files in it (it has no others). */
int image_folder_remove(int parent, const char *name);

/* ---- image_json.c ---- */

int image_json_write(int folder, const struct image_info *info, struct err *err);
int image_json_read(int folder, struct image_info *out, struct err *err);

#endif
