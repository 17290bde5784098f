#!/usr/bin/python3
"""struct json against Python's json: random values must come out as they went
in, and any calls in any order give valid JSON or are refused. Made from a fixed
seed (SEED=N for another)."""

import codecs
import json
import os
import random
import re
import subprocess
import sys

BUILD = os.environ.get("BUILD", "build")
SEED = int(os.environ.get("SEED", "1"))
ROUNDS = 3000
UNSAFE = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")

failed = 0

# an invalid byte becomes one U+FFFD; "replace" would join some of them
codecs.register_error("bytewise", lambda e: ("\ufffd", e.start + 1))


def result(number, why, name):
    global failed
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {number} - {name}")
    for line in str(why or "").splitlines():
        print(f"# {line}")


class Writer:
    def __init__(self):
        self.child = subprocess.Popen([f"{BUILD}/helpers/json-write"],
                                      stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)

    def write(self, calls):
        """The text, or None if it is refused."""
        self.child.stdin.write("".join(c + "\n" for c in calls + ["."])
                               .encode())
        self.child.stdin.flush()
        status, length = map(int, self.child.stdout.readline().split())
        text = self.child.stdout.read(length)
        return text if status == 0 else None

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        return self.child.wait()


def random_bytes(rng):
    kind = rng.random()
    size = rng.randint(0, 12)
    if kind < 0.4:
        return bytes(rng.randrange(256) for _ in range(size))
    high = rng.choice((0x80, 0xa0, 0x800, 0x2070, 0x10000, 0x110000))
    text = "".join(chr(rng.randrange(high)) for _ in range(size))
    data = text.encode("utf8", "surrogatepass")
    return data[:rng.randint(0, len(data))] if kind < 0.6 else data


def random_value(rng, calls, depth=0):
    """Append the calls that write a value; return what must be read."""
    kind = rng.choice("sssitfn" if depth > 5 else "sitfn{{[[")
    if kind == "s":
        data = random_bytes(rng)
        calls.append(f"s {data.hex()}")
        return data.decode("utf8", "bytewise")
    if kind == "i":
        number = rng.choice((0, 1, -1, 2**63 - 1, -2**63, rng.getrandbits(50)))
        calls.append(f"i {number}")
        return number
    calls.append(kind)
    if kind == "[":
        value = [random_value(rng, calls, depth + 1)
                 for _ in range(rng.randint(0, 5))]
        calls.append("]")
    elif kind == "{":
        value = {}
        for _ in range(rng.randint(0, 5)):
            data = random_bytes(rng)
            calls.append(f"k {data.hex()}")
            key = data.decode("utf8", "bytewise")
            value[key] = random_value(rng, calls, depth + 1)
        calls.append("}")
    else:
        value = {"t": True, "f": False, "n": None}[kind]
    return value


def check_values(writer, rng):
    for i in range(ROUNDS):
        calls = ["p"] if i % 3 == 0 else []
        want = random_value(rng, calls)
        text = writer.write(calls)
        if text is None:
            return f"refused: {calls}"
        decoded = text.decode("utf8")
        if json.loads(decoded) != want:
            return f"{calls}\nwant {want!r}\ngot {text!r}"
        shown = decoded.replace("\n", "") if i % 3 == 0 else decoded
        if UNSAFE.search(shown):
            return f"not escaped: {text!r}"
    return None


def check_calls(writer, rng):
    accepted = 0
    for _ in range(ROUNDS * 3):
        size = rng.randint(0, 7)
        calls = [rng.choice(("{", "}", "[", "]", "k 61", "s 62", "i 1", "n"))
                 for _ in range(size)]
        text = writer.write(calls)
        if text is None:
            continue
        accepted += 1
        try:
            json.loads(text)
        except ValueError as e:
            return f"{calls}\n{text!r}: {e}"
    return None if accepted > 50 else f"only {accepted} accepted"


def main():
    writer, rng = Writer(), random.Random(SEED)
    print("1..3")
    result(1, check_values(writer, rng), "random values are read as written")
    result(2, check_calls(writer, rng), "any calls: valid JSON or refused")
    result(3, writer.close() and "bad exit", "the helper ends well")
    return failed > 0


sys.exit(main())
