#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""coverage.py FILE: shows what gcovr counted (its --json), for t/coverage.

Each file, worst first; then the lines that no test ran, by the reason that
t/lib/uncovered.txt gives for them, and those without one.  Nothing is taken out
of the figures, reason or not.  Exit 1: too little, or a line in a hundred has
no reason (chance decides which of some lines run).
"""
import collections
import fnmatch
import json
import os
import re
import sys

DIRECTORIES = ('lib', 'milter', 'asnd')
LINES, BRANCHES, WITHOUT_REASON = 90.0, 80.0, 1.0
REASONS = os.path.join(os.path.dirname(__file__), 'uncovered.txt')


class Count:
    def __init__(self):
        self.lines = self.lines_run = self.branches = self.branches_run = 0

    def add(self, lines):
        for line in lines:
            self.lines += 1
            self.lines_run += line['count'] > 0
            self.branches += len(line['branches'])
            self.branches_run += sum(b['count'] > 0 for b in line['branches'])

    @staticmethod
    def percent(part, whole):
        return 100.0 * part / whole if whole else 100.0

    def in_lines(self):
        return self.percent(self.lines_run, self.lines)

    def in_branches(self):
        return self.percent(self.branches_run, self.branches)

    def show(self, name):
        print('%5d of %5d lines %5.1f %%  %5d of %5d branches %5.1f %%  %s' % (
            self.lines_run, self.lines, self.in_lines(), self.branches_run,
            self.branches, self.in_branches(), name))


def read_reasons():
    """A line of it: FILE:FUNCTION,... REASON or FILE:/REGEX/ REASON, FILE and
    FUNCTION as shell patterns, REGEX for the text of the line; # starts a comment."""
    found = []
    with open(REASONS) as f:
        for number, line in enumerate(f, 1):
            if not line.strip() or line.startswith('#'):
                continue
            match = re.match(r'([^:\s]+):(/.+?/|\S+)\s+(\S.*)$', line)
            if not match:
                sys.exit('%s:%d: FILE:FUNCTION REASON' % (REASONS, number))
            found.append(match.groups())
    return found


def gives_reason(entry, name, function, text):
    files, where, _ = entry
    if not fnmatch.fnmatch(name, files):
        return False
    if where.startswith('/'):
        return re.search(where[1:-1], text) is not None
    return any(fnmatch.fnmatch(function, each) for each in where.split(','))


def not_run(file):
    """(number, function, text) of each line that is not run."""
    with open(file['file']) as f:
        source = f.read().split('\n')
    starts = sorted((f['lineno'], f['name']) for f in file['functions'])
    for line in file['lines']:
        if line['count'] == 0:
            number = line['line_number']
            names = [n for at, n in starts if at <= number]
            yield number, names[-1] if names else '', source[number - 1]


def explain(files):
    """Prints what is not run; returns the number of lines without a reason."""
    reasons = read_reasons()
    by_reason, without = collections.Counter(), []
    for file in files:
        for number, function, text in not_run(file):
            for entry in reasons:
                if gives_reason(entry, file['file'], function, text):
                    by_reason[entry] += 1
                    break
            else:
                without.append('%s:%d: %s: %s' % (
                    file['file'], number, function, text.strip()))
    print('\nLines that no test runs, and why:')
    for entry in reasons:
        if by_reason[entry]:
            print('%5d  %s:%s  %s' % (by_reason[entry], *entry))
        else:
            print('       %s:%s  (all of it ran this time)' % entry[:2])
    if without:
        print('\n%d without a reason:\n%s' % (len(without), '\n'.join(without)))
    return len(without)


def main():
    with open(sys.argv[1]) as f:
        files = [f for f in json.load(f)['files']
                 if f['file'].split('/')[0] in DIRECTORIES]
    for file in files:
        file['lines'] = [line for line in file['lines']
                         if not line.get('gcovr/noncode')]
    shown, sums = [], {name: Count() for name in DIRECTORIES + ('all',)}
    for file in files:
        count = Count()
        for each in (count, sums['all'], sums[file['file'].split('/')[0]]):
            each.add(file['lines'])
        shown.append((count.in_lines(), count.in_branches(), file['file'], count))
    for _, _, name, count in sorted(shown, key=lambda s: s[:3]):
        count.show(name)
    without = Count.percent(explain(files), sums['all'].lines)
    print()
    for name in DIRECTORIES + ('all',):
        sums[name].show(name)
    bad = [n for n in DIRECTORIES if sums[n].in_lines() < LINES or
           sums[n].in_branches() < BRANCHES]
    for name in bad:
        print('not ok: %s has less than %.0f %% of its lines or %.0f %% of its '
              'branches run' % (name, LINES, BRANCHES))
    if without >= WITHOUT_REASON:
        print('not ok: %.1f %% of all lines are neither run nor in %s' % (
            without, os.path.relpath(REASONS)))
    sys.exit(bool(bad) or without >= WITHOUT_REASON)


main()
