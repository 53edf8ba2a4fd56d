// A machine's serial line in xterm.

import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { openConsole } from './api.js';

// Opens it in the element; `state` is told in words how it stands. Returns how to end it.
export function openTerminal(element, lab, vm, state) {
	const terminal = new Terminal({ fontSize: 12, scrollback: 5000, cursorBlink: true, convertEol: false }), fit = new FitAddon();
	terminal.loadAddon(fit);
	terminal.open(element);
	fit.fit();
	const line = openConsole(lab, vm, (bytes) => terminal.write(bytes));
	window.weftTerminal = terminal;
	line.ended.then(() => state('ended'), (error) => state(error.name === 'AbortError' ? 'closed' : error.message));
	state('open');
	terminal.onData((text) => line.keys(text));
	// A key wakes the shell, so that there is something to see.
	line.keys('\r');
	terminal.focus();
	const observer = new ResizeObserver(() => fit.fit());
	observer.observe(element);
	return () => { observer.disconnect(); line.close(); terminal.dispose(); };
}
