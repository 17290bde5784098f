#!/usr/bin/python3
"""The address book against tmux.

book.py check         compare local.toml and registry.toml with every live
                      server of this world; print what differs, exit 1
book.py get KEY ID    KEY of the entry with this window id (@1) or, among the
                      panes' own entries, pane id (%1); "address" for its name,
                      "aliases" blank-separated. $server chooses between servers
book.py valid         are both files valid TOML, if they are there?
"""

import fnmatch
import os
import re
import subprocess
import sys
import tomllib

AGENTS = os.environ.get("AGENTS_DIR", os.environ["HOME"] + "/.agents")
IGNORED = "scratch tmp temp test test-* _*".split()
MARK = "<|7f3a|>"
FIELDS = (
    "pid start_time session_id window_id window_index pane_id pane_pid "
    "pane_index pane_dead automatic-rename session_name window_name"
).split()


def load(name):
    with open(f"{AGENTS}/{name}", "rb") as f:
        return tomllib.load(f)


def sockets():
    folder = f"{os.environ['TMUX_TMPDIR']}/tmux-{os.getuid()}"
    return sorted(
        entry.path for entry in os.scandir(folder)
    )


def rows(socket):
    fmt = MARK.join("#{%s}" % f for f in FIELDS) + MARK
    r = subprocess.run(
        ["tmux", "-u", "-S", socket, "list-panes", "-a", "-F", fmt],
        capture_output=True,
        env=dict(os.environ, LC_ALL="C.UTF-8"),
        timeout=10,
    )
    if r.returncode != 0:
        return []
    out = []
    for line in r.stdout.decode("utf-8", "replace").split(MARK + "\n"):
        parts = line.split(MARK)
        if len(parts) == len(FIELDS):
            out.append(dict(zip(FIELDS, parts)))
    return out


def number(tmux_id):
    return int(tmux_id[1:])


def base_of(host, row):
    session = re.sub("[^A-Za-z0-9_-]+", "-", row["session_name"])[:64]
    slug = re.sub("[^a-z0-9]+", "-", row["window_name"].lower()).strip("-")
    slug = slug[:40].rstrip("-") or "win" + row["window_index"]
    return f"{host}-{session}-{slug}"


def live_windows(socket):
    """window id -> rows of it in sessions that are not ignored."""
    windows = {}
    for row in rows(socket):
        if any(fnmatch.fnmatchcase(row["session_name"], g) for g in IGNORED):
            continue
        windows.setdefault(row["window_id"], []).append(row)
    return windows


def check_window(bad, socket, host, wid, group, entries):
    group.sort(key=lambda r: (number(r["session_id"]), int(r["window_index"])))
    first = group[0]
    panes = {r["pane_id"]: r for r in group}
    server = f'{first["pid"]}.{first["start_time"]}'
    mine = [
        (a, t)
        for a, t in entries.items()
        if t["socket"] == socket and t["window_id"] == wid
    ]
    whole = [(a, t) for a, t in mine if "of" not in t]
    parts = [(a, t) for a, t in mine if "of" in t]
    what = f'{socket} {wid} ({first["session_name"]!r}:{first["window_name"]!r})'
    if len(whole) != 1:
        bad.append(f"{what}: {len(whole)} entries for the window")
        return
    address, t = whole[0]
    for a, p in mine:
        if p["server"] != server:
            bad.append(f"{a}: server {p['server']}, live is {server}")
        if p["pane"] not in panes:
            bad.append(f"{a}: pane {p['pane']} is not in {what}")
            continue
        row = panes[p["pane"]]
        pid = 0 if row["pane_dead"] == "1" else int(row["pane_pid"])
        if p["pane_pid"] != pid:
            bad.append(f"{a}: pane_pid {p['pane_pid']}, live is {pid}")
        if p["state"] != ("dead" if row["pane_dead"] == "1" else "live"):
            bad.append(f"{a}: state {p['state']}")
    if len(panes) > 1:
        if sorted(p["pane"] for _, p in parts) != sorted(panes):
            bad.append(f"{what}: panes' entries {[a for a, _ in parts]}")
        for a, p in parts:
            if p["of"] != address or a != f"{address}-p{p['part']}":
                bad.append(f"{a}: is no part of {address}")
    elif parts:
        bad.append(f"{what}: has one pane, but {[a for a, _ in parts]}")
    if first["automatic-rename"] != "1":
        base = base_of(host, first)
        index_only = re.fullmatch(r".*-win\d+", base)
        if not index_only and not re.fullmatch(re.escape(base) + r"(-\d+)?", address):
            bad.append(f"{address}: should be {base}")
    # The book cleans names and cuts them.
    if first["session_name"].isprintable() and len(first["session_name"].encode()) < 100:
        target = f'{first["session_name"]}:{first["window_index"]}'
        if t["target"].split(".")[0] != target.split(".")[0]:
            bad.append(f"{address}: target {t['target']}, live is {target}")
        if t["session"] != first["session_name"]:
            bad.append(f"{address}: session {t['session']}")


def check():
    bad = []
    local = load("local.toml")
    entries = local.get("agents", {})
    (host,) = local["slices"]
    seen = set()
    for socket in sockets():
        for wid, group in live_windows(socket).items():
            seen.add((socket, wid))
            check_window(bad, socket, host, wid, group, entries)
    names = {}
    for address, t in entries.items():
        if (t["socket"], t["window_id"]) not in seen:
            bad.append(f"{address}: stale, {t['socket']} {t['window_id']}")
        if t["host"] != host:
            bad.append(f"{address}: host {t['host']}")
        if not re.fullmatch("[0-9a-z]{16,26}", t["id"]):
            bad.append(f"{address}: id {t['id']}")
        for name in [address, *t.get("aliases", [])]:
            if name in names:
                bad.append(f"{name}: both {names[name]} and {address}")
            names[name] = address
    if list(entries) != sorted(entries):
        bad.append("local.toml: not sorted")
    if len({t["id"] for t in entries.values()}) != len(entries):
        bad.append("local.toml: an id stands twice")
    registry = load("registry.toml").get("agents", {})
    if {a: t for a, t in registry.items() if t["host"] == host} != entries:
        bad.append("registry.toml: differs from local.toml")
    return bad


def get(key, tmux_id):
    server = os.environ.get("server", "main")
    for address, t in load("local.toml").get("agents", {}).items():
        if os.path.basename(t["socket"]) != server:
            continue
        if tmux_id[0] == "@" and (t["window_id"] != tmux_id or "of" in t):
            continue
        if tmux_id[0] == "%" and (t["pane"] != tmux_id or "of" not in t):
            continue
        value = address if key == "address" else t.get(key, "")
        print(" ".join(value) if isinstance(value, list) else value)
        return 0
    return 1


def main():
    if sys.argv[1] == "get":
        return get(*sys.argv[2:])
    if sys.argv[1] == "valid":
        for name in "local.toml", "registry.toml":
            try:
                load(name)
            except FileNotFoundError:
                pass
        return 0
    try:
        bad = check()
    except Exception as e:
        bad = [f"{type(e).__name__}: {e}"]
    for line in bad:
        print(line)
    return 1 if bad else 0


sys.exit(main())
