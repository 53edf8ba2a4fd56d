// What is known of the node or edge that was clicked, and what can be done with it.

import { useEffect, useRef, useState } from 'preact/hooks';
import { get, path, post } from './api.js';
import { rateText, secondsText } from './model.js';

// What an interface of no set rate is taken to have, bits a second: what virtio's and Linux's 10 G interfaces show.
const BANDWIDTH = 10e9;

const query = (what, values) => `/v1/show/${what}?${new URLSearchParams(values)}`;

// Asks again whenever the world did; null until the first answer. `target` null asks nothing.
function useRows(target, beat) {
	const [rows, setRows] = useState(null);
	useEffect(() => {
		let wanted = true;
		if (target) get(target).then((all) => wanted && setRows(all), () => wanted && setRows([]));
		return () => { wanted = false; };
	}, [target, beat]);
	return rows;
}

function Rows({ title, heads, rows }) {
	if (!rows) return null;
	return <section><h3>{title}</h3>{rows.length ? <table><thead><tr>{heads.map((h) => <th key={h}>{h}</th>)}</tr></thead>
		<tbody>{rows.map((row, i) => <tr key={i}>{row.map((cell, j) => <td key={j}>{cell}</td>)}</tr>)}</tbody></table> : <p class="none">none</p>}</section>;
}

function Act({ text, run, danger }) {
	const [busy, setBusy] = useState(false), [problem, setProblem] = useState('');
	const act = () => { setBusy(true); run().then(() => setProblem(''), (error) => setProblem(error.message)).then(() => setBusy(false)); };
	return <><button disabled={busy} class={danger ? 'danger' : ''} onClick={act}>{text}</button>{problem && <p class="bad" role="alert">{problem}</p>}</>;
}

// uPlot comes when the first plot is looked at.
function Plot({ meter, beat }) {
	const element = useRef(), plot = useRef();
	useEffect(() => {
		let gone = false;
		import('./plot.js').then(({ makePlot }) => { if (!gone && element.current) { plot.current = makePlot(element.current); plot.current.show(meter); } });
		return () => { gone = true; if (plot.current) plot.current.end(); };
	}, []);
	useEffect(() => { if (plot.current) plot.current.show(meter); }, [beat]);
	return <div class="plot" ref={element} />;
}

function Console({ lab, vm }) {
	const element = useRef(), [state, setState] = useState('connecting');
	useEffect(() => {
		let end = null, gone = false;
		import('./terminal.js').then(({ openTerminal }) => { if (!gone) end = openTerminal(element.current, lab, vm, setState); });
		return () => { gone = true; if (end) end(); };
	}, [lab, vm]);
	return <section><h3>Serial console <small>{state}</small></h3><div class="terminal" ref={element} /></section>;
}

const nextHops = (route) => route.nexthops.map((hop) => (hop.ip ? `via ${hop.ip} ` : '') + (hop.rif || '')).join(', ') || route.action;

function Interfaces({ world, names }) {
	return <Rows title="Interfaces" heads={['Name', 'State', 'In', 'Out', 'Drops']} rows={names.map((name) => {
		const meter = world.meters.get(name);
		return meter ? [name, meter.row.up ? 'up' : 'down', rateText(meter.rx || 0), rateText(meter.tx || 0), meter.row.rx_dropped + meter.row.tx_dropped] : [name, '–', '', '', ''];
	})} />;
}

// R = G x C: what passes is the bandwidth times the load of it.
function Load({ world, names }) {
	return <Rows title="R = G × C" heads={['Interface', 'G bandwidth', 'C load', 'R rate']} rows={names.map((name) => {
		const meter = world.meters.get(name), rate = meter ? Math.max(meter.rx || 0, meter.tx || 0) : 0;
		return [name, rateText(BANDWIDTH), `${((100 * rate) / BANDWIDTH).toFixed(4)} %`, rateText(rate)];
	})} />;
}

function Drops({ rows, mine }) {
	return <Rows title="Drops" heads={['Where', 'Packets', 'Why']} rows={rows && rows.filter((d) => mine(d.name)).map((d) => [d.name, d.packets, <span title={d.reason}>{d.text}</span>])} />;
}

function Machine({ world, lab, beat, node }) {
	const vm = world.vms.find((each) => each.name === node.name), [console_, setConsole] = useState(false);
	const drops = useRows(query('drops', { lab }), beat);
	const act = (what) => () => post(path`/v1/labs/${lab}/vms/${node.name}/${what}`).then(() => world.soon());
	if (!vm) return <p class="none">not there any more</p>;
	const nics = vm.nics.map((nic) => `${vm.name}:${nic.name}`), runs = vm.state === 'running', first = world.meters.get(nics[0]);
	return <>
		<p><span class={`dot ${vm.state}`}>{vm.state}</span> {vm.reason}</p>
		<p class="acts">{runs || vm.state === 'paused' || vm.state === 'starting' ? <><Act text="Stop" run={act('stop')} danger /><Act text="Kill" run={act('kill')} danger /></> : <Act text="Start" run={act('start')} />}
			{runs && <Act text="Pause" run={act('pause')} />}{vm.state === 'paused' && <Act text="Resume" run={act('resume')} />}
			{runs && <button onClick={() => setConsole(!console_)}>{console_ ? 'Close console' : 'Console'}</button>}</p>
		{console_ && <Console lab={lab} vm={vm.name} />}
		<dl><dt>Image</dt><dd>{vm.image}</dd><dt>CPUs, memory</dt><dd>{vm.cpus}, {vm.memory_mib} MiB</dd><dt>Waiting + service</dt>
			<dd>{secondsText(vm.waiting_s)} + {secondsText(vm.service_s)} = {secondsText(vm.turnaround_s)}</dd></dl>
		<Rows title="NICs" heads={['NIC', 'Network', 'Address', 'MAC', 'State']}
			rows={vm.nics.map((nic) => [nic.name, nic.network, <>{nic.ipv4 && (nic.leased ? nic.ipv4 : `(${nic.ipv4})`)} {nic.ipv6}</>, nic.mac, nic.state])} />
		<Interfaces world={world} names={nics} />
		{first && <Plot meter={first} beat={beat} />}
		<Drops rows={drops} mine={(name) => nics.includes(name)} />
	</>;
}

function Router({ world, lab, beat, node }) {
	const asked = { lab, router: node.name }, routes = useRows(query('route', asked), beat), arp = useRows(query('arp', asked), beat);
	const drops = useRows(query('drops', asked), beat), rip = useRows(query('rip-neighbors', asked), beat), bgp = useRows(query('bgp-neighbors', asked), beat), ospf = useRows(query('ospf-neighbors', asked), beat);
	const model = ((world.model.flat || {}).routers || {})[node.name] || {}, keys = Object.keys(model.interfaces || {}), names = keys.map((key) => `${node.name}:${key}`);
	return <>
		<dl><dt>Router ID</dt><dd>{model['router-id'] || '–'}</dd></dl>
		<Rows title="Addresses" heads={['Interface', 'Network', 'Address', 'MAC']} rows={keys.map((key) => [key, model.interfaces[key].network || 'link', model.interfaces[key].ipv4 || model.interfaces[key].ipv6, model.interfaces[key].mac])} />
		<Interfaces world={world} names={names} />
		<Load world={world} names={names} />
		<Rows title="Routes" heads={['Prefix', 'By', 'Way', 'Age']} rows={routes && routes.filter((r) => r.selected).slice(0, 500).map((r) => [r.prefix, `${r.protocol} ${r.distance}/${r.metric}`, nextHops(r), secondsText(r.age_s)])} />
		<Rows title="Neighbours" heads={['Address', 'MAC', 'Interface', 'State']} rows={arp && arp.map((a) => [a.ip, a.mac, a.rif, a.state])} />
		{rip && rip.length > 0 && <Rows title="RIP neighbours" heads={['Address', 'Interface', 'Heard']} rows={rip.map((n) => [n.ip, n.rif, `${n.age_s} s ago`])} />}
		{ospf && ospf.length > 0 && <Rows title="OSPF neighbours" heads={['Router ID', 'Address', 'Interface', 'State', 'Since']} rows={ospf.map((n) => [n.router_id, n.ip, n.rif, n.state, secondsText(n.up_s)])} />}
		{bgp && bgp.length > 0 && <Rows title="BGP neighbours" heads={['Address', 'AS', 'State']} rows={bgp.map((n) => [n.neighbor, n.remote_as, n.state])} />}
		<Drops rows={drops} mine={() => true} />
	</>;
}

function Network({ world, lab, beat, node }) {
	const asked = { lab, network: node.name }, macs = useRows(query('mac', asked), beat), leases = useRows(query('dhcp', asked), beat);
	const plugs = world.graph.edges.filter((e) => e.kind === 'plug' && e.target === node.id).map((e) => e.a);
	const model = ((world.model.flat || {}).networks || {})[node.name] || {};
	return <>
		<dl><dt>Prefix</dt><dd>{model.ipv4 || model.ipv6 || '–'}</dd><dt>Gateway</dt><dd>{model.gateway || '–'}</dd><dt>DHCP</dt><dd>{model.dhcp ? 'on' : 'off'}</dd></dl>
		<Interfaces world={world} names={plugs} />
		<Rows title="MAC addresses" heads={['MAC', 'Port', 'Age']} rows={macs && macs.slice(0, 500).map((m) => [m.mac, m.port, m.is_static ? 'static' : `${m.age_s} s`])} />
		<Rows title="Leases" heads={['Address', 'MAC', 'Port']} rows={leases && leases.slice(0, 500).map((l) => [l.ip, l.mac, l.port])} />
	</>;
}

function Port({ world, lab, beat, node }) {
	const drops = useRows(query('drops', { lab }), beat), meter = world.meters.get(node.name);
	return <><Interfaces world={world} names={[node.name]} />{meter && <Plot meter={meter} beat={beat} />}<Drops rows={drops} mine={(name) => name === node.name} /></>;
}

function Edge({ world, lab, beat, edge }) {
	const drops = useRows(query('drops', { lab }), beat), names = edge.b ? [edge.a, edge.b] : [edge.a], state = world.meters.edge(edge), meter = world.meters.get(edge.a);
	const act = (what) => () => post(path`/v1/labs/${lab}/links/${edge.name}/${what}`).then(() => world.soon());
	return <>
		<p><span class={`dot ${state.up ? 'running' : 'failed'}`}>{state.up ? 'carries' : 'no carrier'}</span></p>
		{edge.kind === 'link' && <p class="acts">{state.up ? <Act text="Cut" run={act('down')} danger /> : <Act text="Plug in" run={act('up')} />}</p>}
		<Interfaces world={world} names={names} />
		{meter && <Plot meter={meter} beat={beat} />}
		<Load world={world} names={names} />
		<Drops rows={drops} mine={(name) => names.includes(name)} />
	</>;
}

export function Details({ world, lab, beat, item, close }) {
	// The answers of a second ago will do for what isn't a rate.
	const slow = Math.floor(beat / 2), kinds = { vm: ['Machine', Machine], router: ['Router', Router], network: ['Network', Network], port: ['Port', Port] };
	const [kind, Part] = item.source ? [item.kind === 'link' ? 'Link' : 'Plug', null] : kinds[item.kind];
	return <aside class="details">
		<h2><small>{kind}</small> {item.source ? item.name || item.a : item.name} <button class="close" onClick={close} aria-label="Close">×</button></h2>
		{Part ? <Part world={world} lab={lab} beat={slow} node={item} /> : <Edge world={world} lab={lab} beat={slow} edge={world.graph.edges.find((e) => e.id === item.id) || item} />}
	</aside>;
}
