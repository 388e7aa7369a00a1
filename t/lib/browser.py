# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, spoken to over the DevTools protocol.

--remote-debugging-pipe: the browser reads JSON ended by NUL from its descriptor
3 and writes to 4, so there is no port that anybody could reach, and no library
is needed.  What the page says on the console, what it asks the network for, and
what the policy refuses is kept and can be asked for.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PATIENCE = 40  # seconds for one answer


class Browser:
    def __init__(self, program='chromium', log=None):
        self.home = tempfile.mkdtemp(prefix='browser-')
        self.complaints = []  # console errors, exceptions, refusals
        self.requests = []    # URLs asked for
        self.last, self.left, self.events = 0, b'', []
        self.running = True  # the page's scripts
        self.start(program, log)
        self.attach()

    def start(self, program, log):
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()
        args = [program, '--headless=new', '--disable-gpu', '--remote-debugging-pipe',
                '--no-first-run', '--disable-extensions', '--disable-background-networking',
                '--disable-component-update', '--disable-sync', '--hide-scrollbars',
                '--disable-dev-shm-usage', '--user-data-dir=' + self.home, 'about:blank']
        if os.getuid() == 0:
            args.insert(1, '--no-sandbox')

        def descriptors():
            high_in, high_out = os.dup(read_there), os.dup(write_there)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log or subprocess.DEVNULL,
                                        stderr=log or subprocess.DEVNULL, preexec_fn=descriptors,
                                        close_fds=False, start_new_session=True,
                                        env=dict(os.environ, HOME=self.home))
        os.close(read_there)
        os.close(write_there)
        self.reader, self.writer = read_here, write_here

    def attach(self):
        targets = self.call('Target.getTargets')['targetInfos']
        page = [t for t in targets if t['type'] == 'page'][0]
        self.session = self.call('Target.attachToTarget', targetId=page['targetId'], flatten=True)['sessionId']
        for domain in 'Page', 'Runtime', 'Network', 'Log':
            self.do(domain + '.enable')

    # --- the protocol ------------------------------------------------------

    def receive(self, end):
        while b'\0' not in self.left:
            if not select.select([self.reader], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError('the browser says nothing')
            more = os.read(self.reader, 1 << 20)
            if not more:
                raise EOFError('the browser has gone')
            self.left += more
        text, self.left = self.left.split(b'\0', 1)
        return json.loads(text)

    def keep(self, message):
        method, p = message.get('method'), message.get('params', {})
        if method == 'Runtime.exceptionThrown':
            self.complaints.append(json.dumps(p['exceptionDetails'])[:1000])
        elif method == 'Runtime.consoleAPICalled' and p['type'] in ('error', 'assert'):
            self.complaints.append(json.dumps(p['args'])[:1000])
        elif method == 'Log.entryAdded' and p['entry']['level'] == 'error':
            self.complaints.append(p['entry']['text'])
        elif method == 'Network.requestWillBeSent':
            self.requests.append(p['request']['url'])
        self.events.append(method)

    def call(self, method, session=None, **params):
        self.last += 1
        message = {'id': self.last, 'method': method, 'params': params}
        if session:
            message['sessionId'] = session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.writer, data):]
        end = time.monotonic() + PATIENCE
        while True:
            answer = self.receive(end)
            if answer.get('id') == self.last:
                break
            self.keep(answer)
        if 'error' in answer:
            raise RuntimeError('%s: %s' % (method, answer['error']))
        return answer['result']

    def do(self, method, **params):
        return self.call(method, self.session, **params)

    # --- what a test does --------------------------------------------------

    def screen(self, width, height, ratio=1, dark=False, touch=False, motion=False):
        self.do('Emulation.setDeviceMetricsOverride', width=width, height=height,
                deviceScaleFactor=ratio, mobile=touch)
        self.do('Emulation.setTouchEmulationEnabled', enabled=touch)
        self.do('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'},
            {'name': 'prefers-reduced-motion', 'value': 'no-preference' if motion else 'reduce'}])

    def open(self, url):
        self.requests, self.events = [], []
        self.do('Page.navigate', url=url)
        end = time.monotonic() + PATIENCE
        while 'Page.loadEventFired' not in self.events:
            self.keep(self.receive(end))

    def ask(self, expression):
        """Value of JavaScript, or its exception."""
        answer = self.do('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(json.dumps(answer['exceptionDetails'])[:2000])
        return answer['result'].get('value')

    def scripts(self, on):
        """Of the page; what a test asks is answered all the same."""
        self.running = on
        self.do('Emulation.setScriptExecutionDisabled', value=not on)

    def painted(self):
        """After all that was asked for so far is on the screen."""
        if not self.running:
            return
        self.ask('new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))')

    def screenshot(self, path, whole=False):
        self.painted()
        data = self.do('Page.captureScreenshot', format='png', captureBeyondViewport=whole)['data']
        with open(path, 'wb') as f:
            f.write(base64.b64decode(data))

    def mouse(self, x, y, click=True):
        self.do('Input.dispatchMouseEvent', type='mouseMoved', x=x, y=y)
        if click:
            for kind in 'mousePressed', 'mouseReleased':
                self.do('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', clickCount=1)

    def tap(self, x, y):
        self.do('Input.dispatchTouchEvent', type='touchStart', touchPoints=[{'x': x, 'y': y}])
        self.do('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])

    def key(self, name):
        text = {'Enter': '\r'}.get(name, name if len(name) == 1 else '')
        code = {'Enter': 13, 'Escape': 27, 'Tab': 9, 'Backspace': 8, 'ArrowLeft': 37, 'ArrowUp': 38, 'ArrowRight': 39, 'ArrowDown': 40}
        for kind in 'keyDown', 'keyUp':
            self.do('Input.dispatchKeyEvent', type=kind, key=name, code=name, text=text if kind == 'keyDown' else '',
                    windowsVirtualKeyCode=code.get(name, 0))

    def close(self):
        try:
            self.call('Browser.close')
        except (OSError, EOFError, TimeoutError, RuntimeError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)
