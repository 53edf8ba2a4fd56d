/* A picture of simulated schedules as SVG. */
#include "ui/sim_plot.h"

#include "base/check.h"

#define WIDTH 860
#define HEIGHT 480
#define LEFT 60
#define RIGHT 160
#define TOP 20
#define BOTTOM 50

/* Points of a curve, and decades of the waiting time that are drawn at most. */
#define POINTS 240
#define DECADES_MAX 12

/* Okabe and Ito's colours, which colour-blind people can tell apart. */
static const char *const colors[SIM_PLOT_CURVES_MAX] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#f0e442"};

/* Decades up to the longest waiting time, at least one. */
static unsigned decades_of(const struct sim_curve *curves, unsigned count)
{
	unsigned decades = 1;

	for (unsigned i = 0; i < count; i++) {
		int64_t most = curves[i].count > 0 ? curves[i].waiting[curves[i].count - 1] : 0;
		unsigned own = 0;

		for (; most > 1 && own < DECADES_MAX; own++)
			most = (most + 9) / 10;
		decades = own > decades ? own : decades;
	}
	return decades;
}

/* The common logarithm of x >= 1 by squaring, to 1/65536: enough for a pixel, and the same on every machine. */
static double log10_of(double x)
{
	double whole = 0, fraction = 0, bit = 0.5;

	while (x >= 10) {
		x /= 10;
		whole++;
	}
	for (int i = 0; i < 16; i++, bit /= 2) {
		x *= x;
		if (x >= 10) {
			x /= 10;
			fraction += bit;
		}
	}
	return whole + fraction;
}

static double x_of(int64_t seconds, unsigned decades)
{
	double position = seconds < 1 ? 0 : log10_of((double)seconds) / decades;

	return LEFT + position * (WIDTH - LEFT - RIGHT);
}

static double y_of(double share) { return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM); }

static void plot_axes(struct text *out, unsigned decades)
{
	for (int i = 0; i <= 4; i++)
		text_add(out, "<path d=\"M%d %.1fH%d\" class=\"g\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d %%</text>\n", LEFT,
			y_of(i / 4.0), WIDTH - RIGHT, LEFT - 8, y_of(i / 4.0) + 4, i * 25);
	for (unsigned d = 0; d <= decades; d++) {
		double x = LEFT + (double)d / decades * (WIDTH - LEFT - RIGHT);

		text_add(out,
			"<path d=\"M%.1f %dV%d\" class=\"g\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">10<tspan dy=\"-5\" "
			"font-size=\"9\">%u</tspan></text>\n",
			x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 20, d);
	}
	text_add(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">waiting at most (s)</text>\n", LEFT + (WIDTH - LEFT - RIGHT) / 2,
		HEIGHT - 8);
}

static void plot_curve(struct text *out, const struct sim_curve *curve, unsigned index, unsigned decades)
{
	double last_x = -1;

	text_add(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"M%d %.1f", colors[index], LEFT, y_of(0));
	for (unsigned i = 0; i <= POINTS && curve->count > 0; i++) {
		uint32_t rank = (uint32_t)((uint64_t)(curve->count - 1) * i / POINTS);
		double x = x_of(curve->waiting[rank], decades);

		/* A step: how many had waited so long before the curve goes on to the right. */
		if (last_x >= 0 && x > last_x)
			text_add(out, "H%.1f", x);
		text_add(out, "V%.1f", y_of((rank + 1.0) / curve->count));
		last_x = x;
	}
	text_add(out, "H%d\"/>\n<path stroke=\"%s\" stroke-width=\"3\" d=\"M%d %dh20\"/><text x=\"%d\" y=\"%d\">%s</text>\n", WIDTH - RIGHT,
		colors[index], WIDTH - RIGHT + 12, TOP + 12 + 20 * (int)index, WIDTH - RIGHT + 38, TOP + 16 + 20 * (int)index, curve->name);
}

void sim_plot(const struct sim_curve *curves, unsigned count, struct text *out)
{
	unsigned decades = decades_of(curves, count);

	CHECK(count <= SIM_PLOT_CURVES_MAX);
	text_add(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
		"font-size=\"12\">\n"
		"<style>.g{stroke:#ccc;fill:none}</style>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
	plot_axes(out, decades);
	for (unsigned i = 0; i < count; i++)
		plot_curve(out, &curves[i], i, decades);
	text_add(out, "</svg>\n");
}
