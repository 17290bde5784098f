#!/usr/bin/python3
"""agent-feed: what registration and delivery tell, following it, bad days."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, ok, until


def feed(world, *args, code=0):
    r = subprocess.run([f"{BUILD}/agent-feed", *args], env=world.env,
                       capture_output=True, text=True, timeout=30,
                       stdin=subprocess.DEVNULL)
    if r.returncode != code:
        return f"exit {r.returncode}: {r.stdout}{r.stderr}"
    return r.stdout if code == 0 else r.stderr


def events(world, *args):
    """As (type, agent, target, preview)."""
    return [tuple(json.loads(line)[key] for key in
                  ("type", "agent", "target", "preview"))
            for line in feed(world, "--json", *args).splitlines()]


world = World()
equal(feed(world), "", "nothing happened yet")
composer = world.composer("rev")
dialog = world.composer("ask")
if not ok(("join", "hub-dev-rev") in [e[:2] for e in events(world)],
          "a window joins", events(world)):
    print(world.screen(dialog.pane))

with open(f"{world.dir}/report.txt", "w", encoding="utf-8") as f:
    f.write("numbers\n")
r = world.notify("hub-dev-rev", "tests\ngreen \u8a9e", AGENT_NAME="ann")
equal(r.code, 0, "a text", r)
equal(events(world, "-n", "1"),
      [("delivered", "ann", "hub-dev-rev", "tests green \u8a9e")],
      "is told of, on one line")
r = world.notify("hub-dev-rev", "-f", "report.txt", AGENT_NAME="ann")
equal(r.code, 0, "a file", r)
equal(events(world, "-n", "2")[0],
      ("file", "ann", "hub-dev-rev", "report.txt"), "and so is that")
world.tm("copy-mode", "-t", composer.pane)
r = world.notify("hub-dev-rev", "x", AGENT_NAME="ann")
equal(r.code, 3, "one that is refused", r)
last = events(world, "-n", "1")[0]
ok(last[:3] == ("refused", "ann", "hub-dev-rev") and "copy" in last[3],
   "with the reason", last)
world.tm("send-keys", "-t", composer.pane, "-X", "cancel")

# Following
with subprocess.Popen([f"{BUILD}/agent-feed", "-f", "-n", "0", "-t",
                       "rename,leave"], env=world.env, text=True,
                      stdout=subprocess.PIPE) as follower:
    fds = f"/proc/{follower.pid}/fd"
    ok(until(10, lambda: any("inotify" in os.readlink(f"{fds}/{fd}")
                             for fd in os.listdir(fds))),
       "a follower waits for the kernel")
    world.notify("hub-dev-rev", "not this", AGENT_NAME="ann")
    world.tm("rename-window", "-t", composer.pane, "critic")
    world.register()
    line = follower.stdout.readline().split()
    equal(line[1:], ["rename", "hub-dev-rev", "\u2192", "hub-dev-critic"],
          "and says it at once")
    # A new file takes the place of the old one.
    log = f"{world.agents}/log/feed.jsonl"
    with open(log, "a", encoding="ascii") as f:
        f.write("\n" * (2 * 1024 * 1024))
    world.tm("kill-pane", "-t", dialog.pane)
    world.register()
    line = follower.stdout.readline().split()
    equal(line[1:3], ["leave", "hub-dev-ask"], "across a change of files")
    ok(os.path.getsize(log) < 10000 and os.path.exists(log + ".1"),
       "which there was")
    with open(f"/proc/{follower.pid}/stat", encoding="ascii") as f:
        ticks = f.read().rsplit(")", 1)[1].split()
    ok(int(ticks[11]) + int(ticks[12]) < 20, "it used no time meanwhile", ticks)
    follower.stdout.close()
    ok(until(10, lambda: follower.poll() is not None),
       "nobody reads it any more: it ends")

# Lines for people
out = feed(world, "-n", "1000", "-t", "delivered")
ok(all(len(line.split()) > 4 for line in out.splitlines()), "lines", out)
with open(log, "a", encoding="utf-8") as f:
    f.write('{"ts":"x","type":"a\\u001b[31mb","agent":"\\u202e",'
            '"preview":"%s"}\n' % ("\u8a9e" * 60))
    f.write('{"ts":"x","type":"half')
out = feed(world, "-n", "1")
ok("\x1b" not in out and "\u202e" not in out, "hostile lines are escaped", out)
ok("\u8a9e" * 44 + "\u2026" in out, "and cut by columns", out)
world.notify("hub-dev-critic", "after", AGENT_NAME="ann")
equal(events(world, "-n", "1")[0][3], "after", "a line after half a line")

# What else goes wrong
ok("--lines" in feed(world, "-n", "x", code=1), "no number")
ok("is none of delivered" in feed(world, "-t", "nonsense", code=1), "no type")
ok("takes no words" in feed(world, "word", code=1), "no words")
os.unlink(log)
os.mkdir(log)
r = world.notify("hub-dev-critic", "still", AGENT_NAME="ann")
ok(r.code == 0 and r.err == "", "a feed that cannot be written stops nobody", r)
equal(feed(world, "-t", "file").count("report.txt"), 1,
      "and one that cannot be read is only shorter")
done()
