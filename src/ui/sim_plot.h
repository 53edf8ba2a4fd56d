/* A picture of simulated schedules: how many machines waited at most how long, a curve a policy. */
#ifndef UI_SIM_PLOT_H
#define UI_SIM_PLOT_H

#include "base/text.h"

#include <stdint.h>

/* Most curves of one picture: as many as there are colours that can be told apart. */
#define SIM_PLOT_CURVES_MAX 8

/* A curve: `waiting` holds `count` waiting times in seconds, ascending; all borrowed. */
struct sim_curve {
	const char *name;
	const int64_t *waiting;
	uint32_t count;
};

/* Adds an SVG document with the curves to `out`: the share of machines over the waiting time, which runs on a logarithmic scale from 1 s.
 */
void sim_plot(const struct sim_curve *curves, unsigned count, struct text *out);

#endif
