/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Painting a view of a space: what is allocated faint, what is flagged tinted,
 * blocks with evidence glowing.  Junk is orange and round, wanted mail blue and
 * a ring where there is room, so that nobody needs the colours. */

const INK = {
	empty: [11, 15, 26], allocated: [33, 42, 66], flagged: [84, 36, 30], hatch: [150, 72, 42],
	spam: [255, 140, 60], ham: [82, 176, 255],
};
const rgb = (c, alpha) => `rgba(${c[0]},${c[1]},${c[2]},${alpha})`;

const mix = (a, b, share) => a.map((v, i) => v + (b[i] - v) * share);

/* An image of 2^depth by 2^depth cells of a view; color(i) is 32 bits of RGBA. */
function paintCells(view, depth, color) {
	const side = 2 ** depth, canvas = document.createElement('canvas');
	canvas.width = canvas.height = side;
	const context = canvas.getContext('2d'), image = context.createImageData(side, side);
	const pixels = new DataView(image.data.buffer);
	hilbertWalk(view.number, view.bits / 2, depth, (i, x, y) => pixels.setUint32((y * side + x) * 4, color(i)));
	context.putImageData(image, 0, 0);
	return canvas;
}

/* What is in use: 32 steps from one colour to the other. */
const GROUND = Array.from({ length: 33 }, (_, i) =>
	mix(INK.empty, INK.allocated, i / 32).reduce((n, v) => n * 256 + Math.round(v), 0) * 256 + 255);

/* What is flagged is hatched as well as tinted: not everybody sees the tint. */
function makeHatch(ratio) {
	const size = Math.round(5 * ratio), canvas = document.createElement('canvas');
	canvas.width = canvas.height = size;
	const context = canvas.getContext('2d');
	context.fillStyle = rgb(INK.flagged, 1);
	context.fillRect(0, 0, size, size);
	context.strokeStyle = rgb(INK.hatch, 1);
	context.lineWidth = ratio;
	for (const shift of [-size, 0, size]) {
		context.beginPath();
		context.moveTo(shift, size);
		context.lineTo(shift + size, 0);
		context.stroke();
	}
	return context.createPattern(canvas, 'repeat');
}

/* The corner of a view in the square of `depth` more halvings. */
function cornerOf(view, depth) {
	return hilbertPoint(view.number, view.bits / 2).map(v => v * 2 ** depth);
}

function makeGlow(color) {
	const size = 64, canvas = document.createElement('canvas');
	canvas.width = canvas.height = size;
	const context = canvas.getContext('2d');
	const light = context.createRadialGradient(size / 2, size / 2, 0, size / 2, size / 2, size / 2);
	light.addColorStop(0, rgb(mix(color, [255, 255, 255], 0.4), 1));
	light.addColorStop(0.2, rgb(color, 0.95));
	light.addColorStop(0.42, rgb(color, 0.24));
	light.addColorStop(1, rgb(color, 0));
	context.fillStyle = light;
	context.fillRect(0, 0, size, size);
	return canvas;
}

/* Where blocks lie in a view, from 0 to 1: [{block, x, y}], and the side of one
 * in the same measure. */
function placeBlocks(space, view) {
	const depth = (space.blockBits - view.bits) / 2, side = 2 ** depth;
	const [left, top] = cornerOf(view, depth);
	return {
		side: 1 / side,
		places: space.blocksIn(view).map(block => {
			const [x, y] = hilbertPoint(block.number, space.blockBits / 2);
			return { block, x: (x - left + 0.5) / side, y: (y - top + 0.5) / side };
		}),
	};
}

const CLOSE = 5; /* CSS pixels in which blocks of one kind shine as one */

/* Blocks as lights, the strongest last: {spam, weight, sure, x, y}. */
function lightsOf(places, grid) {
	const lights = new Map();
	for (const { block, x, y } of places) {
		const spam = block.score >= 0.5, weight = block.spam + block.ham;
		const key = `${spam} ${Math.floor(x / grid)} ${Math.floor(y / grid)}`;
		const light = lights.get(key) || { spam, weight: 0, sure: 0, x: 0, y: 0 };
		light.weight += weight;
		light.sure = Math.max(light.sure, Math.abs(block.score - 0.5) * 2);
		light.x += x * weight;
		light.y += y * weight;
		lights.set(key, light);
	}
	return [...lights.values()].sort((a, b) => a.weight - b.weight)
		.map(l => ({ ...l, x: l.x / l.weight, y: l.y / l.weight }));
}

class Painter {
	constructor(space) {
		this.space = space;
		this.glow = { spam: makeGlow(INK.spam), ham: makeGlow(INK.ham) };
	}

	/* Paints a view over the whole of a square context, `size` wide. */
	paint(context, view, size, ratio) {
		const bits = Math.min(20, this.space.unitBits - view.bits);
		const allocated = this.space.coverage(this.space.allocated, view, bits);
		const flagged = this.space.coverage(this.space.flagged, view, bits);
		const ground = paintCells(view, bits / 2, i => GROUND[Math.round(Math.sqrt(allocated[i]) * 32)]);
		context.imageSmoothingEnabled = ground.width > size;
		context.imageSmoothingQuality = 'high';
		context.drawImage(ground, 0, 0, size, size);
		context.drawImage(this.hatched(paintCells(view, bits / 2, i => Math.round(flagged[i] * 255)), size, ratio), 0, 0);
		this.paintGrid(context, view, size, ratio);
		const { side, places } = placeBlocks(this.space, view);
		context.imageSmoothingEnabled = true;
		for (const light of lightsOf(places, Math.max(side, CLOSE * ratio / size)))
			this.paintLight(context, light, side * size, size, ratio);
		context.globalAlpha = 1;
		return places;
	}

	/* A pattern wherever a mask is. */
	hatched(mask, size, ratio) {
		const canvas = document.createElement('canvas');
		canvas.width = canvas.height = size;
		const context = canvas.getContext('2d');
		context.imageSmoothingEnabled = mask.width > size;
		context.drawImage(mask, 0, 0, size, size);
		context.globalCompositeOperation = 'source-in';
		context.fillStyle = makeHatch(ratio);
		context.fillRect(0, 0, size, size);
		return canvas;
	}

	paintGrid(context, view, size, ratio) {
		const step = size / 16;
		context.strokeStyle = 'rgba(255,255,255,0.07)';
		context.lineWidth = ratio;
		context.beginPath();
		for (let i = 1; i < 16; i++) {
			const at = Math.round(i * step) + 0.5;
			context.moveTo(at, 0);
			context.lineTo(at, size);
			context.moveTo(0, at);
			context.lineTo(size, at);
		}
		context.stroke();
		this.paintLabels(context, view, step, ratio);
	}

	/* What differs among the squares, where all of it can be read. */
	paintLabels(context, view, step, ratio) {
		const [left, top] = cornerOf(view, 4), labels = [];
		for (let i = 0; i < 256; i++) {
			const square = { number: view.number * 256 + i, bits: view.bits + 8 };
			if (this.space.isAllocated(square))
				labels.push({ text: this.space.label(square), at: hilbertPoint(square.number, square.bits / 2) });
		}
		context.fillStyle = 'rgba(214,224,245,0.42)';
		context.font = `${Math.min(10, step / ratio / 3.2) * ratio}px system-ui, sans-serif`;
		context.textBaseline = 'top';
		const fits = ({ text }) => context.measureText(text).width < step - 4 * ratio;
		if (step / ratio >= 26 && labels.every(fits))
			for (const { text, at: [x, y] } of labels)
				context.fillText(text, (x - left) * step + 3 * ratio, (y - top) * step + 3 * ratio);
	}

	paintLight(context, { spam, weight, sure, x, y }, side, size, ratio) {
		const glow = Math.min(1, Math.log2(1 + weight) / 9);
		const radius = Math.max((4 + 9 * glow) * ratio, side * 0.75);
		context.globalAlpha = 0.4 + 0.6 * sure;
		context.drawImage(spam ? this.glow.spam : this.glow.ham,
			x * size - radius, y * size - radius, radius * 2, radius * 2);
		if (side >= 9 * ratio)
			this.paintSign(context, spam, x * size, y * size, side, ratio);
	}

	/* A disc or a ring. */
	paintSign(context, spam, x, y, side, ratio) {
		context.globalAlpha = 1;
		context.beginPath();
		context.arc(x, y, side * 0.24, 0, Math.PI * 2);
		context.fillStyle = rgb(INK.spam, 0.9);
		context.strokeStyle = rgb(INK.ham, 0.9);
		context.lineWidth = Math.max(2 * ratio, side * 0.07);
		if (spam)
			context.fill();
		else
			context.stroke();
	}
}
