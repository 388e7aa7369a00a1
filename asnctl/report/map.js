/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One map: its canvas, where one is on it, and what is told of the place under
 * the pointer or the cursor of the keyboard. */

const countries = (() => {
	try {
		return new Intl.DisplayNames(['en'], { type: 'region' });
	} catch {
		return null;
	}
})();

function countryName(code) {
	try {
		return countries ? countries.of(code) : code;
	} catch {
		return code;
	}
}

/* All text goes in as text: names come from outside. */
function element(name, attributes, ...children) {
	const e = document.createElement(name);
	for (const [key, value] of Object.entries(attributes))
		e.setAttribute(key, value);
	e.append(...children);
	return e;
}

function holderText([asn, country, name]) {
	const where = country ? countryName(country) : '';
	return [name || 'unknown holder', asn ? 'AS' + asn : '', where].filter(t => t).join(', ');
}

const NEAR = 9; /* CSS pixels from a block that count as on it */
const ZOOM_TIME = 260; /* ms */

class NetworkMap {
	constructor(figure, space) {
		this.figure = figure;
		this.space = space;
		this.painter = new Painter(space);
		this.canvas = figure.querySelector('canvas');
		this.over = figure.querySelector('.cursor');
		this.spot = figure.querySelector('.spot');
		this.told = figure.querySelector('.told');
		this.path = figure.querySelector('.path');
		this.out = figure.querySelector('.out');
		this.table = figure.querySelector('tbody');
		this.cursor = { x: 8, y: 8 };
		this.touched = null;
		this.view = { number: 0, bits: 0 };
		this.listen();
		new ResizeObserver(() => this.resize()).observe(this.canvas);
		this.resize();
		this.arrived();
	}

	/* --- drawing --------------------------------------------------- */

	resize() {
		const width = this.canvas.clientWidth;
		this.ratio = Math.min(3, window.devicePixelRatio || 1);
		const size = Math.round(width * this.ratio);
		if (size === 0 || size === this.canvas.width)
			return;
		this.canvas.width = this.canvas.height = size;
		this.draw();
	}

	draw() {
		this.flight = null;
		const context = this.canvas.getContext('2d');
		this.places = this.painter.paint(context, this.view, this.canvas.width, this.ratio);
	}

	/* The picture of before grows until the square fills it (or, the other
	 * way, shrinks into its square); then the new view is drawn. */
	glide(square, inward) {
		const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
		const size = this.canvas.width, start = performance.now();
		const before = document.createElement('canvas');
		before.width = before.height = size;
		before.getContext('2d').drawImage(this.canvas, 0, 0);
		this.draw();
		if (still)
			return;
		const after = document.createElement('canvas');
		after.width = after.height = size;
		after.getContext('2d').drawImage(this.canvas, 0, 0);
		const mine = this.flight = {};
		const step = now => {
			if (this.flight !== mine)
				return;
			const t = Math.min(1, (now - start) / ZOOM_TIME), s = t * t * (3 - 2 * t);
			this.drawBetween(inward ? before : after, inward ? after : before,
				square, inward ? s : 1 - s);
			if (t < 1)
				requestAnimationFrame(step);
			else
				this.draw();
		};
		requestAnimationFrame(step);
	}

	/* s from 0, all of `wide`, to 1, all of `near`, which is square x, y of it. */
	drawBetween(wide, near, { x, y }, s) {
		const context = this.canvas.getContext('2d'), size = this.canvas.width;
		const scale = 16 ** s, step = size / 16;
		const left = -x * step * s * scale, top = -y * step * s * scale;
		context.globalCompositeOperation = 'source-over';
		context.drawImage(wide, left, top, size * scale, size * scale);
		context.globalAlpha = s;
		context.drawImage(near, left + x * step * scale, top + y * step * scale,
			step * scale, step * scale);
		context.globalAlpha = 1;
	}

	/* --- where one is ---------------------------------------------- */

	squareAt(x, y) {
		const depth = this.view.bits / 2 + 4, [left, top] = cornerOf(this.view, 4);
		return { number: hilbertNumber(left + x, top + y, depth), bits: this.view.bits + 8 };
	}

	positionOf(view) {
		const [x, y] = hilbertPoint(view.number, view.bits / 2);
		return { x: x % 16, y: y % 16 };
	}

	go(view) {
		const before = this.view, inward = view.bits === before.bits + 8;
		const outward = view.bits === before.bits - 8;
		this.view = view;
		this.cursor = outward ? this.positionOf(before) : this.cursor;
		this.touched = null;
		if (inward || outward)
			this.glide(this.positionOf(inward ? view : before), inward);
		else
			this.draw();
		this.arrived();
	}

	zoomIn(x, y) {
		if (this.view.bits < this.space.deepest)
			this.go(this.squareAt(x, y));
		else
			this.tellSquare(x, y, 'This is as near as the map goes. ');
	}

	zoomOut() {
		if (this.view.bits > 0)
			this.go({ number: Math.floor(this.view.number / 256), bits: this.view.bits - 8 });
	}

	/* Shows the network whose text this is, with a mark on it. */
	show(text) {
		const view = this.space.viewOf(text);
		if (view === null)
			return;
		this.go(view);
		const place = this.places.find(p => this.space.name(this.blockView(p.block)) === text);
		if (place) {
			this.cursor = { x: Math.floor(place.x * 16), y: Math.floor(place.y * 16) };
			this.mark();
			this.tellBlock(place);
		}
		this.figure.scrollIntoView({ block: 'center' });
		this.canvas.focus({ preventScroll: true });
	}

	blockView(block) {
		return { number: block.number, bits: this.space.blockBits };
	}

	/* --- telling --------------------------------------------------- */

	arrived() {
		this.out.disabled = this.view.bits === 0;
		this.figure.classList.toggle('deepest', this.view.bits === this.space.deepest);
		this.figure.dataset.view = this.space.name(this.view);
		this.canvas.setAttribute('aria-label', 'Map of ' + this.space.name(this.view) +
			'. Arrow keys move, Enter zooms in, Escape zooms out.');
		this.mark();
		this.fillPath();
		this.fillTable();
		this.tellView();
	}

	fillPath() {
		const steps = [];
		for (let bits = 0; bits <= this.view.bits; bits += 8)
			steps.push({ bits, number: Math.floor(this.view.number / 2 ** (this.view.bits - bits)) });
		this.path.replaceChildren(...steps.map(view => {
			const here = view.bits === this.view.bits;
			const button = element('button', here ? { 'aria-current': 'location', disabled: '' } : {}, this.space.name(view));
			button.addEventListener('click', () => {
				this.go(view);
				this.canvas.focus({ preventScroll: true });
			});
			return element('li', {}, button);
		}));
	}

	fillTable() {
		const shift = 2 ** (this.space.blockBits - this.view.bits - 8), rows = new Map();
		for (const block of this.space.blocksIn(this.view)) {
			const number = Math.floor(block.number / shift);
			const row = rows.get(number) || [0, 0, 0];
			row[block.score >= 0.5 ? 0 : 1]++;
			row[2] += block.flagged ? 1 : 0;
			rows.set(number, row);
		}
		this.table.replaceChildren(...[...rows].map(([number, row]) => element('tr', {},
			element('th', { scope: 'row' }, this.space.name({ number, bits: this.view.bits + 8 })),
			...row.map(n => element('td', {}, String(n))))));
	}

	tell(title, ...lines) {
		this.told.replaceChildren(element('strong', {}, title),
			...lines.filter(l => l).map(l => element('span', {}, element('bdi', {}, l))));
	}

	tellView() {
		this.tell(this.space.name(this.view), this.holderOf(this.view), this.countIn(this.view));
	}

	tellBlock({ block, x, y }) {
		this.tell(this.space.name(this.blockView(block)), holderText(block.holder),
			`Score ${block.score.toFixed(3)}: junk ${block.spam.toFixed(1)}, wanted ` +
			`${block.ham.toFixed(1)}${block.flagged ? '; mail from there is flagged' : ''}`);
		this.putSpot(x, y);
	}

	tellSquare(x, y, before = '') {
		const square = this.squareAt(x, y);
		const inside = (this.places || []).filter(p => Math.floor(p.x * 16) === x && Math.floor(p.y * 16) === y);
		if (inside.length === 1 && square.bits >= this.space.blockBits)
			return this.tellBlock(inside[0]);
		this.spot.hidden = true;
		this.tell(this.space.name(square), this.holderOf(square), before + this.countIn(square));
	}

	holderOf(view) {
		const main = this.space.mainHolder(view);
		if (!this.space.isAllocated(view))
			return 'In no known network';
		if (!main)
			return '';
		if (view.bits === 16)
			return main.percent >= 99 ? holderText(main.holder) : `Mostly (${main.percent} %) ${holderText(main.holder)}`;
		const inside = new Set(this.space.blocksIn(view).map(b => holderText(b.holder)));
		return inside.size === 1 ? [...inside][0] :
			`The /${this.space.topBits + 16} around it: mostly (${main.percent} %) ${holderText(main.holder)}`;
	}

	countIn(view) {
		if (view.bits > this.space.blockBits)
			return '';
		const blocks = this.space.blocksIn(view), spam = blocks.filter(b => b.score >= 0.5).length;
		const many = n => n === 1 ? '1 block' : n + ' blocks';
		if (blocks.length === 0)
			return 'Nothing learned here';
		return `${many(blocks.length)} with evidence: ${spam} rather junk, ` +
			`${blocks.length - spam} rather wanted`;
	}

	mark() {
		const place = (e, x, y) => {
			e.style.left = x * 100 + '%';
			e.style.top = y * 100 + '%';
		};
		place(this.over, this.cursor.x / 16, this.cursor.y / 16);
		this.spot.hidden = true;
	}

	putSpot(x, y) {
		this.spot.style.left = x * 100 + '%';
		this.spot.style.top = y * 100 + '%';
		this.spot.hidden = false;
	}

	/* --- being used ------------------------------------------------ */

	listen() {
		const canvas = this.canvas;
		canvas.addEventListener('pointermove', e => e.pointerType !== 'touch' && this.point(e));
		canvas.addEventListener('pointerdown', e => { this.kind = e.pointerType; });
		canvas.addEventListener('click', e => this.click(e));
		canvas.addEventListener('keydown', e => this.key(e));
		canvas.addEventListener('focus', () => this.figure.classList.toggle('keys', canvas.matches(':focus-visible')));
		canvas.addEventListener('blur', () => this.figure.classList.remove('keys'));
		this.out.addEventListener('click', () => this.zoomOut());
	}

	/* Tells of what is under the pointer; returns its square. */
	point(event) {
		const box = this.canvas.getBoundingClientRect();
		const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
		const square = { x: Math.max(0, Math.min(15, Math.floor(x * 16))), y: Math.max(0, Math.min(15, Math.floor(y * 16))) };
		let best = null, distance = NEAR / box.width;
		for (const place of this.places) {
			const d = Math.hypot(place.x - x, place.y - y);
			if (d < distance)
				[best, distance] = [place, d];
		}
		this.told.setAttribute('aria-live', 'off');
		this.cursor = square;
		this.mark();
		if (best)
			this.tellBlock(best);
		else
			this.tellPoint(x, y, square);
		return square;
	}

	/* A /16 rather than a whole /8, where one can be told apart. */
	tellPoint(x, y, square) {
		const depth = 8 - this.view.bits / 2;
		if (depth <= 4)
			return this.tellSquare(square.x, square.y);
		const [left, top] = cornerOf(this.view, depth);
		const number = hilbertNumber(left + Math.floor(x * 2 ** depth), top + Math.floor(y * 2 ** depth), 8);
		const view = { number, bits: 16 };
		this.tell(this.space.name(view), this.holderOf(view), this.countIn(view));
	}

	/* With a finger there is no hovering: the first tap tells, the second on
	 * the same square zooms. */
	click(event) {
		this.figure.classList.remove('keys');
		const square = this.point(event), name = square.x + ' ' + square.y;
		if (this.kind === 'touch' && this.touched !== name) {
			this.touched = name;
			this.figure.classList.add('keys');
			return;
		}
		this.zoomIn(square.x, square.y);
	}

	key(event) {
		const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
		const { x, y } = this.cursor;
		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		this.told.setAttribute('aria-live', 'polite');
		this.figure.classList.add('keys');
		if (moves[event.key]) {
			this.cursor = { x: Math.max(0, Math.min(15, x + moves[event.key][0])), y: Math.max(0, Math.min(15, y + moves[event.key][1])) };
			this.mark();
			this.tellSquare(this.cursor.x, this.cursor.y);
		} else if (['Enter', ' ', '+'].includes(event.key))
			this.zoomIn(x, y);
		else if (['Escape', 'Backspace', '-'].includes(event.key))
			this.zoomOut();
		else if (event.key === 'Home')
			this.go({ number: 0, bits: 0 });
		else
			return;
		event.preventDefault();
	}
}
