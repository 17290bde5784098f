#!/usr/bin/python3
"""Many senders and two readers of one mailbox, some of them killed: every
message that was accepted is in it once and whole, is read at most once, and
those of one sender in the order in which they were sent.

FLOOD=3000 makes it a long one: so many messages from each of 8 senders;
FLOOD_LARGE=1 makes all of them large, else it is one in ten."""

# time-limit: 300

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, ok

WRITERS = 8
EACH = int(os.environ.get("FLOOD", "30"))
SMALL, LARGE = 300, 200 * 1024
LARGE_ONE_IN = int(os.environ.get("FLOOD_LARGE", "10"))
KILLED = 40  # one in so many


class Flood:
    def __init__(self, world, address, seed):
        self.world, self.address, self.seed = world, address, seed
        self.accepted, self.tried, self.odd = set(), set(), []
        self.read = ([], [])
        self.killed = {"notify-pane": 0, "agent-inbox": 0}
        self.full = 0
        self.writing = True

    def run(self, rng, program, *args, stdin=b""):
        """(status, stdout, stderr); killed at any moment, one in KILLED."""
        p = subprocess.Popen([f"{BUILD}/{program}", *args],
                             env=self.world.env, cwd=self.world.dir,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        if rng.randrange(KILLED) == 0:
            timer = threading.Timer(rng.uniform(0, 0.03), p.kill)
            timer.start()
        out, err = p.communicate(stdin, timeout=60)
        if p.returncode == -signal.SIGKILL:
            self.killed[program] += 1
        return p.returncode, out, err.decode(errors="replace")

    def write(self, k):
        rng = random.Random(f"{self.seed} writer {k}")
        for i in range(EACH):
            name = f"w{k} {i} "
            size = LARGE if rng.randrange(LARGE_ONE_IN) == 0 else SMALL
            body = (name + "x" * (size - len(name) - 4) + " end").encode()
            self.tried.add((k, i))
            while True:
                code, _, err = self.run(rng, "notify-pane", "-q",
                                        self.address, "-", stdin=body)
                if code != 7 or "mailbox is full" not in err:
                    break
                self.full += 1
                time.sleep(0.05)
            if code == 0:
                self.accepted.add((k, i))
            elif code != -signal.SIGKILL:
                self.odd.append((k, i, code, err))

    def reads(self, which):
        rng = random.Random(f"{self.seed} reader {which}")
        while True:
            last = not self.writing
            code, out, err = self.run(rng, "agent-inbox", "read", "-j", "-a",
                                      self.address)
            if code == 0 and out.strip():
                self.read[which].append(json.loads(out))
            elif code not in (0, 2, -signal.SIGKILL):
                self.odd.append(("read", code, err))
            elif last and code != -signal.SIGKILL:
                return
            else:
                time.sleep(0.01)


def named(world, text):
    """Which message is this, and is it whole?"""
    if "message too long to keep" in text:
        path = text.split("message too long to keep: ", 1)[1].split(" (")[0]
        with open(path.replace("~", world.home), encoding="ascii") as f:
            text = f.read()
        whole = len(text) == LARGE
    else:
        whole = len(text) in (SMALL, LARGE)
    writer, i = text.split(" ", 2)[:2]
    return (int(writer[1:]), int(i)), whole and text.endswith("x end")


def ordered(names):
    """Does each sender's come in its order?"""
    last = {}
    for k, i in names:
        if last.get(k, -1) >= i:
            return f"{i} of sender {k} after {last[k]}"
        last[k] = i
    return True


def main():
    seed = os.environ.get("FLOOD_SEED") or str(random.randrange(1 << 30))
    print(f"# FLOOD_SEED={seed} FLOOD={EACH}")
    world = World()
    world.write(f"{world.agents}/config.toml",
                f"inbox_max = {2 * WRITERS * EACH * LARGE}\n")
    composer = world.composer("reader")
    composer.block()
    flood = Flood(world, composer.address, seed)
    writers = [threading.Thread(target=flood.write, args=(k,))
               for k in range(WRITERS)]
    readers = [threading.Thread(target=flood.reads, args=(w,))
               for w in range(2)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join()
    flood.writing = False
    for thread in readers:
        thread.join()

    print(f"# {len(flood.accepted)} accepted of {len(flood.tried)}, "
          f"killed {flood.killed}, full {flood.full} times")
    equal(flood.odd[:3], [], "nothing but done, killed, or full")
    ok(len(flood.accepted) > len(flood.tried) * 0.8, "most were accepted",
       len(flood.accepted))
    r = world.mailbox("list", "-j", "-n", "0", "-a", composer.address,
                      timeout=600)
    kept = json.loads(r.out)
    bodies = [named(world, m["body"]) for m in kept]
    names = [name for name, _ in bodies]
    equal([name for name, whole in bodies if not whole], [], "all are whole")
    equal(len(names), len(set(names)), "the mailbox has each once")
    equal(sorted(flood.accepted - set(names)), [],
          "and every one that was accepted")
    equal(sorted(set(names) - flood.tried), [], "and no other")
    equal(ordered(names), True, "those of a sender in its order")
    equal([m["state"] for m in kept if m["state"] not in ("shown", "unproven")],
          [], "none waits any more")
    for which in range(2):
        got = [named(world, m["body"]) for m in flood.read[which]]
        equal([name for name, whole in got if not whole], [],
              "a reader gets them whole")
        equal(ordered([name for name, _ in got]), True, "and in order")
    both = [m["id"] for reader in flood.read for m in reader]
    equal(len(both), len(set(both)), "none is read twice")
    ok(len(both) > len(names) * 0.8, "most were read", len(both))
    equal(composer.texts(), [], "and none was typed over a person")
    done()


main()
