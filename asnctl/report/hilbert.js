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
