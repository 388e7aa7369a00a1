/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address space as the report packs it (report-map.c), and views of it.  A
 * view is a network on the map: its first `bits` bits below the root are
 * `number`. */

function unpackNumbers(text) {
	const bytes = atob(text), numbers = [];
	for (let i = 0, n = 0, unit = 1; i < bytes.length; i++) {
		const b = bytes.charCodeAt(i);
		n += (b & 127) * unit;
		unit *= 128;
		if (b < 128) {
			numbers.push(n);
			n = 0;
			unit = 1;
		}
	}
	return numbers;
}

function unpackRuns(text) {
	const numbers = unpackNumbers(text), starts = [], ends = [];
	for (let i = 0, at = 0; i < numbers.length; i += 2) {
		starts.push(at += numbers[i]);
		ends.push(at += numbers[i + 1]);
	}
	return { starts, ends };
}

/* First index of a sorted list whose value is at least v. */
function firstFrom(list, v) {
	let low = 0, high = list.length;
	while (low < high) {
		const mid = low + high >> 1;
		if (list[mid] < v)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

class Space {
	constructor(packed, holders) {
		const six = packed.family === 6;
		this.six = six;
		this.slots = packed.slots; /* IPv6: a /12 each, sixteen of them */
		this.topBits = six ? 8 : 0; /* of an address, beyond those of a view */
		this.unitBits = 24;
		this.blockBits = six ? 40 : 24;
		this.deepest = six ? 24 : 16; /* bits of the nearest view */
		this.holders = holders;
		this.allocated = unpackRuns(packed.allocated);
		this.flagged = unpackRuns(packed.flagged);
		this.unpackHolders(packed.mainHolders);
		this.unpackBlocks(packed.blocks);
	}

	/* The percentage is a byte of its own, never above 100. */
	unpackHolders(text) {
		const n = unpackNumbers(text);
		this.main = new Map();
		for (let i = 0, at = 0; i < n.length; i += 3)
			this.main.set(at += n[i], { holder: this.holders[n[i + 1]], percent: n[i + 2] });
	}

	unpackBlocks(text) {
		const n = unpackNumbers(text);
		this.blocks = [];
		for (let i = 0, at = 0; i < n.length; i += 5)
			this.blocks.push({
				number: at += n[i], holder: this.holders[n[i + 1]],
				spam: n[i + 2] / 10, ham: n[i + 3] / 10,
				score: Math.floor(n[i + 4] / 2) / 1000, flagged: n[i + 4] % 2 === 1,
			});
		this.numbers = this.blocks.map(b => b.number);
	}

	blocksIn(view) {
		const size = 2 ** (this.blockBits - view.bits), first = view.number * size;
		return this.blocks.slice(firstFrom(this.numbers, first),
			firstFrom(this.numbers, first + size));
	}

	/* How much of each of 2^bits cells of a view lies in runs, from 0 to 1. */
	coverage(runs, view, bits) {
		const cells = new Float32Array(2 ** bits);
		const units = 2 ** (this.unitBits - view.bits), base = view.number * units;
		const size = units / cells.length;
		for (let i = firstFrom(runs.ends, base + 1); i < runs.starts.length; i++) {
			let at = Math.max(runs.starts[i] - base, 0);
			const end = Math.min(runs.ends[i] - base, units);
			if (at >= units)
				break;
			while (at < end) {
				const cell = Math.floor(at / size), next = Math.min(end, (cell + 1) * size);
				cells[cell] += (next - at) / size;
				at = next;
			}
		}
		return cells;
	}

	mainHolder(view) {
		return view.bits >= 16 ? this.main.get(Math.floor(view.number / 2 ** (view.bits - 16))) : undefined;
	}

	/* Is any of it allocated? */
	isAllocated(view) {
		const scale = 2 ** (this.unitBits - view.bits);
		const first = Math.floor(view.number * scale), last = Math.ceil((view.number + 1) * scale);
		const i = firstFrom(this.allocated.ends, first + 1);
		return i < this.allocated.starts.length && this.allocated.starts[i] < last;
	}

	/* "198.18.0.0/16", "2001:db8::/32" */
	name(view) {
		return this.six ? this.name6(view) : this.name4(view);
	}

	name4({ number, bits }) {
		const n = number * 2 ** (32 - bits);
		return [24, 16, 8, 0].map(s => Math.floor(n / 2 ** s) % 256).join('.') + '/' + bits;
	}

	/* The first four bits of a number choose the slot. */
	groups6({ number, bits }) {
		const below = 2 ** (bits - 4), slot = this.slots[Math.floor(number / below)];
		const n = (BigInt(slot) << BigInt(bits - 4) | BigInt(number % below)) << BigInt(56 - bits);
		return [48n, 32n, 16n, 0n].map(s => (n >> s & 0xffffn).toString(16));
	}

	name6(view) {
		if (view.bits === 0)
			return '2000::/4';
		return this.groups6(view).join(':').replace(/(:0)+$/, '') + '::/' + (8 + view.bits);
	}

	/* What differs among the squares of a view: shown in them. */
	label(view) {
		const last = Math.ceil((this.topBits + view.bits) / (this.six ? 16 : 8)) - 1;
		const part = this.six ? this.groups6(view)[last] : this.name(view).split('.')[last];
		return last === 0 ? part : (this.six ? ':' : '.') + part;
	}

	/* The nearest view that can be shown and contains a network's text; null:
	 * it is not on the map. */
	viewOf(text) {
		const [address, len] = text.split('/');
		if (address.includes(':') !== this.six)
			return null;
		const block = this.six ? this.block6(address) : address.split('.').reduce((n, b) => n * 256 + +b, 0) / 256;
		const bits = Math.min(this.deepest, Math.max(0, Math.floor((len - this.topBits) / 8) * 8));
		return block === null ? null : { bits, number: Math.floor(block / 2 ** (this.blockBits - bits)) };
	}

	/* The number of the /48 around an address. */
	block6(address) {
		const groups = address.split('::')[0].split(':').concat('0', '0', '0').slice(0, 3);
		const n = groups.reduce((sum, g) => sum * 65536 + (parseInt(g, 16) || 0), 0);
		const slot = this.slots.indexOf(Math.floor(n / 2 ** 36));
		return slot < 0 ? null : slot * 2 ** 36 + n % 2 ** 36;
	}
}
