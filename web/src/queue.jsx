// The queue: machines in their order, and how long they waited and were served. Turnaround is waiting plus service.

import { secondsText } from './model.js';

const ORDER = { starting: 0, waiting: 1, running: 2, paused: 3 };

function Bars({ vm, longest }) {
	const width = (s) => `${(100 * (s || 0)) / longest}%`;
	return <span class="bars" title={`waiting ${secondsText(vm.waiting_s)} + service ${secondsText(vm.service_s)} = turnaround ${secondsText(vm.turnaround_s)}`}>
		<i class="waiting" style={{ width: width(vm.waiting_s) }} /><i class="service" style={{ width: width(vm.service_s) }} /></span>;
}

export function Queue({ vms }) {
	const rank = (vm) => (vm.position > 0 ? vm.position : 100000 * (1 + (ORDER[vm.state] ?? 4)));
	const sorted = [...vms].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, undefined, { numeric: true }));
	const longest = Math.max(1, ...vms.map((vm) => vm.turnaround_s || (vm.waiting_s || 0) + (vm.service_s || 0)));
	return <table class="queue"><thead><tr><th class="number">Pos</th><th>Machine</th><th>State</th><th class="number">Pri</th><th class="number">Waiting</th>
		<th class="number">Service</th><th class="number">Turnaround</th><th class="wide">Waiting and service</th></tr></thead>
	<tbody>{sorted.map((vm) => <tr key={vm.name}><td class="number">{vm.position || '–'}</td><td>{vm.name}</td>
		<td><span class={`dot ${vm.state}`} title={vm.reason}>{vm.state}</span> {vm.reason}</td><td class="number">{vm.priority}</td>
		<td class="number">{secondsText(vm.waiting_s)}</td><td class="number">{secondsText(vm.service_s)}</td><td class="number">{secondsText(vm.turnaround_s)}</td>
		<td><Bars vm={vm} longest={longest} /></td></tr>)}</tbody></table>;
}
