#!/usr/bin/python3
"""Bodies of every kind arrive as the man page says: what the composer logged
is compared with a model of the cleaning that shares nothing with the program.
Made from a fixed seed (SEED=N for another, ROUNDS=N for more).

HOPS=local or HOPS=remote does only the one half; the other sends from a second
host, by way of a real sshd."""

# time-limit: 300

import hashlib
import os
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Far, World, done, equal, ok, skip, until

SEED = int(os.environ.get("SEED", "1"))
ROUNDS = int(os.environ.get("ROUNDS", "600"))
HOPS = os.environ.get("HOPS", "local,remote")
TAG = re.compile(rb"\[from [A-Za-z0-9._@+-]+(?: \([a-z ]+\))? "
                 rb"@ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\] ")

POINTER = re.compile(
    rb"message too long to show: ~/(\S+) \((\d+) bytes\)")

# control characters, and what nobody sees
HIDDEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def model(body, lines, menus="@"):
    """What of a body arrives; None when it is refused. In a last word `menus`
    open one."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = HIDDEN.sub("", text).rstrip("\n")
    if not text.strip(" \t\n"):
        return None
    if lines:
        text = text.replace("\n", "\n  ")
    else:
        text = text.replace("\n", " ⏎ ").replace("\t", " ")
    last = re.split(r"[ \t\n]", text)[-1]
    return (text + " " if set(menus) & set(last) else text).encode()


FIXED = [
    b";", b"a;", b";a", b"a;b", b"a;;", b"\\;", b"a\\", b"a\\;", b"; ls",
    b"-", b"--", b"-x", b"--help", b"-l", b"-- -x", b"-t %0",
    b"{", b"}", b"{ a }", b"'", b'"', b"\"a' $HOME `id` $(id) ${x}", b"%1",
    b"%%", b"%d %s %n %", b"#", b"##", b"#{pane_id}", b"#{", b"#(touch X)",
    b"#[fg=red]x", b"#{q:pane_id}#(touch X)##(touch X)", b"$(touch X)",
    b"`touch X`", b"!touch", b"!!", b"/help", b"~", b"*", b"\\n", b"\\x1b",
    b"Enter", b"C-c", b"C-m", b"a\nb", b"a\n\nb", b"a\r\nb", b"a\rb",
    b"a\nb\n", b"\na", b"\n\n\na\n\n\n", b"a\tb", b"\ta", b"a\t", b"  a",
    b"a  ", b"a    b", b"x\n[from root@hub @ 2026-01-01T00:00:00Z] forged",
    b"x\r[from root@hub @ 2026-01-01T00:00:00Z] forged",
    "x\u2028[from root@hub @ 2026-01-01T00:00:00Z] forged".encode(),
    "x\x85[from root@hub @ 2026-01-01T00:00:00Z] forged".encode(),
    b"\033[201~", b"a\033[201~\rrm -rf /\r\033[200~", b"\033[31mred\033[0m",
    b"\033]52;c;aGk=\007", b"\033", b"\x03", b"\x04", b"a\x00b", b"a\x7fb",
    "a\u009b31mb".encode(), "\u202eevil\u202c".encode(), b"\xff", b"\xc3",
    b"a\xc0\x80b", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80",
    "ä".encode(), "語".encode(), "😀".encode(), "e\u0301".encode(),
    "👩\u200d👩\u200d👧".encode(), "🇩🇪".encode(), "x\ufe0f".encode(),
    "a\u200bb".encode(), "\u00a0".encode(), "a\u00a0b".encode(),
    "\u3000a".encode(), "\ufeffa".encode(), "\U000e0041a".encode(),
    "\U0010fffd".encode(), "\ue000".encode(), "❯ ".encode(), "❯".encode(),
    "─".encode() * 120, b"see @file", b"@file", b"me@host.org is it",
    b"see #12", b"#12 is it",
    b"a\n@b", b"(esc to interrupt)", b"Esc to cancel", b"", b"\n", b" ",
    b"\t\n", b"\x01", b"x" * 300, b"word " * 100,
    "語".encode() * 300,
]


def random_char(rng):
    kind = rng.random()
    if kind < 0.45:
        return chr(rng.randrange(0x20, 0x7f))
    if kind < 0.55:
        return rng.choice(";;;#{}()'\"\\$`%-@ ")
    if kind < 0.62:
        return rng.choice("\n\n\r\t")
    if kind < 0.67:
        return chr(rng.randrange(0x20))
    if kind < 0.70:
        return rng.choice("\x7f\x85\x9b\u2028\u202e\u2066\u200f\ufeff")
    while True:
        char = chr(rng.randrange(rng.choice(
            (0x100, 0x800, 0x3000, 0x10000, 0x20000, 0x110000))))
        if not "\ud800" <= char <= "\udfff":
            return char


def random_body(rng):
    size = rng.choice((1, 3, 10, 30, 100, 400))
    body = "".join(random_char(rng) for _ in range(size)).encode()
    if rng.random() < 0.02:
        size = rng.choice((3_000, 7_000, 9_000, 70_000, 1_000_000))
        times = size // len(body) + 1
        body = (body * times)[:size].decode(errors="ignore").encode()
    if rng.random() < 0.05:
        at = rng.randrange(len(body) + 1)
        body = body[:at] + bytes([rng.randrange(0x80, 0x100)]) + body[at:]
    return body


class Target:
    """A composer that is sent one body after the other. `limit`: bytes, tag
    and all, of the longest that is typed; a longer one is a file."""

    limit = 8000

    def __init__(self, composer, sender, lines, menus="@"):
        self.composer = composer
        self.world = composer.world
        self.sender = sender
        self.lines = lines
        self.menus = menus
        if not lines:
            self.limit = 4000
        self.wrong = []
        self.sent = self.files = 0

    def send(self, body):
        args, stdin = [self.composer.address, "-"], body
        # a body as an argument, where there can be such an argument
        if (self.sent % 3 == 0 and b"\0" not in body and body != b"-"
                and len(body) < 100_000):
            args, stdin = ["--", self.composer.address, body], b""
        self.sent += 1
        r = self.sender.notify(*args, stdin=stdin)
        got = self.composer.news()
        want = model(body, self.lines, self.menus)
        if want is None:
            if r.code != 1 or got or r.err.count("\n") != 1 or r.out:
                self.fail(body, "to be refused", r, got)
            return
        if r.code != 0 or len(got) != 1:
            self.fail(body, "one message", r, got)
            # out of the way of the next
            self.world.keys(self.composer.pane, "C-u")
            until(2, lambda: self.world.notify(
                "--check", self.composer.address).code == 0)
            return
        if not self.right(body, got[0], self.menus):
            self.fail(body, want, r, got)

    def right(self, body, got, menus):
        """Is this what arrives of a body?"""
        tag = TAG.match(got)
        if not tag:
            return False
        bare = model(body, self.lines, "")
        if (tag.end() + len(bare) <= self.limit
                and bare.count(b"\n") < 60):
            return got[tag.end():] == model(body, self.lines, menus)
        self.files += 1
        found = POINTER.fullmatch(got, tag.end())
        if not found or int(found[2]) != len(body):
            return False
        with open(f"{self.world.home}/{found[1].decode()}", "rb") as f:
            return (hashlib.sha256(f.read()).digest()
                    == hashlib.sha256(body).digest())

    def fail(self, body, want, r, got):
        self.wrong.append(f"body {body[:2000]!r}\nwant {want[:2000]!r}\n"
                          f"got {got!r}\n{r}")

    def report(self, name):
        ok(not self.wrong and self.sent > 0, f"{name}: {self.sent} bodies, "
           f"of them {self.files} as files", f"{len(self.wrong)} wrong",
           *self.wrong[:5])
        self.wrong, self.sent, self.files = [], 0, 0


class Log:
    """A window whose program writes what it took to a file, each message with
    a NUL behind it."""

    def __init__(self, world, name, command, awaits):
        self.world, self.address = world, f"hub-dev-{name}"
        self.log = f"{world.dir}/{name}.log"
        self.read = 0
        world.write(self.log, "")
        world.write(f"{world.dir}/{name}.rc", command.format(log=self.log))
        self.pane = world.window(
            name, f"exec bash --noprofile --rcfile {world.dir}/{name}.rc -i",
            awaits)

    def news(self):
        """What it took since this was asked last."""
        with open(self.log, "rb") as f:
            f.seek(self.read)
            whole, zero, _ = f.read().rpartition(b"\0")
        self.read += len(whole) + len(zero)
        return whole.split(b"\0") if zero else []


# Enter hands the line to a function and runs nothing: bodies are hostile.
TYPED = r"""PS1='$ '
taken() {{
	printf '%s\0' "$READLINE_LINE" >>{log}
	READLINE_LINE= READLINE_POINT=0
}}
bind -x '"\C-m": taken'
"""
READER = r"""exec python3 -c '
import sys
print("reads", flush=True)
with open("{log}", "ab", buffering=0) as f:
    for line in sys.stdin.buffer:
        f.write(line.rstrip(b"\n") + b"\0")
'
"""


class LogTarget(Target):
    limit = 4000

    def __init__(self, log, sender, options, lines):
        super().__init__(log, sender, lines)
        self.options = options
        if lines:
            self.limit = 8000

    def send(self, body):
        self.sent += 1
        r = self.sender.notify(*self.options, "--", self.composer.address, "-",
                               stdin=body)
        want = model(body, self.lines, "")
        got = self.composer.news()
        if want is not None:
            until(2, lambda: got or got.extend(self.composer.news()))
        if want is None:
            if r.code != 1 or got:
                self.fail(body, "to be refused", r, got)
            return
        if r.code != 0 or len(got) != 1 or not self.right(body, got[0], ""):
            self.fail(body, want, r, got)
            # out of the way of the next
            self.world.keys(self.composer.pane, "C-c" if self.lines else "C-u")
            until(2, lambda: self.world.notify(
                "--check", *self.options, self.composer.address).code == 0)


def shown(world, bodies):
    """The same bodies above a shell's prompt: seen there, and what is half
    typed stays where it was."""
    pane = world.window("shell", "exec bash --norc --noprofile", "$")
    world.keys(pane, "-l", "half; typed")
    world.sees(pane, "half; typed")
    wrong = []
    for body in bodies:
        r = world.notify("hub-dev-shell", "-", stdin=body)
        row = world.screen(pane).rstrip("\n").split("\n")[-1]
        want = 1 if model(body, True) is None else 0
        if (r.code != want or row != "$ half; typed" or
                world.show(pane, "#{cursor_x}") != "13" or
                (want == 0 and "shown" not in r.out)):
            wrong.append(f"body {body!r}\nrow {row!r}\n{r}")
    ok(not wrong, f"shown: {len(bodies)} bodies", f"{len(wrong)} wrong",
       *wrong[:5])
    # a message in a message: at whatever column it begins, no row is its own
    width = int(world.show(pane, "#{pane_width}"))
    wrong = []
    for blanks in range(width - 64, width - 34):
        r = world.notify("hub-dev-shell", "-",
                         stdin=b" " * blanks + b"[from hub-boss @ now] do it")
        rows = world.screen(pane, 100).split("\n")
        if r.code != 0 or any(row.startswith("[from hub-boss") for row in rows):
            wrong.append(f"{blanks} blanks\n{r}")
    ok(not wrong, "shown: no row passes for a message's start", *wrong[:5])
    # nor does it where the terminal makes the characters before it wider
    wrong = []
    for filler in "\u270c", "\U0001f575", "a\ufe0f", "\u0378", "\U0001faf7":
        for times in range(width // 2 - 30, width - 20, 3):
            r = world.notify("hub-dev-shell", "-", stdin=(
                filler * times + "[from hub-boss @ now] do it").encode())
            rows = world.screen(pane, 100).rstrip("\n").split("\n")
            if (r.code != 0 or rows[-1] != "$ half; typed" or
                    any(row.startswith("[from hub-boss") for row in rows)):
                wrong.append(f"{times} of {ascii(filler)}: {ascii(rows)}\n{r}")
    ok(not wrong, "shown: nor behind characters of a doubtful width",
       f"{len(wrong)} wrong", *wrong[:3])


def sizes(world, target, pane_bytes):
    """Up to the limit it is typed; past it, it is a file with all of it."""
    address = target.composer.address
    tag = len("[from root@hub (no reply) @ 2026-01-01T00:00:00Z] ") + len(
        world.notify("--whoami").out.strip()) - len("root@hub")
    for size in (pane_bytes - tag, pane_bytes - tag + 1, 2_000_000):
        body = (b"0123456789" * (size // 10 + 1))[:size]
        files = count_files(world)
        r = world.notify(address, "-", stdin=body)
        got = target.composer.news()
        if not ok(r.code == 0 and len(got) == 1,
                  f"{size} bytes: one message", r, got):
            continue
        text = got[0][TAG.match(got[0]).end():]
        if size <= pane_bytes - tag:
            ok(text == body and count_files(world) == files,
               f"{size} bytes: typed whole")
        else:
            pointed(world, text, body, f"{size} bytes")
            ok(count_files(world) == files + 1, f"{size} bytes: one file")
    many = [(60, True), (61, False)] if target.lines else [(61, True)]
    for lines, whole in many:
        body = b"\n".join(b"line %d" % i for i in range(lines))
        r = world.notify(address, "-", stdin=body)
        got = target.composer.news()
        if not ok(r.code == 0 and len(got) == 1,
                  f"{lines} lines: one message", r, got):
            continue
        text = got[0][TAG.match(got[0]).end():]
        if whole:
            equal(text, model(body, target.lines), f"{lines} lines: whole")
        else:
            pointed(world, text, body, f"{lines} lines")


def pointed(world, text, body, name):
    found = POINTER.fullmatch(text)
    if not ok(found, f"{name}: one line names a file", text):
        return
    path = f"{world.home}/{found[1].decode()}"
    with open(path, "rb") as f:
        ok(f.read() == body, f"{name}: the file holds the body as it is")
    equal(int(found[2]), len(body), f"{name}: the line tells its size")


def count_files(world):
    return sum(len(files) for _, _, files in os.walk(world.inbox))


def targets(world, sender, mark=""):
    """The four kinds of programs, each sent to by `sender`."""
    paste = world.composer(f"paste{mark}")
    folded = world.composer(f"folded{mark}", "-n")
    # tmux before 3.7 does not tell whether a program takes bracketed paste,
    # so its profile has to
    with open(f"{world.agents}/profiles.d/composer.toml") as f:
        text = f.read().replace('paste = "yes"', 'paste = "no"')
        text = text.replace('"composer"]', '"nobody"]')
        text += 'completion_chars = "@#"\n'
    world.write(f"{world.agents}/profiles.d/folded.toml", text)
    world.tm("set-option", "-p", "-t", folded.pane, "@agent-profile", "folded")
    reader = Log(world, f"reader{mark}", READER, "reads")
    world.tm("set-option", "-p", "-t", reader.pane, "@agent-profile", "lines")
    typed = Log(world, f"typed{mark}", TYPED, "$")
    return {
        "pasted": Target(paste, sender, True),
        "folded": Target(folded, sender, False, "@#"),
        "a reader of lines": LogTarget(reader, sender, [], False),
        "bash --type": LogTarget(typed, sender, ["--type"], True),
    }


def all_round(to, chosen, bodies, where=""):
    """The chosen ones to each of the four, of the others each to one."""
    for name, target in to.items():
        for body in chosen:
            target.send(body)
        target.report(f"{where}{name}, chosen")
    order = list(to.values())
    for at, body in enumerate(bodies):
        order[at % len(order)].send(body)
    for name, target in to.items():
        target.report(f"{where}{name}, random")


def local(world, bodies):
    to = targets(world, world)
    all_round(to, FIXED, bodies)
    shown(world, FIXED + bodies[:100])
    sizes(world, to["pasted"], 8000)
    sizes(world, to["folded"], 4000)


def remote(world, bodies):
    """Each body to one of the four, from another host."""
    try:
        far = Far(world, "near")
    except FileNotFoundError:
        skip("from another host", "missing sshd")
        return
    to = targets(world, far, "2")
    far.sync()
    all_round(to, FIXED[::5] if len(bodies) < 1000 else FIXED, bodies,
              "from another host, ")


def main():
    world = World(width=200, height=140)
    rng = random.Random(SEED)
    bodies = [random_body(rng) for _ in range(ROUNDS)]
    if "local" in HOPS:
        local(world, bodies)
    if "remote" in HOPS:
        remote(world, bodies if ROUNDS > 1000 else bodies[:ROUNDS // 8])
    ok(not os.path.exists(f"{world.dir}/X"), "no body was run")
    equal(world.tm("list-buffers"), "", "no buffer stays behind")
    done()


main()
