#!/usr/bin/python3
"""Whatever is wrong: one line "notify-pane: object: reason", the documented
exit status, nothing typed, nothing half done."""

# time-limit: 240

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, ok, skip, until

ROOT = os.geteuid() == 0
NOBODY = 65534


class Case:
    def __init__(self):
        self.world = World()
        self.composer = self.world.composer("to")
        self.address = self.composer.address

    def bad(self, name, code, part, *args, **more):
        """notify-pane ARGS fails like that; nothing was typed."""
        count = len(self.composer.messages())
        r = self.world.notify(*args, **more)
        good = re.fullmatch(r"notify-pane: [^\n]+\n", r.err)
        ok(r.code == code and good and part in r.err and r.out == "",
           name, f"want {code}, '{part}'", r)
        ok(re.search(r"[\0-\x09\x0b-\x1f\x7f]", r.err) is None,
           f"{name}: said without control characters", ascii(r.err))
        equal(len(self.composer.messages()), count, f"{name}: nothing typed")

    def good(self, name, *args, **more):
        r = self.world.notify(*(args or (self.address, name)), **more)
        return ok(r.code == 0, f"{name}: works", r)


class Changed:
    """A file with other content, mode or owner, and back."""

    def __init__(self, path, content=None, mode=None, owner=None):
        self.path, self.content = path, content
        self.mode, self.owner = mode, owner
        self.keep = path + ".keep"

    def __enter__(self):
        self.there = os.path.lexists(self.path)
        if self.there:
            os.rename(self.path, self.keep)
            if os.path.isdir(self.keep):
                shutil.copytree(self.keep, self.path, symlinks=True)
            else:
                shutil.copy2(self.keep, self.path)
        if self.content is not None:
            World.write(self.path, self.content)
        if self.mode is not None:
            os.chmod(self.path, self.mode)
        if self.owner is not None:
            os.chown(self.path, self.owner, -1)

    def __exit__(self, *_):
        if os.path.isdir(self.path) and not os.path.islink(self.path):
            shutil.rmtree(self.path)
        elif os.path.lexists(self.path):
            os.unlink(self.path)
        if self.there:
            os.rename(self.keep, self.path)


def usage(case):
    a = case.address
    for name, part, *args in (
        ("no arguments", "an address is missing"),
        ("no body", "a body is missing", a),
        ("two bodies", "'two': one word too many", a, "one", "two"),
        ("an unknown option", "--nosuch: no such option", a, "--nosuch", "x"),
        ("a mistyped option", "did you mean --check?", "--chekc", a),
        ("an unknown letter", "-Z: no such option", a, "-Z"),
        ("JSON of plain words", "--json: --addresses, --groups", "-jW"),
        ("a file without a name", "--file: the file's name is empty", "-f", "",
         a),
        ("a body like an option", "write -- before", a, "-q text"),
        ("an option without its value", "-w: needs a value", a, "x", "-w"),
        ("--wait with no number", "'soon' is no number", "-w", "soon", a, "x"),
        ("--wait with nothing", "'' is no number", "-w", "", a, "x"),
        ("--wait below 0", "'-1' is no number", "-w", "-1", a, "x"),
        ("--wait for ever", "is no number", "-w", "99999999999", a, "x"),
        ("--wait in parts", "is no number", "-w", "1.5", a, "x"),
        ("--check without an address", "an address is missing", "--check"),
        ("--check with a body", "one word too many", "--check", a, "x"),
        ("--list with a word", "one word too many", "--list", a),
        ("--whoami with a word", "one word too many", "--whoami", a),
        ("an address of nothing", "an address is missing", "", "x"),
        ("addresses of nothing", "an address is missing", ",,", "x"),
        ("an empty body", "body: is empty", a, ""),
        ("a body of blanks", "body: is empty", a, " \n\t "),
        ("a body of control characters", "body: is empty", a, "\x01\x1b"),
        ("a body that is no UTF-8", "byte 2 is not valid UTF-8", a, b"x\xff"),
    ):
        case.bad(name, 1, part, *args)
    case.bad("--status of no id", 2, "--status: '' is no message's id", "-s", "")
    case.bad("an empty standard input", 1, "body: is empty", a, "-")
    case.bad("a huge body", 9, "body: larger than", a, "-", stdin=b"x" * (17 << 20))
    r = subprocess.run(
        [f"{BUILD}/notify-pane", a, "-"], env=case.world.env,
        capture_output=True, stdin=os.open(case.world.dir, os.O_RDONLY),
        text=True)
    ok(r.returncode == 9 and "standard input: " in r.stderr,
       "standard input that cannot be read", r)


def addresses(case):
    for address in ("nobody", "hub-dev-", "hub", "hub-dev-t", "HUB-DEV-TO",
                    "hub-dev-to-p9", "x" * 160):
        case.bad(f"address {address[:20]!r}", 2, address, address, "x")
    for address in ("a b", "../x", "#{pid}", "$(touch X)", "x" * 161, "ä",
                    "a\nb", "%1", "@1", "=dev:0", b"\xff", "a'b", 'a"b',
                    "a]b", "\033[2J", "*", "hub.dev", "a/b"):
        # one that begins with @ is a group's
        case.bad(f"address {address[:20]!r}", 2,
                 "names nobody" if address == "@1" else "no address",
                 address, "x")
        case.bad(f"--check {address[:20]!r}", 2, "no address", "--check",
                 address)
    ok(not os.path.exists(f"{case.world.dir}/X"), "no address was run")


def configuration(case):
    world, agents = case.world, case.world.agents
    config, conf = f"{agents}/config.toml", f"{agents}/self.conf"
    profile = f"{agents}/profiles.d/own.toml"
    for path, content, part in (
        (config, "nosuch = 1\n", ":1: unknown key 'nosuch'"),
        (config, "inbox_max = \n", "config.toml:1:"),
        (config, "inbox_max = -1\n", "inbox_max"),
        (config, "inbox_max = \"x\"\n", "inbox_max"),
        (config, "ignore_sessions = 1\n", "ignore_sessions"),
        (config, b"\xff\n", "config.toml:1:"),
        (config, "a" * 300_000, "config.toml"),
        (conf, "", "names no host"),
        (conf, "# only a comment\n", "names no host"),
        (conf, "bad name!\n", "'bad name!' is no host alias; write 1 to"),
        (conf, "-x\n", "is no host alias"),
        (conf, "x" * 33, "is no host alias"),
        (conf, "a;b\n", "is no host alias"),
        (profile, "kind = \"nosuch\"\n", "own.toml:1:"),
        (profile, "[recognise\n", "own.toml:1:"),
        (profile, "nosuch = 1\n", "own.toml:1:"),
    ):
        with Changed(path, content):
            shown = f"{os.path.basename(path)} {content[:20]!r}"
            case.bad(shown, 9, part, case.address, "x")
            if path != profile:  # a list needs none
                case.bad(f"{shown}, --list", 9, part, "--list")
    for path in (config, conf, f"{agents}/local.toml", profile):
        shown = os.path.basename(path)
        content = None if os.path.exists(path) else ""
        with Changed(path, content, mode=0o666):
            case.bad(f"{shown}, everybody's", 9, "chmod go-w", case.address,
                     "x")
        if ROOT:
            with Changed(path, content, owner=NOBODY):
                case.bad(f"{shown}, another's", 9, "belongs to uid",
                         case.address, "x")
        if os.path.exists(path):
            os.rename(path, path + ".away")
        os.mkdir(path)
        case.bad(f"{shown}, a folder", 9, "is a folder", case.address, "x")
        os.rmdir(path)
        os.mkfifo(path)
        case.bad(f"{shown}, a FIFO", 9, "not a regular file", case.address,
                 "x")
        os.unlink(path)
        if os.path.exists(path + ".away"):
            os.rename(path + ".away", path)
    case.good("after all of that")


def folders(case):
    agents = case.world.agents
    with Changed(agents, mode=0o777):
        case.bad("the folder is everybody's", 9, "writable by others",
                 case.address, "x")
    if ROOT:
        with Changed(agents, owner=NOBODY):
            case.bad("the folder is another's", 9, "belongs to uid",
                     case.address, "x")
    case.bad("AGENTS_DIR is relative", 9, "AGENTS_DIR: 'x'", case.address,
             "x", AGENTS_DIR="x")
    case.bad("AGENTS_DIR is a file", 9, "/dev/null", case.address, "x",
             AGENTS_DIR="/dev/null")
    case.bad("AGENTS_DIR below a file", 9, "/dev/null/x", case.address, "x",
             AGENTS_DIR="/dev/null/x")
    case.bad("AGENTS_DIR that cannot be made", 9, "/proc/nosuch",
             case.address, "x", AGENTS_DIR="/proc/nosuch")
    new = f"{case.world.dir}/new/agents"
    case.bad("AGENTS_DIR that is not there yet", 2, "no such agent",
             case.address, "x", AGENTS_DIR=new)
    ok(os.path.isdir(new), "was made")
    case.bad("HOME is relative and there is no other", 9, "x",
             case.address, "x", AGENTS_DIR="x", HOME="x")
    r = case.world.notify("--list", AGENTS_DIR=f"{case.world.dir}/newer")
    equal((r.code, r.out, r.err), (0, "", ""), "--list of nothing")
    r = case.world.notify("--list", "--json",
                          AGENTS_DIR=f"{case.world.dir}/newer")
    equal((r.code, json.loads(r.out)), (0, []), "--list --json of nothing")


def unreadable(case):
    """Also for root: without capabilities, what is another's and 0600."""
    if not ROOT or not shutil.which("setpriv"):
        skip("files that may not be read", "needs root")
        return
    for name in ("local.toml", "self.conf", "config.toml"):
        path = f"{case.world.agents}/{name}"
        with Changed(path, None if os.path.exists(path) else "",
                     mode=0, owner=NOBODY):
            r = subprocess.run(
                ["setpriv", "--bounding-set=-all", "--inh-caps=-all",
                 f"{BUILD}/notify-pane", case.address, "x"],
                env=case.world.env, capture_output=True, text=True)
            ok(r.returncode == 9 and path in r.stderr and
               r.stderr.count("\n") == 1, f"{name} may not be read", r)


def books(case):
    """The registry is rebuilt from the slices; a slice is what tmux says."""
    agents = case.world.agents
    for content in ("", "rubbish", "[agents.x]\n", "\0" * 1000,
                    "[agents.\"hub-dev-to\"]\nhost = 1\n"):
        with Changed(f"{agents}/registry.toml", content):
            case.good(f"registry.toml {content[:20]!r}")
    with Changed(f"{agents}/registry.toml", None):
        os.unlink(f"{agents}/registry.toml")
        case.good("no registry.toml")
    os.makedirs(f"{agents}/hosts", exist_ok=True)
    for content in ("rubbish", "[slices.far]\n", "[agents.hub-dev-to]\n"
                    "host = \"far\"\n"):
        with Changed(f"{agents}/hosts/far.toml", content):
            os.utime(f"{agents}/hosts/far.toml")
            r = case.world.notify(case.address, "corrupt slice of a peer")
            ok(r.code == 0, f"hosts/far.toml {content[:20]!r}: works", r)
            r = case.world.notify("--check", case.address)
            ok(r.code == 0 and r.err.count("\n") <= 1,
               f"hosts/far.toml {content[:20]!r}: said once", r)
    for content in ("rubbish", "[agents.x]\nhost = 3\n", "\xff"):
        with Changed(f"{agents}/local.toml", content):
            r = case.world.notify(case.address, "x")
            ok(r.code in (0, 2, 9) and r.err.count("\n") <= 2,
               f"local.toml {content[:20]!r}: no crash", r)
            case.world.register()
            r = case.world.notify("hub-dev-to", "rebuilt")
            ok(r.code == 0, f"local.toml {content[:20]!r}: rebuilt", r)
    case.world.register()
    case.good("after all of that")


def tmux(case):
    world = case.world
    fake = f"{world.dir}/fake"

    def script(text):
        world.write(fake, f"#!/bin/sh\n{text}\n")
        os.chmod(fake, 0o700)
        return {"TMUX_BIN": fake}

    case.bad("no tmux", 4, "install tmux 3.2 or later", case.address, "x",
             TMUX_BIN="/nonexistent/tmux")
    case.bad("tmux that fails", 4, "failed with status 3", case.address, "x",
             **script("exit 3"))
    case.bad("tmux that says nothing", 4, "ended before it answered",
             case.address, "x", **script("exit 0"))
    case.bad("tmux that says something else", 4, "not understood",
             case.address, "x", **script("echo something else"))
    case.bad("tmux that complains", 4, "tmux: lost [31mserver".replace(
        "[", "\\x1b["), case.address, "x",
             **script("printf 'lost \\033[31mserver\\n' >&2; exit 1"))
    case.bad("a server of another version", 4, "set TMUX_BIN", case.address,
             "x", **script("echo 'protocol version mismatch (client 8, "
                           "server 7)' >&2; exit 1"))
    begun = time.monotonic()
    case.bad("tmux that hangs", 4, "does not answer", case.address, "x",
             **script("exec sleep 1000"))
    ok(time.monotonic() - begun < 12, "is given up")
    case.bad("the socket may not be reached", 9, "sandbox", case.address, "x",
             **script("echo 'error connecting to /x (Operation not "
                      "permitted)' >&2; exit 1"))
    # it works until the body is sent
    case.bad("tmux that breaks before the paste", 5, "not sent again",
             case.address, "x", **script(
                 'case "$*" in *load-buffer*) cat >/dev/null; exit 1 ;; esac; '
                 'exec tmux "$@"'))
    equal(world.tm("list-buffers"), "", "no buffer stays behind")
    r = world.notify(case.address, "answer lost", **script(
        'case "$*" in *load-buffer*) tmux "$@" >/dev/null; exit 0 ;; esac; '
        'exec tmux "$@"'))
    ok(r.code == 5 and "indeterminate" in r.err,
       "tmux that does not say what it did", r)
    world.sees(case.composer.pane, "answer lost")
    ok(world.screen(case.composer.pane).count("answer lost") == 1,
       "it is not sent again", world.screen(case.composer.pane))
    world.keys(case.composer.pane, "C-u")
    until(5, lambda: world.notify("--check", case.address).code == 0)

    # between the look-up and the look the pane goes
    gone = world.composer("gone")
    r = world.notify(gone.address, "x", **script(
        f'tmux -S {world.socket} kill-pane -t {gone.pane} 2>/dev/null; '
        'exec tmux "$@"'))
    ok(r.code == 2 and r.err.count("\n") == 1, "a pane that goes: unknown", r)

    # between the look and the paste
    gone = world.composer("going")
    r = world.notify(gone.address, "for nobody", **script(
        f'case "$*" in *load-buffer*) tmux -S {world.socket} kill-pane -t '
        f'{gone.pane} ;; esac; exec tmux "$@"'))
    ok(r.code in (2, 3, 4) and r.err.count("\n") == 1,
       "a pane that goes before the paste", r)
    equal([m for m in case.composer.messages() if m.endswith(b"nobody")], [],
          "and nobody else gets it")
    equal(world.tm("list-buffers"), "", "no buffer stays behind")

    # its process ends between the look and the paste; 3.3a would not survive
    dead = world.composer("dying")
    world.tm("set-option", "-w", "-t", dead.pane, "remain-on-exit", "on")
    pid = world.show(dead.pane, "#{pane_pid}")
    r = world.notify(dead.address, "x", **script(
        f'case "$*" in *load-buffer*) kill -9 {pid}; '
        f'until [ "$(tmux -S {world.socket} display-message -p -t {dead.pane} '
        '"#{pane_dead}")" = 1 ]; do sleep 0.02; done ;; esac; '
        'exec tmux "$@"'))
    ok(r.code == 3, "a process that ends before the paste", r)
    ok(world.tm("list-sessions", check=False), "the server lives on")

    # another one stands in its place
    other = world.composer("other")
    r = world.notify(other.address, "for the old one", **script(
        f'case "$*" in *load-buffer*) tmux -S {world.socket} respawn-pane -k '
        f'-t {other.pane} "{other.command}"; until tmux -S {world.socket} '
        f'capture-pane -p -t {other.pane} | grep -q "❯"; do sleep 0.02; done '
        ';; esac; '
        'exec tmux "$@"'))
    ok(r.code in (0, 2, 3) and
       len(other.messages()) == (1 if r.code == 0 else 0),
       "a pane that is respawned before the paste", r, other.messages())


def output(case):
    for name, path, code in (("full", "/dev/full", 9), ("closed", None, 0)):
        r = subprocess.run(
            ["sh", "-c", f'exec "$@" >{path or "&-"}', "sh",
             f"{BUILD}/notify-pane", "--list"],
            env=case.world.env, capture_output=True, text=True)
        ok(r.returncode == code and (code == 0 or
                                     "standard output: " in r.stderr),
           f"standard output is {name}", r)


def names(case):
    """Names that tmux allows are addresses, TOML, JSON and nothing else."""
    world = case.world
    windows = ["-n", "a]b\"c'd", "#(touch PWNED)", "$(touch PWNED)", "a\nb",
               "x;touch PWNED", "語", "", "%1", "fix api", "Fix: API",
               "[agents.x]", "\\", "~", "ü" * 60, "tab\there", "{}", "=x"]
    named = []
    for name in windows:
        pane = world.window("new", "exec sleep 1000", None, False)
        # rename-window itself would run it: ## is one #. Later tmux refuses
        # names (3.7 has "#(", 3.8 a newline): then it is one "new" more.
        world.tm("rename-window", "-t", pane, "--",
                 name.replace("#", "##"), check=False)
        named.append(world.show(pane, "#{window_name}"))
    ok(len(set(named)) >= len(windows) - 2, "tmux takes the names", named)
    ok("#(touch PWNED)" in named or world.show(pane, "#{version}") >= "3.7",
       "a command among them", named)
    for name in ("my proj", "a]b", "x;y", "-n", "$HOME", "a'b"):
        world.tm("new-session", "-d", "-s", name, "-n", "w", "exec sleep 99")
    world.register()
    r = world.notify("--list", "--json")
    rows = json.loads(r.out)
    addresses = [row["address"] for row in rows]
    ok(len(addresses) == len(set(addresses)) and
       len(addresses) >= len(windows) + 6, "every window has an address", r)
    strange = [a for a in addresses if not re.fullmatch("[A-Za-z0-9_-]+", a)]
    equal(strange, [], "and it is made of plain characters")
    r = world.notify("--list", "-v")
    ok(r.code == 0 and not re.search(r"[\0-\x09\x0b-\x1f\x7f]", r.out),
       "--list -v shows no control characters", ascii(r.out))
    bad = [a for a in addresses
           if world.notify("--check", a).code not in (0, 3)]
    equal(bad, [], "each of them can be looked at")
    shown = [row["window"] for row in rows]
    equal([name for name in named if name not in shown], [],
          "with the name as it is")
    ok(not [p for p, _, files in os.walk(world.dir) if "PWNED" in files],
       "nothing was run")
    case.good("among all of them")


def ending():
    """The server ends while a message is under way: before each of the calls
    of one message, and in the middle of it."""
    for number, before, during in ((1, 4, 4), (2, 4, 5), (3, 5, 5)):
        for when, code in (("before", before), ("during", during)):
            case = Case()
            world = case.world
            pid = world.tm("display-message", "-p", "#{pid}")
            # stopped, it has not read the call yet when it is told to end
            end = (f"tmux -S {world.socket} kill-server; "
                   f"timeout 10 tail -f --pid={pid} /dev/null") \
                if when == "before" else (f"kill -STOP {pid}; (sleep 0.3; kill -TERM {pid}; "
                      f"kill -CONT {pid}) >/dev/null 2>&1 &")
            fake = f"{world.dir}/fake"
            world.write(fake, f"""#!/bin/sh
echo call >>{world.dir}/calls
[ "$(wc -l <{world.dir}/calls)" != {number} ] || {{
	{end}
}}
exec tmux "$@"
""")
            os.chmod(fake, 0o700)
            r = world.notify(case.address, "x", TMUX_BIN=fake)
            ok(r.code == code and r.err.count("\n") == 1 and
               (f"{world.socket}: no tmux server is running there" in r.err or
                f"{world.socket}: the tmux server ended before" in r.err),
               f"a server that ends {when} call {number}: {code}", r)
            equal("nothing was typed" in r.err or code == 5 or number == 1,
                  True, f"{when} call {number}: and says what may stand", r)
            world.end()


def servers(case):
    """The last part: the server goes."""
    world = case.world
    if ROOT:
        os.chown(world.socket, NOBODY, -1)
        case.bad("a server of another user", 9, "tmux server of uid",
                 case.address, "x")
        os.chown(world.socket, 0, -1)
        case.good("and ours again")
    world.tm("kill-server")

    def listens():
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(world.socket) == 0
    until(20, lambda: not listens())
    r = world.notify(case.address, "x")
    ok(r.code == 4 and r.err.count("\n") == 1 and
       "no tmux server is running" in r.err, "no server", r)
    r = world.notify("--check", case.address)
    ok(r.code in (2, 4) and r.err.count("\n") == 1, "no server, --check", r)
    r = world.notify("--list")
    ok(r.code == 0 and case.address not in r.out,
       "no server: the failed message told the address book", r)


def main():
    case = Case()
    usage(case)
    addresses(case)
    configuration(case)
    folders(case)
    unreadable(case)
    books(case)
    output(case)
    names(case)
    tmux(case)
    servers(case)
    ending()
    done()


main()
