"""serving.py - what is said to an agent-serve of ours over its standard input,
and what it answers; for the tests of the far end, which import it."""

import os
import re
import select
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD  # noqa: E402


def frame(verb, ident, body=b"", **headers):
    head = f"panemesh/1 {verb} {ident} {len(body)}\n"
    for name, value in headers.items():
        head += f"{name.replace('_', '-')}: {value}\n"
    return head.encode("utf-8", "surrogateescape") + b"\n" + body


def hello(host="far"):
    return frame("HELLO", "0", Host=host, Host_Id="0123456789abcdef",
                 Can="deliver", Version="9.9")


class Frame:
    def __init__(self, verb, ident, headers, body):
        self.verb, self.id, self.headers, self.body = \
            verb, ident, headers, body
        self.code = int(headers.get("Code", -1))

    def __repr__(self):
        return f"{self.verb} {self.id} {self.headers} {self.body[:200]}"


class Serve:
    """Our agent-serve, and a peer that talks to it."""

    def __init__(self, world, *args, greet="far", **env):
        self.world = world
        self.p = subprocess.Popen(
            [f"{BUILD}/agent-serve", *args], env={**world.env, **env},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=world.dir)
        self.data = b""
        self.frames = {}
        self.order = []
        self.peak = 0
        if greet:
            self.say(hello(greet))

    def say(self, data):
        """Write, reading what comes meanwhile. False: nobody listens."""
        view = memoryview(data)
        fd = self.p.stdin.fileno()
        os.set_blocking(fd, False)
        while view:
            r, w, _ = select.select([self.p.stdout], [fd], [], 20)
            if r:
                self.take()
            if w:
                try:
                    view = view[os.write(fd, view):]
                except BlockingIOError:
                    pass
                except BrokenPipeError:
                    return False
            if not r and not w:
                return False
        return True

    def take(self):
        data = os.read(self.p.stdout.fileno(), 1 << 20)
        self.data += data
        while True:
            head, end, rest = self.data.partition(b"\n\n")
            if not end:
                return data
            first, *lines = head.decode().split("\n")
            _, verb, ident, size = first.split(" ")
            if len(rest) < int(size):
                return data
            headers = dict(line.split(": ", 1) for line in lines)
            f = Frame(verb, ident, headers, rest[:int(size)])
            self.frames[ident] = f
            self.order.append(f)
            self.data = rest[int(size):]

    def answer(self, ident, seconds=20):
        end = time.monotonic() + seconds
        while ident not in self.frames and time.monotonic() < end:
            if select.select([self.p.stdout], [], [], 0.2)[0] and \
                    not self.take():
                break
        return self.frames.get(ident)

    def ask(self, verb, ident, body=b"", **headers):
        self.say(frame(verb, ident, body, **headers))
        return self.answer(ident)

    def memory(self):
        """VmHWM in MiB."""
        try:
            with open(f"/proc/{self.p.pid}/status") as f:
                kib = re.search(r"VmHWM:\s+(\d+)", f.read())
            self.peak = max(self.peak, int(kib[1]) // 1024) if kib else 0
        except OSError:
            pass
        return self.peak

    def children(self):
        r = subprocess.run(["pgrep", "-P", str(self.p.pid)],
                           capture_output=True, text=True)
        return r.stdout.split()

    def end(self, seconds=20):
        """Hang up: the exit status and stderr."""
        self.memory()
        try:
            self.p.stdin.close()
        except BrokenPipeError:
            pass
        threading.Thread(target=self.drain, daemon=True).start()
        try:
            self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            return "hangs", ""
        return self.p.returncode, self.p.stderr.read().decode()

    def drain(self):
        try:
            while os.read(self.p.stdout.fileno(), 1 << 16):
                pass
        except OSError:
            pass
