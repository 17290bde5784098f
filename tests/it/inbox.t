#!/usr/bin/python3
"""What a pane was shown is in its agent's mailbox, and agent-inbox, cat, mblaze
and mutt read it there; what was refused is nowhere."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, Result, World, done, equal, ok, skip, until

LONG = "x" * 70000


def inbox(world, *args, **env):
    r = subprocess.run(
        [f"{BUILD}/agent-inbox", *args], env={**world.env, **env},
        capture_output=True, text=True, timeout=20, cwd=world.dir)
    return Result(r.returncode, r.stdout, r.stderr)


def listed(world, address, *args):
    r = inbox(world, "list", "-j", "-a", address, *args)
    return json.loads(r.out) if r.code == 0 else repr(r)


def files(world):
    """Every regular file of every mailbox but the locks."""
    found = []
    for folder, _, names in os.walk(f"{world.agents}/mail"):
        found += [f"{folder}/{n}" for n in names if n != ".lock"]
    return sorted(found)


def in_pane(world, pane, command, seconds=10):
    """What a command prints in a shell's pane."""
    out = f"{world.dir}/out"
    if os.path.exists(out):
        os.unlink(out)
    world.keys(pane, "-l", f"{command} >{out}.tmp 2>&1; mv {out}.tmp {out}")
    world.keys(pane, "Enter")
    if not until(seconds, lambda: os.path.exists(out)):
        return world.screen(pane)
    with open(out) as f:
        return f.read()


def kept(world):
    composer = world.composer("one")
    equal(listed(world, composer.address), [], "nothing came yet")
    equal(inbox(world, "-a", composer.address).out, "", "an empty list")
    ok(world.notify(composer.address, "first\nand more").code == 0, "sent")
    ok(world.notify("-f", "a.log", composer.address, "see").code == 0,
       "and a file")
    ok(world.notify(composer.address, LONG).code == 0, "and a long one")
    mail = listed(world, composer.address)
    equal([m["state"] for m in mail], ["shown"] * 3, "they are kept")
    equal(mail[0]["body"], "first\nand more", "byte for byte")
    equal([m["note"] for m in mail], ["no reply"] * 3, "with the sender's note")
    ok(re.fullmatch(r"file dropped at \S+a\.log \(5 bytes\): see",
                    mail[1]["body"]), "the file's line", mail[1]["body"])
    path = re.fullmatch(r"message too long to keep: (\S+) \(70000 bytes\)",
                        mail[2]["body"])
    ok(path and open(path[1].replace("~", world.home)).read() == LONG,
       "a body over 64 KiB is a file", mail[2]["body"][:200])
    for m in mail:
        ok(re.fullmatch(r"[0-9a-z]{20}", m["id"]), "an id", m["id"])
    return composer, mail


def read(world, composer, mail):
    where = ("-a", composer.address)
    lines = inbox(world, *where).out.splitlines()
    equal([line[:8] for line in lines], [m["id"][:8] for m in mail],
          "a line each, the newest last")
    ok(lines[0].endswith("first ⏎ and more"), "on one line", lines[0])
    equal(len(inbox(world, "-n", "2", *where).out.splitlines()), 2, "-n 2")
    equal(inbox(world, "-w", *where).out, "", "none of them waits")
    r = inbox(world, "read", mail[0]["id"][:6], *where)
    ok(r.out.endswith("\nState: shown\n\nfirst\nand more\n"), "read by a begin",
       repr(r))
    equal(json.loads(inbox(world, "read", "-j", mail[0]["id"], *where).out),
          mail[0], "read as JSON")
    r = inbox(world, "search", "AND MORE", *where)
    equal(r.out.splitlines(), lines[:1], "search")
    equal(inbox(world, "search", "nowhere", *where).out, "", "search in vain")
    equal(len(inbox(world, "thread", mail[0]["from"], *where)
              .out.splitlines()), 3, "all of one sender")
    equal(inbox(world, "thread", mail[0]["id"], *where).out.splitlines(),
          lines[:1], "a thread of one")


def errors(world, composer):
    where = ("-a", composer.address)
    for args, code, part in (
            (("read", "zzzz"), 2, "no such message"),
            (("read", "z"), 2, "no message's id"),
            (("read", "../../../etc/passwd"), 2, "no message's id"),
            (("read", "..."), 2, "no message's id"),
            (("read",), 2, "no message waits"),
            (("read", ""), 2, "'' is no message's id"),
            (("thread", "zzzz"), 2, "no such message"),
            (("ack", "zzzz"), 2, "no such message"),
            (("search",), 1, "takes a text"),
            (("raed",), 1, "none of: list, read"),
            (("list", "x"), 1, "takes no words"),
            (("list", "-n", "-1"), 1, "no number")):
        r = inbox(world, *args, *where)
        ok(r.code == code and part in r.err and r.out == "" and
           r.err.count("\n") == 1, " ".join(args), repr(r))
    r = inbox(world)
    ok(r.code == 2 and "no agent's pane" in r.err, "not in a pane", repr(r))
    r = inbox(world, "-a", "hub-dev-nobody")
    ok(r.code == 2 and "hub-dev-nobody" in r.err, "nobody", repr(r))


def refused(world):
    composer = world.composer("busy")
    world.keys(composer.pane, "-l", "half")
    world.sees(composer.pane, "half")
    before = files(world)
    ok(world.notify(composer.address, "never").code == 3, "refused")
    equal(files(world), before, "then nothing is kept anywhere")


def shell(world):
    pane = world.window("shell", "exec bash --norc --noprofile", "$")
    ok(world.notify("hub-dev-shell", "gr\u00fc\u00df \u4f60\u597d").code == 0,
       "shown in a shell")
    equal([m["body"] for m in listed(world, "hub-dev-shell")],
          ["gr\u00fc\u00df \u4f60\u597d"], "is kept too")
    out = in_pane(world, pane, f"{BUILD}/agent-inbox -j")
    equal([m["body"] for m in json.loads(out)],
          ["gr\u00fc\u00df \u4f60\u597d"], "without -a it is the pane's own")
    world.notify("hub-dev-shell", "a\tb\x1b[31m\u202ec")
    m = listed(world, "hub-dev-shell")[-1]
    r = inbox(world, "read", m["id"], "-a", "hub-dev-shell")
    ok("\x1b" not in r.out and "\u202e" not in r.out, "read shows no controls",
       repr(r.out))
    return pane


def renamed(world, pane):
    id_before = os.readlink(f"{world.agents}/mail/by-name/hub-dev-shell")
    world.tm("rename-window", "-t", pane, "other")
    world.register()
    before = files(world)
    equal(len(listed(world, "hub-dev-other")), 2, "a rename loses nothing")
    equal(files(world), before, "and moves nothing")
    equal(os.readlink(f"{world.agents}/mail/by-name/hub-dev-other"),
          id_before, "and is found by the new name at once")
    ok(world.notify("hub-dev-other", "third").code == 0, "sent on")
    equal(os.readlink(f"{world.agents}/mail/by-name/hub-dev-other"),
          id_before, "to the same mailbox")
    world.window("shell", "exec sh", "$")
    ok(world.notify("hub-dev-shell-2", "to a new one").code == 0 or
       world.notify("hub-dev-shell", "to a new one").code == 0, "a new pane")
    equal(len(listed(world, "hub-dev-other")), 3, "does not take it over")


def answered(world):
    """An answer to one that was renamed names the old address."""
    asker, other = world.composer("before"), world.composer("other1")
    world.notify(other.address, "hello", AGENT_NAME=asker.address)
    world.tm("rename-window", "-t", asker.pane, "behind")
    world.register()
    ident = listed(world, other.address)[0]["id"]
    r = world.notify("--reply", ident, "yes", AGENT_NAME=other.address)
    ok(r.code == 0 and
       "hub-dev-before: is called hub-dev-behind now" in r.err,
       "the old name is told", repr(r))


def inherited(world):
    world.window("heir", "exec sh", "$")
    ok(world.notify("hub-dev-heir", "before").code == 0, "to the old pane")
    world.tm("kill-window", "-t", "dev:heir")
    world.register()
    world.window("heir", "exec sh", "$")
    ok(world.notify("hub-dev-heir", "after").code == 0, "to the new one")
    equal([m["body"] for m in listed(world, "hub-dev-heir")],
          ["before", "after"], "which has the mail of the one that is gone")


def foreign(world, composer):
    """Programs that know nothing of us."""
    box = f"{world.agents}/mail/by-name/{composer.address}/"
    world.notify(composer.address, "gr\u00fc\u00df \u4f60\u597d")
    with open(sorted(f"{box}cur/{n}" for n in os.listdir(f"{box}cur"))[-1]) as f:
        ok(f.read().endswith("\n\ngr\u00fc\u00df \u4f60\u597d\n"), "cat")
    if not shutil.which("mlist"):
        skip("mblaze", "missing mblaze")
    else:
        r = subprocess.run(
            f"mlist {box} | sort | mscan -f '%f|%S' ; "
            f"mlist {box} | sort | tail -1 | xargs mshow -h subject",
            shell=True, env=world.env, capture_output=True, text=True,
            timeout=20)
        ok("first \u23ce and more" in r.stdout and
           r.stdout.count("|") == 4, "mblaze lists them", r.stdout, r.stderr)
        ok("gr\u00fc\u00df \u4f60\u597d" in r.stdout, "and shows them",
           r.stdout, r.stderr)
    if not shutil.which("mutt"):
        skip("mutt", "missing mutt")
        return
    world.write(f"{world.home}/.muttrc", "set wait_key=no sort=mailbox-order\n"
                "set index_format='%s|%F'\nset mbox_type=Maildir\n"
                f"set quit=yes mark_old=no folder={box}\n")
    pane = world.tm("new-window", "-d", "-t", "dev:", "-n", "mutt", "-P", "-F",
                    "#{pane_id}", f"mutt -f {box}; exec sh")
    ok(world.sees(pane, "gr\u00fc\u00df \u4f60\u597d|"), "mutt lists them",
       world.screen(pane))
    # the order of those of one second is mutt's own
    world.keys(pane, "Enter")
    ok(world.sees(pane, f"To: {composer.address} <{composer.address}@hub>"),
       "and shows one", world.screen(pane))
    world.keys(pane, "q", "q")
    equal(len(listed(world, composer.address)), 4, "all are there after it")


def corrupt(world, composer):
    box = f"{world.agents}/mail/by-name/{composer.address}/"
    mail = listed(world, composer.address)
    name = next(n for n in os.listdir(f"{box}cur") if mail[0]["id"] in n)
    world.write(f"{box}cur/{name}", "\xff\x00 junk")
    r = inbox(world, "-n", "0", "-a", composer.address)
    ok(r.code == 0 and len(r.out.splitlines()) == len(mail) - 1 and
       r.err.count("\n") == 1 and "/bad" in r.err,
       "a damaged file is left out of lists, which say so", repr(r))
    equal(os.listdir(f"{box}bad"), [name.split(":")[0]], "and put aside")
    r = inbox(world, "read", mail[0]["id"], "-a", composer.address)
    ok(r.code == 2 and mail[0]["id"] in r.err, "then it is not there", repr(r))
    name = next(n for n in os.listdir(f"{box}cur") if mail[1]["id"] in n)
    world.write(f"{box}cur/{name}", "junk")
    r = inbox(world, "read", mail[1]["id"], "-a", composer.address)
    ok(r.code == 9 and mail[1]["id"] in r.err, "said when read too", repr(r))


def damaged(world, composer):
    """An index or ids that are gone are made again by whoever looks."""
    box = f"{world.agents}/mail/by-name/{composer.address}/"
    where = ("-a", composer.address)
    before = inbox(world, "-n", "0", *where).out
    mail = listed(world, composer.address)
    os.truncate(f"{box}index", 0)
    equal(inbox(world, "-n", "0", *where).out, before, "an empty index: list")
    os.unlink(f"{box}index")
    r = inbox(world, "search", mail[-1]["body"], *where)
    ok(mail[-1]["id"][:8] in r.out, "no index: search", repr(r))
    for name in os.listdir(f"{box}ids"):
        os.unlink(f"{box}ids/{name}")
    r = inbox(world, "read", mail[0]["id"], *where)
    equal(r.code, 0, f"no ids: read {r.err}")
    ok(all(os.path.islink(f"{box}ids/{m['id']}") for m in mail), "all of them")


def discover(world, days, hours=0):
    """agent-discover, so much later."""
    with open(f"{world.dir}/skew", "wb") as f:
        f.write(struct.pack("qq", days * 86400 + hours * 3600, 0))
    r = subprocess.run(
        [f"{BUILD}/agent-discover", "-q"], capture_output=True, text=True,
        env={**world.env, "SKEW": f"{world.dir}/skew",
             "LD_PRELOAD": f"{BUILD}/helpers/skew.so"}, timeout=60,
        cwd=world.dir)
    equal((r.returncode, r.stderr), (0, ""), f"{days} days and {hours} h later")


def old(world):
    """What is done with goes after a while, what waits does not."""
    with open(f"{BUILD}/agent-discover", "rb") as f:
        if b"__asan_init" in f.read():
            skip("old messages", "sanitized programs cannot be preloaded")
            return
    composer = world.composer("old")
    ok(world.notify(composer.address, "long ago").code == 0, "shown")
    ident = listed(world, composer.address)[0]["id"]
    composer.block()
    ok(world.notify("-q", "-e", "30d", composer.address, "waits").code == 0,
       "and one that waits")
    told = world.notify("--status", ident)

    def states():
        return [m["state"] for m in listed(world, composer.address)]

    discover(world, 6)
    discover(world, 6, 2)
    equal(states(), ["shown", "queued"], "both are there")
    discover(world, 25)
    equal(states(), ["shown", "queued"], "a clock that is wrong for a moment")
    world.write(f"{world.agents}/config.toml", "mail_keep = 0\n")
    discover(world, 8)
    discover(world, 8, 2)
    equal(states(), ["shown", "queued"], "with mail_keep = 0 for ever")
    os.unlink(f"{world.agents}/config.toml")
    discover(world, 8)
    discover(world, 8, 2)
    equal(states(), ["queued"], "what was shown is not")
    again = world.notify("--status", ident)
    equal((again.code, again.out), (told.code, told.out),
          "and told as before")
    composer.free()
    ok(until(30, lambda: composer.texts() == ["long ago", "waits"]),
       "what waits is shown", composer.texts())


def main():
    world = World(height=50)
    world.write(f"{world.dir}/a.log", "line\n")
    composer, mail = kept(world)
    read(world, composer, mail)
    errors(world, composer)
    refused(world)
    pane = shell(world)
    renamed(world, pane)
    inherited(world)
    answered(world)
    foreign(world, composer)
    damaged(world, composer)
    corrupt(world, composer)
    old(world)
    done()


main()
