#!/usr/bin/python3
"""kill -9 before every system call that changes something, of who asks, who
answers and who takes the answer: a question that came is known to who asked it,
and there is one answer, which is not lost."""

# time-limit: 400

import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, note, ok, skip, until


def forget(world, composer):
    """So that it is not too many within a minute."""
    path = f"{world.agents}/mail/by-name/{composer.address}"
    if os.path.exists(path):
        shutil.rmtree(os.path.realpath(path))


def empty(world, composer):
    """Likewise, but it keeps its questions."""
    box = f"{world.agents}/mail/by-name/{composer.address}"
    for folder in ("new", "cur"):
        for name in os.listdir(f"{box}/{folder}"):
            if os.path.exists(f"{box}/{folder}/{name}"):
                os.unlink(f"{box}/{folder}/{name}")


def calm(world, composer):
    """Whatever stands there is gone."""
    if world.notify("--check", composer.address).code != 0:
        composer.free()
        until(10, lambda: world.notify("--check", composer.address).code == 0)


def shown_ids(composer):
    return [i.decode() for m in composer.news()
            for i in re.findall(rb"\[question ([0-9a-z]{8}):", m)]


def asks(world, asker, helper, *args):
    r = world.notify("--ask", helper.address, *args, AGENT_NAME=asker.address)
    return r.out.strip() if r.code == 0 else repr(r)


def get(world, asker, ident, *args):
    return world.mailbox("get", ident, *args, "-a", asker.address)


def askers(world, asker, helper):
    n, killed, wrong, known, unknown = 0, True, [], 0, 0
    while killed and n < 300:
        n += 1
        r, killed = world.killed(n, "notify-pane", "--ask", helper.address,
                                 f"question {n}?", AGENT_NAME=asker.address)
        until(0.5 if killed else 10, lambda: world.notify(
            "--check", helper.address).code == 0)
        calm(world, helper)
        ids = shown_ids(helper)
        printed = r.out.strip()
        if len(ids) > 1:
            wrong.append((n, "shown", ids))
        if printed and not any(printed.startswith(i) for i in ids):
            wrong.append((n, "printed, not shown", printed))
        for ident in ids:
            if get(world, asker, ident).code != 8:
                wrong.append((n, "not known", repr(get(world, asker, ident))))
        known += bool(ids)
        unknown += not ids
        forget(world, helper)
    note(f"asking: killed at {n - 1} calls: {known} came, {unknown} did not")
    ok(n > 20, "who asks is killed at every call", n)
    equal(wrong, [], "what came is known to who asked")


def answers(world, asker, helper):
    """Killed while he answers, with somebody waiting, and asked to answer
    again."""
    n, killed, wrong = 0, True, []
    while killed and n < 300:
        n += 1
        ident = asks(world, asker, helper, f"what of {n}?")
        p = subprocess.Popen(
            [f"{BUILD}/agent-inbox", "await", ident, "-t", "60", "-a",
             asker.address], env=world.env, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        path = f"{world.agents}/mail/by-name/{asker.address}/asked/{ident}"
        until(10, lambda: subprocess.run(
            ["flock", "-n", "-x", path, "true"]).returncode != 0)
        r, killed = world.killed(n, "notify-pane", "--reply", ident,
                                 f"yes {n}", AGENT_NAME=helper.address)
        if killed:
            r = world.notify("--reply", ident, f"yes {n}",
                             AGENT_NAME=helper.address)
        if r.code not in (0, 7):
            wrong.append((n, repr(r)))
        out, err = p.communicate(timeout=70)
        if (p.returncode, out) != (0, f"yes {n}\n"):
            wrong.append((n, p.returncode, out, err))
        again = get(world, asker, ident)
        if (again.code, again.out) != (0, f"yes {n}\n"):
            wrong.append((n, "again", repr(again)))
        calm(world, helper)
        forget(world, helper)
        empty(world, asker)
    note(f"answering: killed at {n - 1} calls")
    ok(n > 20, "who answers is killed at every call", n)
    equal(wrong, [], "one answer comes to who waits")
    equal(asker.texts(), [], "and the pane shows none")


def takers(world, asker, helper):
    """Killed while he takes an answer that waits for his pane too."""
    n, killed, wrong = 0, True, []
    asker.block()
    while killed and n < 300:
        n += 1
        ident = asks(world, asker, helper, f"once more {n}?")
        r = world.notify("--reply", ident, f"sure {n}",
                         AGENT_NAME=helper.address)
        if r.code != 0:
            wrong.append((n, repr(r)))
        r, killed = world.killed(n, "agent-inbox", "get", ident, "-a",
                                 asker.address)
        again = get(world, asker, ident, "-j")
        told = json.loads(again.out or "{}").get("answer", {})
        if (again.code, told.get("body"), told.get("state")) != \
                (0, f"sure {n}", "shown"):
            wrong.append((n, repr(again)))
        forget(world, helper)
        empty(world, asker)
    note(f"taking: killed at {n - 1} calls")
    ok(n > 4, "who takes it is killed at every call", n)
    equal(wrong, [], "it is there all the same, and counts as read")
    asker.free()
    until(10, lambda: world.notify("--check", asker.address).code == 0)
    equal(asker.texts(), [], "and is not shown after that")


def main():
    world = World(height=50)
    r = subprocess.run([f"{BUILD}/helpers/kill-at", f"{world.dir}/x", "0",
                        "true"], capture_output=True)
    if r.returncode == 77:
        skip("kills", "no ptrace here")
        done()
    world.env["ASAN_OPTIONS"] = (
        world.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    asker = world.composer("asker")
    helper = world.composer("helper")
    askers(world, asker, helper)
    answers(world, asker, helper)
    takers(world, asker, helper)
    done()


main()
