// The picture: a force layout on a canvas. Redrawn when something changed, never else; where people put nodes is remembered by the browser.

import { drag } from 'd3-drag';
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from 'd3-force';
import { pointer, select } from 'd3-selection';
import { zoom, zoomIdentity } from 'd3-zoom';
import { rateText } from './model.js';

const RADIUS = { network: 20, router: 18, vm: 16, port: 11 };
const STATES = { running: '#34a853', paused: '#8ab4f8', waiting: '#f9ab00', starting: '#f9ab00', stopping: '#f9ab00', failed: '#ea4335', stopped: '#9aa0a6', defined: '#9aa0a6' };
const FILL = { network: '#4285f4', router: '#e8710a', port: '#9aa0a6' };

// From so many edges on only what is near enough is labelled.
const MANY_EDGES = 120;

export class Picture {
	// `chosen(kind, item)`: a node or an edge was clicked, or null.
	constructor(canvas, chosen) {
		this.canvas = canvas;
		this.context = canvas.getContext('2d');
		this.view = zoomIdentity;
		this.nodes = []; this.edges = []; this.marked = new Set(); this.found = null; this.selected = null; this.walked = null;
		this.colors = getComputedStyle(canvas);
		this.edgeState = () => ({ rate: 0, drops: 0, up: true });
		this.vmState = () => '';
		this.simulation = forceSimulation([]).on('tick', () => this.redraw()).stop();
		this.zoom = zoom().scaleExtent([0.05, 6]).on('zoom', (event) => {
			if (event.sourceEvent) this.fitted = false;
			this.view = event.transform;
			this.redraw();
		});
		select(canvas).call(this.dragging()).call(this.zoom).on('dblclick.zoom', null)
			.on('click', (event) => this.click(event, chosen)).on('mousemove', (event) => this.hover(event));
		new ResizeObserver(() => this.resize()).observe(canvas);
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
		this.resize();
	}

	resize() {
		const ratio = devicePixelRatio || 1, box = this.canvas.getBoundingClientRect();
		this.width = box.width; this.height = box.height;
		this.canvas.width = box.width * ratio; this.canvas.height = box.height * ratio;
		this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
		if (this.fitted) this.fit(); else this.redraw();
	}

	// Shows another lab, or the same one with a new shape: nodes that stay keep their places.
	show(lab, graph) {
		const before = new Map(lab === this.lab ? this.nodes.map((n) => [n.id, n]) : []);
		this.lab = lab;
		this.places = JSON.parse(localStorage.getItem(`weft-places ${lab}`) || '{}');
		this.nodes = graph.nodes.map((node) => {
			const old = before.get(node.id), place = this.places[node.id];
			return { ...node, ...(old && { x: old.x, y: old.y }), ...(place && { x: place[0], y: place[1], fx: place[0], fy: place[1] }) };
		});
		this.edges = graph.edges.map((edge) => ({ ...edge }));
		this.bend();
		const many = this.nodes.length > 150;
		this.simulation.nodes(this.nodes)
			.force('link', forceLink(this.edges).id((n) => n.id).distance((e) => (e.kind === 'link' ? 130 : 75)))
			.force('charge', forceManyBody().strength(many ? -160 : -420).distanceMax(many ? 500 : 900))
			.force('collide', forceCollide((n) => RADIUS[n.kind] + 8))
			.force('x', forceX(0).strength(0.04)).force('y', forceY(0).strength(0.06));
		// Mostly settled before it is first seen.
		this.simulation.alpha(1).stop();
		if (before.size === 0) this.simulation.tick(many ? 120 : 250);
		this.simulation.alpha(before.size === 0 ? 0.05 : 0.3).restart();
		if (before.size === 0) this.fit();
	}

	// Edges between the same two nodes are drawn beside each other.
	bend() {
		const pairs = new Map();
		for (const edge of this.edges) {
			const key = [edge.source, edge.target].sort().join(' ');
			edge.turn = edge.source < edge.target ? 1 : -1;
			edge.nth = pairs.get(key) || 0;
			pairs.set(key, edge.nth + 1);
		}
		for (const edge of this.edges) edge.of = pairs.get([edge.source, edge.target].sort().join(' '));
	}

	fit() {
		if (!this.nodes.length || !this.width) return;
		const xs = this.nodes.map((n) => n.x), ys = this.nodes.map((n) => n.y), edge = 60;
		const left = Math.min(...xs) - edge, right = Math.max(...xs) + edge, top = Math.min(...ys) - edge, bottom = Math.max(...ys) + edge;
		const scale = Math.min(this.width / (right - left), this.height / (bottom - top), 1.8);
		this.fitted = true;
		select(this.canvas).call(this.zoom.transform,
			zoomIdentity.translate(this.width / 2, this.height / 2).scale(scale).translate(-(left + right) / 2, -(top + bottom) / 2));
	}

	// Moves to the first node whose name contains the text; all that fit are marked.
	search(text) {
		const fits = text ? this.nodes.filter((n) => n.name.includes(text) || (n.label || '').includes(text)) : [];
		this.found = text ? new Set(fits.map((n) => n.id)) : null;
		if (fits.length) {
			this.fitted = false;
			select(this.canvas).call(this.zoom.translateTo, fits[0].x, fits[0].y);
		}
		this.redraw();
		return fits[0];
	}

	select(item) { this.selected = item; this.redraw(); }

	// Forgets where people put nodes.
	release() {
		localStorage.removeItem(`weft-places ${this.lab}`);
		for (const node of this.nodes) node.fx = node.fy = null;
		this.simulation.alpha(0.8).restart();
	}

	dragging() {
		return drag().container(this.canvas).subject((event) => {
			const node = this.nodeAt(this.view.invert([event.x, event.y]));
			return node && { node, x: this.view.applyX(node.x), y: this.view.applyY(node.y) };
		}).on('drag', (event) => {
			const node = event.subject.node;
			if (!event.subject.moved) this.simulation.alphaTarget(this.nodes.length > 150 ? 0 : 0.2).restart();
			event.subject.moved = true;
			[node.fx, node.fy] = [node.x, node.y] = this.view.invert([event.x, event.y]);
			this.redraw();
		}).on('end', (event) => {
			const node = event.subject.node;
			this.simulation.alphaTarget(0);
			if (!event.subject.moved) return;
			this.places[node.id] = [Math.round(node.x), Math.round(node.y)];
			localStorage.setItem(`weft-places ${this.lab}`, JSON.stringify(this.places));
		});
	}

	nodeAt([x, y]) {
		for (let i = this.nodes.length - 1; i >= 0; i--) {
			const node = this.nodes[i], r = RADIUS[node.kind] + 4;
			if ((node.x - x) ** 2 + (node.y - y) ** 2 < r * r) return node;
		}
		return null;
	}

	edgeAt([x, y]) {
		const near = 7 / Math.min(1, this.view.k);
		return this.edges.find((edge) => {
			const [cx, cy] = this.control(edge), { source: a, target: b } = edge;
			for (let i = 1; i < 20; i++) {
				const t = i / 20, px = (1 - t) ** 2 * a.x + 2 * t * (1 - t) * cx + t * t * b.x, py = (1 - t) ** 2 * a.y + 2 * t * (1 - t) * cy + t * t * b.y;
				if ((px - x) ** 2 + (py - y) ** 2 < Math.max(near * near, ((a.x - b.x) ** 2 + (a.y - b.y) ** 2) / 1600)) return true;
			}
			return false;
		});
	}

	click(event, chosen) {
		if (event.defaultPrevented) return;
		const at = this.view.invert(pointer(event, this.canvas)), node = this.nodeAt(at), edge = node ? null : this.edgeAt(at);
		chosen(node || edge || null, event);
	}

	hover(event) {
		const at = this.view.invert(pointer(event, this.canvas));
		this.canvas.style.cursor = this.nodeAt(at) || this.edgeAt(at) ? 'pointer' : 'grab';
	}

	// Where a point of the picture is on the page; for tests.
	place(id) {
		const node = this.nodes.find((n) => n.id === id), edge = this.edges.find((e) => e.id === id), box = this.canvas.getBoundingClientRect();
		const [x, y] = node ? [node.x, node.y] : this.middle(edge);
		return [box.left + this.view.applyX(x), box.top + this.view.applyY(y)];
	}

	control(edge) {
		const { source: a, target: b } = edge, off = edge.turn * (edge.nth - (edge.of - 1) / 2) * 40, length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
		return [(a.x + b.x) / 2 - ((b.y - a.y) / length) * off, (a.y + b.y) / 2 + ((b.x - a.x) / length) * off];
	}

	middle(edge) {
		const [cx, cy] = this.control(edge);
		return [(edge.source.x + 2 * cx + edge.target.x) / 4, (edge.source.y + 2 * cy + edge.target.y) / 4];
	}

	redraw() {
		if (this.drawing) return;
		this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.draw(); });
	}

	draw() {
		const c = this.context, k = this.view.k, color = (name) => this.colors.getPropertyValue(name);
		const palette = { ink: color('--ink'), faint: color('--faint'), page: color('--page'), hot: color('--hot') };
		const began = performance.now();
		c.save();
		c.clearRect(0, 0, this.width, this.height);
		c.translate(this.view.x, this.view.y);
		c.scale(k, k);
		for (const edge of this.edges) this.drawEdge(c, edge, palette);
		for (const node of this.nodes) this.drawNode(c, node, palette, k);
		if (k > 0.5 || this.edges.length < MANY_EDGES) for (const edge of this.edges) this.labelEdge(c, edge, palette, k);
		c.restore();
		this.frame_ms = performance.now() - began;
		this.frames = (this.frames || 0) + 1;
	}

	drawEdge(c, edge, palette) {
		const state = this.edgeState(edge), [cx, cy] = this.control(edge), walked = this.walked && this.walked.has(edge.id);
		c.beginPath();
		c.moveTo(edge.source.x, edge.source.y);
		c.quadraticCurveTo(cx, cy, edge.target.x, edge.target.y);
		if (walked || this.selected === edge.id) {
			c.strokeStyle = walked ? palette.hot : palette.ink;
			c.globalAlpha = 0.35; c.lineWidth = 10; c.stroke(); c.globalAlpha = 1;
		}
		// The busier the wider: 1 kbit/s is seen, 10 Gbit/s is broad.
		const busy = state.rate > 1000 ? Math.log10(state.rate / 1000) / 7 : 0;
		c.setLineDash(state.up ? [] : [5, 5]);
		c.strokeStyle = !state.up ? STATES.failed : state.drops > 0 ? STATES.starting : busy > 0 ? STATES.running : palette.faint;
		c.lineWidth = (edge.kind === 'link' ? 2.2 : 1.4) + busy * 5;
		c.stroke();
		c.setLineDash([]);
	}

	labelEdge(c, edge, palette, k) {
		const state = this.edgeState(edge), words = state.rate > 500 ? rateText(state.rate) : '';
		if (state.up && !words) return;
		const [x, y] = this.middle(edge), text = state.up ? words : edge.kind === 'link' ? '✕ cut' : '✕';
		c.font = `${11 / Math.max(k, 0.6)}px system-ui, sans-serif`;
		c.textAlign = 'center'; c.textBaseline = 'middle';
		c.lineWidth = 4; c.strokeStyle = palette.page; c.strokeText(text, x, y);
		c.fillStyle = state.up ? palette.ink : STATES.failed; c.fillText(text, x, y);
	}

	drawNode(c, node, palette, k) {
		const r = RADIUS[node.kind], { x, y } = node, state = node.kind === 'vm' ? this.vmState(node.name) : '';
		c.globalAlpha = this.found && !this.found.has(node.id) ? 0.25 : 1;
		if (this.selected === node.id || this.marked.has(node.id)) {
			c.beginPath(); c.arc(x, y, r + 6, 0, 7);
			c.fillStyle = this.marked.has(node.id) ? palette.hot : palette.ink;
			c.globalAlpha *= 0.35; c.fill(); c.globalAlpha = this.found && !this.found.has(node.id) ? 0.25 : 1;
		}
		c.beginPath();
		if (node.kind === 'router') c.arc(x, y, r, 0, 7);
		else if (node.kind === 'network') c.roundRect(x - r * 1.3, y - r * 0.55, r * 2.6, r * 1.1, r * 0.55);
		else c.roundRect(x - r, y - r * 0.75, r * 2, r * 1.5, 4);
		c.fillStyle = node.kind === 'vm' ? STATES[state] || STATES.defined : FILL[node.kind];
		c.fill();
		c.lineWidth = 1.5; c.strokeStyle = palette.page; c.stroke();
		this.drawSign(c, node, state);
		if (k > 0.45 || this.nodes.length < 60) {
			c.font = `600 ${12 / Math.max(k, 0.75)}px system-ui, sans-serif`;
			c.textAlign = 'center'; c.textBaseline = 'top';
			c.lineWidth = 3; c.strokeStyle = palette.page; c.fillStyle = palette.ink;
			c.strokeText(node.name, x, y + r + 2); c.fillText(node.name, x, y + r + 2);
		}
		c.globalAlpha = 1;
	}

	// What kind of thing it is, without colour: a cross of ways, a screen, a bus.
	drawSign(c, node, state) {
		const { x, y } = node;
		c.strokeStyle = c.fillStyle = '#fff';
		c.lineWidth = 2;
		c.beginPath();
		if (node.kind === 'router') {
			for (const [dx, dy] of [[1, 1], [-1, 1], [1, -1], [-1, -1]]) { c.moveTo(x + dx * 3, y + dy * 3); c.lineTo(x + dx * 9, y + dy * 9); }
		} else if (node.kind === 'network') {
			c.moveTo(x - 16, y); c.lineTo(x + 16, y);
			for (const dx of [-10, 0, 10]) { c.moveTo(x + dx, y - 5); c.lineTo(x + dx, y + 5); }
		} else if (node.kind === 'vm') {
			if (state === 'paused') { c.rect(x - 4, y - 5, 1, 10); c.rect(x + 3, y - 5, 1, 10); }
			else if (state === 'failed') { c.moveTo(x - 4, y - 4); c.lineTo(x + 4, y + 4); c.moveTo(x + 4, y - 4); c.lineTo(x - 4, y + 4); }
			else if (state === 'running') { c.moveTo(x - 6, y - 3); c.lineTo(x - 2, y); c.lineTo(x - 6, y + 3); c.moveTo(x, y + 4); c.lineTo(x + 6, y + 4); }
			else c.arc(x, y, 4, 0, 7);
		}
		c.stroke();
	}
}
