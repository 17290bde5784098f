#!/usr/bin/python3
"""notify-pane --queue: what a pane is not ready for waits in its mailbox and is
shown once, in order, as soon as it can be; what became of it is told."""

# time-limit: 300

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, ok, until


def mail(world, address):
    r = world.mailbox("list", "-j", "-n", "0", "-a", address)
    return json.loads(r.out) if r.code == 0 else repr(r)


def states(world, address):
    return [(m["body"], m["state"]) for m in mail(world, address)]


def waiters(world):
    """Processes that wait for a pane of this world."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
            with open(f"/proc/{pid}/environ", "rb") as f:
                ours = f"HOME={world.home}".encode() in f.read().split(b"\0")
        except OSError:
            continue
        if ours and b"drain" in words:
            found.append(int(pid))
    return found


def queued(world, address, *args, **env):
    """Send with --queue; the id."""
    r = world.notify("-q", address, *args, **env)
    found = re.search(r"^queued ([0-9a-z]{20})$", r.out, re.M)
    ok(r.code == 0 and found, f"queued: {args[0][:20]}", repr(r))
    return found[1] if found else ""


def status(world, ident):
    r = world.notify("--status", ident)
    return (r.code, r.out.partition(":")[0].strip() or r.err)


def ready(world):
    composer = world.composer("ready")
    r = world.notify("--queue", composer.address, "at once")
    ok(r.code == 0 and r.out.endswith("\nsubmitted\n"),
       "to a pane that is ready it goes at once", repr(r))
    equal(os.path.exists(f"{world.agents}/mail/waiting"), False,
          "and nothing waits")
    equal(waiters(world), [], "nobody waits")


def waits(world):
    composer = world.composer("waits")
    composer.block()
    ids = [queued(world, composer.address, f"text {i}\nof it")
           for i in range(3)]
    equal(composer.texts(), [], "nothing is typed over a person")
    equal(states(world, composer.address),
          [(f"text {i}\nof it", "queued") for i in range(3)], "all wait")
    equal(status(world, ids[0]), (0, "queued"), "--status: queued")
    equal(len(waiters(world)), 1, "one process waits for the pane")
    r = world.notify(composer.address, "overtakes")
    ok(r.code == 3 and "3 earlier of your messages" in r.err,
       "without --queue it is refused, not sent before them", repr(r))
    began = time.monotonic()
    composer.free()
    ok(until(20, lambda: len(composer.texts()) == 3), "shown when it is idle",
       composer.screen())
    ok(time.monotonic() - began < 15, "soon", time.monotonic() - began)
    equal(composer.texts(), [f"text {i}\n  of it" for i in range(3)],
          "in order, each once")
    ok(until(10, lambda: not waiters(world)), "then nobody waits any more")
    equal(os.listdir(f"{world.agents}/mail/waiting"), [], "for nothing")
    equal([s for _, s in states(world, composer.address)][:3], ["shown"] * 3,
          "the mailbox says so")
    equal(status(world, ids[2]), (0, "submitted"), "--status: submitted")
    ok(world.notify(composer.address, "after").code == 0, "and sends go on")


def urgent(world):
    composer = world.composer("urgent")
    composer.block()
    queued(world, composer.address, "second")
    queued(world, composer.address, "third")
    r = world.notify("-q", "-u", composer.address, "first")
    ok("\nqueued " in r.out, "an urgent one waits too", repr(r))
    composer.free()
    until(20, lambda: len(composer.texts()) == 3)
    equal(composer.texts(), ["first", "second", "third"], "--urgent first")


def expires(world):
    composer = world.composer("expires")
    composer.block()
    short = queued(world, composer.address, "too late", "-e", "1s")
    longer = queued(world, composer.address, "in time", "--ttl", "1h")
    ok(until(20, lambda: status(world, short) == (8, "expired")),
       "--ttl: it expires", status(world, short))
    ok(until(20, lambda: states(world, composer.address) ==
             [("too late", "undelivered"), ("in time", "queued")]), "alone",
       states(world, composer.address))
    composer.free()
    ok(until(20, lambda: composer.texts() == ["in time"]),
       "the other one is shown", composer.texts())
    ok(until(5, lambda: status(world, longer) == (0, "submitted")),
       "and told", status(world, longer))


def reported(world):
    """A sender that is an agent hears of it in his mailbox."""
    sender = world.composer("sender")
    composer = world.composer("deaf")
    composer.block()
    # the name is what the tag says: an agent of this host
    ident = queued(world, composer.address, "nobody reads this", "-e", "1s",
                   AGENT_NAME=sender.address)
    ok(until(30, lambda: sender.texts()), "a report comes", states(
        world, sender.address))
    ok(re.fullmatch(rf"your message {ident} to hub-dev-deaf was expired, "
                    r"before its pane was ready: nobody reads this",
                    sender.texts()[0]), "which says what and why",
       sender.texts())
    ok(until(5, lambda: [m["from"] for m in mail(world, sender.address)] ==
             ["panemesh@hub"]), "from nobody that can be answered")
    composer.free()


def read_first(world):
    composer = world.composer("reader")
    composer.block()
    one = queued(world, composer.address, "one")
    two = queued(world, composer.address, "two")
    r = world.mailbox("read", "-a", composer.address)
    ok(r.out.endswith("\n\none\n"), "read takes the oldest", repr(r))
    ok(until(5, lambda: status(world, one) == (0, "read")), "--status: read",
       status(world, one))
    equal(world.mailbox("ack", two[:8], "-a", composer.address).out, "1 read\n",
          "ack")
    ok(until(10, lambda: not waiters(world)), "nothing waits any more")
    composer.free()
    until(1, lambda: composer.texts())
    equal(composer.texts(), [], "so nothing is shown")


def killed_waiter(world):
    """Whoever comes by starts another one."""
    composer = world.composer("killed")
    composer.block()
    queued(world, composer.address, "survives")
    for how in ("hook", "sender", "discover", "sync"):
        for pid in waiters(world):
            os.kill(pid, signal.SIGKILL)
        until(5, lambda: not waiters(world))
        if how == "hook":
            world.register()
        elif how == "sender":
            world.notify(composer.address, "x")
        else:
            subprocess.run([f"{BUILD}/agent-{how}", "-q"], env=world.env,
                           check=True, timeout=30)
        ok(until(5, lambda: len(waiters(world)) == 1), f"by a {how}")
    composer.free()
    ok(until(20, lambda: composer.texts() == ["survives"]), "and it is shown",
       composer.texts())


def overdue(world):
    """With nobody there to see to it, it is told to be over all the same."""
    composer = world.composer("overdue")
    composer.block()
    queued(world, composer.address, "in time")
    for pid in waiters(world):
        os.kill(pid, signal.SIGKILL)
    agent = os.path.basename(os.readlink(
        f"{world.agents}/mail/by-name/{composer.address}"))
    with open(f"{world.agents}/run/waiter-{agent}.lock", "w") as lock:
        ok(until(20, lambda: not fcntl.flock(lock, fcntl.LOCK_EX)),
           "nobody waits for the pane")
        ids = [queued(world, composer.address, f"old {i}", "-e", "1s")
               for i in range(2)]
        ok(until(20, lambda: status(world, ids[1]) == (8, "expired")),
           "--status: expired all the same", status(world, ids[1]))
        r = world.mailbox("queue", "list", "-a", composer.address)
        equal([line.split()[2] for line in r.out.splitlines()],
              ["queued", "expired", "expired"], "queue list: expired")
        equal([s for _, s in states(world, composer.address)],
              ["queued", "expired", "expired"], "list: expired")
        r = world.notify(composer.address, "x")
        ok(r.code == 3 and "1 earlier of your messages" in r.err,
           "nothing waits behind them", repr(r))
    world.register()
    ok(until(20, lambda: [s for _, s in states(world, composer.address)] ==
             ["queued", "undelivered", "undelivered"]),
       "whoever comes by has them buried", states(world, composer.address))
    composer.free()


def taken(world):
    """Other programs delete, trash and spoil what waits: the sender is told."""
    sender = world.composer("teller")
    composer = world.composer("taken")
    composer.block()
    ids = [queued(world, composer.address, f"lost {i}",
                  AGENT_NAME=sender.address) for i in range(4)]
    box = f"{world.agents}/mail/by-name/{composer.address}"
    files = {n[11:]: n for n in os.listdir(f"{box}/new")}
    os.unlink(f"{box}/new/{files[ids[0]]}")
    os.rename(f"{box}/new/{files[ids[1]]}", f"{box}/cur/{files[ids[1]]}:2,T")
    world.write(f"{box}/new/{files[ids[2]]}", "From nobody\n")
    want = [(7, "deleted"), (7, "deleted"), (9, "failed")]
    ok(until(20, lambda: [status(world, i) for i in ids[:3]] == want),
       "--status says so", [status(world, i) for i in ids[:3]])
    ok(until(40, lambda: len(sender.texts()) == 3), "each is reported",
       sender.screen())
    for i, why in enumerate(["deleted, by another program"] * 2 +
                            ["failed, its file in the mailbox was damaged"]):
        ok(any(f"your message {ids[i]} to hub-dev-taken was {why}: lost {i}" in
               " ".join(t.split()) for t in sender.texts()),
           f"which says what and why: {why}", sender.texts())
    equal([status(world, i) for i in ids], want + [(0, "queued")],
          "--status says so for good")
    r = world.notify("--status", ids[0])
    ok("by another program" in r.out + r.err, "and why", repr(r))
    composer.free()
    ok(until(20, lambda: composer.texts() == ["lost 3"]), "the rest is shown",
       composer.texts())


def full(world):
    composer = world.composer("full")
    composer.block()
    codes = [world.notify("-q", composer.address, str(i)).code
             for i in range(101)]
    equal(codes, [0] * 100 + [7], "100 wait, the next is refused")
    r = world.notify("-q", composer.address, "x")
    ok("mailbox is full: 100 messages wait" in r.err, "clearly", repr(r))
    composer.free()
    ok(until(100, lambda: len(composer.texts()) == 100), "all are shown",
       len(composer.texts()))
    equal(composer.texts(), [str(i) for i in range(100)], "in order")


def large(world):
    composer = world.composer("large")
    composer.block()
    body = "y" * 70000
    queued(world, composer.address, body)
    path = re.search(r"message too long to keep: (\S+) \(70000 bytes\)",
                     mail(world, composer.address)[0]["body"])
    ok(path and open(path[1].replace("~", world.home)).read() == body,
       "over 64 KiB it is a file", mail(world, composer.address))
    composer.free()
    ok(until(20, lambda: composer.texts()), "its line is shown")


def inherited(world):
    composer = world.composer("old")
    composer.block()
    queued(world, composer.address, "for whoever comes")
    world.tm("kill-pane", "-t", composer.pane)
    world.register()
    ok(until(10, lambda: not waiters(world)), "no pane, no process")
    heir = world.composer("old")
    ok(until(20, lambda: heir.texts() == ["for whoever comes"]),
       "a new pane at the address gets it", heir.screen(),
       states(world, heir.address))


def refused(world):
    composer = world.composer("refused")
    composer.block()
    before = os.listdir(f"{world.agents}/mail")
    ok(world.notify(composer.address, "x").code == 3, "no --queue: 3")
    equal(os.listdir(f"{world.agents}/mail"), before, "nothing kept")
    world.write(f"{world.agents}/config.toml", "queue = true\n")
    r = world.notify(composer.address, "kept")
    ok(r.code == 0 and "\nqueued " in r.out, "queue = true", repr(r))
    composer.free()
    until(20, lambda: composer.texts())
    composer.block()
    ok(world.notify("--no-queue", composer.address, "x").code == 3,
       "--no-queue")
    os.unlink(f"{world.agents}/config.toml")
    equal(composer.texts(), ["kept"], "each once")
    for args, code, part in ((("--status", "nonsense"), 2, "no message with"),
                             (("--status", "../../x"), 2, "no message with"),
                             (("-q", "-e", "0", "x", "y"), 1, "no time"),
                             (("-e", "31d", "x", "y"), 1, "no time"),
                             (("-e", "1w", "x", "y"), 1, "no time")):
        r = world.notify(*args)
        ok(r.code == code and part in r.err and r.out == "",
           " ".join(args), repr(r))


def mended(world):
    """A mailbox that lost its ids, as in a backup, or its index goes on."""
    composer = world.composer("mended")
    composer.block()
    queued(world, composer.address, "one")
    queued(world, composer.address, "two")
    box = os.path.realpath(f"{world.agents}/mail/by-name/{composer.address}")
    for name in os.listdir(f"{box}/ids"):
        os.unlink(f"{box}/ids/{name}")
    os.truncate(f"{box}/index", 0)
    queued(world, composer.address, "three")
    equal(states(world, composer.address),
          [(t, "queued") for t in ("one", "two", "three")], "all are listed")
    composer.free()
    ok(until(20, lambda: len(composer.texts()) == 3), "all are shown",
       composer.screen())
    equal(composer.texts(), ["one", "two", "three"], "in order")


def main():
    world = World(height=50)
    ready(world)
    waits(world)
    urgent(world)
    expires(world)
    reported(world)
    read_first(world)
    killed_waiter(world)
    large(world)
    inherited(world)
    refused(world)
    mended(world)
    overdue(world)
    taken(world)
    full(world)
    done()


main()
