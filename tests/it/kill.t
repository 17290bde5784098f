#!/usr/bin/python3
"""notify-pane is killed at every system call that changes something, as strace
of the same command lists them: a message is there whole or not at all, a file
too, no buffer, lock or temporary stays behind, and the same command works
again."""

# time-limit: 600

import collections
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tomllib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, note, ok, skip, until

CHANGING = (
    "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,"
    "unlink,unlinkat,rmdir,symlink,symlinkat,write,pwrite64,writev,truncate,"
    "ftruncate,fallocate,fsync,fdatasync,chmod,fchmod,fchmodat,chown,fchown,"
    "fchownat,utimensat,flock,fork,vfork,clone,clone3,kill,sendto,sendmsg"
)
# what is opened to be read changes nothing
READ = re.compile(r"^open(at)?\((?!.*(O_CREAT|O_TMPFILE|O_TRUNC))")
LONG = "\n".join(f"line {i} of a long body" for i in range(100))


class Scenario:
    def __init__(self, name, args, world, where):
        self.name, self.args, self.world = name, args, world
        self.where = where  # a Composer, or the pane of a shell
        self.points = 0
        self.when = {}
        self.fewest = 0  # points of the shortest run that was seen
        self.wrong = []

    def command(self, *strace):
        r = subprocess.run(
            ["strace", "-qq", *strace, "--", f"{BUILD}/notify-pane",
             *self.args],
            env=self.world.env, cwd=self.world.dir, capture_output=True,
            text=True, timeout=60, stdin=subprocess.DEVNULL)
        return r

    def calls(self):
        """The points of a good run: of several the one with the fewest looks,
        so that each point is reached again."""
        return min((self.record() for _ in range(4)), key=len)

    def record(self):
        """[(name, which one of that name)] of one good run."""
        trace = f"{self.world.dir}/trace"
        r = self.command("-o", trace, "-e", f"trace={CHANGING}")
        self.settle(None)
        if r.returncode != 0:
            ok(False, f"{self.name}: works under strace", r.stdout, r.stderr)
            return {}
        self.when = self.read(trace)
        return self.when

    @staticmethod
    def read(trace):
        """{point: its number among all calls of that name}; a point is a name
        and how many of that name changed something up to here. What is only
        read differs from run to run."""
        seen, changing = collections.Counter(), collections.Counter()
        points = {}
        with open(trace, errors="replace") as f:
            for line in f:
                name = re.match(r"([a-z0-9_]+)\(", line)
                if not name:
                    continue
                seen[name[1]] += 1
                if not READ.match(line):
                    changing[name[1]] += 1
                    points[name[1], changing[name[1]]] = seen[name[1]]
        return points

    def fail(self, point, *why):
        self.wrong.append(f"killed at {point[0]} {point[1]}: " +
                          " ".join(map(str, why)))

    def state(self):
        """Everything that a message may change."""
        files = {}
        for folder, _, names in os.walk(self.world.inbox):
            for name in names:
                with open(f"{folder}/{name}", "rb") as f:
                    files[f"{folder}/{name}"] = f.read()
        return files

    def kill_at(self, point):
        trace = f"{self.world.dir}/trace"
        files = self.state()
        before = self.arrived()
        for _ in range(400):
            # a run that got so far shows where it is; one that was killed
            # before, in which direction. Where it is differs by what is opened
            # of /proc, and so by what else runs.
            when = self.when.get(point, 9999)
            r = self.command(
                "-o", trace, "-e", f"trace={CHANGING}", "-e",
                f"inject={point[0]}:signal=KILL:when={when}")
            points = self.read(trace)
            killed = r.returncode in (-9, 137)
            if killed and points and list(points)[-1] == point:
                break
            self.settle(point)
            if killed:
                self.when = {**self.when,
                             point: points.get(point, when + 1)}
            if not killed and r.returncode != 0:
                self.fail(point, "does not work:", r.stdout, r.stderr)
                return
            if not killed:
                self.when = points
                self.fewest = min(self.fewest, len(points))
            files, before = self.state(), self.arrived()
        else:
            return
        self.points += 1
        self.check_lock(point)
        self.settle(point)
        if not until(2, lambda: self.world.tm("list-buffers") == ""):
            self.fail(point, "a buffer stays:", self.world.tm("list-buffers"))
        for path, content in self.state().items():
            if os.path.basename(path).startswith("."):
                self.fail(point, "a temporary stays:", path)
            elif path not in files and content not in self.contents:
                self.fail(point, "a torn file:", path, content[:80])
        for path, content in files.items():
            if self.state().get(path) != content:
                self.fail(point, "an older file is not what it was:", path)
        if self.arrived() - before not in (0, 1):
            self.fail(point, "came", self.arrived() - before, "times")
        self.check_books(point)

    def check_lock(self, point):
        """The pane's lock is free as soon as the process has ended."""
        fd = os.open(self.world.show(self.pane, "#{pane_tty}"),
                     os.O_RDWR | os.O_NOCTTY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            self.fail(point, "the lock is held:", e)
        os.close(fd)

    def check_books(self, point):
        for folder, _, names in os.walk(self.world.agents):
            for name in names:
                path = f"{folder}/{name}"
                if ".tmp" in name:
                    self.fail(point, "a temporary stays:", path)
                if name.endswith(".toml"):
                    with open(path, "rb") as f:
                        tomllib.load(f)
        with open(f"{self.world.agents}/run/verdicts") as f:
            for line in f:
                if not re.fullmatch(r"\S+Z [a-z0-9]+ \d [a-z]+ .*\n", line):
                    self.fail(point, "a torn verdict:", line)

    def again(self, point):
        before = self.arrived()
        r = self.world.notify(*self.args)
        if r.code != 0 or self.arrived() != before + 1:
            self.fail(point, "then again:", repr(r), self.arrived() - before)

    def run(self):
        calls = self.calls()
        self.fewest = len(calls)
        for point in calls:
            self.kill_at(point)
            self.again(point)
        # a loaded machine looks more often: those points may not come again
        note(f"{self.name}: killed at {self.points} of {len(calls)} points, "
             f"{self.fewest} in the shortest run")
        ok(self.points >= self.fewest > 0,
           f"{self.name}: killed at {self.points} points", *self.wrong[:10])
        ok(not self.wrong, f"{self.name}: all or nothing, and again",
           *self.wrong[:10])


class ToComposer(Scenario):
    def __init__(self, name, args, world, where, pattern, contents=()):
        super().__init__(name, [where.address, *args], world, where)
        self.pane = where.pane
        self.pattern = re.compile(
            rb"\[from \S+ \(no reply\) @ \S+\] " + pattern)
        self.contents = contents

    def arrived(self):
        return len(self.where.messages())

    def settle(self, point):
        """What tmux was told is done; whole messages, or one that stands."""
        def rest():
            r = self.world.notify("--check", self.where.address)
            return r if r.code == 0 or ": typed (" in r.out else None

        r = until(5, rest)
        for text in self.where.messages():
            if not self.pattern.fullmatch(text):
                self.fail(point, "a torn message:", text)
        if r is None:
            self.fail(point, "the composer does not come to rest:",
                      self.where.screen())
        elif r.code != 0:
            # nobody pressed Enter: all of it stands there
            shown = "".join(self.where.screen().split())
            if not self.whole(shown):
                self.fail(point, "half a text stands there:",
                          self.where.screen())
            self.world.keys(self.pane, "C-u")
            until(5, lambda: self.world.notify(
                "--check", self.where.address).code == 0)

    def whole(self, shown):
        pattern = self.pattern.pattern.decode()
        for blank in (" ", r"\n"):
            pattern = pattern.replace(blank, "")
        return re.search(pattern, shown) is not None


class ToShell(Scenario):
    def __init__(self, name, args, world, pane, text):
        super().__init__(name, args, world, pane)
        self.pane = pane
        self.text = text
        self.contents = ()

    def arrived(self):
        return self.world.screen(self.pane, 1000).count(self.text)

    def settle(self, point):
        r = self.world.notify("--check", self.args[0])
        screen = self.world.screen(self.pane)
        if r.code != 0 or not screen.rstrip("\n").endswith("$ half-typed"):
            self.fail(point, "the prompt is not what it was:", screen)


def left_buffer(world):
    """Sender and tmux client are killed between load-buffer and paste."""
    composer = world.composer("left")
    world.write(f"{world.dir}/killed", """#!/bin/sh
case "$*" in
*load-buffer*)
    tmux -u -S "$3" load-buffer -b "$6" -
    kill -9 $PPID
    exit 1 ;;
esac
exec tmux "$@"
""")
    os.chmod(f"{world.dir}/killed", 0o755)
    mine = ("mine", "panemesh-", "panemesh-#{x}", "xpanemesh-a")
    for name in mine:
        world.tm("set-buffer", "-b", name, "kept")

    def left():
        return sorted(
            set(world.tm("list-buffers", "-F", "#{buffer_name}").split("\n"))
            - {"", *mine})

    def sweep(*args):
        return subprocess.run([f"{BUILD}/agent-discover", *args],
                              env=world.env, capture_output=True, text=True)

    r = world.notify(composer.address, "secret",
                     TMUX_BIN=f"{world.dir}/killed")
    ok(r.code == -9 and len(left()) == 1, "a killed sender's body stays", r,
       left())
    sweep("-q")
    equal(len(left()), 1, "one that may be a live sender's is not touched")
    ok(until(60, lambda: "would be deleted" in sweep("-n").stdout),
       "--dry-run says what is old")
    r = sweep("-q")
    ok("1 buffers of killed senders deleted" in r.stdout and not left(),
       "discover deletes it", r.stdout, r.stderr, left())
    equal(sorted(world.tm("list-buffers", "-F", "#{buffer_name}").split()),
          sorted(mine), "and nobody else's")
    for name in mine:
        world.tm("delete-buffer", "-b", name)
    equal(composer.messages(), [], "nothing was typed")
    equal(world.notify(composer.address, "next").code, 0, "the next is sent")


def told(world):
    """What discover says of killed senders, and that it says it once."""
    def sweep(*args):
        r = subprocess.run([f"{BUILD}/agent-discover", "-q", *args],
                           env=world.env, capture_output=True, text=True)
        return [line for line in r.stdout.split("\n")
                if line.startswith("message ")]

    with open(f"{world.agents}/run/verdicts") as f:
        rows = [line.split(" ", 4) for line in f]
    newest = {row[1]: row[3] for row in rows}
    left = {name: word for name, word in newest.items()
            if word in ("accepted", "started")}
    files = {name for name in os.listdir(f"{world.inbox}/{whoami(world)}")
             if name.startswith("message-")}
    ok({"accepted", "started"} == set(left.values()),
       "senders were killed before and after the first byte", left)
    equal(len(sweep("-n")), len(left), "--dry-run tells all of them")
    lines = sweep()
    wrong = [line for line in lines
             if ("failed" if left.get(line.split(" ")[1]) == "accepted"
                 else "indeterminate") not in line]
    ok(len(lines) == len(left) and not wrong,
       "discover tells each, and what is known of it", lines)
    named = {line.split("/")[-1].split(": ")[0] for line in lines
             if "; its body is in " in line}
    unnamed = [name for name in files - named
               if newest.get(name[8:-4]) in left.values()]
    ok(named and named <= files and not unnamed,
       "and names the file with its body", named, unnamed)
    equal(sweep(), [], "once")
    with open(f"{world.agents}/log/killed") as f:
        logged = f.read()
    ok(all(f": {line}\n" in logged for line in lines),
       "and keeps it in the log", logged)


def whoami(world):
    return world.notify("--whoami").out.strip().split(" ")[0]


def main():
    if not shutil.which("strace"):
        skip("all", "missing strace")
        done()
    world = World(width=120, height=40)
    # no leak can be looked for under ptrace
    world.env["ASAN_OPTIONS"] = (
        world.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    left_buffer(world)
    composer = world.composer("to", "-t")
    ToComposer("message", ["one;\ntwo"], world, composer,
               rb"one;\n  two").run()
    composer = world.composer("file", "-t")
    world.write(f"{world.dir}/a.log", "line\n" * 5000)
    ToComposer("file", ["-f", "a.log", "text"], world, composer,
               rb"file dropped at \S+/a\.log(\.\d+)? \(25000 bytes\): text",
               [b"line\n" * 5000]).run()
    composer = world.composer("long", "-t")
    ToComposer("long body", [LONG], world, composer,
               rb"message too long to show: \S+ \(\d+ bytes\)",
               [LONG.encode()]).run()
    pane = world.window("shell", "exec bash --norc --noprofile", "$")
    world.keys(pane, "-l", "half-typed")
    world.sees(pane, "half-typed")
    ToShell("shown in a shell", ["hub-dev-shell", "shown; whole"], world,
            pane, "shown; whole").run()
    told(world)
    done()


main()
