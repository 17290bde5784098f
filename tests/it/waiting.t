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


def races(world):
    """Changed while it is shown: what is told is what happens."""
    composer = world.composer("races")
    outcome = {"delete": set(), "edit": set()}
    wrong = []
    for i in range(ROUNDS):
        for what in ("delete", "edit"):
            composer.news()
            composer.block()
            ident = queued(world, composer, f"old {i} {what}")
            composer.free()
            # somewhere in the second in which the waiter looks and types
            time.sleep(i * 0.6 / ROUNDS)
            p = program(composer, what, ident,
                        *(["new"] if what == "edit" else []))
            p.communicate(timeout=60)
            until(20, lambda: not waits(composer))
            until(20, lambda: world.notify("--check", composer.address).code
                  == 0)
            got = [re.sub(rb"^\[from [^]]*\] ", b"", m).decode()
                   for m in composer.news()]
            done_so = p.returncode == 0
            want = ([] if what == "delete" else ["new"]) if done_so else \
                [f"old {i} {what}"]
            outcome[what].add(done_so)
            if got != want or p.returncode not in (0, 2):
                wrong.append((what, i, p.returncode, got))
    equal(wrong, [], f"{ROUNDS} deleted, {ROUNDS} edited at that moment")
    note(f"done in time or not: {outcome}")


def main():
    world = World(height=50)
    orders(world)
    others(world)
    races(world)
    done()


main()
