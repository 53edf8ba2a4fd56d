/* Seeded random numbers (xoshiro256**, Blackman and Vigna 2018): the same seed gives the same numbers on every machine. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stdint.h>

struct rand {
	uint64_t state[4];
};

/* Starts a sequence; the seed is spread over the state by splitmix64, so any seed is good. */
struct rand rand_seeded(uint64_t seed);

/* A seed from the kernel, for the real world. */
uint64_t rand_kernel_seed(void);

/* 64 random bits. */
uint64_t rand_u64(struct rand *rand);

/* A number in [0, bound), exactly uniform (Lemire 2019 with rejection). `bound` > 0. */
uint64_t rand_below(struct rand *rand, uint64_t bound);

/* A number in [0, 1). */
double rand_unit(struct rand *rand);

#endif
