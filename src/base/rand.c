/* xoshiro256** seeded by splitmix64; bounded numbers by Lemire's multiplication with rejection. */
#include "base/rand.h"

#include "base/check.h"
#include "base/instant.h"

#include <sys/random.h>

static uint64_t splitmix64(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct rand rand_seeded(uint64_t seed)
{
	struct rand r;

	for (int i = 0; i < 4; i++)
		r.state[i] = splitmix64(&seed);
	return r;
}

uint64_t rand_kernel_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)clock_wall_ns();
	return seed;
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

uint64_t rand_u64(struct rand *rand)
{
	uint64_t *s = rand->state;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t rand_below(struct rand *rand, uint64_t bound)
{
	__uint128_t product;
	uint64_t floor;

	CHECK(bound > 0);
	floor = -bound % bound;
	do
		product = (__uint128_t)rand_u64(rand) * bound;
	while ((uint64_t)product < floor);
	return (uint64_t)(product >> 64);
}

double rand_unit(struct rand *rand) { return (double)(rand_u64(rand) >> 11) * 0x1.0p-53; }
