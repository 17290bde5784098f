"""What the integration tests in Python share: TAP, and a world of their own.

A World is a temporary folder with HOME, tmux sockets and the host alias "hub";
whatever happens, its tmux server is killed and the folder removed."""

import atexit
import fcntl
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HERE = os.path.dirname(os.path.abspath(__file__))

count = 0
failed = 0


def ok(good, name, *notes):
    """One test's result; notes are shown when it failed."""
    global count, failed
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        failed += 1
        for text in notes:
            note(text)
    sys.stdout.flush()
    return good


def equal(got, want, name, *notes):
    return ok(got == want, name, f"got:  {got!r}", f"want: {want!r}", *notes)


def note(text):
    for line in str(text).splitlines():
        print(f"# {line}")
    sys.stdout.flush()


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}")
    sys.stdout.flush()


def done():
    """The plan, at the end; the exit status."""
    print(f"1..{count}")
    sys.exit(failed != 0)


def until(seconds, condition):
    """Poll; the condition's last value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


class Result:
    """What notify-pane said."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self):
        return f"exit {self.code}\nstdout: {self.out}\nstderr: {self.err}"


class World:
    def __init__(self, width=100, height=30, tmux="tmux"):
        self.dir = tempfile.mkdtemp(
            prefix="it.", dir=os.environ.get("TMPDIR", "/tmp")
        )
        atexit.register(self.end)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, lambda *_: sys.exit(130))
        self.home = f"{self.dir}/home"
        self.agents = f"{self.home}/.agents"
        self.inbox = f"{self.home}/.agent-inbox"
        self.sockets = f"{self.dir}/tmux"
        self.socket = f"{self.sockets}/tmux-{os.getuid()}/main"
        self.tmux = tmux
        self.clients = []
        for path in (self.home, self.agents, self.sockets):
            os.mkdir(path, 0o700)
        os.mkdir(f"{self.agents}/profiles.d", 0o700)
        shutil.copy(f"{HERE}/composer.toml", f"{self.agents}/profiles.d/")
        os.chmod(f"{self.agents}/profiles.d/composer.toml", 0o600)
        self.write(f"{self.agents}/self.conf", "hub\n")
        self.write(f"{self.dir}/tmux.conf", "")
        self.env = {
            key: value
            for key, value in os.environ.items()
            if key
            in ("PANEMESH_TEST", "ASAN_OPTIONS", "UBSAN_OPTIONS", "USER")
        }
        self.env.update(
            HOME=self.home,
            AGENT_SSH_HOME=self.home,
            TMUX_TMPDIR=self.sockets,
            PATH=f"{BUILD}:{BUILD}/helpers:" + os.environ["PATH"],
            SHELL="/bin/sh",
            LC_ALL="C.UTF-8",
            TERM="xterm-256color",
            PS1="$ ",
        )
        self.tm(
            "-f", f"{self.dir}/tmux.conf", "new-session", "-d", "-s", "dev",
            "-n", "main", "-x", str(width), "-y", str(height), "exec sh",
        )

    @staticmethod
    def write(path, text):
        with open(path, "w" if isinstance(text, str) else "wb") as f:
            f.write(text)
        os.chmod(path, 0o600)

    def end(self):
        for client in self.clients:
            client.close()
        subprocess.run(
            [self.tmux, "-L", "main", "kill-server"], env=self.env,
            capture_output=True,
        )
        shutil.rmtree(self.dir, ignore_errors=True)

    def tm(self, *args, check=True):
        r = subprocess.run(
            [self.tmux, "-u", "-L", "main", *args],
            env=self.env, capture_output=True, timeout=20, cwd=self.dir,
        )
        if check and r.returncode != 0:
            raise RuntimeError(f"tmux {args}: {r.stderr.decode()}")
        return r.stdout.decode(errors="replace").rstrip("\n")

    def show(self, pane, fmt):
        return self.tm("display-message", "-p", "-t", pane, fmt)

    def screen(self, pane, history=0):
        return self.tm("capture-pane", "-p", "-t", pane, f"-S-{history}")

    def keys(self, pane, *keys):
        self.tm("send-keys", "-t", pane, *keys)

    def sees(self, pane, text, seconds=10):
        return until(seconds, lambda: text in self.screen(pane))

    def still(self, pane, seconds=0.1):
        """Wait until the screen and its cursor have not changed for that
        long: no program says when it has drawn all of it."""
        now, since = None, 0

        def unchanged():
            nonlocal now, since
            was, now = now, (self.show(pane, "#{cursor_x} #{cursor_y}"),
                             self.screen(pane))
            if was != now:
                since = time.monotonic()
            return time.monotonic() - since >= seconds

        if not until(10, unchanged):
            raise TimeoutError(f"{pane} goes on changing")

    def quiet(self):
        """Wait until nobody has pressed a key or attached for the two seconds
        that tell a person's activity, which counts in whole seconds, from
        ours."""
        def since():
            seen = self.tm("list-clients", "-F", "#{client_activity}") + \
                "\n" + self.tm("list-sessions", "-F", "#{session_activity}")
            return time.time() - max(map(int, seen.split()))

        if not until(20, lambda: since() >= 3.2):
            raise TimeoutError("somebody goes on pressing keys")

    def register(self):
        pid = self.tm("display-message", "-p", "#{pid}")
        subprocess.run(
            [f"{BUILD}/agent-register-hook", "-p", pid, "-S", self.socket],
            env=self.env, check=True, timeout=20,
        )

    def window(self, name, command, awaits=None, register=True):
        """A window that runs `command`; its pane's id."""
        pane = self.tm(
            "new-window", "-d", "-t", "dev:", "-n", name, "-P", "-F",
            "#{pane_id}", command,
        )
        if awaits is not None and not self.sees(pane, awaits):
            panes = self.tm("list-panes", "-a", "-F", "#{pane_id} "
                            "#{window_name} #{pane_current_command}")
            raise RuntimeError(
                f"{name} ({pane}): '{awaits}' is not seen:\n"
                f"{self.screen(pane)}\nof\n{panes}"
            )
        if register:
            self.register()
        return pane

    def composer(self, name, options="", register=True, then=None):
        return Composer(self, name, options, register, then)

    def notify(self, *args, stdin=None, cwd=None, timeout=60, **env):
        r = subprocess.run(
            [f"{BUILD}/notify-pane", *args],
            env={**self.env, **env}, capture_output=True, timeout=timeout,
            cwd=cwd or self.dir,
            **({"input": stdin} if stdin is not None
               else {"stdin": subprocess.DEVNULL}),
        )
        return Result(
            r.returncode,
            r.stdout.decode(errors="replace"),
            r.stderr.decode(errors="replace"),
        )

    def killed(self, n, program, *args, **env):
        """Run it and kill it before its call n that changes something: its
        result; was it?"""
        log = f"{self.dir}/calls"
        if os.path.exists(log):
            os.unlink(log)
        r = subprocess.run(
            ["kill-at", log, str(n), f"{BUILD}/{program}", *args],
            env={**self.env, **env}, cwd=self.dir, capture_output=True,
            text=True, timeout=60, stdin=subprocess.DEVNULL)
        with open(log) as f:
            calls = f.read().split()
        return Result(r.returncode, r.stdout, r.stderr), "killed" in calls

    def mailbox(self, *args, stdin="", timeout=60, **env):
        r = subprocess.run(
            [f"{BUILD}/agent-inbox", *args], env={**self.env, **env},
            capture_output=True, text=True, timeout=timeout, cwd=self.dir,
            input=stdin)
        return Result(r.returncode, r.stdout, r.stderr)

    def attach(self, session="dev", *options):
        client = Client(self, session, *options)
        self.clients.append(client)
        return client


class Far:
    """Another host that sends to a World by way of a real sshd: a HOME with a
    key of its own, and a peers.conf that names the World's host."""

    def __init__(self, world, host):
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        if not os.path.exists(sshd):
            raise FileNotFoundError(sshd)
        self.world = world
        self.home = f"{world.dir}/{host}"
        self.env = {**world.env, "HOME": self.home,
                    "AGENT_SSH_HOME": self.home}
        for path in (self.home, f"{self.home}/.ssh", f"{self.home}/.agents"):
            os.mkdir(path, 0o700)
        for path in (f"{self.home}/.ssh/id_ed25519", f"{world.dir}/host_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", path], check=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.configure(host, port)
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.sshd = subprocess.Popen(
            [sshd, "-D", "-f", f"{world.dir}/sshd_config", "-E",
             f"{world.dir}/sshd.log"])
        world.clients.append(self)
        if not until(10, lambda: os.path.exists(f"{world.dir}/sshd.pid")):
            raise RuntimeError("sshd does not start")

    def configure(self, host, port):
        world = self.world
        told = {key: value for key, value in world.env.items()
                if key not in ("SHELL", "TERM", "PS1", "USER", "LC_ALL")}
        world.write(f"{world.dir}/sshd_config", f"""Port {port}
ListenAddress 127.0.0.1
HostKey {world.dir}/host_key
PidFile {world.dir}/sshd.pid
AuthorizedKeysFile {self.home}/.ssh/id_ed25519.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv {" ".join(f"{key}={value}" for key, value in told.items())}
""")
        world.write(f"{self.home}/.ssh/config",
                    f"Host hub\n\tHostName 127.0.0.1\n\tPort {port}\n")
        with open(f"{world.dir}/host_key.pub") as f:
            key = " ".join(f.read().split()[:2])
        world.write(f"{self.home}/.ssh/known_hosts",
                    f"[127.0.0.1]:{port} {key}\n")
        world.write(f"{self.home}/.agents/self.conf", f"{host}\n")
        world.write(f"{self.home}/.agents/peers.conf", "hub\n")

    def sync(self):
        subprocess.run([f"{BUILD}/agent-sync"], env=self.env, check=True,
                       capture_output=True,
                       timeout=60)

    def notify(self, *args, **more):
        return self.world.notify(*args, HOME=self.home,
                                 AGENT_SSH_HOME=self.home, **more)

    def close(self):
        subprocess.run([f"{BUILD}/agent-link", "--stop"], env=self.env,
                       capture_output=True)
        self.sshd.terminate()
        self.sshd.wait(10)


class Composer:
    """The helper of that name in a window, and what it was given."""

    def __init__(self, world, name, options="", register=True, then=None):
        self.world = world
        self.address = f"hub-dev-{name}"
        self.log = f"{world.dir}/{name}.log"
        self.read = 0
        self.command = f"composer -l {self.log} {options}"
        self.command = (f"exec {self.command}" if then is None
                        else f"{self.command}; {then}")
        self.pane = world.window(name, self.command, "ready", register)

    def messages(self):
        """Submitted texts as bytes; b"approved" for an answered dialog."""
        self.read = 0
        return self.news()

    def news(self):
        """Those since it was asked last."""
        try:
            with open(self.log) as f:
                f.seek(self.read)
                lines = f.read().splitlines()
                self.read = f.tell()
        except FileNotFoundError:
            return []
        return [
            b"approved" if line == "approved"
            else bytes.fromhex(line.partition(" ")[2])
            for line in lines
        ]

    def keys(self):
        try:
            with open(self.log + ".keys", "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def screen(self):
        return self.world.screen(self.pane)

    def texts(self):
        """Submitted bodies, without tag and id."""
        return [re.fullmatch(rb"\[from [^]]*\] (.*?)( \[(?:id|answers) [^]]*\])?", m,
                             re.S)[1].decode() for m in self.messages()]

    def block(self):
        """Somebody's half-typed text."""
        self.world.keys(self.pane, "-l", "half")
        self.world.sees(self.pane, "half")

    def free(self):
        self.world.keys(self.pane, "C-u")


class Client:
    """A person: a tmux client on a pty, whose output is read and dropped."""

    def __init__(self, world, session="dev", *options, width=100, height=31):
        self.world = world
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(
                world.tmux,
                [world.tmux, "-u", "-L", "main", "attach-session", *options,
                 "-t", session],
                world.env,
            )
        fcntl.ioctl(
            self.fd, termios.TIOCSWINSZ,
            struct.pack("HHHH", height, width, 0, 0),
        )
        self.reader = threading.Thread(target=self.drain, daemon=True)
        self.reader.start()
        if not until(10, lambda: world.tm("list-clients")):
            raise RuntimeError("the client does not attach")

    def drain(self):
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:
            pass

    def type(self, text):
        os.write(self.fd, text if isinstance(text, bytes) else text.encode())

    def close(self):
        if self.pid > 0:
            try:
                os.kill(self.pid, signal.SIGHUP)
                os.waitpid(self.pid, 0)
                # or it would read what gets the descriptor's number next
                self.reader.join(10)
                os.close(self.fd)
            except OSError:
                pass
            self.pid = 0
