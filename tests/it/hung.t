#!/usr/bin/python3
"""Programs that do not read what they are given, are busy with something else
when Enter comes, or draw their text anew; and senders that stop."""

# time-limit: 180

import fcntl
import os
import signal
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, World, done, equal, ok, until


def said(r, code, part, name):
    """Exit status and the reason on stderr."""
    return ok(r.code == code and part in r.err and r.out == "", name,
              f"want {code}, '{part}'", r)


def sent(r, name):
    return ok(r.code == 0 and r.out.splitlines()[-1].startswith("submitted"),
              name, r)


def program(c):
    """The composer's pid: not the pane's own, which tmux lets go on."""
    pane = c.world.show(c.pane, "#{pane_pid}")
    return int(subprocess.check_output(["pgrep", "-P", pane, "-x",
                                        "composer"]))


def hung(world):
    """One that reads nothing for longer than is waited for."""
    c = world.composer("hung", then="exec cat")
    pid = program(c)
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    said(world.notify(c.address, "one\ntwo"), 5, "was taken back",
         "a program that hangs: not submitted")
    ok(time.monotonic() - begun > 10, "it had time to read it")
    world.keys(c.pane, "k")
    said(world.notify(c.address, "text"), 3, "has not read what was typed",
         "a key that it has not read yet: refused")
    said(world.notify("--wait", "5", c.address, "text"), 8, "has not read",
         "and so when it is waited for")
    os.kill(pid, signal.SIGCONT)
    ok(until(5, lambda: c.keys() == b"k"), "that key reaches it", c.keys())
    equal(c.messages(), [], "and nothing of ours")
    c.free()
    sent(world.notify(c.address, "three"), "then it is sent to")
    equal(c.texts(), ["three"], "whole")


def busy(world):
    """One that reads Enter, is busy, and opens a dialog as soon as it takes it."""
    take = f"{world.dir}/busy.take"
    c = world.composer("busy", f"-d -z {take}")
    thread = threading.Thread(
        target=lambda: (until(20, lambda: c.keys() == b"\r"), time.sleep(3),
                        world.write(take, "")))
    thread.start()
    r = world.notify(c.address, "text")
    thread.join()
    ok(r.code in (0, 5), "Enter is read, and taken three seconds later", r)
    equal((c.texts(), c.keys()), (["text"], b"\r"),
          "no second Enter answers what it opens")


def flickers(world):
    """One that swallows Enter."""
    c = world.composer("flickers", "-k")
    for _ in range(3):
        said(world.notify(c.address, "text"), 5, "did not take Enter 4 times",
             "seen empty while it draws its text anew: not submitted")
        c.free()


def held(world):
    """The sender before stops while it waits."""
    c = world.composer("held", then="exec cat")
    os.kill(program(c), signal.SIGSTOP)
    with subprocess.Popen(
            [f"{BUILD}/notify-pane", c.address, "text"], env=world.env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        def stands():
            fd = os.open(world.show(c.pane, "#{pane_tty}"),
                         os.O_RDWR | os.O_NOCTTY)
            n = fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4)
            os.close(fd)
            return any(n)

        ok(until(10, stands), "a sender types")
        first.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        said(world.notify("--wait", "2", c.address, "text"), 8,
             "not ready within 2 s: another sender holds the pane",
             "another one is waited for as long as --wait says")
        ok(time.monotonic() - begun < 10, "not as long as it takes")
        first.kill()


def main():
    world = World()
    hung(world)
    busy(world)
    flickers(world)
    held(world)
    done()


main()
