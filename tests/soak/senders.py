"""Senders of a soak: each sends texts and files and keeps what it was told."""

import os
import random
import re
import subprocess
import threading
import time

from hosts import COMPOSERS, NAMES, SHELLS


class Sent:
    """One message: `code` None when it was killed or hung."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def __str__(self):
        return (
            f"{self.token} {self.host} -> {self.to} {'file' if self.path else 'text'}"
            f" at {self.began:.1f}-{self.ended:.1f}: {self.code}"
            f" {(self.out + self.err).strip()[-300:]!r}"
        )


class Sender(threading.Thread):
    def __init__(self, hosts, number, seed, until, zero):
        super().__init__(daemon=True)
        self.hosts, self.number, self.until, self.zero = hosts, number, until, zero
        self.rng = random.Random(f"{seed}/{number}")
        self.sent = []
        self.strange = []

    def run(self):
        n = 0
        while time.monotonic() < self.until:
            n += 1
            self.one(f"tok{self.number}x{n}y")
            time.sleep(self.rng.uniform(0, 0.5))

    def recipient(self, host):
        """Mostly one that is always there; now and then any in the book."""
        to = self.rng.choice([h for h in NAMES if self.rng.random() < 0.8 or h == host] or [host])
        if self.rng.random() < 0.85:
            return f"{to}-s-{self.rng.choice([*COMPOSERS, *SHELLS])}"
        book = self.hosts.run(host, "cat", ".agents/registry.toml").stdout
        names = re.findall(r"^\[agents\.(h\d-s-e\d+)\]", book, re.M)
        return self.rng.choice(names or [f"{to}-s-c1"])

    def one(self, token):
        rng = self.rng
        host = rng.choice(NAMES)
        to, path = self.recipient(host), None
        words = [token, "word"]
        for _ in range(rng.choice([0, 0, 5, 200])):
            words.append(rng.choice(["ab;", "naïve", "$(touch /root/ran)", "-x", "a\nb", "#{pid}"]))
        argv = ["notify-pane", "-w", str(rng.choice([0, 0, 1, 3]))]
        if rng.random() < 0.3:
            path = f"{self.hosts.world}/files/{token}"
            with open(path, "wb") as f:
                f.write(token.encode() + rng.randbytes(rng.choice([0, 1000, 300_000])))
            argv += ["-f", path]
        named = rng.random() < 0.5 and to != f"{host}-s-c1"
        extra = [f"AGENT_NAME={host}-s-c1"] if named else []
        began = time.monotonic()
        try:
            r = self.hosts.run(host, *argv, to, " ".join(words), timeout=240, extra=extra)
            code, out, err = r.returncode, r.stdout, r.stderr
            if code in (-9, 137):
                code = None
            elif code < 0 or code > 9:
                self.strange.append(f"{token}: status {code}: {err.strip()[:500]}")
            elif code != 0 and not re.fullmatch(r"(notify-pane: [^\n]+\n)+", err):
                self.strange.append(f"{token}: status {code}, stderr {err[:500]!r}")
            elif code == 1:
                self.strange.append(f"{token}: usage? {err[:500]!r}")
        except subprocess.TimeoutExpired:
            code, out, err = None, "", "hung"
            self.strange.append(f"{token}: {host} -> {to} hung for 240 s")
        self.sent.append(
            Sent(
                token=token, host=host, to=to, path=path, code=code, out=out, err=err,
                began=began - self.zero, ended=time.monotonic() - self.zero,
            )
        )


class Meter(threading.Thread):
    """Peak memory and descriptors of our programs, early and late."""

    LIMIT_KIB = {"agent-link": 24 * 1024}

    def __init__(self, hosts, until):
        super().__init__(daemon=True)
        self.hosts, self.until = hosts, until
        self.samples = []  # (time, name, KiB, descriptors)

    def run(self):
        while time.monotonic() < self.until:
            for pid, _, name in self.hosts.processes():
                if not name.startswith(("agent-", "notify-pane")):
                    continue
                try:
                    with open(f"/proc/{pid}/status") as f:
                        peak = re.search(r"VmHWM:\s+(\d+)", f.read())
                    files = len(os.listdir(f"/proc/{pid}/fd"))
                except OSError:
                    continue
                if peak:
                    self.samples.append((time.monotonic(), name, int(peak[1]), files))
            time.sleep(0.2)

    def report(self, start):
        """name -> (early KiB, late KiB, early files, late files), maxima."""
        middle = (start + self.until) / 2
        table = {}
        for when, name, kib, files in self.samples:
            row = table.setdefault(name, [0, 0, 0, 0])
            late = when > middle
            row[late] = max(row[late], kib)
            row[2 + late] = max(row[2 + late], files)
        return table
