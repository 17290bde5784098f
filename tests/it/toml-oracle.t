#!/usr/bin/python3
"""toml_parse() and toml_write() against two oracles: the toml-test corpus of
Debian's golang-github-burntsushi-toml-dev and Python's tomllib.

Floats and dates are "unsupported" by contract, integers past 64 bits and deep
nesting are refused, which tomllib takes; these are the only differences.
Mutations are made from a fixed seed (SEED=N for another), for at most 10 s.
"""

import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import time
import tomllib

BUILD = os.environ.get("BUILD", "build")
CI = os.environ.get("CI") == "true"
PACKAGE = "golang-github-burntsushi-toml-dev"
CORPUS = pathlib.Path("/usr/share/gocode/src/github.com/BurntSushi/toml"
                      "/internal/toml-test/tests")
# What the corpus has of the TOML after 1.0.
LATER = {"valid/string/escape-esc.toml"}
SEED = int(os.environ.get("SEED", "1"))
MUTANTS, SECONDS = 10000, 10
OK, INVALID, UNSUPPORTED = 0, 1, 3

count = failed = 0


def result(ok, name, why="", directive=""):
    global count, failed
    count += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}{directive}")
    for line in "" if ok else str(why).splitlines():
        print(f"# {line}")


class Reader:
    """The helper in its batch mode; a crash of it shows as an EOFError."""

    def __init__(self):
        self.child = subprocess.Popen(
            [f"{BUILD}/helpers/toml-json", "-b"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def parse(self, data):
        """(status, tagged JSON or error, rewritten TOML)"""
        self.child.stdin.write(b"%d\n" % len(data) + data)
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise EOFError(f"the helper ended at {data!r}")
        status, json_len, toml_len = map(int, line.split())
        text = self.child.stdout.read(json_len)
        toml = self.child.stdout.read(toml_len)
        value = json.loads(text) if status == OK else text.decode("utf8",
                                                                  "replace")
        return status, value, toml

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        return self.child.wait()


class Unsupported(Exception):
    pass


def tagged(value, depth=0):
    """What tomllib made of a document, in the form of the corpus."""
    if isinstance(value, bool):
        return {"type": "bool", "value": str(value).lower()}
    if isinstance(value, str):
        return {"type": "string", "value": value}
    if isinstance(value, int):
        if not -2**63 <= value < 2**63:
            raise Unsupported("integer")
        return {"type": "integer", "value": str(value)}
    if isinstance(value, (float, datetime.date, datetime.time)):
        raise Unsupported("float or date")
    if depth > 32:
        raise Unsupported("depth")
    if isinstance(value, dict):
        return {k: tagged(v, depth + 1) for k, v in value.items()}
    return [tagged(v, depth + 1) for v in value]


def oracle(data):
    """(status, tagged value or error) as tomllib has it."""
    try:
        return OK, tagged(tomllib.loads(data.decode("utf8")))
    except Unsupported as e:
        return UNSUPPORTED, str(e)
    except (ValueError, RecursionError) as e:
        return INVALID, str(e)


def differs(reader, data):
    """Why we and tomllib differ on a document, or None."""
    want, value = oracle(data)
    got, ours, rewritten = reader.parse(data)
    if (got == OK) != (want == OK):
        return f"tomllib: {want} {value}\nwe: {got} {ours}"
    if got != OK:
        return None
    if ours != value:
        return f"tomllib: {value}\nwe: {ours}"
    again, ours, twice = reader.parse(rewritten)
    if again != OK or ours != value or twice != rewritten:
        return f"written back as {rewritten!r}\nwhich reads as {ours}"
    if oracle(rewritten) != (OK, value):
        return f"written back as {rewritten!r}, not so for tomllib"
    return None


def has_unsupported(expected):
    """Does the tagged JSON of the corpus hold a float or a date?"""
    if isinstance(expected, list):
        return any(map(has_unsupported, expected))
    if isinstance(expected.get("type"), str):
        return expected["type"] not in ("string", "integer", "bool")
    return any(map(has_unsupported, expected.values()))


def check_corpus(reader):
    files = sorted(CORPUS.rglob("*.toml"))
    for path in files:
        name = str(path.relative_to(CORPUS))
        data = path.read_bytes()
        status, value, _ = reader.parse(data)
        if name.startswith("invalid/") or name in LATER:
            result(status == INVALID, name, value)
            continue
        expected = json.loads(path.with_suffix(".json").read_text())
        if has_unsupported(expected):
            result(status == UNSUPPORTED, f"{name} (unsupported)", value)
        else:
            result((status, value) == (OK, expected), name,
                   f"want {expected}\ngot {status} {value}")
    result(len(files) > 300, f"{len(files)} files in the corpus")
    wrong = [f"{path}: {why}" for path in files
             if (why := differs(reader, path.read_bytes()))]
    result(not wrong, "tomllib agrees on all of the corpus", "\n".join(wrong))


# Pieces that meet in grammar's corners; joined by chance they are seldom valid,
# but often nearly so.
PIECES = [
    "a", "b", "c", "a.b", "a.b.c", "b.c", '"a"', "'a'", '"a.b"', '""', "a . b",
    "=", " = ", "1", "0", "-0", "+7", "0x1F", "0o17", "0b1_0", "1_000", "01",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "true", "false", "1.5", "1e3", "-inf", "nan", "1979-05-27", "07:32:00",
    '"x"', "'x'", '"""x"""', "'''x'''", '"""\n', "'''\n", '"""', "'''",
    "\\", '\\"', "\\n", "\\u00e9", "\\U0001F600", "\\ud800", "\\x", "\\ \n ",
    "[", "]", "[[", "]]", "{", "}", ",", ".", "#", "# c\n", "\n", "\r\n", "\r",
    " ", "\t", "\0", "\x7f", "\u00e9", "\u2028", "\U0001F600", "_", "-", "+",
]
KEYS = ["a", "b", "c", "a.b", "b.a", "a.b.c", "a.c", "b.c", '"a".b', "a.'b'"]
VALUES = ["1", "'s'", "[]", "[1, 2]", "{}", "{a = 1}", "{a.b = 1}", "[{}]",
          "{a = 1, b.c = 2}", "[{a = 1}, {b = []}]", "{a.b = 1, a.c = 2}",
          "{a = {b = 1}, a.c = 2}", "[\n1, # c\n2,\n]", "{b.a = {}, b.c = 1}"]


def sections(rng):
    """Headers and keys from a few names: who may add to which table?"""
    lines = []
    for _ in range(rng.randint(1, 7)):
        key = rng.choice(KEYS)
        kind = rng.random()
        if kind < 0.35:
            lines.append(f"[{key}]")
        elif kind < 0.55:
            lines.append(f"[[{key}]]")
        else:
            lines.append(f"{key} = {rng.choice(VALUES)}")
    return "\n".join(lines).encode()


def soup(rng):
    pieces = (rng.choice(PIECES) for _ in range(rng.randint(1, 12)))
    return ("a = " * (rng.random() < 0.5) + "".join(pieces)).encode()


def mutant(rng, seeds):
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randint(0, len(data))
        end = min(len(data), at + rng.randint(0, 8))
        kind = rng.random()
        if kind < 0.2 and data:
            data[at - 1] = rng.randrange(256)
        elif kind < 0.6:
            data[at:end] = rng.choice(PIECES).encode()
        elif kind < 0.8:
            del data[at:end]
        else:
            data[at:at] = data[end:end + rng.randint(1, 20)]
    return bytes(data)


def check_random(reader, name, make):
    rng = random.Random(SEED)
    end = time.monotonic() + SECONDS / 3
    wrong, done, accepted = [], 0, 0
    while done < MUTANTS and len(wrong) < 5 and time.monotonic() < end:
        data = make(rng)
        why = differs(reader, data)
        if why:
            wrong.append(f"{data!r}\n{why}")
        accepted += oracle(data)[0] == OK
        done += 1
    result(not wrong, f"{name}: {done} documents, {accepted} valid",
           "\n".join(wrong))


def main():
    reader = Reader()
    if CORPUS.is_dir():
        check_corpus(reader)
        # what stops at a float or a date tests little when changed
        seeds = [data for path in sorted(CORPUS.rglob("*.toml"))
                 if len(data := path.read_bytes()) < 2000
                 and oracle(data)[0] != UNSUPPORTED]
    else:
        result(not CI, "corpus", f"{PACKAGE} is not installed",
               "" if CI else f" # SKIP {PACKAGE} is not installed")
        seeds = [b"a = 1\n[b]\nc = ['x', {y = true}]\n[[d.e]]\nf = \"g\"\n"]
    check_random(reader, "mutations", lambda rng: mutant(rng, seeds))
    check_random(reader, "tables", sections)
    check_random(reader, "pieces", soup)
    result(reader.close() == 0, "the helper ends well")
    print(f"1..{count}")
    return failed > 0


sys.exit(main())
