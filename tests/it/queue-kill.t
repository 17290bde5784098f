#!/usr/bin/python3
"""kill -9 before every system call that changes something, of a sender with
--queue and of the process that shows what waits: no message is shown twice, and
each that was accepted is shown, or said to be unproven."""

# time-limit: 500

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, note, ok, skip, until


class Kills:
    def __init__(self, world):
        self.world = world
        self.wrong = []
        world.env["ASAN_OPTIONS"] = (
            world.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0")

    def inbox(self, *args):
        return subprocess.run(
            [f"{BUILD}/agent-inbox", *args], env=self.world.env,
            capture_output=True, text=True, timeout=60,
            cwd=self.world.dir)

    def mail(self, address):
        r = self.inbox("list", "-j", "-n", "0", "-a", address)
        return {m["body"]: m for m in json.loads(r.stdout)}

    def kill_waiters(self):
        """Processes that a sender started to wait for a pane."""
        def left():
            r = subprocess.run(["pgrep", "-f", "agent-inbox drain -a"],
                               capture_output=True, text=True)
            pids = []
            for pid in map(int, r.stdout.split()):
                try:
                    with open(f"/proc/{pid}/environ", "rb") as f:
                        if f"HOME={self.world.home}".encode() in f.read():
                            pids.append(pid)
                            os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            return pids
        until(10, lambda: not left())

    def status(self, ident):
        r = self.world.notify("--status", ident)
        return r.out.partition(":")[0].strip()


def texts(composer):
    return [re.sub(rb"^\[from [^]]*\] ", b"", m).decode()
            for m in composer.messages()]


def block(world, composer):
    world.keys(composer.pane, "-l", "half")
    world.sees(composer.pane, "half")


def calm(world, composer):
    """Whatever stands there is gone."""
    world.keys(composer.pane, "C-u")
    until(10, lambda: world.notify("--check", composer.address).code == 0)


def senders(world, kills):
    composer = world.composer("sender")
    block(world, composer)
    accepted, n, killed = [], 0, True
    while killed:
        n += 1
        r, killed = world.killed(n, "notify-pane", "-q", composer.address,
                              f"text {n}.")
        if "\nqueued " in r.out:
            accepted.append(f"text {n}.")
    kept = kills.mail(composer.address)
    note(f"sender: killed at {n - 1} calls, {len(kept)} kept, "
         f"{len(accepted)} accepted")
    ok(n > 20, "a sender is killed at every call", n)
    equal([t for t in accepted if t not in kept], [],
          "what was accepted is kept")
    ok(all(re.fullmatch(r"text \d+\.", t) for t in kept), "and whole", kept)
    equal(set(m["state"] for m in kept.values()), {"queued"}, "all wait")
    world.keys(composer.pane, "C-u")
    kills.inbox("drain", "-a", composer.address, "-t", "0")
    ok(until(60, lambda: len(texts(composer)) >= len(kept)),
       "all that was kept is shown", len(kept), texts(composer))
    equal(texts(composer), list(kept), "once, in order")
    for folder in ("tmp", "queue", "bad"):
        left = os.listdir(f"{world.agents}/mail/by-name/{composer.address}/"
                          f"{folder}")
        # what one that was killed left in tmp/ has the number of the next
        ok(folder == "tmp" or until(5, lambda: not os.listdir(
            f"{world.agents}/mail/by-name/{composer.address}/{folder}")),
           f"nothing is left in {folder}/", left)


# A point is mostly waiting, so several machines share them.
SHARES = 6


def drain_share(kills, first):
    """Kill it before every SHARES-th call from `first` on: points, those shown,
    those unproven."""
    world = kills.world
    composer = world.composer("drain")
    points, shown, unproven = 0, 0, 0
    for n in range(first, 300, SHARES):
        text = f"message {n}."
        block(world, composer)
        r = world.notify("-q", composer.address, text)
        ident = re.search(r"^queued (\S+)$", r.out, re.M)
        if not ident:
            kills.wrong.append(f"{n}: not queued: {r!r}")
            break
        kills.kill_waiters()
        calm(world, composer)
        r, killed = world.killed(n, "agent-inbox", "drain", "-a",
                              composer.address, "-t", "20")
        points += killed
        before = texts(composer).count(text)
        until(0.3 if before else 0, lambda: False)
        if world.notify("--check", composer.address).code != 0:
            calm(world, composer)
        kills.kill_waiters()
        again = kills.inbox("drain", "-a", composer.address, "-t", "20")
        if again.returncode != 0:
            kills.wrong.append(f"{n}: again: {again.stderr}")
        times = texts(composer).count(text)
        state = kills.mail(composer.address)[text]["state"]
        status = kills.status(ident[1])
        shown += state == "shown"
        unproven += state == "unproven"
        if times > 1:
            kills.wrong.append(f"{n}: came {times} times")
        if state == "shown" and times != 1:
            kills.wrong.append(f"{n}: shown, but came {times} times")
        if state not in ("shown", "unproven"):
            kills.wrong.append(f"{n}: is {state}")
        if (state == "shown") != (status in ("submitted", "shown")):
            kills.wrong.append(f"{n}: {state}, but --status says {status}")
        if not killed:
            break
    waiting = f"{world.agents}/mail/waiting"
    if not until(5, lambda: not os.listdir(waiting)):
        kills.wrong.append(f"still waiting: {os.listdir(waiting)}")
    return points, shown, unproven


def drains():
    shares = [Kills(World(height=50)) for _ in range(SHARES)]
    with ThreadPoolExecutor(SHARES) as pool:
        done_by = list(pool.map(drain_share, shares, range(1, SHARES + 1)))
    points, shown, unproven = map(sum, zip(*done_by))
    wrong = [w for kills in shares for w in kills.wrong]
    note(f"drain: killed at {points} calls: {shown} shown, {unproven} unproven")
    ok(points > 20, "the waiting process is killed at every call", points)
    ok(not wrong, "shown once, or said to be unproven, and nothing waits",
       *wrong[:10])
    ok(shown > unproven, "most are shown", shown, unproven)


def main():
    world = World(height=50)
    r = subprocess.run([f"{BUILD}/helpers/kill-at", f"{world.dir}/x", "0",
                        "true"], capture_output=True)
    if r.returncode == 77:
        skip("kills", "no ptrace here")
        done()
    kills = Kills(world)
    senders(world, kills)
    drains()
    done()


main()
