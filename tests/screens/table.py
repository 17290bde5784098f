#!/usr/bin/env python3
"""Tables of the classifier's verdicts: table.py BUILD CASE-OR-SCREEN...

Prints, as Markdown, for each program how many screens of each label got which
verdict; then, for each profile, what becomes of its screens when the profile
is taken away: how many are judged idle though they are not, and how many of
the idle ones still are. Arguments are *.screen files, or the folders that
pack.py packs.
"""
import collections
import os
import subprocess
import sys
import tempfile

VERDICTS = ("idle", "typed", "busy", "modal", "password", "shell-left",
            "remote", "copy-mode", "dead", "unknown")


def judge(build, screens, *options):
    out = subprocess.run([os.path.join(build, "helpers/judge"), *options,
                          *screens], check=True, capture_output=True,
                         text=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def row(cells):
    print("| " + " | ".join(str(c) for c in cells) + " |")


def confusion(verdicts):
    counts = collections.Counter((r[2], r[0], r[1]) for r in verdicts)
    row(("program", "is") + VERDICTS)
    row(("---",) * 2 + ("--:",) * len(VERDICTS))
    for program, state in sorted({key[:2] for key in counts}):
        row([program, state] + [counts[program, state, v] or ""
                                for v in VERDICTS])
    total = collections.Counter((r[0], r[1]) for r in verdicts)
    for state in sorted({key[0] for key in total}):
        row(["**all**", state] + [total[state, v] or "" for v in VERDICTS])


def left_out(build, screens, verdicts):
    row(("profile left out", "its screens", "unsafe judged idle",
         "idle", "still accepted"))
    row(("---", "--:", "--:", "--:", "--:"))
    for profile in sorted({r[6] for r in verdicts} - {"-"}):
        own = [r[4] for r in verdicts if r[6] == profile]
        again = judge(build, own, "-x", profile)
        idle = [r for r in again if r[0] == "idle"]
        row((profile, len(own),
             sum(r[0] != "idle" and r[1] == "idle" for r in again),
             len(idle), sum(r[1] == "idle" for r in idle)))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    build, *names = sys.argv[1:]
    screens = [n for n in names if n.endswith(".screen")]
    cases = [n for n in names if not n.endswith(".screen")]
    with tempfile.TemporaryDirectory() as folder:
        if cases:
            pack = os.path.join(os.path.dirname(__file__), "pack.py")
            subprocess.run([sys.executable, pack, folder, *cases], check=True)
            screens += [os.path.join(folder, n)
                        for n in sorted(os.listdir(folder))]
        verdicts = judge(build, screens)
        confusion(verdicts)
        print()
        left_out(build, screens, verdicts)


if __name__ == "__main__":
    main()
