#!/usr/bin/python3
"""notify-pane on one host: shells, composers, dialogs, pagers, dead panes;
names, aliases and senders; what it says and the codes it ends with."""

# time-limit: 240

import json
import os
import re
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, done, equal, ok, skip, until

SHELLS = {
    "bash": "bash --norc --noprofile",
    "zsh": "zsh -f",
    "fish": "fish --no-config",
    "dash": "dash",
    "tcsh": "tcsh -f",
}
BODY = "; touch RUN\n$(touch RUN) `touch RUN`\ttests 語 green"
SHOWN = re.compile(
    r"^\[from \S+ \(no reply\) @ \S+\] ; touch RUN\n"
    r"  \$\(touch RUN\) `touch RUN` {6}tests 語 green$", re.M)


def one_line(err):
    return err.startswith("notify-pane: ") and err.count("\n") == 1


def said(r, code, part, name):
    """Exit status and the reason on stderr, in one line."""
    return ok(r.code == code and part in r.err and one_line(r.err)
              and r.out == "", name, f"want {code}, '{part}'", r)


def sent(r, verdict, name):
    return ok(r.code == 0 and r.err == "" and
              r.out.splitlines()[-1].startswith(verdict), name, r)


# Shells


def input_row(world, pane):
    """The cursor's row and column: what a person sees of half-typed text."""
    x, y = map(int, world.show(pane, "#{cursor_x} #{cursor_y}").split())
    return x, world.screen(pane).split("\n")[y]


def shell_ready(world, pane):
    """A prompt stands there: the cursor is behind something."""
    return until(10, lambda: world.show(pane, "#{cursor_x}") != "0")


def shell(world, name, command):
    if not shutil.which(command.split()[0]):
        skip(f"{name}", f"missing {command.split()[0]}")
        return
    pane = world.window(name, f"exec {command}")
    shell_ready(world, pane)
    world.still(pane, 0.3)  # fish asks the terminal questions at first
    address = f"hub-dev-{name}"
    for where in ("top", "bottom"):
        if where == "bottom":
            world.keys(pane, "-l", "seq 50")
            world.keys(pane, "Enter")
            world.sees(pane, "50\n")
            shell_ready(world, pane)
            world.still(pane, 0.2)
        for text, kind in (("", "empty"), ("echo a; b 'c", "half-typed"),
                           ("echo " + "wrapped " * 20, "wrapped")):
            # dash has no line editor: what is wrapped looks like a question
            if name == "dash" and kind == "wrapped":
                continue
            world.keys(pane, "-l", text)
            until(5, lambda: text[-5:].strip() in world.screen(pane))
            world.still(pane)
            before = input_row(world, pane)
            r = world.notify(address, BODY)
            after = input_row(world, pane)
            what = f"{name}, {where} of the screen, {kind}"
            sent(r, "shown", f"{what}: shown")
            equal(after, before, f"{what}: input and cursor stay",
                  world.screen(pane))
            ok(SHOWN.search(world.screen(pane)), f"{what}: whole",
               world.screen(pane))
            world.keys(pane, "C-c")
            if kind != "empty":
                until(5, lambda: input_row(world, pane)[0] <
                      before[0] or "wrapped" not in
                      input_row(world, pane)[1])
            world.still(pane)
    # what was half typed is what runs, and nothing else
    world.keys(pane, "-l", "echo ran-")
    world.still(pane)
    world.notify(address, "half-typed; touch RUN")
    world.keys(pane, "-l", "it")
    world.keys(pane, "Enter")
    ok(world.sees(pane, "\nran-it"), f"{name}: the person's line runs",
       world.screen(pane))
    world.tm("kill-pane", "-t", pane)


def shells(world):
    for name, command in SHELLS.items():
        shell(world, name, command)
    ok(not [p for p, _, files in os.walk(world.dir) if "RUN" in files],
       "no message was run")


def small(world):
    """A pane that has no room for the line that names a file."""
    pane = world.window("small", "exec bash --norc --noprofile", "$")
    world.tm("resize-window", "-t", pane, "-x", "40", "-y", "4")
    world.keys(pane, "-l", "half")
    world.sees(pane, "half")
    before = world.screen(pane)
    said(world.notify("hub-dev-small", "long " * 100), 3,
         "refused: the pane, of 4 rows and 40 columns, has no room",
         "a pane too small for a file's name: refused")
    equal(world.screen(pane), before, "and it stays as it is")
    equal([f for _, _, files in os.walk(world.inbox) for f in files
           if f.startswith("message-")], [],
          "and no file stays behind")
    sent(world.notify("hub-dev-small", "."), "shown",
         "a short one has room there")
    world.tm("kill-pane", "-t", pane)


def types(world):
    pane = world.window("types", "exec bash --norc --noprofile", "$")
    address = "hub-dev-types"
    shell_ready(world, pane)
    r = world.notify("--type", address, "a; touch TYPED",
                     AGENT_NAME="hub-dev-main")
    sent(r, "submitted", "--type types and runs")
    ok(until(5, lambda: os.path.exists(f"{world.dir}/TYPED")),
       "--type: the shell ran it", world.screen(pane))
    world.sees(pane, "not found")
    world.tm("set-option", "-p", "-t", pane, "@agent-shell", "type")
    until(5, lambda: world.notify("--check", address).code == 0)
    r = world.notify(address, "by option")
    sent(r, "submitted", "@agent-shell type does the same")
    until(5, lambda: world.notify("--check", address).code == 0)
    check = json.loads(world.notify("--check", "--json", address).out)
    equal((check["outcome"], check["way"]), ("typed", "line"),
          "and --check says so")
    world.keys(pane, "-l", "half")
    world.sees(pane, "half")
    r = world.notify("--check", address)
    ok(r.code == 3 and ": typed (refused): " in r.out,
       "@agent-shell type and half-typed text: --check says refused", r)
    said(world.notify(address, "x"), 3, "refused", "and it is")
    world.tm("set-option", "-pu", "-t", pane, "@agent-shell")
    r = world.notify("--check", address)
    ok(r.code == 0 and ": typed (shown): " in r.out, "without: shown", r)
    r = world.notify("--type", address, "x")
    said(r, 3, "refused", "--type into half-typed text is refused")
    ok("half" in input_row(world, pane)[1], "and it stays",
       world.screen(pane))
    world.keys(pane, "C-c")
    until(5, lambda: world.notify("--check", address).code == 0)
    said(world.notify("--type", address, "; echo 'open",
                      AGENT_NAME="hub-dev-main"),
         5, "waits for the rest of an entry",
         "--type of an open quote: not called submitted")
    world.tm("kill-pane", "-t", pane)


# Composers


def plain(composer, count=1):
    until(5, lambda: len(composer.messages()) >= count)
    return [m.split(b"] ", 1)[-1] for m in composer.messages()]


def composers(world):
    c = world.composer("plain")
    r = world.notify(c.address, "tests green")
    sent(r, "submitted", "composer: submitted")
    equal(r.out.splitlines()[0],
          f"→ {c.address} (hub[dev:1]): tests green", "and says what to whom")
    equal(plain(c), [b"tests green"], "composer: the message")
    r = world.notify("-v", c.address, "more")
    ok(re.search(r"^submitted: .*\(\d+ tmux calls, \d+ ms, \d+ of them "
              r"waiting for the program\)$", r.out, re.M),
       "-v says how", r)

    c = world.composer("slow", "-e 400")
    sent(world.notify(c.address, "slow"), "submitted", "slow to show")
    equal(plain(c), [b"slow"], "slow to show: once")

    c = world.composer("swallow", "-s 300")
    sent(world.notify(c.address, "Enter"), "submitted",
         "a swallowed Enter is pressed again")
    equal([m.strip() for m in plain(c)], [b"Enter"], "and the text is once")

    c = world.composer("behind", "-e 300 -f 60")
    sent(world.notify(c.address, "text"), "submitted",
         "one whose state is behind its screen gets Enter later")
    equal(plain(c), [b"text"], "and takes the text")

    c = world.composer("forgets", "-f 100000")
    r = world.notify(c.address, "text")
    ok(r.code == 5 and "blanks or lines stand in the composer" in r.err,
       "one that makes a line of the text: not submitted", r)
    equal(plain(c), [], "which is true")

    died(world)
    late_enter(world)

    c = world.composer("grey", "-g -s 300")
    sent(world.notify(c.address, "grey\nwords"), "submitted",
         "a theme draws typed text grey: it is seen")
    equal([m.strip() for m in plain(c)], [b"grey\n  words"], "and taken")

    with open(f"{world.agents}/profiles.d/composer.toml") as f:
        text = f.read()
    world.write(f"{world.agents}/profiles.d/patient.toml",
                text.replace("paste_ms = 0", "paste_ms = 400")
                    .replace('"composer"]', '"nobody"]'))
    c = world.composer("patient", "-s 300")
    world.tm("set-option", "-p", "-t", c.pane, "@agent-profile", "patient")
    sent(world.notify(c.address, "Enter"), "submitted",
         "a profile's paste window is waited for")
    equal(plain(c), [b"Enter"], "and Enter is pressed once")
    equal(c.keys(), b"\r", "only Enter comes outside of the paste")

    c = world.composer("busy", "-b 3000")
    sent(world.notify(c.address, "one"), "submitted", "first turn")
    r = world.notify(c.address, "two")
    sent(r, "submitted", "while it works")
    ok("after the running turn" in r.out, "and says that it is queued", r)
    equal(plain(c, 2), [b"one", b"two"], "both arrive")

    c = world.composer("dialog", "-d -t")
    sent(world.notify(c.address, "first"), "submitted",
         "what opens a dialog was taken")
    c.world.sees(c.pane, "Do you want to proceed?")
    said(world.notify(c.address, "second"), 3, "refused",
         "into a dialog: refused")
    said(world.notify(c.address, "second", FORCE_SEND="1"), 3, "refused",
         "not even by force")
    equal(plain(c), [b"first"], "the dialog is not answered")

    c = world.composer("intruder", "-x")
    said(world.notify(c.address, "mine"), 5, "Enter was not pressed",
         "something else got into the text: not submitted")
    equal((c.messages(), c.keys()), ([], b""), "and no Enter came")
    said(world.notify(c.address, "again"), 3, "typed but not submitted",
         "and it stands there")

    c = world.composer("collapse", "-p")
    sent(world.notify(c.address, "one\ntwo"), "submitted", "collapsed paste")
    equal(plain(c), [b"one\n  two"], "collapsed paste: whole")

    c = world.composer("half", "-h")
    said(world.notify(c.address, "one\ntwo"), 5, "Enter was not pressed",
         "a sign for the first half of a paste: not submitted")
    equal((c.messages(), c.keys()), ([], b""), "and no Enter came after it")


def died(world):
    """Programs that did not take Enter, and what stands there then."""
    for name, then in (
            ("shell", "PS1='$ ' exec bash --norc"),
            ("again", f"exec composer -l {world.dir}/other.log"),
            ("asks", "read -p 'Enter to close' _")):
        c = world.composer(f"dies-{name}", "-q", then=then)
        said(world.notify(c.address, "text"), 5, "Enter was",
             f"it died of Enter, then {name}: not submitted")
        equal(c.messages(), [], "which is true")
        ok(not os.path.exists(f"{world.dir}/other.log"), "of both")
    c = world.composer("popup", "-u")
    said(world.notify(c.address, "text"), 5, "Enter was",
         "a dialog came in the place of the text: not submitted")
    equal(c.messages(), [], "which is true")

    # Who reads lines, but not now: the terminal has it.
    world.write(f"{world.dir}/reader", f"""#!/bin/sh
cd {world.dir}
echo ready
until [ -e go ]; do sleep 0.1; done
while read -r line; do echo "$line" >>lines; done
""")
    os.chmod(f"{world.dir}/reader", 0o700)
    pane = world.window("reader", f"exec {world.dir}/reader", "ready")
    world.tm("set-option", "-p", "-t", pane, "@agent-profile", "lines")
    r = world.notify("hub-dev-reader", "text")
    ok(r.code in (3, 5) and "submitted\n" not in r.out,
       "nobody reads the line: not submitted", r)


def late_enter(world):
    """Programs that show nothing for a while after Enter."""
    take, seen = f"{world.dir}/late.take", f"{world.dir}/late.seen"
    fake = f"{world.dir}/late.tmux"
    c = world.composer("late", f"-w {take}")
    world.write(fake, f"""#!/bin/sh
case $* in
*"paste-buffer -d"*)
	if [ -e {seen} ]; then
		: >{take}
		until tmux -S {world.socket} capture-pane -p -t {c.pane} |
		    grep -q "message 1,"; do
			sleep 0.05
		done
	fi
	: >{seen}
	;;
esac
exec tmux "$@"
""")
    os.chmod(fake, 0o700)
    sent(world.notify(c.address, "once", TMUX_BIN=fake), "submitted",
         "Enter is taken while it is about to be pressed again")
    equal(plain(c), [b"once"], "and the text is submitted once")
    equal(c.keys(), b"\r", "and no Enter follows the one that was late")

    take, seen = f"{world.dir}/key.take", f"{world.dir}/key.seen"
    fake = f"{world.dir}/key.tmux"
    client = world.attach()
    c = world.composer("key", f"-w {take}")
    world.write(fake, f"""#!/bin/sh
case $* in
*"paste-buffer -d"*)
	tmux "$@"
	: >{seen}
	;;
*)
	exec tmux "$@"
	;;
esac
""")
    os.chmod(fake, 0o700)
    world.tm("select-window", "-t", c.pane)
    world.quiet()

    def person():
        if until(20, lambda: os.path.exists(seen)):
            client.type(b"k")

    thread = threading.Thread(target=person)
    thread.start()
    r = world.notify(c.address, "theirs", TMUX_BIN=fake)
    thread.join()
    said(r, 5, "pressed a key since", "a key after an Enter not yet taken")
    world.write(take, "")
    ok(until(5, lambda: c.keys() == b"\rk"), "Enter is not pressed again",
       c.keys())
    client.close()


def typed(world):
    c = world.composer("typed")
    world.keys(c.pane, "-l", "mine")
    world.sees(c.pane, "mine")
    said(world.notify(c.address, "x"), 3, "text stands in the composer",
         "half-typed text: refused")
    r = world.notify("--wait", "1", c.address, "x")
    said(r, 8, "not ready within 1 s", "--wait: timed out")
    r = world.notify(c.address, "x", FORCE_SEND="0")
    said(r, 3, "text stands", "FORCE_SEND=0 is none")
    equal(c.messages(), [], "nothing was typed")
    r = world.notify(c.address, "forced", FORCE_SEND="1")
    sent(r, "submitted, forced", "FORCE_SEND=1: forced, and says so")
    ok(len(c.messages()) == 1 and c.messages()[0].startswith(b"mine[from "),
       "on what stood there", c.messages())
    world.keys(c.pane, "-l", "later")
    world.sees(c.pane, "later")
    threading.Timer(1, lambda: world.keys(c.pane, "C-u")).start()
    begun = time.monotonic()
    sent(world.notify("--wait", "20", c.address, "waited"), "submitted",
         "--wait: until it is free")
    ok(0.8 < time.monotonic() - begun < 8, "and no longer")


def people(world):
    """A person has just pressed a key: two seconds of quiet come first."""
    c = world.composer("people")
    world.tm("select-window", "-t", c.pane)
    client = world.attach()
    world.quiet()
    begun = time.monotonic()
    sent(world.notify(c.address, "quiet"), "submitted", "a person is quiet")
    ok(time.monotonic() - begun < 1.5, "no waiting then",
       time.monotonic() - begun)
    client.type("x\x7f")
    until(5, lambda: b"\x7f" in c.keys())
    begun = time.monotonic()
    sent(world.notify(c.address, "soon"), "submitted", "after a key")
    ok(time.monotonic() - begun > 1, "some quiet comes first",
       time.monotonic() - begun)
    world.tm("select-window", "-t", "dev:0")
    client.close()


def watched(world):
    """Somebody only looks on. tmux 3.7 sends no keys then, older ones do."""
    fake = f"{world.dir}/watched.tmux"
    c = world.composer("watched")
    world.write(fake, """#!/bin/sh
case $* in
*send-keys*)
	echo "client is read-only" >&2
	exit 1
	;;
esac
exec tmux "$@"
""")
    os.chmod(fake, 0o700)
    client = world.attach("dev", "-r")
    ok(until(5, lambda: world.tm("list-clients", "-F", "#{client_readonly}")
             == "1"), "the only client is read-only")
    sent(world.notify("--wait", "20", c.address, "one\ntwo", TMUX_BIN=fake),
         "submitted", "a read-only client keeps no Enter away")
    equal((plain(c), c.keys()), ([b"one\n  two"], b"\r"),
          "and it is a carriage return, once")
    client.close()


def swallowed(world):
    """Enter is lost, and then the composer is not to be seen: no proof."""
    for name, options, instead, shows in (
            ("scrolls", "", "tmux copy-mode -t {pane}", "copy mode"),
            ("off", "", "tmux select-pane -d -t {pane}", "switched off"),
            ("ends", "", "kill -9 {pid}", "has ended"),
            ("turn", "-b 90000", "tmux send-keys -t {pane} C-o", "dialog")):
        c = world.composer(name, options)
        world.tm("set-option", "-p", "-t", c.pane, "remain-on-exit", "on")
        if name == "turn":
            sent(world.notify(c.address, "one"), "submitted", "a turn begins")
        before = c.messages()
        instead = instead.format(pane=c.pane,
                                 pid=world.show(c.pane, "#{pane_pid}"))
        fake = f"{world.dir}/{name}.tmux"
        world.write(fake, f"""#!/bin/sh
case $* in
*"paste-buffer -d"*)
	export TMUX={world.socket},0,0
	{instead}
	until notify-pane --check {c.address} 2>&1 | grep -q "{shows}"; do
		sleep 0.05
	done
	exec tmux display-message -p did-it
	;;
esac
exec tmux "$@"
""")
        os.chmod(fake, 0o700)
        said(world.notify(c.address, "lost", TMUX_BIN=fake), 5,
             "neither an empty composer nor the text is seen",
             f"Enter is lost, then {shows}: indeterminate")
        equal(c.messages(), before, "and it was not submitted")
        world.tm("kill-window", "-t", c.pane)


def drawn(world):
    """The terminal's cursor tells nothing, and a dialog opens in the last
    moment before Enter."""
    with open(f"{world.agents}/profiles.d/composer.toml") as f:
        text = f.read()
    world.write(f"{world.agents}/profiles.d/drawn.toml",
                text.replace("column = 1", 'column = 1\ncursor = "drawn"')
                    .replace('"composer"]', '"nobody"]'))
    c = world.composer("drawn", "-c")
    world.tm("set-option", "-p", "-t", c.pane, "@agent-profile", "drawn")
    sent(world.notify(c.address, "one"), "submitted", "a drawn cursor")
    sent(world.notify(c.address, "two\nthree"), "submitted",
         "a composer that grew")
    equal(plain(c, 2), [b"one", b"two\n  three"], "both arrive")
    fake = f"{world.dir}/drawn.tmux"
    world.write(fake, f"""#!/bin/sh
case $* in
*"paste-buffer -d"*)
	if [ ! -e {fake}.seen ]; then
		at=$(tmux -S {world.socket} display-message -p -t {c.pane} \
		    "#{{cursor_x}} #{{cursor_y}}")
		tmux -S {world.socket} send-keys -t {c.pane} C-o
		until tmux -S {world.socket} capture-pane -p -t {c.pane} |
		    grep -q "Esc to cancel"; do
			sleep 0.05
		done
		echo "$at" "$(tmux -S {world.socket} display-message -p \
		    -t {c.pane} "#{{cursor_x}} #{{cursor_y}}")" >{fake}.seen
	fi
	;;
esac
exec tmux "$@"
""")
    os.chmod(fake, 0o700)
    said(world.notify(c.address, "four", TMUX_BIN=fake), 5, "unsubmitted",
         "a dialog just before Enter: not submitted")
    with open(f"{fake}.seen") as f:
        at = f.read().split()
    equal(at[:2], at[2:], "the cursor stood where it was")
    equal(plain(c, 2), [b"one", b"two\n  three"], "and it is not answered")


# Where nothing may be typed


def refused(world, name, pane, part, force=True):
    address = f"hub-dev-{name}"
    before = world.screen(pane)
    r = world.notify(address, "x; touch RUN")
    said(r, 3, part, f"{name}: refused")
    if force:
        said(world.notify(address, "x", FORCE_SEND="1"), 3, part,
             f"{name}: not even by force")
    equal(world.screen(pane), before, f"{name}: nothing changed")
    r = world.notify("--check", address)
    ok(r.code == 3 and "(refused)" in r.out, f"{name}: --check says so", r)


def no_way(world):
    c = world.composer("copy")
    world.tm("copy-mode", "-t", c.pane)
    refused(world, "copy", c.pane, "copy mode")
    equal(world.show(c.pane, "#{pane_in_mode}"), "1", "copy mode goes on")

    c = world.composer("off")
    world.tm("select-pane", "-d", "-t", c.pane)
    refused(world, "off", c.pane, "switched off")

    c = world.composer("sync")
    world.tm("set-option", "-w", "-t", c.pane, "synchronize-panes", "on")
    refused(world, "sync", c.pane, "synchronised")

    pane = world.window("dead", "echo gone; sleep 0.2", "gone", False)
    world.tm("set-option", "-w", "-t", pane, "remain-on-exit", "on")
    until(5, lambda: world.show(pane, "#{pane_dead}") == "1")
    world.register()
    refused(world, "dead", pane, "has ended")
    ok(world.tm("list-sessions", check=False), "and the server lives on")

    pane = world.window("secret", "bash -c 'read -s -p Password: x'",
                        "Password:")
    refused(world, "secret", pane, "password")

    path = f"{world.dir}/lines"
    world.write(path, "line\n" * 100)
    if shutil.which("less"):
        pane = world.window("pager", f"less {path}", "line\nline")
        refused(world, "pager", pane, "keys are commands")
    for editor in ("vim", "vi", "nano"):
        if shutil.which(editor):
            pane = world.window("editor", f"{editor} {path}", "line\nline")
            refused(world, "editor", pane, "keys are commands")
            break

    pane = world.window("left", "exec bash --norc --noprofile", "$")
    world.tm("set-option", "-p", "-t", pane, "@agent-seen", "1")
    refused(world, "left", pane, "a shell would run the message")

    pane = world.window("waits", "exec bash --norc --noprofile", "$")
    world.keys(pane, "sleep 1000 & wait", "Enter")
    until(10, lambda: "runs something" in
          world.notify("--check", "hub-dev-waits").out)
    refused(world, "waits", pane, "runs something")

    pane = world.window("question", "printf 'Really? [y/N] '; read x",
                        "Really")
    refused(world, "question", pane, "answer")

    script = ("import sys, termios, tty; tty.setraw(0); "
              "sys.stdout.write('raw\\r\\n'); sys.stdout.flush(); "
              "sys.stdin.read(1)")
    world.write(f"{world.dir}/rawprog", f"#!/usr/bin/python3\n{script}\n")
    pane = world.window("raw", f"exec python3 {world.dir}/rawprog", "raw")
    refused(world, "raw", pane, "", force=False)


def lines(world):
    pane = world.window("cat", "exec cat")
    refused(world, "cat", pane, "reads input", force=False)
    world.tm("set-option", "-p", "-t", pane, "@agent-profile", "lines")
    sent(world.notify("hub-dev-cat", "one\ntwo"), "submitted",
         "@agent-profile lines: a program that reads lines")
    ok(until(5, lambda: world.screen(pane).count("one ⏎ two") == 2),
       "it got one line", world.screen(pane))
    sent(world.notify("hub-dev-cat", "語" * 100), "submitted",
         "a line of several rows")
    width = 100 - len("[from root@hub (no reply) @ 2026-01-01T00:00:00Z] ") - (
        len(world.notify("--whoami").out.strip()) - len("root@hub"))
    sent(world.notify("hub-dev-cat", "x" * width), "submitted",
         "a line as wide as the pane")
    world.tm("set-option", "-p", "-t", pane, "@agent-profile", "nosuch")
    said(world.notify("hub-dev-cat", "x"), 3, "names no known profile",
         "@agent-profile names nobody")

    pane = world.window("repl", "exec python3 -q", ">>>")
    world.keys(pane, "-l", "half")
    world.sees(pane, "half")
    before = input_row(world, pane)
    sent(world.notify("hub-dev-repl", BODY), "shown", "python: shown")
    equal(input_row(world, pane), before, "python: input and cursor stay")

    pane = world.window("sleep", "exec sleep 1000")
    said(world.notify("hub-dev-sleep", "x"), 3, "is running",
         "a program that does not read: refused")


# What it prints


def prints(world):
    c = world.composer("info")
    world.tm("rename-window", "-t", c.pane, 'quote " and \\ 語')
    world.register()
    world.tm("rename-window", "-t", c.pane, "info")
    world.register()
    r = world.notify("--check", c.address)
    ok(r.code == 0 and r.out.startswith(f"{c.address}: idle (typed): "),
       "--check", r)
    r = world.notify("--check", "-v", c.address)
    ok("profile composer" in r.out and "evidence" in r.out, "--check -v", r)
    r = world.notify("--check", "--json", c.address)
    check = json.loads(r.out)
    equal((check["address"], check["state"], check["profile"], check["way"],
           check["outcome"]),
          (c.address, "idle", "composer", "compose", "typed"),
          "--check --json")
    said(world.notify("--check", "hub-dev-nobody"), 2, "no such agent",
         "--check of nobody")
    r = world.notify("--list", "--json")
    rows = {row["address"]: row for row in json.loads(r.out)}
    row = rows.get(c.address, {})
    equal((row.get("host"), row.get("session"), row.get("pane"),
           row.get("command")), ("hub", "dev", c.pane, "composer"),
          "--list --json", r)
    ok("hub-dev-quote-and" in row.get("aliases", []),
       "--list --json names the older names", row)
    plain_list = world.notify("--list").out
    equal(sorted(line.split()[0] for line in plain_list.splitlines()),
          sorted(rows), "--list names the same")
    ok(f"hub[{row.get('target')}]  composer" in
       world.notify("--list", "-v").out, "--list -v")
    ok(world.notify("--help").out.startswith("usage: notify-pane") and
       world.notify("--help").code == 0, "--help")
    ok(re.fullmatch(r"notify-pane \(panemesh\) \d+\.\d+\.\d+\n",
                    world.notify("--version").out), "--version")
    r = world.notify("hub-dev-quote-and", "by the older name")
    ok(r.code == 0 and r.err ==
       f"notify-pane: hub-dev-quote-and: is called {c.address} now\n" and
       f"→ {c.address} " in r.out, "an older name works and tells", r)
    equal(plain(c)[-1], b"by the older name", "and arrives")


def several(world):
    a, b = world.composer("fan-a"), world.composer("fan-b")
    r = world.notify(f"{a.address},{b.address},{a.address}", "both")
    ok(r.code == 0 and r.out.count("→") == 2, "several addresses", r)
    equal((plain(a), plain(b)), ([b"both"], [b"both"]), "each gets it once")
    r = world.notify(f"{a.address},hub-dev-fan-x,{b.address}", "some")
    ok(r.code == 6 and r.out.count("→") == 2 and
       "hub-dev-fan-x: no such agent" in r.err, "one of several is unknown: 6", r)
    equal((plain(a)[-1], plain(b)[-1]), (b"some", b"some"),
          "the others get it")
    r = world.notify("hub-dev-nobody,hub-dev-no-one", "x")
    ok(r.code == 6 and r.err.count("\n") == 2, "all of several: 6", r)
    r = world.notify(a.address, "-", stdin=b"from\nstdin\n")
    equal(plain(a)[-1], b"from\n  stdin", "a body from standard input")
    said(world.notify("hub-dev-fan-c", "x"), 2, "hub-dev-fan-a",
         "the nearest name is suggested")


# Who sends


def tag(composer):
    text = composer.messages()[-1].decode()
    return re.match(r"\[from (.*) @ ", text)[1]


def senders(world):
    c = world.composer("to")
    me = world.notify("--whoami").out.strip()
    ok(me.endswith("@hub"), "outside of panes: user@host", me)
    world.notify(c.address, "x")
    equal(tag(c), f"{me} (no reply)", "marked as not replyable")
    equal(world.notify("--whoami", AGENT_NAME="hub-dev-main").out.strip(),
          "hub-dev-main", "AGENT_NAME")
    world.notify(c.address, "x", AGENT_NAME="hub-dev-main")
    equal(tag(c), "hub-dev-main", "AGENT_NAME of an agent here")
    world.notify(c.address, "x", AGENT_NAME="ci.bot+1@x")
    equal(tag(c), "ci.bot+1@x (unregistered)", "AGENT_NAME of none")
    for bad in ("x;>PWNED;", "$(touch PWNED)", "a b", "../x", "-x", "a]b",
                "a\nb", "x" * 161, "ä"):
        said(world.notify(c.address, "x", AGENT_NAME=bad), 1, "AGENT_NAME",
             f"AGENT_NAME {bad[:20]!r}: refused")
    equal(len(c.messages()), 3, "nothing was sent then")

    # from inside a pane: its address, whatever it has done to its session
    pane = world.window("from", "exec bash --norc --noprofile", "$")
    for how in ("", "setsid -w ", "env -i HOME=$HOME PATH=$PATH ",
                "sh -c 'exec setsid -w \"$@\"' sh "):
        count = len(c.messages())
        world.keys(pane, "-l", f"{how}notify-pane {c.address} x")
        world.keys(pane, "Enter")
        until(10, lambda: len(c.messages()) > count)
        if not ok(len(c.messages()) > count, f"from a pane, {how}: arrives",
                  world.screen(pane)):
            continue
        equal(tag(c), "hub-dev-from", f"from a pane, {how}: its address")
        until(5, lambda: world.notify("--check", "hub-dev-from").code == 0)
    world.keys(pane, "-l", "clear; notify-pane hub-dev-from x; echo code $?")
    world.keys(pane, "Enter")
    ok(world.sees(pane, "code 1"), "to oneself: 1", world.screen(pane))
    ok("is the sender itself" in world.screen(pane).replace("\n", ""),
       "and says so", world.screen(pane))
    r = world.notify(c.address, "x", AGENT_NAME=c.address)
    ok(r.code == 1 and "is the sender itself" in r.err,
       "by its name alone too", repr(r))


# Panes that change


def changes(world):
    c = world.composer("respawn")
    world.tm("respawn-pane", "-k", "-t", c.pane, c.command)
    world.sees(c.pane, "ready")
    sent(world.notify(c.address, "again"), "submitted",
         "a respawned pane is found again")
    equal(plain(c), [b"again"], "and gets it")
    world.tm("kill-pane", "-t", c.pane)
    said(world.notify(c.address, "x"), 2, "", "a pane that is gone")
    said(world.notify(c.address, "x"), 2, "", "and stays so")

    # index 1 is another window now: the id counts
    a, b = world.composer("swap-a"), world.composer("swap-b")
    world.tm("swap-window", "-d", "-s", a.pane, "-t", b.pane)
    world.notify(a.address, "for a")
    equal((plain(a), b.messages()), ([b"for a"], []), "swapped windows")

    # beside the agent runs something else, and is the active pane
    world.tm("split-window", "-t", a.pane, "exec sleep 1000")
    sent(world.notify(a.address, "split"), "submitted", "a split window")
    equal(plain(a, 2)[-1], b"split", "the agent's pane gets it")

    world.tm("new-session", "-d", "-s", "scratch", "-n", "pad", "exec sh")
    world.register()
    said(world.notify("hub-scratch-pad", "x"), 2, "ignore_sessions",
         "an ignored session says how to include it")


def main():
    world = World(width=100, height=30)
    shells(world)
    small(world)
    types(world)
    composers(world)
    typed(world)
    people(world)
    watched(world)
    swallowed(world)
    drawn(world)
    no_way(world)
    lines(world)
    prints(world)
    several(world)
    senders(world)
    changes(world)
    equal(world.tm("list-buffers"), "", "no buffer stays behind")
    done()


main()
