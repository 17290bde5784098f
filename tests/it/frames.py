"""frames.py HOLDER SERVER N LINK... - N frames of all kinds through a kept link.

LINK is a command that speaks frames (agent-link -k PEER); a new one is started
for every thousand of them, and many of these die in the middle of something.
HOLDER and SERVER are the processes of the link's two ends. A line for each
twentieth part: frames, then KiB resident and descriptors of the one, and of
the other."""
import os
import subprocess
import sys

holder, server, total = (int(x) for x in sys.argv[1:4])
command = sys.argv[4:]
CALLER = 1000  # frames of one
# Of the kinds of requests below, by the first letter of their id.
CODES = {"p": "0", "q": "0", "c": "0", "d": "0", "n": "2", "x": "1", "w": "0"}


def frame(verb, ident, body=b"", **headers):
    head = "panemesh/1 %s %s %d\n" % (verb, ident, len(body))
    for name, value in headers.items():
        head += "%s: %s\n" % (name.replace("_", "-"), value)
    return head.encode() + b"\n" + body


def resident(pid):
    """Not what is mapped of files: a page of libc read for the first time is
    no growth."""
    with open("/proc/%d/status" % pid) as f:
        return int(next(x for x in f if x.startswith("RssAnon")).split()[1])


def look(pid):
    return "%d %d" % (resident(pid), len(os.listdir("/proc/%d/fd" % pid)))


class Caller:
    def __init__(self):
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.owed = set()
        if self.answer()[0] != "HELLO":
            sys.exit("no HELLO")
        self.say(frame("HELLO", "0", Host="a", Host_Id="0", Can="progress"))

    def answer(self):
        """One frame: its verb, id and code."""
        first, code = b"", ""
        while not first.startswith(b"panemesh/1 "):
            first = self.p.stdout.readline()
            if not first:
                sys.exit("the link ended")
        while (line := self.p.stdout.readline()) not in (b"\n", b""):
            if line.startswith(b"Code: "):
                code = line[6:-1].decode()
        _, verb, ident, size = first.decode().split()
        self.p.stdout.read(int(size))
        return verb, ident, code

    def say(self, data):
        self.p.stdin.write(data)

    def ask(self, verb, ident, *body, **headers):
        self.say(frame(verb, ident, *body, **headers))
        self.owed.add(ident)

    def wait(self, left=0):
        self.p.stdin.flush()
        while len(self.owed) > left:
            verb, ident, code = self.answer()
            if verb == "PROGRESS" or ident not in self.owed:
                continue  # or of a file
            self.owed.discard(ident)
            if code != CODES.get(ident[0], code):
                sys.exit("%s: code %s" % (ident, code))

    def file(self, ident, end):
        """Three frames; not waited for: it may be given up."""
        self.say(frame("FILE", ident, Name="f", Size=3000, From="a-s-one"))
        self.say(frame("DATA", ident, b"x" * 3000))
        self.say(frame("DATA", ident) if end else
                 frame("DATA", ident, Abort="1"))

    def end(self, kill):
        if kill:  # in the middle of a frame, with answers and a file due
            self.say(frame("PING", "late"))
            self.say(frame("FILE", "half", Name="h", Size=9, From="a-s-one"))
            self.say(frame("DATA", "half", b"y" * 100)[:-50])
            self.p.stdin.flush()
            self.p.kill()
        try:
            self.p.stdin.close()
        except BrokenPipeError:
            pass
        self.p.stdout.close()
        self.p.wait()


def hundred(c, n):
    """A hundred frames and their answers."""
    one = "%d" % n
    for i in range(40):
        c.ask("PING", "p%d.%s" % (i, one))
    c.ask("CHECK", "c" + one, To="b-s-one")
    c.ask("DELIVER", "d" + one, b"hello", To="b-s-one", From="a-s-one")
    c.ask("DELIVER", "d" + one, b"hello", To="b-s-one", From="a-s-one")
    c.ask("DELIVER", "n" + one, b"hello", To="b-s-nobody", From="a-s-one")
    c.ask("PULL", "l" + one, Have="1")
    c.ask("PUSH", "o" + one, Offer="1", Generation="1")
    c.ask("PUSH", "u" + one, b"no slice", Generation="2")
    c.ask("DANCE", "x" + one)
    c.say(frame("DATA", "nobody", b"z" * 20000))
    c.file("f" + one, True)
    c.ask("DELIVER", "w" + one, b"with", To="b-s-one", From="a-s-one",
          Files="f" + one)
    c.file("a" + one, False)
    c.wait(20)
    for i in range(44):
        c.ask("PING", "q%d.%s" % (i, one))
    c.wait()


done = shown = 0
while done < total:
    c = Caller()
    for _ in range(CALLER // 100):
        hundred(c, done)
        done += 100
        if done >= shown:
            print(done, look(holder), look(server), flush=True)
            shown += total // 20
    c.end(done // CALLER % 2 == 0)
