// A lab as a graph: its networks, routers, machines and ports are nodes, plugs and cables are edges; counters become rates.

const owner = (end) => end.split(':')[0];

// Nodes and edges of a flat lab (GET /v1/labs/LAB). An edge knows the interfaces at its ends by name; a plug has one, a cable has two.
export function graphOf(flat) {
	const nodes = new Map(), edges = [];
	const add = (kind, name, more) => nodes.set(name, { id: name, kind, name, ...more });

	for (const [name, network] of Object.entries(flat.networks || {})) add('network', name, { label: network.ipv4 || '' });
	for (const [name, router] of Object.entries(flat.routers || {})) {
		// A router and a network may have the same name.
		const id = nodes.has(name) ? `router ${name}` : name;
		nodes.set(id, { id, kind: 'router', name, label: ['rip', 'ospf', 'bgp'].filter((p) => router[p]).join(' ').toUpperCase() });
		for (const [key, each] of Object.entries(router.interfaces || {}))
			if (each.network && nodes.has(each.network))
				edges.push({ id: `${name}:${key}`, kind: 'plug', source: id, target: each.network, a: `${name}:${key}` });
	}
	for (const [name, vm] of Object.entries(flat.vms || {})) {
		const id = nodes.has(name) ? `vm ${name}` : name;
		nodes.set(id, { id, kind: 'vm', name, label: '' });
		(vm.nics || []).forEach((nic, i) => {
			const network = typeof nic === 'string' ? nic : nic.network, key = nic.name || `eth${i}`;
			if (network && nodes.has(network)) edges.push({ id: `${name}:${key}`, kind: 'plug', source: id, target: network, a: `${name}:${key}` });
		});
	}
	for (const [name, port] of Object.entries(flat.ports || {})) {
		const id = nodes.has(name) ? `port ${name}` : name;
		nodes.set(id, { id, kind: 'port', name, label: port.ipv4 || '' });
		if (port.network && nodes.has(port.network)) edges.push({ id: `port ${name}`, kind: 'plug', source: id, target: port.network, a: name });
	}
	for (const link of flat.links || []) {
		const find = (end) => ['router', 'vm', 'port'].map((k) => nodes.get(`${k} ${owner(end)}`)).find(Boolean) || nodes.get(owner(end));
		const source = find(link.from), target = find(link.to);
		if (source && target)
			edges.push({ id: `link ${link.name}`, kind: 'link', name: link.name, source: source.id, target: target.id, a: link.from, b: link.to });
	}
	return { nodes: [...nodes.values()], edges };
}

// What makes two graphs the same picture.
export const shapeOf = (graph) => graph.nodes.map((n) => n.id).join() + '|' + graph.edges.map((e) => e.id).join();

// Samples kept of each interface, for its plot.
const HISTORY = 180;

// Turns successive answers of GET /v1/show/interfaces into rates.
export class Meters {
	constructor() { this.byName = new Map(); }

	take(rows, now = performance.now() / 1000) {
		const gone = new Set(this.byName.keys());
		for (const row of rows) {
			const meter = this.byName.get(row.name) || { times: [], received: [], sent: [] };
			gone.delete(row.name);
			this.byName.set(row.name, meter);
			const before = meter.row, seconds = now - meter.at;
			meter.row = row;
			meter.at = now;
			if (!before || seconds <= 0) { Object.assign(meter, { rx: 0, tx: 0, packets: 0, drops: 0 }); continue; }
			// Counters begin anew when the switch does.
			const rate = (key) => Math.max(0, row[key] - before[key]) / seconds;
			Object.assign(meter, { rx: rate('rx_bytes') * 8, tx: rate('tx_bytes') * 8, packets: rate('rx_packets') + rate('tx_packets'),
				drops: rate('rx_dropped') + rate('tx_dropped') });
			meter.times.push(Date.now() / 1000); meter.received.push(meter.rx); meter.sent.push(meter.tx);
			if (meter.times.length > HISTORY) for (const list of [meter.times, meter.received, meter.sent]) list.shift();
		}
		for (const name of gone) this.byName.delete(name);
	}

	get(name) { return this.byName.get(name); }

	// The state of an edge: its rate in both directions together, its drops, whether it carries anything.
	edge(edge) {
		const a = this.get(edge.a), b = edge.b && this.get(edge.b);
		const up = (meter) => !meter || meter.row.up;
		return { rate: a ? a.rx + a.tx : 0, drops: (a ? a.drops : 0) + (b ? b.drops : 0), up: up(a) && up(b), known: Boolean(a) };
	}
}

const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];

// 12300 -> "12.3 kbit/s".
export function rateText(bits) {
	let unit = 0;
	while (bits >= 1000 && unit < units.length - 1) { bits /= 1000; unit++; }
	return `${bits >= 100 || unit === 0 ? bits.toFixed(0) : bits.toFixed(1)} ${units[unit]}`;
}

export const secondsText = (s) => s === null || s === undefined ? '–' : s < 100 ? `${s.toFixed(1)} s` : s < 6000 ? `${(s / 60).toFixed(0)} min` : `${(s / 3600).toFixed(1)} h`;
