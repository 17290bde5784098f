#!/usr/bin/python3
"""Files: whole or not at all, never over another one, with a note that names
them; what cannot be sent says why."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, ok, skip

ROOT = os.geteuid() == 0


def inbox_files(world, inbox=None):
    """Every path below the inbox, hidden ones too."""
    found = {}
    for folder, _, files in os.walk(inbox or world.inbox):
        for name in files:
            path = f"{folder}/{name}"
            with open(path, "rb") as f:
                found[path] = f.read()
    return found


def failed(r, code, part, name):
    return ok(r.code == code and part in r.err and r.out == "" and
              r.err.startswith("notify-pane: ") and r.err.count("\n") == 1,
              name, f"want {code}, '{part}'", r)


class Case:
    def __init__(self):
        self.world = World()
        self.composer = self.world.composer("to")
        self.sender = self.world.notify("--whoami").out.strip()
        self.folder = f"{self.world.inbox}/{self.sender}"

    def file(self, name, content=b"content\n", mode=0o644):
        path = os.path.join(os.fsencode(self.world.dir), os.fsencode(name))
        with open(path, "wb") as f:
            f.write(content)
        os.chmod(path, mode)
        return path

    def send(self, *args, **env):
        return self.world.notify(self.composer.address, *args, **env)

    def note(self):
        """The last message without its tag."""
        return self.composer.messages()[-1].split(b"] ", 1)[1].decode()

    def unchanged(self, what, name):
        """Nothing was kept and nothing said since `what`."""
        files, messages = what
        equal((inbox_files(self.world), len(self.composer.messages())),
              (files, messages), f"{name}: nothing kept, nothing typed")

    def state(self):
        return inbox_files(self.world), len(self.composer.messages())


def good(case):
    path = case.file("build.log", b"line\n" * 1000)
    r = case.send("--file", path)
    ok(r.code == 0 and r.err == "", "a file", r)
    arrived = f"{case.folder}/build.log"
    equal(inbox_files(case.world), {arrived: b"line\n" * 1000},
          "arrives whole")
    equal(stat.S_IMODE(os.stat(arrived).st_mode), 0o600, "for us alone")
    equal([stat.S_IMODE(os.stat(p).st_mode)
           for p in (case.world.inbox, case.folder)], [0o700] * 2,
          "in folders for us alone")
    equal(case.note(), f"file dropped at ~/.agent-inbox/{case.sender}/"
          "build.log (5000 bytes)", "and a note names it")
    case.file("build.log", b"newer")
    r = case.send("--file", path, "look at\nthe end")
    equal(case.note(), f"file dropped at ~/.agent-inbox/{case.sender}/"
          "build.log.1 (5 bytes): look at\n  the end", "with a text", r)
    equal(inbox_files(case.world),
          {arrived: b"line\n" * 1000, f"{arrived}.1": b"newer"},
          "a second one of that name replaces nothing")
    case.send("-f", case.file("empty", b""))
    equal(inbox_files(case.world)[f"{case.folder}/empty"], b"",
          "an empty file")
    a, b = case.file("a", b"1"), case.file("b", b"22")
    r = case.send("-f", a, "-f", b, "two")
    equal(case.note(), f"file dropped at ~/.agent-inbox/{case.sender}/a "
          f"(1 bytes); file dropped at ~/.agent-inbox/{case.sender}/b "
          "(2 bytes): two", "several files, one note", r)
    other = f"{case.world.dir}/elsewhere"
    r = case.send("-f", a, AGENT_INBOX_DIR=other)
    equal(inbox_files(case.world, other), {f"{other}/{case.sender}/a": b"1"},
          "AGENT_INBOX_DIR", r)
    r = case.send("-f", a, AGENT_NAME="some.bot")
    ok(os.path.exists(f"{case.world.inbox}/some.bot/a"),
       "the sender's folder has AGENT_NAME's name", r)
    case.send("-f", os.path.relpath(os.fsdecode(a), case.world.dir))
    ok(os.path.exists(f"{case.folder}/a.1"), "a relative path")


def bad(case):
    world = case.world
    os.mkdir(f"{world.dir}/folder")
    os.mkfifo(f"{world.dir}/fifo")
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{world.dir}/sock")
    good_file = case.file("good")
    before = case.state()
    for path, part, code in (
        ("folder", "is not a regular file", 1),
        ("fifo", "is not a regular file", 1),
        ("sock", "", 1),
        ("/dev/zero", "is not a regular file", 1),
        ("/dev/null", "is not a regular file", 1),
        ("missing", "No such file", 1),
        ("", "name is empty", 1),
        ("good/x", "Not a directory", 1),
    ):
        begun = time.monotonic()
        failed(case.send("--file", path), code, part, f"--file {path!r}")
        ok(time.monotonic() - begun < 3, f"--file {path!r}: at once")
    s.close()
    failed(case.send("-f", good_file, ""), 1, "body: is empty",
           "a file and an empty text")
    failed(case.send("-f", good_file, b"\xff"), 1, "not valid UTF-8",
           "a file and a text that is no UTF-8")
    failed(world.notify("hub-dev-nobody", "-f", good_file), 2, "",
           "a file for nobody")
    failed(case.send("-f", good_file, AGENT_NAME="../x"), 1, "AGENT_NAME",
           "a sender's name that leaves the inbox")
    case.unchanged(before, "all of them")
    r = case.send("-f", good_file, "-f", "missing")
    failed(r, 1, "file dropped at ~/.agent-inbox/", "the second of two")
    ok("missing: No such file" in r.err, "names both", r)
    unreadable(case)


def unreadable(case):
    """Also for root: without its capabilities, a file of another's."""
    path = case.file("secret", mode=0)
    before = case.state()
    args = []
    if ROOT:
        os.chown(path, 65534, 65534)
        args = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
        if not shutil.which("setpriv"):
            skip("no permission", "missing setpriv")
            return
    r = subprocess.run(
        [*args, f"{BUILD}/notify-pane", case.composer.address, "-f", path],
        env=case.world.env, capture_output=True, text=True, cwd="/")
    ok(r.returncode == 1 and "Permission denied" in r.stderr,
       "no permission", r)
    case.unchanged(before, "no permission")


def changing(case):
    """It grows while it is read: all of it or nothing is sent."""
    path = case.file("growing", b"x" * (48 << 20))
    ended = threading.Event()

    def grow():
        with open(path, "ab", buffering=0) as f:
            while not ended.is_set():
                f.write(b"more\n")
                time.sleep(0.001)

    before = case.state()
    thread = threading.Thread(target=grow)
    thread.start()
    r = case.send("-f", path)
    ended.set()
    thread.join()
    failed(r, 9, "changed while being sent", "a file that changes")
    case.unchanged(before, "a file that changes")


def names(case):
    hostile = {
        b"x;touch PWNED;": "x;touch PWNED;",
        b"$(touch PWNED)": "$(touch PWNED)",
        b"`touch PWNED`": "`touch PWNED`",
        b"#(touch PWNED)": "#(touch PWNED)",
        b"#{pane_id}": "#{pane_id}",
        b"a\nb": "ab",
        b"\033[31mred": "[31mred",
        b"-rf": "rf",
        b".bashrc": "bashrc",
        b"...": "file",
        b"'\"\\": "'\"\\",
        b"bad\xffbyte": "badbyte",
        "größe 語 😀".encode(): "größe 語 😀",
        "\u202egnp.exe".encode(): "gnp.exe",
        b" x ": "x",
        b"x" * 255: "x" * 200,
        ("語" * 85).encode(): "語" * 66,
    }
    for name, want in hostile.items():
        before = inbox_files(case.world)
        count = len(case.composer.messages())
        content = b"content of " + name
        r = case.send("-f", case.file(name, content))
        new = {p: c for p, c in inbox_files(case.world).items()
               if p not in before}
        shown = f"a file named {name[:20]!r}"
        equal(new, {f"{case.folder}/{want}": content}, shown, r)
        ok(r.code == 0 and len(case.composer.messages()) == count + 1 and
           "\n" not in case.note() and f"/{want} (" in case.note(),
           f"{shown}: the note", r, case.note())
    for where in (case.world.dir, case.folder, case.world.home):
        ok(not os.path.exists(f"{where}/PWNED"), f"nothing was run: {where}")


def folders(case):
    """Folders that somebody else prepared."""
    world = case.world
    path = case.file("f", b"1")
    inbox = f"{world.dir}/inbox2"
    target = f"{world.dir}/target"
    os.mkdir(target)

    def send(part, name):
        before = len(case.composer.messages())
        failed(case.send("-f", path, AGENT_INBOX_DIR=inbox), 9, part, name)
        equal(len(case.composer.messages()), before, f"{name}: no note")

    os.mkdir(inbox, 0o700)
    os.symlink(target, f"{inbox}/{case.sender}")
    send("", "the sender's folder is a link")
    equal(os.listdir(target), [], "and nothing went through it")
    os.unlink(f"{inbox}/{case.sender}")
    with open(f"{inbox}/{case.sender}", "w"):
        pass
    send("Not a directory", "the sender's folder is a file")
    os.unlink(f"{inbox}/{case.sender}")
    os.mkdir(f"{inbox}/{case.sender}")
    os.chmod(f"{inbox}/{case.sender}", 0o777)
    send("not writable by others", "the sender's folder is everybody's")
    os.chmod(f"{inbox}/{case.sender}", 0o700)
    if ROOT:
        os.chown(f"{inbox}/{case.sender}", 65534, 65534)
        send("must be ours", "the sender's folder is another's")
        os.chown(f"{inbox}/{case.sender}", 0, 0)
    os.chmod(inbox, 0o777)
    send("writable by others", "the inbox is everybody's")
    shutil.rmtree(inbox)
    with open(inbox, "w"):
        pass
    send("", "the inbox is a file")
    os.unlink(inbox)
    r = case.send("-f", path, AGENT_INBOX_DIR="relative")
    failed(r, 9, "AGENT_INBOX_DIR", "AGENT_INBOX_DIR is relative")


def limits(case):
    world = case.world
    world.write(f"{world.agents}/config.toml", "inbox_max = 1000\n")
    inbox = f"{world.dir}/small"
    path = case.file("big", b"x" * 600)
    r = case.send("-f", path, AGENT_INBOX_DIR=inbox)
    ok(r.code == 0, "inbox_max: there is room", r)
    r = case.send("-f", path, AGENT_INBOX_DIR=inbox)
    failed(r, 7, "inbox_max", "inbox_max: there is none")
    before = len(case.composer.messages())
    r = world.notify(case.composer.address, "-", stdin=b"y" * 9000,
                     AGENT_INBOX_DIR=inbox)
    failed(r, 7, "inbox_max", "inbox_max: none for a long body either")
    equal((len(inbox_files(world, inbox)), len(case.composer.messages())),
          (1, before), "inbox_max: nothing kept, nothing typed")
    os.unlink(f"{world.agents}/config.toml")


def refused(case):
    """The file arrives, its note does not: said as exactly that."""
    world = case.world
    composer = world.composer("busy")
    world.keys(composer.pane, "-l", "half-typed")
    world.sees(composer.pane, "half-typed")
    path = case.file("kept", b"kept")
    r = world.notify(composer.address, "-f", path, "text")
    lines = r.err.splitlines()
    ok(r.code == 3 and r.out == "" and len(lines) == 2 and
       "refused: text stands" in lines[0] and lines[1] ==
       "notify-pane: but the file arrived: file dropped at "
       f"~/.agent-inbox/{case.sender}/kept (4 bytes)",
       "a note that is refused", r)
    equal(inbox_files(world)[f"{case.folder}/kept"], b"kept",
          "and the file is there")
    # a long body is a file of ours: without a note it is of no use
    before = inbox_files(world)
    r = world.notify(composer.address, "-", stdin=b"z" * 9000)
    failed(r, 3, "refused", "a long body that is refused")
    equal(inbox_files(world), before, "leaves no file")


SMALL = """
mount -t tmpfs -o size=400k,mode=700 tmpfs "$1" && shift && exec "$@"
"""
FULL = """
mount -t tmpfs -o size=400k,mode=700 tmpfs "$1" && cp -a "$2/." "$1/" &&
	{ cat /dev/zero >"$1/filler" 2>/dev/null; shift 2; exec "$@"; }
"""


def mounted(case, script, *args):
    """notify-pane in a mount namespace of its own."""
    r = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *args],
        env=case.world.env, capture_output=True, text=True, cwd=case.world.dir)
    return r.returncode, r.stdout, r.stderr


def hidden_terminal(case):
    """A sandbox with a /dev of its own: the socket is there, the tty is not."""
    before = len(case.composer.messages())
    code, out, err = mounted(
        case, 'mount -t tmpfs tmpfs /dev/pts && exec "$@"',
        f"{BUILD}/notify-pane", case.composer.address, "hidden")
    ok(code == 9 and out == "" and "a sandbox" in err and
       err.count("\n") == 1, "a terminal that a sandbox hides", code, err)
    equal(len(case.composer.messages()), before, "nothing was typed then")


def full_disk(case):
    world = case.world
    probe = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True)
    if probe.returncode != 0:
        skip("full disk", "may not mount")
        return
    hidden_terminal(case)
    before = len(case.composer.messages())
    note = [f"{BUILD}/notify-pane", case.composer.address]
    path = case.file("much", b"m" * 500_000)
    code, out, err = mounted(case, SMALL, world.inbox, *note, "-f", path)
    ok(code == 9 and out == "" and "no room for 500000 bytes" in err and
       err.count("\n") == 1, "more than the disk has", code, err)
    path = case.file("most", b"m" * 395_000)
    code, out, err = mounted(case, SMALL, world.inbox, *note, "-f", path)
    ok(code == 9 and "stay free" in err, "into the last 5 %", code, err)
    equal(len(case.composer.messages()), before, "no note then")
    path = case.file("some", b"m" * 100_000)
    code, out, err = mounted(case, SMALL, world.inbox, *note, "-f", path)
    ok(code == 0, "there is room", code, err)
    # where mail is kept nothing fits any more
    before = len(case.composer.messages())
    copy = f"{world.dir}/agents"
    shutil.copytree(world.agents, copy, symlinks=True)
    code, out, err = mounted(case, FULL, world.agents, copy, *note, "full")
    ok(code == 9 and "No space left" in err and err.count("\n") == 1,
       "what cannot be kept", code, err)
    equal(len(case.composer.messages()), before, "is not typed")


def main():
    case = Case()
    good(case)
    bad(case)
    changing(case)
    names(case)
    folders(case)
    limits(case)
    refused(case)
    full_disk(case)
    left = [p for p in inbox_files(case.world)
            if os.path.basename(p).startswith(".")]
    equal(left, [], "no temporary stays behind")
    done()


main()
