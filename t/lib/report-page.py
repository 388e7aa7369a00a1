#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""report-page.py PAGE SHOTS: the page of 2350-report.t, in a real browser.

TAP.  What is on it: the world of 2350-report.t.  SHOTS is a directory for
screenshots, for people to look at.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
from browser import Browser

page, shots = 'file://' + os.path.abspath(sys.argv[1]), sys.argv[2]
V4, V6 = 0, 1

# --- where things should be: the textbook's Hilbert curve, from the bottom ----


def point(n, side):
    x = y = 0
    s = 1
    while s < side:
        rx = 1 & (n // 2)
        ry = 1 & (n ^ rx)
        if ry == 0:
            if rx == 1:
                x, y = s - 1 - x, s - 1 - y
            x, y = y, x
        x, y = x + s * rx, y + s * ry
        n //= 4
        s *= 2
    return x, y


def number4(text):
    a, b, c, _ = map(int, text.split('.'))
    return a << 16 | b << 8 | c


def middle4(block, bits=0):
    """Middle of a /24 on the map, from 0 to 1, in the view of `bits` around."""
    x, y = point(number4(block), 4096)
    side = 4096 >> bits // 2
    return (x % side + 0.5) / side, (y % side + 0.5) / side


def middle6(third_group, first=0x2001, second=0xdb8):
    """Of a /48; its /12 is the first of sixteen."""
    x, y = point((first << 32 | second << 16 | third_group) % (1 << 36), 1 << 20)
    return (x + 0.5) / (1 << 20), (y + 0.5) / (1 << 20)


def square(block, bits):
    """Column and row of the square with this block in the view of `bits`."""
    x, y = middle4(block, bits)
    return int(x * 16), int(y * 16)


# --- asking the page -----------------------------------------------------------

b = Browser()
tap.on_failure.append(lambda: tap.diag('\n'.join(b.complaints)))


def text(selector, which=0):
    return b.ask('document.querySelectorAll(%r)[%d].textContent' % (selector, which))


def view(which=V4):
    return b.ask('document.querySelectorAll("figure.map")[%d].dataset.view' % which)


def told(which=V4):
    return text('.told', which)


def box(which=V4):
    return b.ask('(() => { const c = document.querySelectorAll("canvas")[%d]; c.scrollIntoView({block: "center"});'
                 'const r = c.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()' % which)


def place(x, y, which=V4):
    left, top, width, height = box(which)
    return left + x * width, top + y * height


def color(at, which=V4):
    return b.ask('(() => { const c = document.querySelectorAll("canvas")[%d];'
                 'return [...c.getContext("2d").getImageData(Math.floor(%r * c.width), Math.floor(%r * c.height), 1, 1).data]; })()'
                 % (which, at[0], at[1]))


def is_orange(c):
    return c[0] > 180 and c[0] > c[2] + 60


def is_blue(c):
    return c[2] > 180 and c[2] > c[0] + 60


def is_faint(c):
    return max(c[:3]) < 110


def arrows(of, to):
    for i, names in ((0, ('ArrowLeft', 'ArrowRight')), (1, ('ArrowUp', 'ArrowDown'))):
        for _ in range(abs(to[i] - of[i])):
            b.key(names[to[i] > of[i]])


# The weakest contrast of text with what is behind it (WCAG 2.1, 1.4.3).
CONTRAST = '''(() => {
	const rgba = t => { const n = t.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
	const light = c => { const f = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
		return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
	const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor);
		if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
	let worst = [99, ''];
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest('script, style, noscript') || !e.checkVisibility())
			continue;
		const s = getComputedStyle(e), a = light(rgba(e.closest('svg') ? s.fill : s.color)), z = light(behind(e));
		const contrast = (Math.max(a, z) + 0.05) / (Math.min(a, z) + 0.05);
		if (contrast < worst[0]) worst = [contrast, e.tagName + '.' + e.getAttribute('class') + ' ' + e.textContent.slice(0, 30)];
	}
	return worst;
})()'''


# --- a desktop ---------------------------------------------------------------

def test_desktop():
    b.screen(1280, 900)
    b.open(page)
    tap.equal(b.requests, [page], 'nothing is asked for but the page itself')
    tap.equal(b.complaints, [], 'no error on the console')
    tap.ok(b.ask('document.documentElement.classList.contains("alive")'), 'the script ran')
    tap.equal(b.ask('window.pwned'), None, "a holder's name is no script")
    tap.equal(b.ask('document.querySelectorAll("img, iframe, object, embed, link[rel=stylesheet], script[src]").length'), 0,
              'and makes no element')
    tap.ok('</script><img src=x onerror=' in text('.worst'), '... but is text')
    contrast, where = b.ask(CONTRAST)
    tap.ok(contrast >= 4.5, 'text can be read: contrast %.1f at least (%s)' % (contrast, where))
    b.screenshot(shots + '/desktop-light.png', whole=True)


def test_glow():
    tap.ok(is_orange(color(middle4('203.0.113.0'))), 'junk glows where 203.0.113.0/24 is')
    tap.ok(is_blue(color(middle4('192.0.2.0'))), 'wanted mail where 192.0.2.0/24 is')
    tap.ok(is_faint(color(middle4('172.22.1.0'))), 'a network of which nothing is known is faint')
    empty, used = color(middle4('100.99.1.0')), color(middle4('172.22.1.0'))
    tap.ok(sum(used[:3]) > sum(empty[:3]) + 20, '... but not as dark as none')
    tap.ok(is_orange(color(middle6(0x77), V6)), 'and in IPv6, 2001:db8:77::/48')


def test_hover():
    b.mouse(*place(*middle4('203.0.113.0')), click=False)
    said = told()
    tap.ok('203.0.113.0/24' in said and '</script><img src=x' in said and 'AS64503' in said, 'hovering tells network and holder')
    tap.ok('Score 1.000: junk ' in said and 'flagged' in said, '... and the score: ' + said)
    b.mouse(*place(*middle4('172.22.1.0')), click=False)
    tap.ok('172.22.0.0/16' in told() and 'AS64505' in told() and 'Nothing learned' in told(), 'also where nothing was learned: ' + told())


def test_click():
    tap.equal(view(), '0.0.0.0/0', 'the map starts with all')
    b.mouse(*place(*middle4('203.0.113.0')))
    tap.equal(view(), '203.0.0.0/8', 'a click zooms in')
    b.mouse(*place(*middle4('203.0.113.0', 8)))
    tap.equal(view(), '203.0.0.0/16', '... to the /16')
    tap.ok(is_orange(color(middle4('203.0.113.0', 16))), '... where the block is where it should be')
    tap.ok(is_faint(color(middle4('203.0.114.0', 16))), '... and not beside it')
    b.screenshot(shots + '/zoomed-light.png')
    b.mouse(*place(*middle4('203.0.113.0', 16)))
    tap.equal(view(), '203.0.0.0/16', 'and no further')
    tap.equal(b.ask('[...document.querySelectorAll(".path")[0].querySelectorAll("button")].map(e => e.textContent)'),
              ['0.0.0.0/0', '203.0.0.0/8', '203.0.0.0/16'], 'the way back is there')
    tap.equal(b.ask('[...document.querySelectorAll("figure.map tbody")[0].rows].map(r => [...r.cells].map(c => c.textContent).join())'),
              ['203.0.113.0/24,1,0,1'], 'the table shows what the map shows')
    b.ask('document.querySelector(".path button").click()')
    tap.equal(view(), '0.0.0.0/0', 'back in one step')


def test_motion():
    b.screen(1280, 900, motion=True)
    b.mouse(*place(*middle4('203.0.113.0')))
    tap.until(lambda: is_orange(color(middle4('203.0.113.0', 8))), 'the way in, in motion, arrives')
    b.key('Escape')
    tap.until(lambda: is_orange(color(middle4('203.0.113.0'))) and is_blue(color(middle4('192.0.2.0'))), 'and so does the way out')
    tap.ok(view() == '0.0.0.0/0', 'zooming in motion arrives, too')
    b.screen(1280, 900)


def test_keys():
    b.ask('document.querySelector("canvas").focus()')
    here = (int(b.ask('parseFloat(document.querySelector(".cursor").style.left)') / 6.25),
            int(b.ask('parseFloat(document.querySelector(".cursor").style.top)') / 6.25))
    arrows(here, square('192.0.2.0', 0))
    tap.ok('192.0.0.0/8' in told(), 'arrow keys move: ' + told())
    b.key('Enter')
    tap.equal(view(), '192.0.0.0/8', 'Enter zooms in')
    arrows(square('192.0.2.0', 0), square('192.0.2.0', 8))
    b.key('Enter')
    tap.equal(view(), '192.0.0.0/16', '... to the /16')
    tap.ok('192.0.0.0/16' in b.ask('document.querySelector("canvas").getAttribute("aria-label")'), 'a screen reader is told')
    b.key('Escape')
    tap.equal(view(), '192.0.0.0/8', 'Escape goes back')
    b.key('Escape')
    tap.equal(view(), '0.0.0.0/0', '... to the start')


def test_list():
    b.ask('document.querySelector("button.go[data-go=\\"203.0.113.0/24\\"]").click()')
    tap.equal(view(), '203.0.0.0/16', 'a network of the list is shown on the map')
    tap.ok('203.0.113.0/24' in told(), '... and told of')
    b.ask('document.querySelector("button.go[data-go=\\"2001:db8:77::/48\\"]").click()')
    tap.equal(view(V6), '2001:db8::/32', 'IPv6, too')
    tap.ok('2001:db8:77::/48' in told(V6), '... the block: ' + told(V6))


def test_tables():
    charts = b.ask('[...document.querySelectorAll(".charts svg")].map(s => s.getAttribute("role") + " " + s.getAttribute("aria-label").length)')
    tap.ok(len(charts) == 2 and all(c.startswith('img ') for c in charts), 'two charts, described')
    captions = b.ask('[...document.querySelectorAll("table")].map(t => t.caption.textContent)')
    tap.equal(len(captions), 7, 'a table for each chart, map and list: %r' % captions)
    weeks = b.ask('[...document.querySelectorAll("details table")].find(t => t.caption.textContent.includes("week")).tBodies[0].textContent')
    tap.ok(b.ask('document.querySelectorAll("rect.kept").length') > 0, 'bars are drawn')
    tap.ok('%' in weeks, 'with the numbers of the weeks: %r' % weeks)
    tap.equal(b.ask('[...document.querySelectorAll("canvas, button, summary")].filter(e => e.tabIndex < 0).length'), 0,
              'the keyboard reaches everything')
    tap.equal(b.ask('document.querySelectorAll("button").length - [...document.querySelectorAll("button")].filter(e => e.textContent).length'), 0,
              'every button has a name')


# --- a phone, the dark, no script ----------------------------------------------

def overflow():
    return b.ask('document.documentElement.scrollWidth - innerWidth')


def test_phone():
    b.screen(390, 844, ratio=3, touch=True)
    b.open(page)
    tap.ok(overflow() <= 0, 'at 390 pixels nothing has to be scrolled to the side')
    b.ask('document.querySelectorAll("details").forEach(d => { d.open = true; })')
    tap.ok(overflow() <= 0, '... nor with all tables open')
    b.ask('document.querySelectorAll("details").forEach(d => { d.open = false; })')
    b.tap(*place(*middle4('203.0.113.0')))
    tap.equal(view(), '0.0.0.0/0', 'a tap does not zoom')
    tap.ok('203.0.113.0/24' in told(), '... it tells: ' + told())
    b.tap(*place(*middle4('203.0.113.0')))
    tap.equal(view(), '203.0.0.0/8', 'a second one zooms')
    tap.ok(overflow() <= 0, '... and nothing has to be scrolled')
    b.screenshot(shots + '/phone-light.png', whole=True)


def test_dark():
    ground = 'getComputedStyle(document.body).backgroundColor'
    light = b.ask(ground)
    b.screen(1280, 900, dark=True)
    tap.ok(b.ask(ground) != light, 'dark is dark: %s, %s' % (light, b.ask(ground)))
    contrast, where = b.ask(CONTRAST)
    tap.ok(contrast >= 4.5, '... and can be read: contrast %.1f at least (%s)' % (contrast, where))
    b.screenshot(shots + '/desktop-dark.png', whole=True)
    b.screen(390, 844, ratio=2, dark=True, touch=True)
    b.screenshot(shots + '/phone-dark.png', whole=True)


def test_policy():
    tap.equal(b.complaints, [], 'in all this no error on the console')
    tap.equal(b.requests, [page], '... and nothing was asked for')
    tap.ok(b.ask('fetch("https://192.0.2.1/").then(() => false, () => true)'), 'the policy lets no script fetch')
    b.ask('document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=\\"window.pwned = 1\\">")')
    b.ask('document.body.append(Object.assign(document.createElement("script"), {textContent: "window.pwned = 2"}))')
    b.painted()
    tap.equal(b.ask('window.pwned'), None, '... and runs no other script')
    tap.ok(any('Content Security Policy' in c for c in b.complaints), '... it was the policy')


def test_no_script():
    b.screen(1280, 900)
    b.scripts(False)
    b.open(page)
    b.screenshot(shots + '/no-script.png', whole=True)
    tap.ok(b.ask('document.querySelector("noscript").textContent.includes("tables")'), 'without a script that is said')
    tap.ok(b.ask('document.querySelectorAll("table tbody tr").length') > 5, '... and tables are there')
    tap.equal(b.ask('document.querySelectorAll("canvas")[0].getClientRects().length'), 0, '... and no empty map')
    b.scripts(True)


try:
    for test in (test_desktop, test_glow, test_hover, test_click, test_motion, test_keys, test_list, test_tables,
                 test_phone, test_dark, test_policy, test_no_script):
        test()
finally:
    b.close()
tap.done()
