#!/usr/bin/python3
"""A text that is taller than the composer shows: its end is the proof, it is
submitted once and whole; and what is not ours is not submitted."""

# time-limit: 240

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, done, equal, ok, until

SHAPES = (("no box, 30 rows", ""), ("a box of 6 rows", "-r 6"),
          ("late, a box of 6", "-r 6 -e 150"), ("a box of 3 rows", "-r 3"),
          ("swallows Enter", "-r 6 -s 200"))
BODIES = {
    "60 short lines": "\n".join(f"line {i}" for i in range(60)),
    "29 lines": "\n".join(f"row {i} of it" for i in range(29)),
    "4,000 characters": "a long word " * 330 + "end",
    "lines like menus": "\n".join(
        ["❯ 1. Yes", "go on? (y/n)", "  2. No"] * 15),
    "short rules": "\n".join(["─" * 40, "text"] * 20),
}


def arrives(composer, name, body, want=None):
    r = composer.world.notify("-v", composer.address, "-", stdin=body.encode())
    got = composer.news()
    want = want or body.replace("\n", "\n  ").encode()
    ok(r.code == 0 and len(got) == 1 and want in got[0], name, r, got,
       composer.screen())


def touched(world):
    """A person's key between paste and Enter: the end of the text is there,
    but what stands before it is out of sight."""
    composer = world.composer("touched", "-r 6 -x -e 100")
    r = world.notify(composer.address, "-",
                     stdin=BODIES["60 short lines"].encode())
    ok(r.code == 5 and "unsubmitted" in r.err,
       "a key in the end of the text: not submitted", r)
    equal(composer.news(), [], "nor was it")


def main():
    world = World(width=100, height=30)
    for number, (shape, options) in enumerate(SHAPES):
        composer = world.composer(f"c{number}", options)
        for name, body in BODIES.items():
            arrives(composer, f"{shape}: {name}", body)
        # would look like the composer's own frame
        arrives(composer, f"{shape}: rules go into a file",
                "\n".join(["a table", "━" * 80, "text"]),
                b"message too long to show: ")
        # behind the tag it cannot
        arrives(composer, f"{shape}: a rule in the first row", "─" * 42)
    touched(world)
    done()


main()
