#!/usr/bin/env python3
"""Pack captured cases into one .screen file each: pack.py OUT CASE...

A case is a folder with screen.ansi (capture-pane -p -e -N) and meta.json (tmux
formats, `stty -a`, ps). The result is a header of "key: value" lines, an empty
line and the screen's bytes; tests/helpers/judge.c reads it.
"""
import json
import os
import re
import sys

KEYS = ("cursor_x", "cursor_y", "cursor_flag", "alternate_on", "mouse_any_flag",
        "pane_in_mode", "pane_dead", "pane_input_off", "pane_synchronized",
        "pane_width", "pane_height", "history_size",
        "pane_current_command", "pane_title")


def pack(case, out):
    with open(os.path.join(case, "meta.json"), encoding="utf-8") as f:
        meta = json.load(f)
    with open(os.path.join(case, "screen.ansi"), "rb") as f:
        screen = f.read()
    lines = [f"{k}: {meta[k]}" for k in ("program", "state", "variant")]
    lines += [f"{k}: {meta['tmux'].get(k, '')}" for k in KEYS]
    stty = meta.get("stty", "")
    if stty:
        modes = [w for w in ("icanon", "echo", "isig")
                 if re.search(rf"(^|\s){w}\b", stty)]
        lines.append("tty: " + " ".join(modes))
    for row in meta.get("ps", "").split("\n"):
        # pid ppid pgrp tpgid stat comm args; comm may be "tmux: client"
        f = row.split(None, 5)
        if len(f) < 6 or f[2] != f[3]:
            continue
        m = re.match(r"(tmux: \w+|\S+)\s*(.*)$", f[5])
        lead = "leader" if f[0] == f[2] else "process"
        lines.append(f"{lead}: {m.group(1)}\t{m.group(2)}")
        if f[4].startswith("R"):
            lines.append("running: yes")
    name = os.path.basename(case.rstrip("/"))
    with open(os.path.join(out, name + ".screen"), "wb") as f:
        f.write("\n".join(lines).encode() + b"\n\n" + screen)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    for folder in sys.argv[2:]:
        pack(folder, sys.argv[1])
