# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP for end to end tests, and waiting for conditions.

A test ends with done(): it prints the plan.  A test that dies before that has
no plan, which prove counts as a failure.
"""
import sys
import time

DEADLINE = 30  # seconds for a condition; a machine may be slow, not that slow

_count = 0
_failed = 0
on_failure = []  # called once, at the first failure: show logs


def ok(good, name):
    global _count, _failed
    _count += 1
    print('%sok %d - %s' % ('' if good else 'not ', _count, name), flush=True)
    if not good:
        _failed += 1
        if _failed == 1:
            for show in on_failure:
                show()
    return bool(good)


def equal(got, want, name):
    if not ok(got == want, name):
        diag('got:  %r\nwant: %r' % (got, want))
    return got == want


def diag(text):
    for line in str(text).splitlines():
        print('# ' + line, file=sys.stderr, flush=True)


def until(condition, what, deadline=None, pause=0.02):
    """Asks condition() until it is true; returns its value.  Out of time: the
    test ends, since what follows would fail for the same reason."""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            ok(False, 'in time: ' + what)
            sys.exit(1)
        time.sleep(pause)


def done():
    print('1..%d' % _count, flush=True)
    sys.exit(1 if _failed else 0)
