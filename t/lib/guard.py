# SPDX-License-Identifier: GPL-2.0-or-later
"""A temporary directory that leaves nothing behind, whatever kills the test.

A child outlives the test by a moment: when the pipe between them closes, it
ends every process that belongs to the directory (listed in DIR/pids, or
standing in it) and removes it.  It does the same after a normal end, so there
is one way to clean up and every run takes it.
"""
import atexit
import os
import shutil
import signal
import tempfile
import time


def _start_time(pid):
    """When it was started, in ticks, so that a number used again is not
    mistaken; None: no such process, or it only waits to be reaped."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            fields = f.read().rpartition(')')[2].split()
    except OSError:
        return None
    return None if fields[0] == 'Z' else fields[19]


def remember(directory, pid):
    with open(directory + '/pids', 'a') as f:
        f.write('%d %s\n' % (pid, _start_time(pid)))


def _listed(directory):
    """Those of DIR/pids that still run."""
    try:
        with open(directory + '/pids') as f:
            lines = [line.split() for line in f]
    except OSError:
        return []
    return [int(p) for p, t in lines if _start_time(int(p)) == t]


def _standing(directory):
    """Processes whose working directory is below the directory, other than
    this one: what the listed ones started, such as Postfix's daemons."""
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            cwd = os.readlink('/proc/%s/cwd' % name)
        except OSError:
            continue
        if cwd == directory or cwd.startswith(directory + '/'):
            found.append(int(name))
    return [p for p in found if _start_time(p)]


def _signal(pids, what):
    for pid in pids:
        try:
            os.kill(pid, what)
        except OSError:
            pass


def _wait(processes, seconds):
    end = time.monotonic() + seconds
    while processes() and time.monotonic() < end:
        time.sleep(0.02)


def _clean(directory):
    _signal(_listed(directory), signal.SIGTERM)
    _wait(lambda: _listed(directory), 10)
    _signal(_standing(directory), signal.SIGTERM)
    _wait(lambda: _listed(directory) + _standing(directory), 10)
    _signal(_listed(directory) + _standing(directory), signal.SIGKILL)
    _wait(lambda: _listed(directory) + _standing(directory), 10)
    shutil.rmtree(directory, ignore_errors=True)


def directory():
    """Makes the directory, mode 0755: daemons of several users live in it."""
    path = os.path.realpath(tempfile.mkdtemp(prefix='asnd-e2e-'))
    os.chmod(path, 0o755)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(write_end)
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, signal.SIG_IGN)
        os.read(read_end, 1)
        _clean(path)
        os._exit(0)
    os.close(read_end)

    def finish():
        os.close(write_end)
        os.waitpid(child, 0)
    atexit.register(finish)
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, frame: exit(128 + number))
    return path
