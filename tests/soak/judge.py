"""What must hold when a soak is over. Each test is (name, list of faults)."""

import os
import re
import subprocess
import time
import tomllib

from hosts import NAMES

# Everything that may stand in ~/.agents; anything else was left behind.
KNOWN = re.compile(
    r"""self\.conf|peers\.conf|config\.toml|(local|registry)\.toml|profiles\.d/composer\.toml
    |hosts/h\d(\.toml|\.bad)|run/[a-z0-9.-]+|run/peers/[a-z0-9.-]+
    |log/[a-z-]+\.log(\.1)?|log/link(\.1)?|log/feed\.jsonl(\.1)?
    |log/messages-\d{6}\.jsonl(\.1)?|log/killed(\.1)?
    |mail/[a-z0-9]{20}/(\.lock|index|(new|cur)/\d+\.[a-z0-9]{20}(:2,[A-Z]*)?)
    |mail/bad/.+""",
    re.X,
)
TEMPORARY = re.compile(r"\.[A-Za-z0-9]{6}$")
# A message whose sender was killed before it was shown: it goes in 36 h.
BEGUN = re.compile(r"mail/[a-z0-9]{20}/tmp/\d+\.[a-z0-9]{20}")


class Judge:
    def __init__(self, hosts, faults, sent, zero):
        self.hosts, self.faults, self.sent, self.zero = hosts, faults, sent, zero
        self.notes = []

    def told(self, m):
        """A message and what was done about that time."""
        near = [
            f"\n  {when - self.zero:.1f} {what}"
            for when, what in self.faults.diary
            if m.began - 3 <= when - self.zero <= m.ended + 1
        ]
        return str(m) + "".join(near[-20:])

    def every_host(self, *argv, timeout=90):
        bad = []
        for host in NAMES:
            r = self.hosts.run(host, *argv, timeout=timeout)
            if r.returncode != 0:
                bad.append(f"{host}: {' '.join(argv)}: {r.returncode} {r.stdout}{r.stderr}".strip())
        return bad

    def until_none(self, seconds, faults):
        end = time.monotonic() + seconds
        while True:
            bad = faults()
            if not bad or time.monotonic() > end:
                return bad
            time.sleep(0.5)

    # -- the address books --
    def local_books(self):
        bad = []
        for host in NAMES:
            r = self.hosts.run(
                host, "python3", self.hosts.world + "/book.py", "check",
                extra=["TMUX_TMPDIR=/tmp"],
            )
            bad += [f"{host}: {line}" for line in (r.stdout + r.stderr).splitlines()]
        return bad

    def read(self, host, name):
        try:
            return tomllib.loads(self.hosts.run(host, "cat", ".agents/" + name).stdout)
        except tomllib.TOMLDecodeError as e:
            return {"broken": str(e)}

    def shared_books(self):
        bad = []
        local = {h: self.read(h, "local.toml").get("agents", {}) for h in NAMES}
        for host in NAMES:
            book = self.read(host, "registry.toml").get("agents", {})
            for other in NAMES:
                seen = {a for a, t in book.items() if t["host"] == other}
                for address in sorted(seen ^ set(local[other])):
                    what = "has" if address in seen else "lacks"
                    bad.append(f"registry of {host} {what} {address}")
        return bad

    # -- the messages --
    def logs(self):
        """(host, window) -> all that was submitted or printed there."""
        found = {}
        for name in os.listdir(self.hosts.logs):
            host, window = name.removesuffix(".log").split("-", 1)
            with open(f"{self.hosts.logs}/{name}", "rb") as f:
                data = f.read()
            if window.startswith("c") and not window.endswith(".keys"):
                data = b"\n".join(
                    bytes.fromhex(line.split(b" ")[1].decode())
                    for line in data.split(b"\n")
                    if b" " in line
                )
            elif window.endswith(".keys"):
                continue
            found[host, window] = data
        # A long message stands in a file, one line points there.
        for host in NAMES:
            text = self.hosts.sh(
                host, "cat .agent-inbox/*/message-*.txt 2>/dev/null"
            ).stdout
            found[host, "messages"] = text.encode()
        return found

    def ended(self, m):
        """Did its window end about the time of this message? A passing one
        that was respawned or lost a pane may have lost its pipe for good."""
        host, _, window = m.to.split("-", 2)
        passing = window.startswith("e")
        return any(
            h == host and w in (None, window)
            and (passing or m.began - 2 <= when - self.zero)
            and when - self.zero <= m.ended + 2
            for h, w, when in self.faults.gone
        )

    def messages(self):
        logs = self.logs()
        all_text = b"\n".join(logs.values())
        count = {}
        for token in re.findall(rb"tok\d+x\d+y(?= word)", all_text):
            count[token] = count.get(token, 0) + 1
        twice, lost, unasked = [], [], []
        excused = 0
        for m in self.sent:
            seen = count.get(m.token.encode(), 0)
            if seen > 1:
                twice.append(f"{seen} times: {self.told(m)}")
            elif m.code == 0 and seen == 0:
                # Shown to a window that ended in that second, or whose output
                # nobody kept: nothing can be said.
                window = m.to.split("-", 2)[2]
                if self.ended(m) or (m.to.split("-")[0], window) not in logs:
                    excused += 1
                else:
                    lost.append(self.told(m))
            elif m.code not in (0, 5, 6, None) and seen == 1:
                unasked.append(self.told(m))
        self.notes.append(f"{excused} delivered to windows that ended then: not looked for")
        return twice, lost, unasked

    def files(self):
        bad, there = [], {}
        for host in NAMES:
            listed = self.hosts.sh(
                host, "cd .agent-inbox && find . -type f -exec sha256sum {} +"
            ).stdout
            for line in listed.splitlines():
                digest, path = line.split("  ", 1)
                if os.path.basename(path).startswith("message-"):
                    continue
                there.setdefault(os.path.basename(path).split(".")[0], []).append((host, digest, path))
        sent = {m.token: m for m in self.sent if m.path}
        for token, copies in there.items():
            if token not in sent:
                bad.append(f"{copies[0]}: never sent")
                continue
            want = subprocess.run(
                ["sha256sum", sent[token].path], capture_output=True, text=True
            ).stdout.split()[0]
            for host, digest, path in copies:
                if digest != want:
                    bad.append(f"{host} {path}: other bytes than were sent")
            if len(copies) > 1:
                bad.append(f"{len(copies)} copies: {copies} {sent[token]}")
        for m in sent.values():
            if m.code == 0 and m.token not in there:
                bad.append(f"no file: {m}")
        return bad

    # -- what is left --
    def processes(self):
        mine = ("agent-", "notify-pane", "tmux: client", "ssh", "nsenter")
        bad = []
        for pid, host, name in self.hosts.processes():
            if name == "sshd" and not self.faults.is_session(pid):
                continue
            if name.startswith(mine):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as f:
                        line = f.read().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                bad.append(f"{host}: {pid} {name}: {line}")
        return bad

    def left_files(self):
        bad, begun = [], []
        for host in NAMES:
            out = self.hosts.sh(
                host,
                "cd ~/.agents && find . -type f -o -type s -o -type p; "
                "cd ~/.agent-inbox && find . -name '.*' ! -name . -printf 'inbox/%P\\n'; "
                "find /tmp /run /var/tmp -type f -o -type s | grep -v -e ^/tmp/tmux-0/default$"
                " -e ^/run/sshd -e ^/run/motd -e \"^$0\" -e /mount/utab",
                extra=[],
            ).stdout
            for path in out.splitlines():
                path = path.removeprefix("./")
                if path.startswith(self.hosts.world):
                    continue
                if BEGUN.fullmatch(path):
                    begun.append(f"{host}: {path}")
                elif not KNOWN.fullmatch(path) or TEMPORARY.search(path):
                    bad.append(f"{host}: {path}")
        killed = sum(what.startswith("killed ") for _, what in self.faults.diary)
        return bad if len(begun) <= killed else bad + begun

    def locks(self):
        return self.every_host(
            "sh", "-c",
            "for f in ~/.agents/run/*.lock ~/.agents/run/*.wait ~/.agents/run/*/*.lock; do"
            ' [ ! -e "$f" ] || flock -n "$f" true || { echo "$f is held"; exit 1; }; done',
        )

    def buffers(self):
        bad = []
        for host in NAMES:
            out = self.hosts.tmux(host, "list-buffers", "-F", "#{buffer_name} #{buffer_sample}").stdout
            bad += [f"{host}: buffer {line}" for line in out.splitlines()]
        return bad

    def not_run(self):
        return self.every_host("sh", "-c", "! ls ~/ran 2>/dev/null")

    def flat(self, meter, start):
        bad = []
        for name, (early, late, files_early, files_late) in sorted(meter.report(start).items()):
            self.notes.append(f"{name}: {early}, {late} KiB; {files_early}, {files_late} descriptors")
            if max(early, late) > meter.LIMIT_KIB.get(name, 12 * 1024):
                bad.append(f"{name}: {max(early, late)} KiB")
            # Books differ in size by a few hundred entries.
            if early and late > early * 1.5 + 6 * 1024:
                bad.append(f"{name}: grew from {early} to {late} KiB")
            if max(files_early, files_late) > 80:
                bad.append(f"{name}: {max(files_early, files_late)} descriptors")
        return bad

    def servers(self):
        bad = []
        for pid, host, name in self.hosts.processes():
            if name == "tmux: server":
                panes = len(self.hosts.tmux(host, "list-panes", "-a").stdout.splitlines())
                files = len(os.listdir(f"/proc/{pid}/fd"))
                if files > 24 + 4 * panes:
                    bad.append(f"{host}: tmux has {files} descriptors for {panes} panes")
        return bad
