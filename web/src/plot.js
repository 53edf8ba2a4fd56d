// The rate of an interface over the last minutes, by uPlot.

import uPlot from 'uplot';
import { rateText } from './model.js';

export function makePlot(element) {
	const ink = getComputedStyle(element).color, axis = { stroke: ink, grid: { stroke: '#8884' }, ticks: { stroke: '#8884' } };
	const value = (plot, v) => (v === null || v === undefined ? '–' : rateText(v));
	const plot = new uPlot({ width: element.clientWidth || 340, height: 150, legend: { live: true }, cursor: { y: false },
		scales: { y: { range: (p, low, high) => [0, Math.max(high, 1000)] } },
		axes: [axis, { ...axis, size: 78, values: (p, all) => all.map(rateText) }],
		series: [{ value: '{HH}:{mm}:{ss}' }, { label: 'in', stroke: '#34a853', width: 2, value }, { label: 'out', stroke: '#4285f4', width: 2, value }] }, [[], [], []], element);
	return { show: (meter) => plot.setData([meter.times, meter.received, meter.sent]), end: () => plot.destroy() };
}
