#!/usr/bin/python3
"""Many senders at one pane, and a person who types there all the while: every
message whole and once, every key of the person's arrives, our Enter is never
pressed on a composer that holds one of them, and every verdict is what the
composer's log shows; whoever the person is and by whichever client. Made from a fixed seed (SEED=N for another)."""

# time-limit: 240

import os
import random
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, note, ok, until

SEED = int(os.environ.get("SEED", "1"))
MESSAGES = int(os.environ.get("MESSAGES", "200"))
SECONDS = 40
TAG = re.compile(rb"^\[from [a-z0-9@._-]+ \(no reply\) @ [-0-9TZ:]+\] ")


def senders(world, number, each):
    """`number` processes at a time; what they came to and what arrived."""
    composer = world.composer(f"many{number}")
    results = {}

    def run(who):
        for i in range(each):
            body = f"sender {who} of {number}, message {i};\nsecond line"
            results[body] = world.notify(composer.address, body)

    threads = [
        threading.Thread(target=run, args=(who,)) for who in range(number)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    got = sorted(TAG.sub(b"", m) for m in composer.messages())
    want = sorted(b.replace("\n", "\n  ").encode() for b in results)
    bad = [repr(r) for r in results.values() if r.code != 0]
    equal(got, want, f"{number} senders: {len(want)} messages, whole, once")
    ok(not bad, f"{number} senders: every verdict is 0", *bad[:3])
    world.tm("kill-pane", "-t", composer.pane)


class Typist(threading.Thread):
    """Types words at 6 to 16 keys a second, ends them with Enter, pauses."""

    def __init__(self, client, rng):
        super().__init__()
        self.client = client
        self.rng = rng
        self.typed = b""
        self.ended = threading.Event()

    def key(self, key):
        self.client.type(key)
        self.typed += key

    def run(self):
        while not self.ended.is_set():
            for _ in range(self.rng.randrange(2, 10)):
                self.key(bytes([self.rng.randrange(0x61, 0x7b)]))
                time.sleep(self.rng.uniform(1 / 16, 1 / 6))
            self.key(b"\r")
            self.ended.wait(self.rng.choice((0.4, 1.5, 3.2, 3.3, 3.5, 4)))


def person(world, rng):
    """A typist at the composer's window while messages are sent."""
    composer = world.composer("person")
    world.tm("select-window", "-t", composer.pane)
    client = world.attach()
    typist = Typist(client, rng)
    results = {}
    todo = [f"<message {i}>" for i in range(MESSAGES)]
    end = time.monotonic() + SECONDS

    def send():
        while todo and time.monotonic() < end:
            body = todo.pop()
            results[body] = world.notify("--wait", "20", composer.address,
                                         body)

    typist.start()
    threads = [threading.Thread(target=send) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    typist.ended.set()
    typist.join()
    judge(composer, typist, results)
    moment(world, client, "paste", "load-buffer", 3)
    moment(world, client, "enter", "paste-buffer -d", 5)
    client.close()
    people(world)


def press(client, keys):
    """With prefix keys one by one: tmux takes a burst for a paste, in which
    they mean nothing (assume-paste-time)."""
    for key in re.findall(rb".", keys, re.S) if b"\002" in keys else [keys]:
        client.type(key)
        time.sleep(0.01)


def moment(world, client, name, call, code, keys=b"k", reaches=b"k",
           where="dev", split=False, back=None):
    """A key in the last moment: it has reached the program, which does not
    show it yet, when our tmux `call` arrives. `keys` are what the person's
    terminal sends, `reaches` what the program gets of it as keys."""
    composer = world.composer(name, "-e 700")
    number = world.show(composer.pane, "#{window_index}")
    if where == "other":
        world.tm("link-window", "-s", composer.pane, "-t", "other:9")
        number = "9"
    world.tm("select-window", "-t", f"{where}:{number}")
    if split:
        world.tm("split-window", "-t", composer.pane, "exec cat")
    if back:
        world.tm("select-window", "-t", back)
    world.quiet()
    now, typed = f"{world.dir}/{name}.now", f"{world.dir}/{name}.typed"
    fake = f"{world.dir}/{name}.tmux"
    world.write(fake, f"""#!/bin/sh
case $* in
*"{call}"*)
	[ -e {now} ] || : >{now}
	until [ -e {typed} ]; do sleep 0.01; done
	;;
esac
exec tmux "$@"
""")
    os.chmod(fake, 0o700)

    def person():
        if until(20, lambda: os.path.exists(now)):
            before = world.tm("list-sessions", "-F", "#{session_activity}")
            press(client, keys)
            until(5, lambda: reaches in composer.keys() and before !=
                  world.tm("list-sessions", "-F", "#{session_activity}"))
        world.write(typed, "")

    thread = threading.Thread(target=person)
    thread.start()
    r = world.notify(composer.address, "ours", TMUX_BIN=fake)
    thread.join()
    what = f"{name}: just before {call}"
    ok(r.code == code, f"{what}: {code}", r)
    equal((composer.messages(), composer.keys()), ([], reaches),
          f"{what}: no Enter", r)
    ok(("ours" in world.screen(composer.pane)) == (code == 5),
       f"{what}: the verdict is what the screen shows",
       world.screen(composer.pane))
    world.tm("kill-window", "-t", composer.pane)


def people(world):
    """Other ways for a person to be there: a second client, a grouped session,
    another session that shows the linked window, a paste, a click, a key that
    tmux takes for itself."""
    world.tm("new-session", "-d", "-s", "group", "-t", "dev")
    world.tm("new-session", "-d", "-s", "other", "exec cat")
    world.tm("set-option", "-g", "mouse", "on")
    second, grouped, other = (world.attach(s)
                              for s in ("dev", "group", "other"))
    for name, client, keys, reaches, where in (
            ("second", second, b"k", b"k", "dev"),
            ("grouped", grouped, b"k", b"k", "group"),
            ("linked", other, b"k", b"k", "other"),
            ("pasted", second, b"\033[200~kk\033[201~", b"", "dev"),
            ("clicked", second, b"\033[<0;3;3M\033[<0;3;3m", b"", "dev"),
            ("prefix", second, b"\002i", b"", "dev")):
        # what tmux keeps to itself leaves the composer empty: sent later
        if reaches or name == "pasted":
            moment(world, client, f"{name}-p", "load-buffer", 3, keys,
                   reaches, where)
        moment(world, client, f"{name}-e", "paste-buffer -d", 5, keys, reaches,
               where)


def visits(world):
    """A person whose keys go elsewhere before the text is typed and when Enter
    follows, and to the recipient in between; and one who just left it."""
    world.tm("source-file", f"{BUILD}/panemesh.tmux.conf")
    world.tm("new-window", "-d", "-n", "away", "exec cat")
    client = world.attach()
    for name, call, code in (("visit-p", "load-buffer", 3),
                             ("visit-e", "paste-buffer -d", 5)):
        # by pane, and by window
        moment(world, client, f"{name}-o", call, code, b"\002ok\002o",
               split=True)
        world.tm("select-window", "-t", "dev:away")
        moment(world, client, f"{name}-l", call, code, b"\002lk\002l",
               back="dev:away")
    composer = world.composer("left", "-e 1200 -r 4")
    world.tm("select-window", "-t", composer.pane)
    other = world.tm("split-window", "-d", "-t", composer.pane, "-P", "-F",
                     "#{pane_id}", "exec cat")
    world.quiet()
    press(client, b"no\002o")
    until(5, lambda: world.show(other, "#{pane_active}") == "1")
    r = world.notify(composer.address, " ".join(["word"] * 200))
    ok(r.code == 3, "somebody left it a moment ago, and what he typed does "
       "not show yet: refused", r)
    equal((composer.messages(), composer.keys()), ([], b"no"), "no Enter")
    client.close()


def judge(composer, typist, results):
    def arrived():
        keys = composer.keys()
        return keys if keys.count(b"\r") >= typist.typed.count(b"\r") else None

    keys = until(5, arrived) or b""
    words = typist.typed.replace(b"\r", b"")
    equal(keys.replace(b"\r", b""), words,
          f"{len(words)} keys of the person's arrive, in order")
    alone, mixed, theirs = {}, [], []
    for text in composer.messages():
        plain = TAG.sub(b"", text)
        if plain == text and b"<message" not in text:
            theirs.append(text)
        elif re.fullmatch(rb"<message \d+>", plain) and plain != text:
            body = plain.decode()
            alone[body] = alone.get(body, 0) + 1
        else:
            mixed.append(text)
    # Our text with the person's keys behind it: the person pressed Enter on
    # it, and whoever sent it was told that it stands there.
    wrong = []
    for text in mixed:
        hit = re.match(TAG.pattern + rb"(<message \d+>)[a-z]+$", text)
        result = results.get(hit[1].decode()) if hit else None
        if result is None or result.code != 5:
            wrong.append(f"{text!r}: {result!r}")
    ok(not wrong, "our Enter is never pressed on the person's keys", *wrong)
    entered = keys.count(b"\r") - typist.typed.count(b"\r")
    ok(entered <= sum(alone.values()) + len(mixed),
       "and no more Enters came than messages",
       f"{entered} Enters of ours, {sum(alone.values())} messages")
    whole = [w for w in typist.typed.split(b"\r") if w]
    strange = [t for t in theirs if t not in whole]
    ok(not strange, "what the person sent is what the person typed", *strange)
    codes = {}
    lies = []
    for body, result in results.items():
        codes[result.code] = codes.get(result.code, 0) + 1
        came = alone.get(body, 0)
        if came > 1 or result.code not in (0, 5, 8) or (
                result.code != 5 and (result.code == 0) != (came == 1)):
            lies.append(f"{body} came {alone.get(body, 0)} times: {result!r}")
    ok(not lies, "every verdict is what the log shows", *lies[:5])
    ok(codes.get(0, 0) >= len(results) // 2, "most messages find a pause",
       codes)
    note(f"verdicts {codes}, {len(mixed)} sent by the person with own keys, "
         f"{len(theirs)} lines of the person's")


def main():
    world = World(width=120, height=40)
    for number in (2, 5, 10, 20):
        senders(world, number, 3)
    person(world, random.Random(SEED))
    visits(world)
    equal(world.tm("list-buffers"), "", "no buffer stays behind")
    done()


main()
