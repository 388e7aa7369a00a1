# SPDX-License-Identifier: GPL-2.0-or-later
"""Arguments for D-Bus calls as no honest program sends them; the types of the
interface are those of units/org.asnd1.xml."""
import dbus

TEXTS = (b'', b'192.0.2.1', b'AS64496', b'x' * 100000, b'\xff\xfe', b'a\0b',
         b'\x1b[31m\r\n', b'%s%n%s', '\u202e\u0085'.encode(), b'AS4294967296',
         b'0.0.0.0/0', b'::/0', b'../../etc/passwd', b'spam', b'json')


def values(kind):
    """Odd ones of one type, each right on the wire."""
    if kind == 's':
        return list(TEXTS)
    if kind == 'as':
        return [[], ['AS64496'] * 200, ['x' * 1000] * 1000, [b'\xff'], ['']]
    if kind == 'a{sv}':
        deep = ('s', 'x')
        for _ in range(30):
            deep = ('v', deep)
        nan, inf = float('nan'), float('inf')
        return [{}] + [{key: value} for key, value in (
            ('rule', ('s', 'x' * 100000)), ('rule', ('s', 'a\r\nb')),
            ('rule', ('s', '{asn}' * 3000)), ('rule', ('u', 7)),
            ('min-score', ('d', nan)), ('min-score', ('d', inf)),
            ('min-score', ('d', -1e308)), ('unknown', ('o', '/')),
            ('', ('ay', b'')), ('deep', deep))]
    return {'u': [0, 1, 2**31, 2**32 - 1], 'b': [0, 1, 2], 'h': [0, 1, 2**31, 7],
            'x': [-2**63, -1, 0, 1, 2**63 - 1]}[kind]


def plain(kind):
    return {'s': '192.0.2.1', 'as': [], 'a{sv}': {}, 'b': 0}.get(kind, 1)


def variants(signature):
    """(signature, values or body) of all sorts."""
    kinds = dbus.types(signature)
    for i, kind in enumerate(kinds):
        for odd in values(kind):
            yield signature, [odd if n == i else plain(k)
                              for n, k in enumerate(kinds)]
    yield signature + 's', [plain(k) for k in kinds] + ['one more']
    for wrong in ('', 'u', 'v', 'a{sv}', 's', 'h', '(s)', 'o', 'g', 'ad'):
        if wrong != signature:
            yield wrong, {'': [], 'v': [('s', 'x')], 'a{sv}': [{}], '(s)': [('x',)],
                          'o': ['/'], 'g': ['s'], 'ad': [[0.0] * 9], 's': ['x'],
                          'u': [7], 'h': [0]}[wrong]
    yield signature, b'\xff' * 64
    yield signature, b''
    yield 'a' * 40 + 'y', b'\0\0\0\0'
    yield 's', b'\xff\xff\xff\x7f'


def random_value(r, kind, depth=0):
    if r.random() < 0.03:
        return dbus.Raw(bytes(r.randrange(256) for _ in range(r.randrange(12))))
    if kind in 'sog':
        return {'s': r.choice(TEXTS), 'o': r.choice(('/', '/a', b'/\xff', '')),
                'g': r.choice(('', 's', 'a{sv}', '(('))}[kind]
    if kind == 'd':
        return r.choice((0.0, float('nan'), float('inf'), -1e308, 5e-324))
    if kind == 'v':
        inner = r.choice(('s', 'u', 'd', 'ay', 'as') + ('v',) * (depth < 70))
        return inner, random_value(r, inner, depth + 1)
    if kind[0] == 'a':
        return [random_value(r, kind[1:], depth + 1)
                for _ in range(r.choice((0, 1, 2, 50)))]
    if kind[0] in '({':
        return [random_value(r, k, depth + 1) for k in dbus.types(kind[1:-1])]
    bits = {'y': 8, 'b': 1, 'n': 15, 'q': 16, 'i': 31, 'u': 32, 'x': 63, 't': 64,
            'h': 32}[kind]
    return r.choice((0, 1, 2**bits - 1, r.randrange(2**bits)))
