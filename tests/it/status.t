#!/usr/bin/python3
"""agent-status: peers, whois, set and line on one host; who is stuck."""

# time-limit: 240

import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, ok, until

world = World()


def status(*args, code=0, **env):
    r = subprocess.run([f"{BUILD}/agent-status", *args],
                       env={**world.env, **env}, capture_output=True,
                       text=True, timeout=60, stdin=subprocess.DEVNULL)
    if r.returncode != code:
        return f"exit {r.returncode}: {r.stdout}{r.stderr}"
    return r.stdout if code in (0, 4) else r.stderr


def peers(**env):
    return {p["address"]: p
            for p in json.loads(status("--json", "peers", **env))}


def feed(kind):
    r = subprocess.run([f"{BUILD}/agent-feed", "-j", "-n", "99", "-t", kind],
                       env=world.env, capture_output=True, text=True,
                       timeout=60)
    return [json.loads(line) for line in r.stdout.splitlines()]


def state(name):
    return peers()[f"hub-dev-{name}"]["state"]


rev = world.composer("rev")
busy = world.composer("busy", "-b 600000")
ask = world.composer("ask", "-d -t")
gone = world.composer("gone")
hidden = world.composer("hidden")
world.tm("set-option", "-p", "-t", hidden.pane, "@agent-explicit", "1")
world.register()

all_of = peers()
equal(sorted(all_of), ["hub-dev-ask", "hub-dev-busy", "hub-dev-gone",
                       "hub-dev-main", "hub-dev-rev"],
      "everybody but the hidden one")
equal([all_of["hub-dev-rev"]["state"], all_of["hub-dev-main"]["state"]],
      ["active", "shell"], "an agent just started, and a shell", all_of)
ok(all_of["hub-dev-rev"]["quiet"] < 30, "since when", all_of)
equal(state("busy"), "active", "one that is idle")
world.notify("hub-dev-busy", "work")
ok(busy.messages() and state("busy") == "active", "one that works")
world.notify("hub-dev-ask", "may I")
ok(until(10, lambda: state("ask") == "asking"), "one that asks", peers())
world.tm("set-option", "-p", "-t", gone.pane, "remain-on-exit", "on")
pid = int(world.show(gone.pane, "#{pane_pid}"))
os.kill(pid, 9)
ok(until(10, lambda: state("gone") == "gone"), "one that has died", peers())

# Lines for people
out = status()
lines = {line.split()[1]: line for line in out.splitlines()}
ok(re.match(r"\? hub-dev-ask +asking +\d+s  ", lines["hub-dev-ask"]),
   "a line of it", out)
ok(lines["hub-dev-rev"].startswith("\u25cf hub-dev-rev"), "with its sign", out)
equal(len({line.index("  ", 3) for line in [lines["hub-dev-ask"]]}), 1,
      "in columns")

# A text of one's own, and a name in a role that is wide and hostile
world.tm("set-option", "-p", "-t", rev.pane, "@agent-role",
         "\u8a9e" * 30 + "\x1b[31m")
setter = world.window("setter", "sh -c 'until [ -e go ]; do sleep 0.05; done;"
                      f" {BUILD}/agent-status set \"on it; really;\";"
                      f" {BUILD}/agent-status whois hub-dev-setter;"
                      f" {BUILD}/agent-status set; echo cleared; exec cat'")
open(f"{world.dir}/go", "w", encoding="ascii").close()
ok(world.sees(setter, "cleared"), "set and cleared", world.screen(setter))
text = world.screen(setter)
ok("status    on it; really;" in text and "hub-dev-setter (you)" in text,
   "whois says it, and that it is us", text)
equal(peers()["hub-dev-setter"]["status"], "", "cleared is gone")
out = status()
ok("\x1b" not in out, "nothing hostile reaches the terminal", out)
ok("\u8a9e" * 14 + "\u2026" in out and "\u8a9e" * 15 not in out,
   "wide letters are cut by columns", out)

# whois
out = status("whois", "hub-dev-ask")
ok("state     ? asking" in out and "events" in out and
   re.search(r"delivered hub-dev-|delivered \S+@hub \u2192 hub-dev-ask", out),
   "whois", out)
one = json.loads(status("-j", "whois", "hub-dev-hidden"))
ok(one["address"] == "hub-dev-hidden" and one["state"] == "active" and
   one["events"][0]["type"] == "join", "a hidden one by its name", one)
ok("no such agent" in status("whois", "hub-dev-nobody", code=2), "nobody",
   status("whois", "hub-dev-nobody", code=2))

# One line for tmux
equal(status("line"), "hub (5 peers)\n", "line outside of tmux")
equal(status("line", "-p", rev.pane, TMUX=f"{world.socket},1,0"),
      "hub-dev-rev (4 peers)\n", "for a pane")
world.tm("set-option", "-g", "status-right-length", "60")
world.tm("set-option", "-g", "status-right",
         f"#({BUILD}/agent-status line -p #{{pane_id}})")
world.tm("select-window", "-t", rev.pane)
# A person's terminal is a pane of another server.
outer = [world.tmux, "-L", "outer"]
subprocess.run([*outer, "-f", "/dev/null", "new-session", "-d", "-x", "100",
                "-y", "31", f"TMUX= {world.tmux} -u -L main attach -t dev"],
               env=world.env, check=True, timeout=20)
ok(until(20, lambda: "hub-dev-rev (4 peers)" in subprocess.run(
    [*outer, "capture-pane", "-p"], env=world.env, capture_output=True,
    text=True, timeout=20).stdout), "as tmux shows it")
subprocess.run([*outer, "kill-server"], env=world.env, check=True, timeout=20)

# Messages that nobody has seen
mail = f"{world.agents}/mail/by-name/hub-dev-rev"
world.notify("hub-dev-rev", "mail")
names = os.listdir(f"{mail}/cur")
equal(len(names), 1, "a message that was shown is kept", names)
os.rename(f"{mail}/cur/{names[0]}", f"{mail}/cur/{names[0].split(':')[0]}:2,")
equal(status("line", "-p", rev.pane, TMUX=f"{world.socket},1,0"),
      "hub-dev-rev (4 peers) \u25cf1\n", "and one that was not is counted")
equal(peers()["hub-dev-rev"]["unread"], 1, "in the list too")

# Stuck: for one second here
world.write(f"{world.agents}/config.toml", "stuck_after = 2\n")
ok(until(15, lambda: state("busy") == "stuck"), "it works, and prints nothing",
   peers())
ok(until(15, lambda: state("ask") == "stuck"), "it asks, and nobody answers",
   peers())
equal(state("rev"), "active", "waiting for a message is no fault")
status()
stuck = feed("stuck")
equal(sorted(e["agent"] for e in stuck), ["hub-dev-ask", "hub-dev-busy"],
      "the feed is told of each", stuck)
status()
subprocess.run([f"{BUILD}/agent-discover", "-q"], env=world.env, check=True,
               timeout=60)
equal(len(feed("stuck")), 2, "once")
# Another look of a pane that has printed nothing is no end of it.
world.tm("copy-mode", "-t", ask.pane)
ok(state("ask") != "stuck", "in copy mode it is not seen to be stuck", peers())
world.tm("send-keys", "-t", ask.pane, "-X", "cancel")
ok(until(15, lambda: state("ask") == "stuck"), "then it is again", peers())
equal(len(feed("stuck")), 2, "and was told of already")
world.keys(ask.pane, "Escape")
world.keys(ask.pane, "x")
begun = time.monotonic()
ok(until(10, lambda: state("ask") != "stuck"), "it printed something")
ok(until(30, lambda: state("ask") in ("stuck", "active")), "and then",
   peers()["hub-dev-ask"], time.monotonic() - begun)

# What else goes wrong
for args, part in (((("nonsense",)), "none of peers, whois, set and line"),
                   (("whois",), "a name is missing"),
                   (("set", "a", "b"), "one word too many"),
                   (("set", "x" * 101), "longer than 100 bytes"),
                   (("-p", "3", "line"), "no pane id")):
    said = status(*args, code=1)
    ok(part in said and said.count("\n") == 1, " ".join(args)[:40], said)
ok("this pane: not found" in status("set", "x", code=2), "set outside of tmux",
   status("set", "x", code=2))
world.write(f"{world.agents}/run/stuck", "rubbish\n\n")
os.chmod(f"{world.agents}/run/stuck", 0o666)
ok("hub-dev-rev" in status(), "a file that others wrote is no reason to fail")
done()
