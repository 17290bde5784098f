"""doctor.py FILE CHECK PATTERN - the rows that agent-doctor --json printed.

Print the command that mends the first row of CHECK, not ok, whose object or
cause matches PATTERN; status 1 when there is none, 2 when it has no command.
With CHECK "bad" print all bad rows but those of servers outside $HOME's world.
"""
import json
import os
import re
import sys

rows = json.load(open(sys.argv[1]))["rows"]
check, pattern = sys.argv[2:4]
world = os.environ["TMUX_TMPDIR"]
if check == "bad":
    for row in rows:
        if row["state"] == "bad" and not (
            row["check"] == "server" and not row["object"].startswith(world)
        ):
            print(row)
    sys.exit(0)
for row in rows:
    if (
        row["check"] == check
        and row["state"] != "ok"
        and re.search(pattern, row["object"] + ": " + row["cause"])
    ):
        if row["mend"] is None:
            sys.exit(2)
        print(row["mend"])
        sys.exit(0)
sys.exit(1)
