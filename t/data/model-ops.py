#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random work for t-model.c, with what refmodel.py makes of it.

usage: model-ops.py SEED [MIN_REPORTERS]    deterministic for a seed.
Tab separated; origin = ip prefix asn cc:
  L origin time class weight user     learn (receipts are numbered from 0)
  U n                                 take receipt n back
  V origin class user now result      vote cap
  M n                                 set min_reporters
  P origin time score evidence warm flag raw_ham
"""
import random, sys
import refmodel

rng = random.Random(int(sys.argv[1]))
model = refmodel.Model(min_ham=5.0, cap=2)

def origin():
    a = rng.randrange(12)
    if a % 4 == 3:
        ip = '2001:db8:%x:%x::%x' % (a, rng.randrange(3), rng.randrange(1, 4))
        prefix = rng.choice(['2001:db8::/32', '2001:db8:%x::/48' % a,
                             ip.rsplit('::', 1)[0] + '::/80'])
    else:
        ip = '198.18.%d.%d' % (a, rng.randrange(8))
        prefix = rng.choice(['198.18.0.0/16', '198.18.%d.0/24' % a,
                             '198.18.%d.0/29' % a, '198.18.%d.1/22' % a, ip + '/32'])
    if rng.random() < 0.1: prefix = '-'
    asn = rng.choice(['0', '64496', '64497', '4200000000'])
    cc = rng.choice(['-', 'AA', 'BB'])
    return ip, prefix, asn, cc

def out(*fields): print('\t'.join(str(f) for f in fields))

now = 1.7e9
receipts, live = [], []
for i in range(6000):
    now += rng.randrange(0, 40000)
    o = origin(); key = refmodel.keys(*o)
    what = rng.random()
    y = int(rng.random() < 0.5)
    user = rng.randrange(0, 6)
    if what < 0.40:
        t = now - rng.choice([0, 0, 60, 86400 * 3, 86400 * 90])
        w = rng.choice([1.0, 1.0, 0.25])
        receipts.append((model.learn(key, t, y, w, user or None)))
        live.append(len(receipts) - 1)
        out('L', *o, repr(t), y, w, user)
    elif what < 0.50 and live:
        n = live.pop(rng.randrange(len(live)))
        model.unlearn(receipts[n])
        out('U', n)
    elif what < 0.65:
        t = now - rng.choice([0, 0, 86400])
        out('V', *o, y, user, repr(t), int(model.allowed(key, y, user or None, t)))
    elif what < 0.67:
        model.min_reporters = rng.choice([1, 2])
        out('M', model.min_reporters)
    else:
        t = now + rng.choice([0, -86400, 3600.5, 86400 * 40, 86400 * 400])
        s, e, w, f = model.predict(key, t)
        out('P', *o, repr(t), repr(s), repr(e), int(w), int(f), repr(model.at(model.raw, t)[1]))
