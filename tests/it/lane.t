#!/usr/bin/python3
"""A second stream for the bytes of files: whatever order they come in, the file
is what was sent, or there is none. Two agent-serves, and a peer that talks to
both; lane-kill.t has the same between hosts."""

import hashlib
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serving import Serve, frame  # noqa: E402
from world import World, done, equal, ok, until  # noqa: E402

TOKEN = "01hzy3lanet0kenlanet0kenla"
MIB = 1 << 20


def join(world, main, token=TOKEN, *args, host="far"):
    """Another agent-serve, told whose it is; and its answer."""
    lane = Serve(world, *args, greet=None)
    answer = None
    if lane.answer("0"):
        del lane.frames["0"]
        lane.say(frame("HELLO", "0", Host=host, Host_Id="0123456789abcdef",
                       Lane=token))
        answer = lane.answer("0")
    return lane, answer


def both(world, *args):
    main = Serve(world, *args)
    equal(main.ask("LANE", "l", Token=TOKEN).code, 0, "a lane is awaited")
    lane, answer = join(world, main, TOKEN, *args)
    ok(answer is not None and answer.code == 0, "it is taken", answer)
    return main, lane


def piece(ident, data, at, **more):
    return frame("DATA", ident, data[at:at + 30000], At=str(at), **more)


def inbox(world):
    return sorted(os.path.join(at, name) for at, _, names in
                  os.walk(f"{world.inbox}") for name in names)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def any_order(world, rng):
    main, lane = both(world)
    for n in range(4):
        size = (0, 1, 3 * MIB + 7, 400000)[n]
        data = rng.randbytes(size)
        ident = f"f{n}"
        main.say(frame("FILE", ident, Name=f"order{n}", Size=str(size),
                       From="far-s-x"))
        ok(main.ask("PING", f"p{n}").code == 0, "the file is known")
        pieces = list(range(0, size, 30000))
        rng.shuffle(pieces)
        for at in pieces:
            (lane if rng.random() < .5 else main).say(piece(ident, data, at))
        main.say(frame("DATA", ident, At=str(size)))
        answer = main.answer(ident)
        ok(answer is not None and answer.code == 0, f"{size} bytes in any "
           "order, on two streams", answer)
        with open(answer.headers["Path"], "rb") as f:
            equal(sha(f.read()), sha(data), "are what was sent")
    # The end is told before the last bytes come, and a message waits for them.
    data = rng.randbytes(90000)
    main.say(frame("FILE", "late", Name="late", Size="90000",
                   From="far-s-x"))
    main.ask("PING", "p")
    main.say(piece("late", data, 0))
    main.say(frame("DATA", "late", At="90000"))
    main.say(frame("DELIVER", "msg", b"hi", To="nobody-s-x", From="far-s-x",
                   Files="late"))
    main.ask("PING", "q")
    ok("late" not in main.frames and "msg" not in main.frames,
       "the end came first: it is waited for, and its message waits")
    lane.say(piece("late", data, 60000))
    lane.say(piece("late", data, 30000))
    equal(main.answer("late").code, 0, "then it stands")
    equal(main.answer("msg").code, 2, "and the message goes on")
    equal(main.end()[0], 0, "agent-serve ends well")
    equal(lane.end()[0], 0, "and so does the other")


def lies(world, rng):
    main, lane = both(world)
    before = inbox(world)
    n = 0

    def refused(name, *frames, part="larger than announced", size="100000"):
        nonlocal n
        n += 1
        main.say(frame("FILE", f"x{n}", Name="x", Size=size, From="far-s-x"))
        main.ask("PING", f"r{n}")
        for stream, f in frames:
            stream.say(f(f"x{n}"))
        answer = main.answer(f"x{n}")
        ok(answer is not None and answer.code == 9 and
           part in answer.body.decode(), name, answer)

    data = bytes(100000)
    refused("bytes behind its end",
            (lane, lambda i: frame("DATA", i, b"x" * 10, At="99991")))
    refused("far behind it", (lane, lambda i: frame(
        "DATA", i, b"x", At="9223372036854775807")))
    refused("a part that comes twice, then all", *(
        [(main, lambda i: piece(i, data, 0))] +
        [(lane, lambda i, at=at: piece(i, data, at))
         for at in range(0, 100000, 30000)]))
    equal(inbox(world), before, "no file of any of these")
    # Where they go is no number: behind what came.
    main.say(frame("FILE", "odd", Name="odd", Size="4", From="far-s-x"))
    main.say(frame("DATA", "odd", b"ab", At="-1"))
    main.say(frame("DATA", "odd", b"cd", At="x"))
    main.say(frame("DATA", "odd"))
    answer = main.answer("odd")
    equal(open(answer.headers["Path"], "rb").read(), b"abcd", "At: no number")
    # A file that nobody announced.
    lane.say(frame("DATA", "none", b"x" * 100, At="0"))
    equal(main.ask("PING", "alive").code, 0, "an unknown file is passed over")
    # A lane carries bytes and nothing else.
    for verb, more in (("DELIVER", {"To": "a-s-b"}), ("PING", {}),
                       ("FILE", {"Size": "1"}), ("DATA", {"Abort": "1"})):
        main.say(frame("FILE", "y" + verb, Name="y", Size="9",
                       From="far-s-x"))
        main.ask("PING", "y2" + verb)
        lane.say(frame("DATA", "y" + verb, b"x", At="0"))
        lane.say(frame(verb, "y" + verb, **more))
        answer = main.answer("y" + verb)
        ok(answer is not None and answer.code == 4 and
           b"second stream" in answer.body, f"{verb} on a lane ends it",
           answer)
        ok(until(5, lambda: lane.p.poll() is not None), "for good")
        if verb != "DATA":
            main.ask("LANE", "l" + verb, Token=TOKEN)
            lane = join(world, main)[0]
    equal([f for f in inbox(world) if f.rsplit("/", 1)[1].startswith("y")],
          [], "no file of any of these")
    main.end()


def ends(world, rng):
    main, lane = both(world)
    data = rng.randbytes(90000)
    # It dies with bytes of one file on it, and none of another.
    for ident in ("gone", "whole"):
        main.say(frame("FILE", ident, Name=ident, Size="90000",
                       From="far-s-x"))
    main.ask("PING", "p")
    main.say(piece("whole", data, 0))
    main.say(piece("gone", data, 0))
    lane.say(piece("gone", data, 30000))
    main.ask("PING", "q")
    lane.p.kill()
    lane.p.stdin.close()
    answer = main.answer("gone")
    ok(answer is not None and answer.code == 4 and
       b"second stream" in answer.body, "the lane is killed: its file is "
       "refused", answer)
    for at in (60000, 30000):
        main.say(piece("whole", data, at))
    main.say(frame("DATA", "whole", At="90000"))
    equal(main.answer("whole").code, 0, "one that was not on it goes on")
    # A part was lost, and the end says so.
    main.say(frame("FILE", "short", Name="short", Size="90000",
                   From="far-s-x"))
    main.say(piece("short", data, 0))
    main.say(frame("DATA", "short", At="90000"))
    ok(main.answer("short").code == 4, "a part that never came")
    # The main one goes: nobody is left.
    main.ask("LANE", "again", Token=TOKEN)
    lane, answer = join(world, main)
    equal(answer.code, 0, "another lane")
    main.say(frame("FILE", "half", Name="half", Size="90000",
                   From="far-s-x"))
    lane.say(piece("half", data, 0))
    main.p.kill()
    ok(until(5, lambda: lane.p.poll() is not None),
       "the first is killed: the other ends")
    equal([f for f in inbox(world) if "half" in f or "gone" in f or
           "short" in f], [], "nothing is half there")


def many(world, rng):
    """As many messages wait as may, all for bytes on the lane."""
    main = Serve(world, "--peer", "far", greet=None)
    main.say(frame("HELLO", "0", Host="far", Host_Id="0123456789abcdef",
                   Can="progress"))
    main.ask("LANE", "l", Token=TOKEN)
    lane, answer = join(world, main, TOKEN, "--peer", "far")
    equal(answer.code, 0, "a lane of a bound key")
    data = rng.randbytes(70000)
    count = 40  # a bound key has 32 slots
    for n in range(count):
        main.say(frame("FILE", f"m{n}", Name="many", Size="70000",
                       From="far-s-x"))
    main.ask("PING", "p")
    for n in range(count):
        main.say(frame("DATA", f"m{n}", At="70000"))
        main.say(frame("DELIVER", f"d{n}", b"hi", To="nobody-s-x",
                       From="far-s-x", Files=f"m{n}"))
    for n in range(count):
        for at in range(0, 70000, 30000):
            lane.say(piece(f"m{n}", data, at))
    got = [main.answer(f"m{n}") for n in range(count)]
    equal([f.code for f in got if f], [0] * count, "all files stand")
    got = [main.answer(f"d{n}") for n in range(count)]
    equal([f.code for f in got if f], [2] * count, "and all messages go on")
    main.end()


def timing(world, rng):
    """What comes together, and what comes late."""
    data = rng.randbytes(60000)
    main = Serve(world)
    main.ask("LANE", "l", Token=TOKEN)
    main.say(frame("FILE", "f", Name="f", Size="60000", From="far-s-x"))
    main.ask("PING", "p")
    # It sees the lane, its bytes and the end at once.
    os.kill(main.p.pid, signal.SIGSTOP)
    lane, answer = join(world, main)
    equal(answer.code, 0, "a lane to one that does not run")
    main.say(piece("f", data, 0))
    main.say(frame("DATA", "f", At="60000"))
    lane.say(piece("f", data, 30000))
    os.kill(main.p.pid, signal.SIGCONT)
    answer = main.answer("f")
    ok(answer is not None and answer.code == 0, "all of it stands", answer)
    # The lane dies while a message waits for it: that is said at once.
    main.say(frame("FILE", "g", Name="g", Size="60000", From="far-s-x"))
    main.say(frame("DATA", "g", At="60000"))
    main.say(frame("DELIVER", "d", b"hi", To="nobody-s-x", From="far-s-x",
                   Files="g"))
    main.ask("PING", "q")
    lane.p.kill()
    lane.p.stdin.close()
    before = time.monotonic()
    answer = main.answer("d")
    ok(answer is not None and answer.code == 4 and
       time.monotonic() - before < 2, "its message is refused at once", answer)
    # A connection cannot be its own lane.
    main.ask("LANE", "m", Token=TOKEN)
    main.say(frame("HELLO", "0", Host="far", Lane=TOKEN))
    equal(main.ask("PING", "r").code, 0, "a later HELLO joins nothing")
    main.end()
    # A key that may nothing is told so, whatever stands behind its file.
    main = Serve(world, "--peer", "far", greet="else")
    main.say(frame("FILE", "f", Name="f", Size="9999999", From="far-s-x") +
             frame("PING", "..file.f"))
    answer = main.answer("f")
    ok(answer is not None and answer.code == 7, "a key of another name: its "
       "file is refused", answer)
    main.end()


def strangers(world):
    main = Serve(world)
    lane, answer = join(world, main)
    ok(answer is not None and answer.code == 7, "nobody waits for a lane",
       answer)
    equal(lane.end()[0], 0, "it ends")
    for token in ("", "x", "../../etc/passwd", "A" * 26, "0" * 27, "0" * 200):
        equal(main.ask("LANE", "bad" + str(len(token)), Token=token).code, 1,
              "a token that is none")
        lane, answer = join(world, main, token)
        ok(answer is None or answer.code == 7, "nobody joins by it", answer)
        lane.p.kill()
    main.ask("LANE", "l", Token=TOKEN)
    lane, answer = join(world, main, TOKEN[:-1] + "b")
    ok(answer is not None and answer.code == 7, "another token", answer)
    # A key that is bound to a name.
    lane, answer = join(world, main, TOKEN, "--peer", "far", host="else")
    ok(answer is None or answer.code != 0, "a bound key, another name", answer)
    lane.p.kill()
    lane, answer = join(world, main, TOKEN, "--peer", "far")
    equal(answer.code, 0, "a bound key, its own name")
    second, answer = join(world, main, TOKEN)
    ok(answer is not None and answer.code == 7, "a second one of that token",
       answer)
    # Bytes right behind the HELLO could be lost: it is not taken then.
    main.ask("LANE", "m", Token=TOKEN)
    hasty = Serve(world, greet=None)
    hasty.answer("0")
    del hasty.frames["0"]
    hasty.say(frame("HELLO", "0", Host="far", Lane=TOKEN) +
              frame("DATA", "f", b"x", At="0"))
    answer = hasty.answer("0")
    ok(answer is not None and answer.code == 7, "one that does not wait",
       answer)
    main.ask("PING", "still")
    equal(main.end()[0], 0, "the first one ends well")
    with open("/proc/net/unix") as f:
        ok(TOKEN not in f.read(), "no socket is left")


rng = random.Random(int(os.environ.get("SEED", "1")))
world = World()
any_order(world, rng)
lies(world, rng)
ends(world, rng)
many(world, rng)
timing(world, rng)
strangers(world)
world.end()
done()
