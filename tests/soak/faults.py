"""What goes wrong in a soak: one seeded thread that does it and undoes it."""

import os
import re
import signal
import subprocess
import threading
import time

from hosts import COMPOSERS, NAMES

VICTIMS = (
    "notify-pane", "agent-link", "agent-serve", "agent-sync", "agent-discover",
    "agent-register-", "tmux: client", "sshd",
)
HOUR = 3600


class Faults(threading.Thread):
    """`gone`: (host, window or None for all, when) of windows that ended."""

    def __init__(self, hosts, rng, until):
        super().__init__(daemon=True)
        self.hosts, self.rng, self.until = hosts, rng, until
        self.undo = []  # (when, function)
        self.gone = []
        self.counts = {}
        self.diary = []  # (when, what)
        self.serial = 0
        self.error = None
        self.actions = [
            (12, self.open_window), (8, self.close_window), (6, self.rename_window),
            (5, self.split), (3, self.close_pane), (3, self.respawn), (4, self.session),
            (10, self.kill_one), (2, self.end_composer), (2, self.end_server),
            (4, self.partition), (2, self.freeze), (2, self.stop_sshd),
            (3, self.fill), (3, self.jump), (4, self.clear),
        ]

    def run(self):
        try:
            while time.monotonic() < self.until:
                self.settle(time.monotonic())
                weights, doers = zip(*self.actions)
                act = self.rng.choices(doers, weights)[0]
                host = self.rng.choice(NAMES)
                self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1
                self.diary.append((time.monotonic(), f"{act.__name__} {host}"))
                try:
                    act(host)
                except subprocess.TimeoutExpired:
                    pass
                time.sleep(self.rng.uniform(0.05, 0.6))
        except Exception as e:
            self.error = e
        finally:
            self.settle(float("inf"))

    def settle(self, now):
        for item in [u for u in self.undo if u[0] <= now]:
            self.undo.remove(item)
            item[1]()

    def later(self, low, high, function):
        self.undo.append((time.monotonic() + self.rng.uniform(low, high), function))

    def windows(self, host, mine=True):
        out = self.hosts.tmux(host, "list-windows", "-a", "-F", "#{window_id} #{window_name}")
        found = [line.split(" ", 1) for line in out.stdout.splitlines()]
        return [w for w in found if not mine or w[1].startswith("e")]

    def open_window(self, host):
        self.serial += 1
        name = f"e{self.serial}"
        self.hosts.keep(host)
        if self.rng.random() < 0.5:
            self.hosts.shell(host, name)
        else:
            # tmux expands the last one: no digits after the e, as in a kept window.
            name = self.rng.choice([name, name, "e;'$(x)", "e $HOME é", "e #{pid}"])
            self.hosts.tmux(host, "new-window", "-d", "-t", "=s:", "-n", name)

    def pick(self, host):
        windows = self.windows(host)
        return self.rng.choice(windows) if windows else [None, None]

    def close_window(self, host):
        for _ in range(2):
            window, name = self.pick(host)
            if window:
                self.gone.append((host, name, time.monotonic()))
                self.hosts.tmux(host, "kill-window", "-t", window)

    def rename_window(self, host):
        window, _ = self.pick(host)
        if window:
            self.serial += 1
            self.hosts.tmux(host, "rename-window", "-t", window, f"er{self.serial}")

    def split(self, host):
        window, _ = self.pick(host)
        if window:
            self.hosts.tmux(host, "split-window", "-d", "-t", window)

    def close_pane(self, host):
        window, name = self.pick(host)
        if window:
            self.gone.append((host, name, time.monotonic()))
            self.hosts.tmux(host, "kill-pane", "-t", window)

    def respawn(self, host):
        window, name = self.pick(host)
        if window:
            self.gone.append((host, name, time.monotonic()))
            self.hosts.tmux(host, "respawn-pane", "-k", "-t", window)

    def session(self, host):
        if self.rng.random() < 0.5:
            self.serial += 1
            self.hosts.tmux(host, "new-session", "-d", "-s", f"x{self.serial}", "-n", f"e{self.serial}")
        else:
            out = self.hosts.tmux(host, "list-sessions", "-F", "#{session_name}").stdout.split()
            extra = [s for s in out if s != "s"]
            if extra:
                self.hosts.tmux(host, "kill-session", "-t", "=" + self.rng.choice(extra))

    def kill_one(self, host):
        # Most of them live for a few milliseconds: look until one is there.
        for _ in range(20):
            found = [p for p in self.hosts.processes() if p[2].startswith(VICTIMS)]
            # Not a listener: that is stop_sshd.
            found = [p for p in found if p[2] != "sshd" or self.is_session(p[0])]
            if found:
                pid, _, name = self.rng.choice(found)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.diary.append((time.monotonic(), f"killed {name}"))
                self.counts["killed " + name] = self.counts.get("killed " + name, 0) + 1
                return

    @staticmethod
    def is_session(pid):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                return "listener" not in f.read()
        except OSError:
            return False

    def end_composer(self, host):
        found = [p for p in self.hosts.processes() if p[1] == host and p[2] == "composer"]
        if found:
            self.gone += [(host, name, time.monotonic()) for name in COMPOSERS]
            try:
                os.kill(self.rng.choice(found)[0], signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.later(1, 3, lambda: self.hosts.keep(host))

    def end_server(self, host):
        self.gone.append((host, None, time.monotonic()))
        if self.rng.random() < 0.5:
            self.hosts.tmux(host, "kill-server")
        else:
            for pid, where, name in self.hosts.processes():
                if where == host and name == "tmux: server":
                    os.kill(pid, signal.SIGKILL)
        self.later(0, 3, lambda: self.hosts.keep(host))

    def partition(self, host):
        other = self.rng.choice([h for h in NAMES if h != host] + ["all"])
        self.hosts.lab("partition", host, other)
        if other == "all":
            self.later(1, 6, lambda: self.hosts.lab("heal"))
        else:
            self.later(1, 10, lambda: self.hosts.lab("heal", host, other))

    def freeze(self, host):
        self.hosts.lab("freeze", host)
        self.later(1, 6, lambda: self.hosts.lab("thaw", host))

    def stop_sshd(self, host):
        self.hosts.lab("stop-sshd", host)
        self.later(1, 5, lambda: self.hosts.lab("start-sshd", host))

    def fill(self, host):
        folder = self.rng.choice([".agents", ".agent-inbox", ".agents .agent-inbox"])
        self.hosts.sh(host, f"for d in {folder}; do cat /dev/zero >$d/filler; done 2>/dev/null")
        self.later(0.5, 4, lambda: self.hosts.sh(host, "rm -f .agents/filler .agent-inbox/filler"))

    def jump(self, host):
        self.hosts.skew(host, self.rng.choice([-30 * 24 * HOUR, -HOUR, -60, 60, HOUR, 400 * 24 * HOUR]))
        self.later(1, 8, lambda: self.hosts.skew(host, 0))

    def composers(self, host):
        """name -> screen of those in which text stands."""
        found = {}
        for name in COMPOSERS:
            text = self.hosts.tmux(host, "capture-pane", "-p", "-t", f"=s:{name}").stdout
            if re.search(r"❯[ \xa0]+\S", text):
                found[name] = text
        return found

    def clear(self, host):
        """A person clears what a killed sender left in a composer: not what
        somebody is still about to submit, which would look as if it was."""
        first = self.composers(host)
        due = time.monotonic() + 8

        def again():
            if time.monotonic() < due:  # the end of the soak, not of the wait
                return
            for name, text in self.composers(host).items():
                if first.get(name) == text:
                    self.diary.append((time.monotonic(), f"C-u {host} {name}"))
                    self.hosts.tmux(host, "send-keys", "-t", f"=s:{name}", "C-u")

        if first:
            self.later(8, 8.1, again)
