#!/usr/bin/python3
"""Peers that lie: what they say to our agent-serve, and what they answer when
we call. Memory and time stay bounded, nothing is left behind, no terminal is
written to, no message goes where it should not."""

# time-limit: 300

import json
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serving import Serve, frame, hello  # noqa: E402
from world import BUILD, World, done, equal, ok, until  # noqa: E402

SANITIZED = b"__asan_init" in open(f"{BUILD}/agent-serve", "rb").read()
MIB = 1 << 20


def files(folder):
    return sorted(os.path.join(at, name)
                  for at, _, names in os.walk(folder) for name in names)


def closed(world, name, data, code=4, part="", greet="far", args=()):
    """It says `data` and is shown the door, in one line."""
    s = Serve(world, *args, greet=greet)
    s.say(data)
    got, err = s.end()
    ok(got == code and part in err and err.count("\n") == 1 and
       err.startswith("agent-serve: ") and "\x1b" not in err,
       name, got, err)
    if not SANITIZED:
        ok(s.peak <= 16, f"{name}: memory", f"{s.peak} MiB")


def broken_streams(world):
    good = frame("PING", "x")
    for name, data in (
        ("garbage", os.urandom(4096).replace(b"panemesh/", b"") + b"\n"),
        ("escape sequences", b"\x1b]0;x\x07\x1b[31m\n"),
        ("a long line", b"panemesh/1 PING " + b"x" * 5000),
        ("no number", b"panemesh/1 PING x y\n\n"),
        ("a length of 2^63", b"panemesh/1 PING x 9223372036854775808\n\n"),
        ("a length of 2^64 + 5", b"panemesh/1 PING x 18446744073709551621\n"),
        ("a negative length", b"panemesh/1 PING x -1\n\n"),
        ("a length of 21 MiB", b"panemesh/1 DELIVER x 22020097\n\n"),
        ("a bad id", b"panemesh/1 PING ../x 0\n\n"),
        ("a NUL", b"panemesh/1 PING x\0 0\n\n"),
        ("a CR", good.replace(b"\n", b"\r\n")),
        ("1000 headers", b"panemesh/1 PING x 0\n" + b"A: b\n" * 1000 + b"\n"),
        ("a huge header", b"panemesh/1 PING x 0\nA: " + b"b" * 3 * MIB),
        ("a header without name", b"panemesh/1 PING x 0\n: b\n\n"),
        ("a header that is no text", b"panemesh/1 PING x 0\nA: \xff\n\n"),
        ("a header with controls", b"panemesh/1 PING x 0\nA: \x1b[2J\n\n"),
        ("another version", b"panemesh/2 PING x 0\n\n"),
    ):
        closed(world, name, data)
    closed(world, "64 KiB of noise and no HELLO", b"motd\n" * 20000,
           part="before a HELLO", greet=None)
    closed(world, "a HELLO of nobody", frame("HELLO", "0"), greet=None,
           part="does not say who")
    closed(world, "a HELLO with a path for a name", hello("../x"), greet=None,
           part="does not say who")
    s = Serve(world, greet=None)
    s.say(b"Last login: today\nno newline" + hello() + good)
    ok(s.answer("x"), "some noise before a HELLO is skipped")
    equal(s.end(), (0, ""), "and an end is no error")
    for cut in (1, 20, 60, len(hello()) - 1):
        s = Serve(world, greet=None)
        s.say(hello()[:cut])
        equal(s.end()[0], 0, f"hanging up {cut} bytes into the HELLO")
    s = Serve(world)
    s.say(b"panemesh/1 DELIVER x 1000\nTo: hub-dev-main\nFrom: a\n\nhalf")
    equal(s.end()[0], 0, "hanging up within a frame")
    equal(s.answer("x", 0), None, "which is not answered")


def unknown(world):
    s = Serve(world)
    f = s.ask("FROBNICATE", "x", b"body", New="header")
    equal((f.verb, f.code), ("DONE", 1), "a verb of later times", f)
    for verb in ("HELLO", "SLICE", "DONE"):
        s.say(frame(verb, "y", Host="other", Code="0"))
    f = s.ask("PING", "z", b"x" * 1000, Whatever="1")
    equal(f.code, 0, "answers that nobody asked for are passed over", f)
    equal([x.id for x in s.order], ["0", "x", "z"], "without an answer")
    for name, headers in (
        ("no To", dict(From="a")), ("no From", dict(To="hub-dev-main")),
        ("a From of bytes", dict(To="hub-dev-main", From="a]b")),
        ("a From with a path", dict(To="hub-dev-main", From="../../x")),
        ("To another host", dict(To="other-x-y", From="a")),
        ("a To of bytes", dict(To="%1; kill-server", From="a")),
    ):
        f = s.ask("DELIVER", f"d{len(s.order)}", b"text", **headers)
        ok(f.code in (1, 2), f"DELIVER: {name}", f)
    for name, body in (("empty", b""), ("no UTF-8", b"\xff\xfe"),
                       ("controls only", b"\x1b\x07\0")):
        f = s.ask("DELIVER", f"b{len(s.order)}", body, To="hub-dev-main",
                  From="a")
        equal(f.code, 1, f"DELIVER: a body that is {name}", f)
    f = s.ask("DELIVER", "wait", b"x", To="hub-dev-busy", From="a",
              Wait_Ms="99999999999999999999")
    equal(f.code, 3, "a Wait-Ms of no number is none", f)
    equal(s.end(), (0, ""), "all on one connection")


def gone(world):
    """Whose recipient went before its sender heard what became of it."""
    composer = world.composer("leaves")
    request = dict(To=composer.address, From="far-x")
    a = Serve(world).ask("DELIVER", "heard", b"once", **request)
    equal(a.code, 0, "it is delivered", a)
    world.tm("kill-pane", "-t", composer.pane)
    world.register()
    for name, headers in (("sent again", {}), ("asked for", {"Ask": "1"})):
        c = Serve(world).ask("DELIVER", "heard", b"once", **request, **headers)
        equal((c.code, c.headers["Verdict"], c.body), (0, "submitted", a.body),
              f"{name}: the recorded verdict, though its agent is gone", c)
        c = Serve(world).ask("DELIVER", "unheard", b"x", **request, **headers)
        equal(c.code, 2, f"{name}: one that never came has no such agent", c)


def ids(world, composer):
    """An id is delivered once, whoever brings it and how often."""
    before = len(composer.messages())
    s, t = Serve(world), Serve(world)
    request = dict(To=composer.address, From="far-x")
    data = frame("DELIVER", "twice", b"two at once", **request)
    s.say(data)
    t.say(data)
    a, b = s.answer("twice"), t.answer("twice")
    equal((a.code, b.code, a.headers["Verdict"], b.headers["Verdict"]),
          (0, 0, "submitted", "submitted"), "two DELIVERs with one id", a, b)
    equal(len(composer.messages()), before + 1, "type once")
    c = Serve(world).ask("DELIVER", "twice", b"other text", **request)
    equal((c.code, c.headers["Verdict"], c.body), (0, "submitted", a.body),
          "a later one hears the recorded verdict", c)
    c = Serve(world).ask("DELIVER", "twice", Ask="1", **request)
    equal((c.code, c.headers["Verdict"]), (0, "submitted"), "so does Ask", c)
    c = Serve(world).ask("DELIVER", "never", Ask="1", **request)
    equal((c.code, c.headers["Verdict"]), (4, "failed"),
          "Ask for one that never came", c)
    c = Serve(world).ask("DELIVER", "never", b"too late", **request)
    equal((c.code, c.headers["Verdict"]), (4, "failed"),
          "which is given up, should it come yet", c)
    u = Serve(world)
    u.say(frame("DELIVER", "same", b"once", **request) * 5)
    until(20, lambda: u.take() and len(u.order) == 6)
    equal([f.code for f in u.order], [-1] + [0] * 5,
          "five with one id on one connection", u.order)
    equal(len(composer.messages()), before + 2, "type once")


def refused_twice(world, dialog):
    """One that was refused is brought again by several at the moment when the
    pane is free: one of them may deliver."""
    for n in range(8):
        ident = f"again{n}"
        request = dict(To=dialog.address, From="far-x")
        text = f"once {n}".encode()
        world.keys(dialog.pane, "-l", "half")
        world.sees(dialog.pane, "❯ half")
        f = Serve(world).ask("DELIVER", ident, text, **request)
        if f.code != 3:
            ok(False, "a half-typed line is refused", f)
            return
        world.keys(dialog.pane, "C-u")
        until(5, lambda: "❯ half" not in dialog.screen())
        serves = [Serve(world) for _ in range(4)]
        for s in serves:
            s.answer("0")
        for s in serves:
            s.say(frame("DELIVER", ident, text, Wait_Ms="10000", **request))
        got = [s.answer(ident) for s in serves]
        typed = sum(text in m for m in dialog.messages())
        if [f.code for f in got] != [0] * 4 or typed != 1:
            ok(False, "a refused id, four at once", typed, *got)
            return
    ok(True, "a refused id that four bring at once, 8 times: typed once each")


def progress(world, dialog):
    """While a message waits, whoever can hear it is told that it does."""
    told = frame("HELLO", "0", Host="far", Can="deliver progress")
    request = frame("DELIVER", "long", b"x", To=dialog.address, From="far-x",
                    Wait_Ms="600000")
    s, t = Serve(world, greet=None), Serve(world)
    begun = time.monotonic()
    s.say(told + request)
    t.say(request.replace(b" long ", b" long2 "))
    until(10, lambda: s.take() and sum(
        f.verb == "PROGRESS" for f in s.order) >= 2)
    took = time.monotonic() - begun
    f = s.order[-1]
    ok(f.verb == "PROGRESS" and f.id == "long" and 5.5 <= took <= 9 and
       int(f.headers["Ms"]) >= 5000 and len(s.order) == 3,
       "two PROGRESS in six seconds", took, *s.order)
    if not t.order:  # its HELLO may have been read while we spoke
        t.take()
    equal([f.verb for f in t.order], ["HELLO"],
          "none to one that does not know them")
    for x in (s, t):
        kids = x.children()
        x.p.kill()
        x.p.wait()
        for pid in kids:  # ours, they wait for ten minutes
            os.kill(int(pid), 9)


def floods(world, composer):
    s = Serve(world)
    before = len(composer.messages())
    begun = time.monotonic()
    for n in range(20):
        s.say(b"".join(frame("PING", f"p{n}-{i}") for i in range(5000)))
        s.frames.clear()
        s.order.clear()
    ok(s.ask("PING", "last"), "100,000 PINGs",
       f"{time.monotonic() - begun:.1f} s")
    s.say(b"".join(frame("FROB", f"f{i}") for i in range(10000)))
    ok(s.ask("PING", "last2"), "10,000 frames of another age")
    s.say(b"".join(frame("DATA", f"d{i}", b"x") for i in range(10000)))
    ok(s.ask("PING", "last3"), "10,000 DATA frames without FILE")
    if not SANITIZED:
        ok(s.memory() <= 16, "their memory", f"{s.peak} MiB")
    s.say(b"".join(frame("FILE", f"i{i}", From="a", Name="x", Size="10")
                   for i in range(1000)))
    ok(s.ask("PING", "last4"), "1,000 FILEs at once")
    equal(sum(1 for i in range(1000) if s.frames.get(f"i{i}") and
              s.frames[f"i{i}"].code == 7), 936, "64 of them are taken")
    equal(len(os.listdir(f"/proc/{s.p.pid}/fd")) < 160, True, "descriptors")
    f = s.ask("DELIVER", "m", b"x", To=composer.address, From="a",
              Files="i999")
    ok(f.code == 7 and b"too many files" in f.body,
       "and the message of another hears so", f)
    equal(s.end(), (0, ""), "an end without their bytes")
    equal(files(world.inbox), [], "leaves no file")
    s = Serve(world)
    s.say(b"".join(
        frame("DELIVER", f"w{i}", b"x", To="hub-dev-dialog", From="a",
              Wait_Ms="600000") for i in range(300)))
    until(20, lambda: len(s.children()) == 256)
    time.sleep(0.2)
    equal(len(s.children()), 256, "300 that wait are 256 processes")
    kids = s.children()
    s.p.kill()
    s.p.wait()
    for pid in kids:  # each is ours: they wait for ten minutes
        os.kill(int(pid), 9)
    s = Serve(world)
    big = b"x" * (19 * MIB)
    for n in range(3):
        f = s.ask("DELIVER", f"big{n}", big, To=composer.address, From="a")
        equal(f.code, 1, "a body of 19 MiB", f)
    f = s.ask("PUSH", "push", big)
    equal(f.code, 7, "a slice of 19 MiB", f)
    if not SANITIZED:
        ok(s.memory() <= 110, "their memory", f"{s.peak} MiB")
    equal(s.end(), (0, ""), "and it ends")
    # answers that nobody reads
    p = subprocess.Popen([f"{BUILD}/agent-serve"], env=world.env,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    os.set_blocking(p.stdin.fileno(), False)
    pulls = b"".join(frame("PULL", f"p{i}") for i in range(20000))
    end = time.monotonic() + 1.5
    sent = 0
    os.write(p.stdin.fileno(), hello())
    while time.monotonic() < end:
        try:
            sent += os.write(p.stdin.fileno(),
                             pulls[sent % len(pulls):][:65536])
        except BlockingIOError:
            time.sleep(0.02)
    with open(f"/proc/{p.pid}/status") as f:
        peak = int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) // 1024
    if not SANITIZED:
        ok(peak <= 70, "answers that nobody reads", f"{peak} MiB")
    p.kill()
    p.communicate()
    equal(len(composer.messages()), before, "nothing of all this is typed")


def lying_files(world, composer):
    """Sizes and names."""
    before = len(composer.messages())
    for n, (name, size, data, code) in enumerate((
        ("a size too small", "5", b"x" * 10, 9),
        ("a size too large", "50", b"x" * 10, 9),
        ("a negative size", "-5", b"x", 1),
        ("no size", "", b"x", 1),
        ("a size that is no number", "5x", b"x" * 5, 1),
        ("a size of 2^63", str(1 << 63), b"x", 1),
        ("a size of 2^63 - 1", str((1 << 63) - 1), b"x", 7),
        ("a size of 2^40", str(1 << 40), b"x", 7),
    )):
        s = Serve(world)
        s.say(frame("FILE", "f", From="a", Name="lie", Size=size))
        s.say(frame("DATA", "f", data) + frame("DATA", "f"))
        f = s.answer("f")
        m = s.ask("DELIVER", "m", b"x", To=composer.address, From="a",
                  Files="f")
        ok(f.code == m.code and f.code in (code, 1, 7, 9) and f.code != 0,
           f"{name}: refused, and so is its message", f, m)
        s.end()
    equal(files(world.inbox), [], "none of them leaves a file")
    s = Serve(world)
    m = s.ask("DELIVER", "m", b"x", To=composer.address, From="a",
              Files="nothing,no")
    equal(m.code, 1, "files that never came", m)
    s.say(frame("FILE", "f", From="a", Name="half", Size="10") +
          frame("DATA", "f", b"12345"))
    m = s.ask("DELIVER", "n", b"x", To=composer.address, From="a", Files="f")
    equal(m.code, 1, "one that has not come yet", m)
    f = s.ask("FILE", "e", From="", Name="x", Size="1")
    equal(f.code, 1, "one from nobody", f)
    f = s.ask("FILE", "g", From="../../x", Name="x", Size="1")
    equal(f.code, 1, "one from another folder", f)
    s.say(frame("FILE", "one", From="a", Name="one", Size="1") +
          frame("DATA", "one", b"1") + frame("DATA", "one") +
          frame("FILE", "two", From="a", Name="two", Size=str(1 << 60)))
    ok(os.path.exists(s.answer("one").headers.get("Path", "")), "one arrives")
    m = s.ask("DELIVER", "o", b"x", To=composer.address, From="a",
              Files="one,two")
    equal((m.code in (7, 9), files(world.inbox)), (True, []),
          "and is taken away when the other one is refused", m)
    s.say(frame("FILE", "three", From="a", Name="three", Size="0") +
          frame("DATA", "three"))
    s.answer("three")
    world.write(f"{world.agents}/config.toml", "link_idle =\n")
    m = s.ask("DELIVER", "p", b"x", To=composer.address, From="a",
              Files="three")
    equal((m.code, files(world.inbox)), (9, []),
          "or when settings cannot be read by then", m)
    world.write(f"{world.agents}/config.toml", "link_idle = 0\n")
    s.end()
    equal(files(world.inbox), [], "none of them leaves a file either")
    equal(len(composer.messages()), before, "and nothing is typed")
    s = Serve(world)
    names = ["../../../up", "/etc/passwd", "..", ".", ".profile", "a/../b",
             " ", "~", "-rf", "x" * 900, "a;b$(touch RUN)"]
    for n, name in enumerate(names):
        s.say(frame("FILE", f"n{n}", From="a", Name=name, Size="2") +
              frame("DATA", f"n{n}", b"ok") + frame("DATA", f"n{n}"))
    got = [s.answer(f"n{n}") for n in range(len(names))]
    folder = f"{world.inbox}/unverified-far"
    ok(all(f.code == 0 and f.headers["Path"].startswith(folder + "/") and
           os.path.dirname(f.headers["Path"]) == folder and
           not os.path.basename(f.headers["Path"]).startswith(".")
           for f in got), "names of files stay in their folder", got)
    equal(len(files(world.inbox)), len(names), "each is a file")
    s.end()
    for path in files(world.inbox):
        os.unlink(path)
    world.write(f"{world.agents}/config.toml",
                "link_idle = 0\ninbox_max = 1000000\n")
    s = Serve(world, "--peer", "far")
    s.say(b"".join(frame("FILE", f"m{n}", From="a", Name="x", Size="999999")
                   for n in range(64)))
    s.ask("PING", "end")
    got = [f for f in s.order if f.code == 7 and b"inbox_max" in f.body]
    equal(len(got), 63, "64 files at once have what inbox_max has, no more",
          s.order[-2:])
    s.end()
    world.write(f"{world.agents}/config.toml", "link_idle = 0\n")


def stall(s):
    """A file of which nothing comes, on a connection that is in use."""
    s.say(frame("FILE", "stalled", From="far-x", Name="stalled",
                Size=str(40 * MIB)) + frame("DATA", "stalled", b"x" * 60000))
    end = time.monotonic() + 120
    while "stalled" not in s.frames and time.monotonic() < end:
        s.ask("PING", f"p{len(s.order)}")
        s.answer("stalled", 5)


def slice_of(host, generation=None, ident="0123456789abcdef", agent=None,
             extra=""):
    generation = generation or int(time.time() * 1000)
    agent = agent or f"{host}-dev-w"
    return (
        f'[slices.{host}]\nversion = 1\nhost_id = "{ident}"\n'
        f'generation = {generation}\nwritten = "2026-01-02T03:04:05Z"\n'
        f'[agents.{agent}]\nhost = "{host}"\ntarget = "dev:0"\n'
        f'role = "r"\nid = "0123456789abcdefghij"\nsocket = "/s"\n'
        f'server = "12.34"\npane = "%1"\nwindow_id = "@1"\n{extra}'
    ).encode()


def slices(world):
    s = Serve(world)
    f = s.ask("PUSH", "a", slice_of("far"))
    equal(f.code, 0, "a slice", f)
    hosts = f"{world.agents}/hosts"
    held = open(f"{hosts}/far.toml").read()
    now = int(time.time() * 1000)
    for name, text in (
        ("somebody else's", slice_of("other")),
        ("ours", slice_of("hub")),
        ("with somebody else's agent", slice_of("far", agent="hub-dev-main",
                                                extra='host = "hub"\n')),
        ("an old one", slice_of("far", 1)),
        ("one of the future", slice_of("far", now + 3600000)),
        ("of another machine", slice_of("far", ident="f" * 16)),
        ("garbage", os.urandom(1000)),
        ("with a deep table", b"a = " + b"[" * 100000),
        ("nothing", b""),
    ):
        f = s.ask("PUSH", f"s{len(s.order)}", text)
        # an old one may have been overtaken on its way
        ok(f.code == 7 or (name in ("nothing", "an old one") and
                           f.code == 0), f"a slice: {name}", f)
    if open(f"{hosts}/far.toml").read() == held:
        ok(True, "the good one stays")
    else:
        ok(False, "the good one stays", open(f"{hosts}/far.toml").read())
    equal([os.path.basename(p) for p in files(hosts)],
          ["far.bad", "far.toml"], "and no other file is there")
    equal(s.end(), (0, ""), "it ends")


def restricted(world, composer, shell):
    """agent-serve --peer far."""
    s = Serve(world, "--peer", "far", SSH_ORIGINAL_COMMAND="touch RUN")
    f = s.ask("PULL", "pull")
    keys = set(re.findall(r"^(\w+) = ", f.body.decode(), re.M))
    ok(f.verb == "SLICE" and b"hub-dev-main" in f.body and
       not keys & {"target", "socket", "path", "pane", "command", "id"},
       "--peer: sees little of us", keys)
    f = s.ask("PUSH", "push", slice_of("other"))
    equal(f.code, 7, "--peer: pushes nobody else's slice", f)
    f = s.ask("PUSH", "push2", slice_of("far"))
    equal(f.code, 0, "--peer: pushes its own", f)
    f = s.ask("PING", "ping", Back="1")
    ok(f.code == 0 and "Back" not in f.headers, "--peer: cannot make us dial",
       f)
    f = s.ask("DELIVER", "v", b"x", To=composer.address, From="far-dev-w")
    ok(f.code == 0 and re.match(rb"\[from far-dev-w @",
                                composer.messages()[-1]),
       "--peer: its agents are verified", composer.messages()[-1])
    ok("Target" not in f.headers, "--peer: is not told its window", f)
    f = s.ask("CHECK", "c", To=composer.address, From="far-dev-w", Verbose="1")
    ok(f.body.startswith(composer.address.encode() + b": ") and
       f.body.count(b"\n") == 1, "--peer: checks in one line", f)
    f = s.ask("CHECK", "cj", To=composer.address, From="far-dev-w", Json="1")
    got = json.loads(f.body)
    equal([got["address"]] + [got[k] for k in (
        "pane", "profile", "allow", "evidence")],
          [composer.address, None, None, None, []],
          "--peer: and in JSON of little", f)
    f = s.ask("DELIVER", "t", b"touch RUN", To=shell, From="far-x", Type="1")
    equal(f.headers["Verdict"], "shown", "--peer: Type is not heard", f)
    world.tm("send-keys", "-t", composer.pane, "-l", "typed")
    composer.world.sees(composer.pane, "❯ typed")
    composer.world.quiet()
    f = s.ask("DELIVER", "f", b"x", To=composer.address, From="far-x",
              Force="1")
    equal(f.code, 3, "--peer: nor Force", f)
    world.write(f"{world.agents}/peers.conf", "far allow=type,force\n")
    t = Serve(world, "--peer", "far")
    # "(unverified)" would be a syntax error
    f = t.ask("DELIVER", "t2", b"a; touch TYPED", To=shell, From="far-dev-w",
              Type="1")
    equal(f.headers["Verdict"], "submitted", "unless allow= says so", f)
    ok(until(5, lambda: os.path.exists(f"{world.dir}/TYPED") or
             os.path.exists("TYPED")), "then it is run")
    for path in (f"{world.dir}/TYPED", "TYPED"):
        if os.path.exists(path):
            os.unlink(path)
    f = t.ask("DELIVER", "f2", b"x", To=composer.address, From="far-x",
              Force="1")
    equal((f.code, f.headers.get("Forced")), (0, "1"), "Force too", f)
    t.end()
    world.write(f"{world.agents}/peers.conf", "")
    begun = time.monotonic()
    s.say(frame("FILE", "kept", From="far-x", Name="kept", Size="0") +
          frame("DATA", "kept"))
    kept = s.answer("kept").headers["Path"]
    s.say(b"".join(frame("DELIVER", f"r{i}", b"x", To="hub-dev-none",
                         From="far-x") for i in range(400)) +
          frame("DELIVER", "last", b"x", To="hub-dev-none", From="far-x",
                Files="kept"))
    codes = [s.answer(f"r{i}").code for i in range(400)]
    most = 210 + 20 * (time.monotonic() - begun)
    ok(150 <= codes.count(2) <= most and codes.count(7) == 400 -
       codes.count(2), "--peer: 200 messages at once, no more",
       codes.count(2), codes.count(7), most)
    # Where all this takes ten seconds it is none too many.
    ok(s.answer("last").code != 7 or not os.path.exists(kept),
       "--peer: the files of one too many are taken away")
    later = []
    until(5, lambda: later.append(
        s.ask("DELIVER", f"q{len(later)}", b"x", To="hub-dev-none",
              From="far-x").code) or later.count(2) >= 10)
    ok(later.count(2) >= 10, "--peer: and some more as time goes by", later)
    equal(s.end(), (0, ""), "it ends")
    # The first stands, the others are told so: none of them costs a file.
    for verb, body, headers in (
        ("FILE", b"", dict(From="far-x", Name="x", Size="1")),
        ("PUSH", slice_of("far"), {}),
        ("PULL", b"", {}),
    ):
        s = Serve(world, "--peer", "far")
        begun = time.monotonic()
        ids = ["f0"] * 400 if verb == "FILE" else [f"f{i}" for i in range(400)]
        s.say(b"".join(frame(verb, i, body, **headers) for i in ids) +
              frame("PING", "end"))
        s.answer("end")
        most = 210 + 20 * (time.monotonic() - begun)
        slow = sum(b"slow down" in f.body and f.code == 7 for f in s.order)
        ok(400 - most <= slow <= 201,
           f"--peer: 200 {verb}s at once, no more", slow, most)
        equal(s.end(), (0, ""), f"--peer: {verb}: it ends")
    closed(world, "--peer: another name", hello("other"), code=7,
           part="calls itself other", greet=None, args=("--peer", "far"))
    ok(not os.path.exists(f"{world.dir}/RUN") and not os.path.exists("RUN"),
       "nothing was run")


FAR = r"""
import os, sys, time
mode = sys.argv[1]
out = sys.stdout.buffer
MIB = 1 << 20
def frame(verb, ident, body=b"", head=""):
    return (f"panemesh/1 {verb} {ident} {len(body)}\n{head}\n").encode() + body
def say(data):
    out.write(data)
    out.flush()
def request():
    'The id of the first request but HELLO.'
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            sys.exit(0)
        w = line.split()
        if len(w) == 4 and w[0] == b"panemesh/1" and w[1] != b"HELLO":
            return w[1].decode(), w[2].decode()
hello = frame("HELLO", "0", head="Host: evil\nHost-Id: 0123456789abcdef\n")
tells = frame("HELLO", "0",
              head="Host: evil\nHost-Id: 0123456789abcdef\n"
              "Can: deliver progress\n")
if mode in ("dumb", "slow"):
    say(tells)
elif mode not in ("silent", "garbage", "noise", "exit", "nohost", "flood"):
    say(hello)
if mode == "silent":
    time.sleep(300)
elif mode == "garbage":
    say(os.urandom(2000) + b"\n\n")
    time.sleep(300)
elif mode == "noise":
    while True:
        say(b"\x1b[31mwelcome\n" * 1000)
elif mode == "exit":
    print("\x1b[31mno\x07", file=sys.stderr)
    sys.exit(3)
elif mode == "flood":
    while True:
        os.write(2, b"\x1b[31mcomplaint\n" * 1000)
elif mode == "nohost":
    say(frame("HELLO", "0", head="Host: ../x\n"))
    time.sleep(300)
elif mode == "asks":
    say(frame("DELIVER", "x", b"rm -rf", "To: hub-dev-main\nFrom: evil\n"))
    time.sleep(300)
elif mode == "pushes":
    say(frame("PUSH", "x", b"[slices.evil]"))
    time.sleep(300)
elif mode == "huge":
    say(b"panemesh/1 DONE x 9223372036854775808\n\n")
    time.sleep(300)
elif mode == "header":
    say(b"panemesh/1 DONE x 0\nA: " + b"x" * 5 * MIB)
    time.sleep(300)
elif mode == "answers":
    for i in range(100000):
        say(frame("DONE", f"n{i}", head="Code: 0\n"))
    say(b"panemesh/1 garbage\n")
    time.sleep(300)
elif mode == "bodies":
    for i in range(5):
        say(frame("DONE", f"n{i}", b"x" * (20 * MIB), "Code: 0\n"))
    say(b"panemesh/1 garbage\n")
    time.sleep(300)
elif mode == "endless":
    while True:
        say(frame("DONE", "x", head="Code: 0\n") * 1000)
else:
    verb, ident = request()
    evil = "\x1b]0;owned\x07\x1b[2J\u202e\u009b31m\nfake".encode()
    if mode == "dumb":
        time.sleep(300)
    elif mode == "slow":
        # longer than anybody may be silent
        for _ in range(13):
            say(frame("PROGRESS", ident, head="Ms: 1\n"))
            time.sleep(1)
        say(frame("DONE", ident, b"at last",
                  "Code: 0\nVerdict: submitted\n"))
    elif mode == "empty":
        say(frame("DONE", ident))
    elif mode == "unproven":
        say(frame("DONE", ident, b"sure", "Code: 0\nVerdict: refused\n"))
    elif mode == "code":
        say(frame("DONE", ident, b"x", "Code: 77\nVerdict: submitted\n"))
    elif mode == "escapes":
        say(frame("DONE", ident, evil * 10, "Code: 0\nVerdict: submitted\n"
                  "Address: a b;$(x)\nTarget: " + "y" * 900 + "\n"
                  "Dropped: file dropped at x\n"))
    elif mode == "long":
        say(frame("DONE", ident, b"y" * (5 * MIB),
                  "Code: 3\nVerdict: refused\n"))
    elif mode == "slice":
        say(frame("SLICE", ident, b"y" * (20 * MIB), "Generation: 5\n"))
    elif mode == "half":
        say(frame("DONE", ident, b"y" * 1000, "Code: 0\n")[:100])
        sys.exit(0)
    time.sleep(300)
"""


def far_end(world):
    """We call, and what answers is hostile."""
    script = f"{world.dir}/far.py"
    world.write(script, FAR)
    s = Serve(world, greet="evil")
    equal(s.ask("PUSH", "p", slice_of("evil")).code, 0, "a slice of evil")
    s.end()
    # The one that takes long, in a world of its own.
    other = World()
    s = Serve(other, greet="mute")
    s.ask("PUSH", "p", slice_of("mute"))
    s.end()
    other.write(f"{other.agents}/peers.conf",
                f"mute command=python3 {script} garbage\n")

    def mode(name):
        world.write(f"{world.agents}/peers.conf",
                    f"evil command=python3 {script} {name}\n")

    def call_mute():
        begun = time.monotonic()
        result.append(other.notify("mute-dev-w", "hello"))
        result.append(time.monotonic() - begun)

    result = []
    thread = threading.Thread(target=call_mute)
    thread.start()

    before = files(world.inbox)
    # 4: it broke the rules before it was told anything
    for name, codes in (
        ("exit", (4,)), ("noise", (4, 5)),
        ("nohost", (4, 5)), ("asks", (4, 5)), ("pushes", (4, 5)), ("huge", (4, 5)),
        ("header", (4, 5)), ("answers", (4, 5)), ("bodies", (4, 5)), ("half", (5,)),
        ("empty", (4, 5)), ("unproven", (5,)), ("code", (4, 5, 9)),
        ("escapes", (0,)), ("long", (3,)), ("slice", (4, 5, 9)),
    ):
        mode(name)
        begun = time.monotonic()
        try:
            r = world.notify("-v", "evil-dev-w", "hello", timeout=40)
        except subprocess.TimeoutExpired:
            ok(False, f"far end: {name}", "hangs")
            continue
        took = time.monotonic() - begun
        raw = r.out + r.err
        ok(r.code in codes and took < 38 and
           not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", raw) and
           len(raw) < 5000, f"far end: {name}", repr(raw)[:2000], r.code,
           f"{took:.1f} s")
    for name, args, codes, least, most in (
        # HELLO and then nothing: 10 s, and 10 more to ask again
        ("mute", (), (5,), 19, 28), ("dumb", (), (5,), 19, 28),
        ("dumb", ("-w", "300"), (5,), 19, 28),
        ("dumb", ("--check",), (4,), 9, 14), ("slow", (), (0,), 12, 20),
    ):
        mode(name)
        begun = time.monotonic()
        r = world.notify(*args, "evil-dev-w",
                         *(() if args == ("--check",) else ("hello",)))
        took = time.monotonic() - begun
        ok(r.code in codes and least <= took <= most and
           (r.code == 0 or "says nothing for 10 s" in r.err),
           f"far end: {name} {' '.join(args)}", r, f"{took:.1f} s")
    mode("escapes")
    r = world.notify("--check", "evil-dev-w")
    ok(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", r.out + r.err),
       "far end: --check does not reach the terminal either", repr(r))
    for name in ("silent", "noise", "flood", "asks", "answers", "endless",
                 "slice", "bodies", "half", "empty"):
        mode(name)
        begun = time.monotonic()
        try:
            r = subprocess.run(
                [f"{BUILD}/agent-sync", "-t", "3"], env=world.env, timeout=20,
                capture_output=True)
        except subprocess.TimeoutExpired:
            ok(False, f"agent-sync, far end: {name}", "hangs")
            continue
        took = time.monotonic() - begun
        ok(r.returncode in (0, 4, 6, 7) and took < 6 and
           b"\x1b" not in r.stdout + r.stderr,
           f"agent-sync, far end: {name}", r, f"{took:.1f} s")
    thread.join()
    r, took = result
    ok(r.code in (4, 5) and took < 40, "far end: some garbage, then silence",
       r, f"{took:.1f} s")
    equal(files(world.inbox), before, "nothing was dropped")
    ok("evil-dev-w" in open(f"{world.agents}/registry.toml").read(),
       "what was known stays")
    r = subprocess.run(["pgrep", "-f", script], capture_output=True,
                       text=True)
    ok(until(8, lambda: subprocess.run(
        ["pgrep", "-f", script], capture_output=True).returncode != 0),
       "and none of them lives on", r.stdout)


def main():
    world = World()
    # Each far end once: warm.t and the unit test of mux have links that stay.
    world.write(f"{world.agents}/config.toml", "link_idle = 0\n")
    shell = "hub-dev-shell"
    pane = world.window("shell", "exec bash --norc --noprofile", "$")
    composer = world.composer("comp")
    dialog = world.composer("dialog", "-d -t")
    world.window("busy", "exec sleep 1000")
    world.notify(dialog.address, "first")
    late = Serve(world, greet=None)
    stalled = Serve(world)
    stalling = threading.Thread(target=stall, args=(stalled,), daemon=True)
    stalling.start()
    begun = time.monotonic()

    broken_streams(world)
    unknown(world)
    ids(world, composer)
    gone(world)
    refused_twice(world, world.composer("again"))
    slices(world)
    lying_files(world, composer)
    progress(world, dialog)
    floods(world, composer)
    restricted(world, composer, shell)
    code = late.p.wait(20)
    ok(code == 4 and time.monotonic() - begun >= 14.5 and
       "no HELLO" in late.p.stderr.read().decode(),
       "without a HELLO it goes after 15 s", code)
    far_end(world)
    stalling.join()
    f = stalled.frames.get("stalled")
    ok(f and f.code == 4 and b"nothing of it came for 60 s" in f.body,
       "a file of which nothing comes is given up after a minute", f)
    equal([p for p in files(f"/proc/{stalled.p.pid}/fd")
           if world.inbox in os.readlink(p)], [], "and its disk is free")
    stalled.end()
    ok(not [p for p in files(world.dir) if os.path.basename(p) == "RUN"],
       "nothing was run")
    equal([p for p in files(world.home) if ".tmp." in p], [],
          "nothing is left behind")
    ok(world.show(pane, "#{pane_dead}") == "0", "the shell lives")
    r = world.notify(composer.address, "after all")
    ok(r.code == 0, "and a message still goes through", r)
    done()


main()
