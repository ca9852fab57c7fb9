#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes python_re_cases.json: what CPython 3.11's re makes of many patterns, texts and replacements.

    python3.11 make_python_re_cases.py [--count N] [--seed N] [--output FILE]

Standard library only; the cases written by hand are in python_re_written_cases.py. The same arguments give the same
file, byte for byte. A case is
    {"pattern", "flags", "text", "replacement",
     "error": position or -1                       when the pattern is refused, else
     "spans": [[[start, end] or null, ...], ...]   of finditer, whole first, then the groups, in UTF-8 bytes,
     "sub": text  or  "subError": position or -1}
"""

import argparse
import json
import pathlib
import random
import re
import sys
import warnings

# This folder goes into the test bundle as it is: no __pycache__ in it.
sys.dont_write_bytecode = True
from python_re_written_cases import WRITTEN  # noqa: E402

FLAGS = {"i": re.I, "m": re.M, "s": re.S, "x": re.X, "a": re.A}

ATOMS = [
    "a", "b", "c", "é", "K", "i", "1", ".", r"\d", r"\w", r"\s", r"\W", r"\S", r"\D", "[ab]", "[^a]", "[a-c]",
    r"[^\w]", r"[\d_]", "[A-Zé]", r"\.", " ", r"\x61", "-", "_", "ß",
]
POSITIONS = ["^", "$", r"\b", r"\B", r"\A", r"\Z"]
QUANTIFIERS = ["", "", "", "", "*", "+", "?", "{2}", "{1,2}", "{,1}", "{2,}"]
LETTERS = ["a", "b", "c", "A", "B", "é", "É", "k", "K", "I", "ı", "1", "2", "٣", " ", "\n", "-", "_", ".", "ß", "東"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.groups = 0

    def pick(self, values):
        return values[self.random.randrange(len(values))]

    def pattern(self):
        self.groups = 0
        return self.branches(2)

    def branches(self, depth):
        return "|".join(self.sequence(depth) for _ in range(self.pick([1, 1, 1, 2, 3])))

    def sequence(self, depth):
        return "".join(self.item(depth) for _ in range(self.pick([0, 1, 1, 2, 2, 3])))

    def item(self, depth):
        kind = self.random.random()
        if kind < 0.08:
            return self.pick(POSITIONS)
        if kind < 0.16 and self.groups:
            return "\\%d" % (1 + self.random.randrange(self.groups))
        if kind < 0.55 or depth == 0:
            atom = self.pick(ATOMS)
        else:
            form = self.pick(["(", "(", "(", "(?:", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?P<n%d>", "(?("])
            if form == "(?(":
                if not self.groups:
                    return self.pick(ATOMS)
                atom = "(?(%d)%s|%s)" % (
                    1 + self.random.randrange(self.groups), self.sequence(depth - 1), self.sequence(depth - 1))
            else:
                if "%d" in form:
                    form = form % self.groups
                if form == "(" or form.startswith("(?P"):
                    self.groups += 1
                atom = form + self.branches(depth - 1) + ")"
        quantifier = self.pick(QUANTIFIERS)
        if quantifier and self.random.random() < 0.25:
            quantifier += self.pick("?+")
        return atom + quantifier

    def text(self):
        return "".join(self.pick(LETTERS) for _ in range(self.random.randrange(9)))

    def replacement(self):
        parts = ["-", "é", r"\g<0>", r"\n"] + ["\\%d" % (group + 1) for group in range(self.groups)]
        return "".join(self.pick(parts) for _ in range(self.pick([0, 1, 2, 3])))

    def flags(self):
        return "".join(letter for letter in "imsxa" if self.random.random() < 0.15)


def byte_spans(text, match):
    def place(index):
        return len(text[:index].encode())

    return [
        None if start < 0 else [place(start), place(end)]
        for start, end in (match.span(group) for group in range(match.re.groups + 1))
    ]


def position(error):
    return getattr(error, "pos", None) if getattr(error, "pos", None) is not None else -1


def run(pattern, flags, text, replacement):
    case = {"pattern": pattern, "flags": flags, "text": text, "replacement": replacement}
    try:
        compiled = re.compile(pattern, sum(FLAGS[letter] for letter in flags))
    except (re.error, OverflowError, ValueError) as error:
        case["error"] = position(error)
        return case
    try:
        case["spans"] = [byte_spans(text, match) for match in compiled.finditer(text)]
    except SystemError:  # a fault of CPython 3.11 in possessive repetitions
        return None
    try:
        case["sub"] = compiled.sub(replacement, text)
    except (re.error, IndexError) as error:
        case["subError"] = position(error)
    return case


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=900, help="generated cases, besides the written ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default=str(pathlib.Path(__file__).with_name("python_re_cases.json")))
    arguments = parser.parse_args()
    if sys.version_info[:2] != (3, 11):
        sys.exit("the cases are those of CPython 3.11; run this with python3.11")
    warnings.simplefilter("ignore")
    cases = [run(*case) for case in WRITTEN]
    generator = Generator(arguments.seed)
    for _ in range(arguments.count):
        pattern = generator.pattern()
        case = (pattern, generator.flags(), generator.text(), generator.replacement())
        if generator.random.random() < 0.05 and pattern:  # damage some, so that errors are compared too
            cut = generator.random.randrange(len(pattern))
            case = (pattern[:cut] + generator.pick(["(", ")", "[", "*", "\\", "?", "{1}", ""]) + pattern[cut + 1:],) + case[1:]
        cases.append(run(*case))
    cases = [case for case in cases if case]
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    pathlib.Path(arguments.output).write_text("[\n" + lines + "\n]\n")


main()
