/* SPDX-License-Identifier: GPL-2.0-or-later */
'use strict';
/* The Hilbert curve, from the top: every two bits of a number choose a quarter
 * of the square, so that whatever shares its first bits shares a square.  The
 * picture is turned by `swap` (x and y change places) and `flip` (both are
 * mirrored) as the curve enters its first and its last quarter. */

const QUARTERS = [[0, 0], [0, 1], [1, 1], [1, 0]];

/* Where number n of 4^depth lies on a square of 2^depth by 2^depth; n may be
 * beyond 32 bits. */
function hilbertPoint(n, depth) {
	let x = 0, y = 0, swap = 0, flip = 0;
	let part = Math.floor(n / 4 ** Math.max(0, depth - 15));
	for (let left = depth; left > 0; left--) {
		if (left === depth - 15)
			part = n % 4 ** left;
		const below = left > depth - 15 ? left - Math.max(0, depth - 15) : left;
		const q = part >>> 2 * (below - 1) & 3;
		let [a, b] = QUARTERS[q];
		if (swap)
			[a, b] = [b, a];
		x = x * 2 + (a ^ flip);
		y = y * 2 + (b ^ flip);
		if (q === 0)
			swap ^= 1;
		else if (q === 3) {
			swap ^= 1;
			flip ^= 1;
		}
	}
	return [x, y];
}

/* The number at a point: the same the other way round. */
function hilbertNumber(x, y, depth) {
	let n = 0, swap = 0, flip = 0;
	for (let bit = 2 ** (depth - 1); bit >= 1; bit /= 2) {
		let a = Math.floor(x / bit) % 2 ^ flip, b = Math.floor(y / bit) % 2 ^ flip;
		if (swap)
			[a, b] = [b, a];
		const q = a ? 3 - b : b;
		n = n * 4 + q;
		if (q === 0)
			swap ^= 1;
		else if (q === 3) {
			swap ^= 1;
			flip ^= 1;
		}
	}
	return n;
}

/* Calls visit(i, x, y) for the 4^depth numbers that begin with `number` of
 * 4^above: i from 0 on, x and y within their square.  Quicker than one point
 * after the other. */
function hilbertWalk(number, above, depth, visit) {
	let swap = 0, flip = 0, i = 0;
	for (let left = above - 1; left >= 0; left--) {
		const q = Math.floor(number / 4 ** left) % 4;
		swap ^= q === 0 || q === 3;
		flip ^= q === 3;
	}
	const walk = (x, y, side, swapped, flipped) => {
		if (side === 0) {
			visit(i++, x, y);
			return;
		}
		const near = flipped ? side : 0, far = side - near, half = side >> 1;
		walk(x + near, y + near, half, swapped ^ 1, flipped);
		walk(x + (swapped ? far : near), y + (swapped ? near : far), half, swapped, flipped);
		walk(x + far, y + far, half, swapped, flipped);
		walk(x + (swapped ? near : far), y + (swapped ? far : near), half, swapped ^ 1, flipped ^ 1);
	};
	walk(0, 0, 2 ** depth >> 1, swap, flip);
}
