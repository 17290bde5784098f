#!/usr/bin/python3
"""agent-inbox queue: what waits is listed, deleted, edited and put first, also
at the moment at which it is shown."""

# time-limit: 200

import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, note, ok, until

ROUNDS = 12


def queued(world, composer, body, *args, **env):
    r = world.notify("-q", *args, composer.address, body, **env)
    found = re.search(r"^queued ([0-9a-z]{20})$", r.out, re.M)
    return found[1] if found else repr(r)


def queue(composer, *args, **more):
    return composer.world.mailbox("queue", *args, "-a", composer.address, **more)


def waits(composer):
    return [m["body"] for m in json.loads(queue(composer, "-j").out)]


def shown(composer, *want):
    ok(until(20, lambda: composer.texts() == list(want)),
       f"shown: {', '.join(want)}", composer.texts(), composer.screen())


def orders(world):
    composer = world.composer("orders")
    equal(queue(composer).out, "", "nothing waits")
    equal(json.loads(queue(composer, "list", "-j").out), [], "as JSON")
    composer.block()
    one, two, three, four = (queued(world, composer, t)
                             for t in ("one", "two", "three", "four"))
    queued(world, composer, "urgent", "-u")
    lines = queue(composer, "list").out.splitlines()
    ok(len(lines) == 5 and re.fullmatch(
        rf"{one[:8]}  \S+Z  queued       \S+@hub +one", lines[1]), "a line each",
       lines)
    equal(waits(composer), ["urgent", "one", "two", "three", "four"],
          "in the order in which they will be shown")
    r = queue(composer, "first", three[:8])
    equal((r.code, r.out, r.err), (0, "", ""), "first")
    equal(waits(composer), ["urgent", "three", "one", "two", "four"],
          "before all but the urgent")
    queue(composer, "first", four)
    equal(waits(composer), ["urgent", "four", "one", "two", "three"],
          "only one is first")
    r = queue(composer, "delete", two[:6], one)
    equal((r.code, r.out), (0, "2 deleted\n"), "delete")
    r = queue(composer, "edit", three[:6], "-", stdin="3\nthree")
    equal((r.code, r.out, r.err), (0, "", ""), "edit")
    equal(waits(composer), ["urgent", "four", "3\nthree"], "each is done")
    composer.free()
    shown(composer, "urgent", "four", "3\n  three")
    r = world.notify("--status", one)
    equal((r.code, r.out), (7, "deleted: by agent-inbox\n"), "--status: deleted")
    for args, code, part in (
            (("delete", four), 2, "waits no more: it is shown"),
            (("edit", four, "x"), 2, "waits no more"),
            (("first", one), 2, "waits no more: it is undelivered"),
            (("delete", "zzzzzz"), 2, "no such message"),
            (("delete",), 1, "queue: takes"), (("edit", four), 1, "takes"),
            (("first",), 1, "takes"), (("first", one, two), 1, "takes"),
            (("shift", one), 1, "takes"), (("list", one), 1, "takes"),
            (("edit", four, ""), 1, "body: is empty"),
            (("edit", four, "-"), 1, "body: larger than 65536"),
    ):
        r = queue(composer, *args, stdin="x" * 65537)
        ok(r.code == code and part in r.err and r.err.count("\n") == 1,
           f"{' '.join(args)[:30]}: {part}", repr(r))


def others(world):
    """Who is told, and whose text may be changed."""
    sender = world.composer("sender")
    composer = world.composer("others")
    composer.block()
    # only in its own pane is one that sender
    pane = world.window("author", "sh", "$")
    world.keys(pane, "-l", f"{BUILD}/notify-pane -q {composer.address} mine")
    world.keys(pane, "Enter")
    until(10, lambda: waits(composer) == ["mine"])
    ident = json.loads(queue(composer, "-j").out)[0]["id"]
    r = queue(composer, "edit", ident, "forged")
    ok(r.code == 7 and "is from hub-dev-author, who alone may edit" in r.err,
       "another's text is not changed", repr(r))
    equal(waits(composer), ["mine"], "it is as it was")
    gone = queued(world, composer, "not wanted", AGENT_NAME=sender.address)
    queue(composer, "delete", ident, gone)
    ok(until(20, lambda: world.sees(pane, "was deleted, by agent-inbox: mine",
                                    1)), "its sender is told",
       world.screen(pane))
    equal(sender.texts(), [], "whoever deleted his own is not")
    composer.free()
    equal(waits(composer), [], "nothing waits")


def program(composer, *args):
    return subprocess.Popen(
        [f"{BUILD}/agent-inbox", "queue", *args, "-a", composer.address],
        env=composer.world.env, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)


def kept(composer, ident):
    """State and text of a message, as its mailbox has them, and its end."""
    status = composer.world.notify("--status", ident)
    found = [(m["state"], m["body"]) for m in json.loads(
        composer.world.mailbox("list", "-j", "-n", "0", "-a",
                               composer.address).out) if m["id"] == ident]
    return found, status.code, status.out.split(":")[0].strip()


def race(composer, what, i):
    """One message, and a change at about the moment at which it is shown; the
    first is in time and the last too late. What is wrong; was it in time?"""
    world = composer.world
    old = f"old {i} {what}"
    composer.news()
    composer.block()
    ident = queued(world, composer, old)
    if i > 0:
        composer.free()
    if i == ROUNDS - 1:
        until(60, lambda: kept(composer, ident)[2] == "submitted")
    else:
        # somewhere in the second in which the waiter looks and types
        time.sleep(i * 0.6 / ROUNDS)
    p = program(composer, what, ident, *(["new"] if what == "edit" else []))
    out, err = p.communicate(timeout=60)
    if i == 0:
        composer.free()  # not later: it would wipe out what was just typed
    # exactly one of these, in the pane, in the mailbox and as it is told
    if p.returncode == 0 and what == "delete":
        want = [], ([("undelivered", old)], 7, "deleted")
    else:
        text = "new" if p.returncode == 0 else old
        want = [text], ([("shown", text)], 0, "submitted")
    until(60, lambda: kept(composer, ident) == want[1])
    until(20, lambda: world.notify("--check", composer.address).code == 0)
    got = ([re.sub(rb"^\[from [^]]*\] ", b"", m).decode()
            for m in composer.news()], kept(composer, ident))
    said = (p.returncode, out, re.sub(r"^\S+ \S+ ", "", err))
    deletes = what == "delete"
    known = [(0, "1 deleted\n" if deletes else "", ""),
             *((2, "0 deleted\n" if deletes else "", f"waits no more: it is {state}\n")
               for state in ("shown", "being shown"))]
    must = {0: 0, ROUNDS - 1: 2}.get(i, p.returncode)
    right = got == want and said in known and p.returncode == must
    return None if right else (what, i, said, got, want), p.returncode == 0


def races(world):
    """Changed while it is shown: what is told is what happens."""
    composer = world.composer("races")
    for what in ("delete", "edit"):
        told = [race(composer, what, i) for i in range(ROUNDS)]
        equal([wrong for wrong, _ in told if wrong], [],
              f"{ROUNDS} times {what} at that moment: done and seen to be, or "
              "neither")
        note(f"{what} in time: {sum(early for _, early in told)} of {ROUNDS}")


def main():
    world = World(height=50)
    orders(world)
    others(world)
    races(world)
    done()


main()
