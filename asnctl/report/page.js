/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brings the page to life; without it numbers and tables are there all the
 * same. */

(() => {
	document.documentElement.classList.add('alive');
	const packed = JSON.parse(document.getElementById('map-data').textContent);
	const maps = packed.spaces.map((space, i) =>
		new NetworkMap(document.querySelectorAll('figure.map')[i], new Space(space, packed.holders)));
	for (const button of document.querySelectorAll('button.go')) {
		const map = maps[button.dataset.go.includes(':') ? 1 : 0];
		if (map.space.viewOf(button.dataset.go) === null)
			button.classList.remove('go');
		else
			button.addEventListener('click', () => map.show(button.dataset.go));
	}
	for (const code of document.querySelectorAll('.cc'))
		code.textContent = countryName(code.dataset.cc);
})();
