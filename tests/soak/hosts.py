"""The hosts of a soak: tests/lab with our programs, small disks, a clock."""

import os
import re
import shutil
import struct
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAB = TOP + "/tests/lab/lab"
NAMES = ["h1", "h2", "h3", "h4", "h5"]
# What every host always has: a name and what runs there.
COMPOSERS = {"c1": "-e 20 -s 40", "c2": "-b 600"}
SHELLS = ["k1"]


class Hosts:
    def __init__(self, world, build):
        self.world, self.build = world, build
        self.bin, self.logs = world + "/bin", world + "/logs"
        self.env = dict(
            os.environ,
            LAB_NAME=f"pmsoak{os.getpid()}",
            LAB_STATE=world + "/lab",
            LAB_SHARE=world,
            BUILD=build,
        )
        self.pids = {}
        os.mkdir(self.bin)
        os.mkdir(self.logs)
        for name in os.listdir(build):
            path = f"{build}/{name}"
            if re.fullmatch("notify-pane|agent-[a-z-]+", name) and os.access(path, os.X_OK):
                shutil.copy(path, self.bin)
        shutil.copy(build + "/helpers/composer", self.bin)
        shutil.copy(build + "/helpers/skew.so", self.bin)
        shutil.copy(TOP + "/tests/it/book.py", world)
        shutil.copy(TOP + "/tests/it/composer.toml", world)
        with open(build + "/panemesh.tmux.conf") as f:
            text = f.read().replace(os.path.abspath(build) + "/panemesh", world + "/panemesh")
        with open(world + "/panemesh.tmux.conf", "w") as f:
            f.write(text.replace(os.path.abspath(build), self.bin))
        with open(world + "/tmux.conf", "w") as f:
            f.write(
                "set -g default-shell /bin/sh\n"
                'set -g default-command "exec /bin/sh"\n'
                f"source-file {world}/panemesh.tmux.conf\n"
            )

    def lab(self, *args, check=True):
        r = subprocess.run(
            [LAB, *args], env=self.env, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=120,
        )
        if check and r.returncode != 0:
            raise RuntimeError(f"lab {' '.join(args)}: {r.stderr.strip()}")
        return r

    def argv(self, host, *args, preload=True, extra=()):
        """The command that runs args on a host, as its user would."""
        variables = [
            "HOME=/root", "USER=root", "SHELL=/bin/sh", "LANG=C.UTF-8",
            "TERM=xterm", "PS1=$ ", f"PATH={self.bin}:/usr/sbin:/usr/bin:/sbin:/bin",
            "LAB_OWNER=" + self.env["LAB_STATE"],
            "PANEMESH_TEST=" + os.environ.get("PANEMESH_TEST", "soak"), *extra,
        ]
        if preload:
            variables += [f"LD_PRELOAD={self.bin}/skew.so", f"SKEW={self.skew_file(host)}"]
        return [
            "nsenter", "-t", self.pids[host], "-n", "-u", "-m", "-p", "--wdns=/root",
            "env", "-i", *variables, *args,
        ]

    def run(self, host, *args, timeout=30, **how):
        return subprocess.run(
            self.argv(host, *args, **how), capture_output=True, text=True,
            errors="replace", stdin=subprocess.DEVNULL, timeout=timeout,
        )

    def sh(self, host, script, **how):
        return self.run(host, "sh", "-c", script, **how)

    def tmux(self, host, *args, **how):
        return self.run(host, "tmux", "-u", "-f", self.world + "/tmux.conf", *args, **how)

    def skew_file(self, host):
        return f"{self.world}/skew-{host}"

    def skew(self, host, seconds):
        with open(self.skew_file(host), "r+b") as f:
            f.write(struct.pack("q", seconds))

    def doom(self, one_in):
        """Kill one in so many of our programs; 0: none."""
        for host in NAMES:
            with open(self.skew_file(host), "r+b") as f:
                f.seek(8)
                f.write(struct.pack("q", one_in))

    def up(self):
        self.lab("up", "--names", ",".join(NAMES), "--rtt", "4")
        for host in NAMES:
            with open(self.skew_file(host), "wb") as f:
                f.write(bytes(16))
            with open(f"{self.world}/lab/{host}/pid") as f:
                self.pids[host] = f.read().strip()
            # Small enough to be filled in a moment.
            done = self.sh(
                host,
                "set -e; mkdir -m 700 .agents .agent-inbox\n"
                "mount -t tmpfs -o mode=700,size=4m soak .agents\n"
                "mount -t tmpfs -o mode=700,size=16m soak .agent-inbox\n"
                "mkdir -m 700 .agents/profiles.d\n"
                f"install -m 600 {self.world}/composer.toml .agents/profiles.d/\n"
                f"mkdir .local; ln -s {self.bin} .local/bin\n"
                f"echo {host} >.agents/self.conf\n"
                "echo 'link_idle = 3' >.agents/config.toml\n"
                f"printf '%s\\n' {' '.join(h for h in NAMES if h != host)} >.agents/peers.conf\n"
                "chmod 600 .agents/*.*\n"
                # What sshd starts has the host's clock and finds us.
                f"sed -i '1i SetEnv PATH={self.bin}:/usr/bin:/bin LD_PRELOAD={self.bin}/skew.so"
                f" SKEW={self.skew_file(host)}' /etc/ssh/sshd_config",
                preload=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"{host}: {done.stderr.strip()}")
            self.lab("stop-sshd", host)
            self.lab("start-sshd", host)
        for host in NAMES:
            self.keep(host)

    def down(self):
        self.lab("down", check=False)

    def keep(self, host):
        """Make what a host always has, if it is gone."""
        have = self.tmux(host, "list-windows", "-t", "=s", "-F", "#{window_name}")
        names = have.stdout.split() if have.returncode == 0 else None
        if names is None:
            self.tmux(host, "new-session", "-d", "-s", "s", "-n", "one", "-x", "160", "-y", "50")
            names = []
        for name, options in COMPOSERS.items():
            if name not in names:
                self.tmux(
                    host, "new-window", "-d", "-t", "=s:", "-n", name,
                    f"exec composer -l {self.logs}/{host}-{name}.log {options}",
                )
        for name in SHELLS:
            if name not in names:
                self.shell(host, name)

    def shell(self, host, name):
        # In the server's same turn, or the first message might go unseen.
        self.tmux(
            host, "new-window", "-d", "-t", "=s:", "-n", name, ";",
            "pipe-pane", "-t", f"=s:{name}", "-O",
            f"exec cat >>{self.logs}/{host}-{name}.log",
        )

    def processes(self):
        """(pid, host, name) of every process of every host."""
        spaces = {}
        for host, pid in self.pids.items():
            spaces[os.readlink(f"/proc/{pid}/ns/uts")] = host
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                host = spaces.get(os.readlink(f"/proc/{pid}/ns/uts"))
                if host is None:
                    continue
                with open(f"/proc/{pid}/comm") as f:
                    name = f.read().strip()
                with open(f"/proc/{pid}/stat") as f:
                    if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                        continue
            except OSError:
                continue
            found.append((int(pid), host, name))
        return found
