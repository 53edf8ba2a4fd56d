// The daemon's API (doc/api.md) as the page asks it: questions, events, consoles. The token comes with the address and goes no further.

const fromAddress = new URLSearchParams(location.hash.slice(1)).get('token');
if (fromAddress) {
	// Kept for a reload of this tab, and out of sight.
	sessionStorage.setItem('weft-token', fromAddress);
	history.replaceState(null, '', location.pathname);
}
const token = fromAddress || sessionStorage.getItem('weft-token') || '';

// Gives the address with the token in it, to open the window elsewhere.
export const address = () => `${location.origin}/#token=${token}`;

// A path of the API: path`/v1/labs/${lab}`, with the values percent-encoded.
export const path = (parts, ...values) => parts.reduce((all, part, i) => all + encodeURIComponent(values[i - 1]) + part);

async function ask(method, target, { body, headers, signal } = {}) {
	const answer = await fetch(target, { method, body, signal, headers: { Authorization: `Bearer ${token}`, ...headers } });
	if (answer.ok) return answer;
	const problem = await answer.json().catch(() => ({}));
	throw Object.assign(new Error(problem.detail || answer.statusText), { status: answer.status });
}

export const get = async (target) => (await ask('GET', target)).json();
export const post = async (target, value) => (await ask('POST', target, value && { body: JSON.stringify(value) })).json();

// Calls `each` with every event from now on (server-sent events), for ever; `state` is told whether they come. Returns how to end it.
export function follow(each, state) {
	const end = new AbortController();
	(async () => {
		let last = null;
		while (!end.signal.aborted) {
			try {
				const answer = await ask('GET', '/v1/events' + (last === null ? '' : `?since=${last + 1}`), { signal: end.signal });
				state(true);
				for await (const line of lines(answer.body)) {
					if (!line.startsWith('data:')) continue;
					const event = JSON.parse(line.slice(5));
					last = event.seq;
					each(event);
				}
			} catch (error) {
				if (end.signal.aborted) return;
				// A daemon that was started again counts anew.
				last = null;
			}
			state(false);
			await new Promise((done) => setTimeout(done, 1000));
		}
	})();
	return () => end.abort();
}

async function* lines(stream) {
	const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
	for (let rest = '';;) {
		const { value, done } = await reader.read();
		if (done) return;
		const all = (rest + value).split('\n');
		rest = all.pop();
		yield* all;
	}
}

// Opens a machine's serial line: `screen` gets its bytes. Returns { keys(text), close(), ended: promise }.
export function openConsole(lab, vm, screen) {
	const target = path`/v1/labs/${lab}/vms/${vm}/console`, end = new AbortController();
	const headers = { 'Weft-Console': Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('') };
	// Keys that come before the line is open wait for it.
	let waiting = '', sending = true;
	const ended = (async () => {
		const reader = (await ask('GET', target, { headers, signal: end.signal })).body.getReader();
		send();
		for (;;) {
			const { value, done } = await reader.read();
			if (done) return;
			screen(value);
		}
	})();
	// Keys go one request after the other, so that their order is kept; what is typed meanwhile goes together.
	async function send() {
		sending = true;
		while (waiting && !end.signal.aborted) {
			const body = waiting;
			waiting = '';
			await ask('POST', target, { headers, body }).catch(() => {});
		}
		sending = false;
	}
	return { ended, close: () => end.abort(), keys: (text) => { waiting += text; if (!sending) send(); } };
}
