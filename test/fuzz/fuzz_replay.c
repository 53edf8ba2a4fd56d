/* Replays the files of a corpus folder through a fuzz target, for builds without libFuzzer. */
#include "base/arena.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each input lies in memory of its very size, so that a sanitizer or valgrind sees the first byte read past it. */
static int replay_file(const char *path)
{
	uint8_t *buffer = xalloc(INPUT_BYTES_MAX), *input;
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		perror(path);
		free(buffer);
		return 1;
	}
	size = fread(buffer, 1, INPUT_BYTES_MAX, file);
	(void)fclose(file);
	input = xalloc(size);
	memcpy(input, buffer, size);
	free(buffer);
	(void)LLVMFuzzerTestOneInput(input, size);
	free(input);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned replayed = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		const struct dirent *entry;

		if (dir == NULL) {
			perror(argv[i]);
			return 1;
		}
		while ((entry = readdir(dir)) != NULL) {
			char path[4096];

			if (entry->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			failed += (unsigned)replay_file(path);
			replayed++;
		}
		(void)closedir(dir);
	}
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("%u inputs replayed\n", replayed);
	return replayed == 0 || failed > 0;
}
