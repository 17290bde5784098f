"""docs/LIVE.md from the results of `live/run send`."""

import json
import os
import statistics

KINDS = ("30", "300", "1500", "4000", "lines")
STATES = ("idle", "busy", "urgent", "start", "dialog")
HEAD = """# The real agent CLIs, sent to

Written by `tests/live/run table` from the results of `tests/live/run send`.
Each cell is good messages of all that were sent: of 30, 300, 1,500 and 4,000
characters, of ten lines, and ("tall") of sixty short ones. Good means that what
`notify-pane` said is what the program's service, a mock on the loopback,
received: "submitted" exactly once and whole; or refused, and nothing received,
in a dialog, and in the middle of a turn of a program that would take it into
the turn. No dialog was ever answered, unless a row below says so.
"""


def load(where):
    results = []
    folder = f"{where}/results"
    for name in sorted(os.listdir(folder)):
        with open(f"{folder}/{name}") as f:
            for line in f:
                result = json.loads(line)
                if result.pop("late", False):  # in place of the first verdict
                    results.remove({**result, "count": 1, "good": True})
                results.append(result)
    return results


def cell(results):
    if not results:
        return "-"
    return f"{sum(r['good'] for r in results)} of {len(results)}"


def middle(values):
    return f"{statistics.median(values):.0f}" if values else "-"


def write(where):
    results = load(where)
    programs = sorted({(r["program"], r["version"]) for r in results})
    kinds = KINDS + (("tall",) if any(r["kind"] == "tall" for r in results)
                     else ())
    print(HEAD)
    for state in STATES:
        print(f"## {state}\n\n| program | " + " | ".join(kinds)
              + " | in all |\n|" + "---|" * (len(kinds) + 2))
        for program in programs:
            rows = [r for r in results if r["state"] == state
                    and (r["program"], r["version"]) == program]
            if rows:
                cells = [cell([r for r in rows if r["kind"] == kind])
                         for kind in kinds]
                print(f"| {' '.join(program)} | {' | '.join(cells)} | "
                      f"{cell(rows)} |")
        print()
    print("## What it cost\n\nMedians of the messages that were submitted "
          "while idle: the whole of `notify-pane`,\nhow much of that it "
          "waited for the program, its tmux calls,\nand the time after which "
          "the service had the message.\n\n"
          "| program | ms | of them waiting | tmux calls | received after ms "
          "|\n|---|---|---|---|---|")
    for program in programs:
        rows = [r for r in results if r["state"] == "idle" and r["good"]
                and (r["program"], r["version"]) == program]
        if rows:
            print(f"| {' '.join(program)} | "
                  f"{middle([r['ms'] for r in rows])} | "
                  f"{middle([r['waited'] for r in rows if r.get('waited')])}"
                  f" | {middle([r['calls'] for r in rows if r['calls']])} | "
                  f"{middle([r.get('arrived_ms', 0) for r in rows])} |")
    bad = [r for r in results if not r["good"]]
    print(f"\n## What was not good\n\n{len(bad)} of {len(results)}; "
          f"submitted but not received once and whole: "
          f"{sum(r['code'] == 0 for r in bad)}; commands approved: "
          f"{sum(r['approved'] for r in results)}.\n")
    for r in bad:
        said = r["verdict"].replace("notify-pane: hub-dev-agent: ", "")
        print(f"- {r['program']} {r['version']}, {r['state']}, {r['kind']}: "
              f"exit {r['code']}, received {r['count']} times: {said}")
    return 0
