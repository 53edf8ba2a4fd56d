// The page: which lab, the picture, what is known of what was clicked, the queue, what happens.
import './app.css';

import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { follow, get, path } from './api.js';
import { Details } from './details.jsx';
import { Meters, graphOf, shapeOf } from './model.js';
import { Picture } from './picture.js';
import { Queue } from './queue.jsx';
import { Trace } from './trace.jsx';

// How often rates are asked for; labs with many interfaces are asked less often.
const PERIOD_MS = 1000, PERIOD_MANY_MS = 3000, MANY_ROWS = 300;
const EVENTS_KEPT = 200;
// What changes the picture or its colours, and is shown at once.
const WORTH_ASKING = /^(lab|vm|port|link|interface|operation)-|^leased$/;

function useLabs() {
	const [labs, setLabs] = useState(null), [problem, setProblem] = useState('');
	const ask = () => get('/v1/labs').then((all) => { setLabs(all); setProblem(''); }, (error) => { setLabs([]); setProblem(error.message); });
	useEffect(() => {
		ask();
		const timer = setInterval(ask, 5000);
		return () => clearInterval(timer);
	}, []);
	return { labs, problem, ask };
}

// All that is known of a lab, asked for again and again.
class World {
	constructor(lab, changed) { Object.assign(this, { lab, changed, meters: new Meters(), vms: [], graph: null, drops: [], period: PERIOD_MS }); }

	async start() {
		this.running = true;
		while (this.running) {
			await this.ask().catch((error) => { this.problem = error.message; this.changed(this); });
			// Nothing is asked while nobody looks; an event ends the wait.
			await new Promise((done) => { this.wake = done; setTimeout(done, document.hidden ? 10000 : this.period); });
		}
	}

	stop() { this.running = false; if (this.wake) this.wake(); }

	soon() { this.stale = true; clearTimeout(this.timer); this.timer = setTimeout(() => this.wake && this.wake(), 150); }

	async ask() {
		const lab = this.lab, whole = this.stale || !this.graph;
		this.stale = false;
		const [rows, vms, model] = await Promise.all([get('/v1/show/interfaces?' + new URLSearchParams({ lab })),
			get(path`/v1/labs/${lab}/vms`), whole ? get(path`/v1/labs/${lab}`) : null]);
		if (model) { this.model = model; this.graph = graphOf(model.flat || {}); }
		this.meters.take(rows);
		this.vms = vms;
		this.states = new Map(vms.map((vm) => [vm.name, vm.state]));
		this.period = rows.length > MANY_ROWS ? PERIOD_MANY_MS : PERIOD_MS;
		this.problem = '';
		this.changed(this);
	}
}

function Canvas({ world, beat, selected, choose, onPicture, walked, marked }) {
	const element = useRef(), picture = useRef(), shape = useRef(), handler = useRef();
	handler.current = choose;
	useEffect(() => {
		picture.current = new Picture(element.current, (item, event) => handler.current(item, event));
		window.weftPicture = picture.current;
		onPicture(picture.current);
	}, []);
	useEffect(() => {
		const p = picture.current;
		if (!world || !world.graph) return;
		p.edgeState = (edge) => world.meters.edge(edge);
		p.vmState = (name) => world.states.get(name);
		const now = world.lab + shapeOf(world.graph);
		if (now !== shape.current) { shape.current = now; p.show(world.lab, world.graph); } else p.redraw();
	}, [world, beat]);
	useEffect(() => {
		Object.assign(picture.current, { walked, marked: new Set(marked) });
		picture.current.select(selected && selected.id);
	}, [selected, walked, marked]);
	return <canvas ref={element} class="picture" aria-label="The lab as a picture" />;
}

function Events({ events }) {
	return <ol class="events">{events.map((e) => <li key={e.seq} class={/failed|died|down|limit/.test(e.event) ? 'bad' : ''}>
		<time>{e.time.slice(11, 19)}</time> <b>{e.object}</b> {e.event} {e.text}</li>)}</ol>;
}

const LEGEND = [['running', 'running'], ['waiting', 'waits or starts'], ['paused', 'paused'], ['stopped', 'stopped'], ['failed', 'failed']];

function Bar({ labs, lab, setLab, picture, live, world, tracing, setTracing, setSelected }) {
	return <header>
		<h1>weft</h1>
		<select value={lab} onChange={(e) => setLab(e.target.value)} aria-label="Lab">{labs.map((l) => <option key={l.name}>{l.name}</option>)}</select>
		<span class="state">{world && world.model && world.model.state}</span>
		<input type="search" placeholder="Search" aria-label="Search" onInput={(e) => picture.search(e.target.value.trim())}
			onKeyDown={(e) => { if (e.key === 'Enter') { const node = picture.search(e.target.value.trim()); if (node) setSelected(node); } }} />
		<button onClick={() => picture.fit()}>Fit</button>
		<button onClick={() => picture.release()} title="Forget where nodes were put">Arrange</button>
		<button class={tracing ? 'on' : ''} onClick={() => setTracing(tracing ? null : { ends: [] })}>Trace</button>
		<span class="legend">{LEGEND.map(([key, text]) => <span key={key} class={`dot ${key}`}>{text}</span>)}</span>
		<span class={live ? 'live' : 'live off'} title={live ? 'events come as they happen' : 'no events come'}>{live ? 'live' : 'away'}</span>
	</header>;
}

function Nothing({ problem }) {
	return <main class="nothing"><h1>weft</h1><p>{problem || 'No lab runs.'}</p>
		{!problem && <p>Bring one up in a terminal: <code>weft up examples/demo.weft.yaml</code>. It appears here by itself.</p>}</main>;
}

function App() {
	const { labs, problem, ask } = useLabs();
	const [lab, setLab] = useState(''), [world, setWorld] = useState(null), [beat, setBeat] = useState(0), [selected, setSelected] = useState(null);
	const [tracing, setTracing] = useState(null), [live, setLive] = useState(false), [tab, setTab] = useState('queue'), [picture, setPicture] = useState(null);
	const [events, setEvents] = useState([]), current = useRef();

	useEffect(() => { if (labs && !labs.some((l) => l.name === lab)) setLab(labs.length ? labs[0].name : ''); }, [labs]);
	useEffect(() => {
		setSelected(null); setTracing(null);
		if (!lab) { setWorld(null); return undefined; }
		const next = new World(lab, () => setBeat((n) => n + 1));
		current.current = next;
		setWorld(next);
		next.start();
		return () => next.stop();
	}, [lab]);
	useEffect(() => follow((event) => {
		setEvents((all) => [event, ...all].slice(0, EVENTS_KEPT));
		if (WORTH_ASKING.test(event.event)) { if (current.current) current.current.soon(); if (event.event.startsWith('lab-')) ask(); }
	}, setLive), []);

	const choose = (item) => {
		if (!tracing) { setSelected(item); return; }
		if (item && item.kind !== 'network' && !item.source) setTracing({ ends: tracing.ends.length > 1 ? [item] : [...tracing.ends, item] });
	};
	if (labs === null) return null;
	if (!lab) return <Nothing problem={problem} />;
	return <>
		<Bar {...{ labs, lab, setLab, picture, live, world, tracing, setTracing, setSelected }} />
		<div class="page">
			<section class="left">
				<Canvas {...{ world, beat, selected, choose }} onPicture={setPicture} walked={tracing && tracing.walked} marked={tracing ? tracing.ends.map((e) => e.id) : []} />
				<nav class="tabs">{[['queue', 'Queue'], ['events', `Events ${events.length || ''}`]].map(([key, text]) =>
					<button key={key} class={tab === key ? 'on' : ''} onClick={() => setTab(tab === key ? '' : key)}>{text}</button>)}
				{world && world.problem && <span class="bad" role="alert">{world.problem}</span>}</nav>
				{tab && <div class="below">{tab === 'queue' ? <Queue vms={world ? world.vms : []} /> : <Events events={events.filter((e) => !e.lab || e.lab === lab)} />}</div>}
			</section>
			{tracing ? <Trace {...{ world, lab, tracing, setTracing }} />
				: selected && world && world.graph ? <Details key={selected.id} {...{ world, lab, beat, item: selected, close: () => setSelected(null) }} /> : null}
		</div>
	</>;
}

render(<App />, document.getElementById('app'));
