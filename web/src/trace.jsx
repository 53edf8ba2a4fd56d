// The way of a packet between two clicked nodes, as the switch itself decides it (weft trace), drawn on the picture.

import { useEffect, useState } from 'preact/hooks';
import { get, path } from './api.js';

// The edges that a way passes: those whose interfaces its steps name.
function walkedEdges(world, steps) {
	const passed = new Set();
	for (const step of steps) {
		passed.add(step.at);
		for (const name of step.text.match(/[\w./-]+:[\w.-]+/g) || []) passed.add(name);
	}
	return new Set(world.graph.edges.filter((e) => passed.has(e.a) || passed.has(e.b)).map((e) => e.id));
}

export function Trace({ world, lab, tracing, setTracing }) {
	const [protocol, setProtocol] = useState('icmp'), [answer, setAnswer] = useState(null), [problem, setProblem] = useState('');
	const [from, to] = tracing.ends;

	const ask = async () => {
		const [name, port] = protocol.split('/'), query = new URLSearchParams({ from: from.name, to: to.name, protocol: name });
		if (port) query.set('port', port);
		try {
			const found = await get(path`/v1/labs/${lab}/trace` + `?${query}`);
			setAnswer(found); setProblem('');
			setTracing({ ends: tracing.ends, walked: walkedEdges(world, found.steps) });
		} catch (error) { setAnswer(null); setProblem(error.message); }
	};
	useEffect(() => { if (to) ask(); else { setAnswer(null); setProblem(''); } }, [from && from.id, to && to.id]);
	return <aside class="details trace">
		<h2>Trace <button class="close" onClick={() => setTracing(null)} aria-label="Close">×</button></h2>
		<p>{!from ? 'Click where the packet comes from: a machine or a router.' : !to ? <>From <b>{from.name}</b>. Click where it goes.</>
			: <>From <b>{from.name}</b> to <b>{to.name}</b></>}</p>
		<form onSubmit={(e) => { e.preventDefault(); if (to) ask(); }}>
			<label>Protocol <input value={protocol} size="9" onInput={(e) => setProtocol(e.target.value)} placeholder="tcp/22" /></label>
			<button disabled={!to}>Again</button>
			<button type="button" disabled={!to} onClick={() => setTracing({ ends: [to, from] })}>Back</button>
		</form>
		{problem && <p class="bad" role="alert">{problem}</p>}
		{answer && <>
			<p class={answer.verdict === 'delivered' || answer.verdict === 'flooded' || answer.verdict === 'taken' ? 'good' : 'bad'}><b>{answer.verdict}</b> {answer.source} → {answer.destination}</p>
			<ol class="steps">{answer.steps.map((s) => <li key={s.step} class={s.verdict}>
				<b>{s.feature}</b> <span class="at">{s.router || s.at}</span> {s.text}
				{s.reason && <em> {s.reason}: {s.meaning}</em>}{s.fix && <div class="fix">fix: {s.fix}</div>}</li>)}</ol></>}
	</aside>;
}
