#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes python_re_cases.json: what CPython 3.11's re makes of many patterns, texts and replacements.

    python3.11 make_python_re_cases.py [--count N] [--seed N] [--output FILE]

Standard library only. The same arguments give the same file, byte for byte. A case is
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

FLAGS = {"i": re.I, "m": re.M, "s": re.S, "x": re.X, "a": re.A}

# (pattern, flags, text, replacement)
WRITTEN = [
    # Literals, classes, escapes
    ("abc", "", "xabcabc", "-"),
    ("a.c", "", "abc a\nc aéc", "<\\g<0>>"),
    ("a.c", "s", "abc a\nc", "-"),
    (r"\.\*\+\?\(\)\[\]\{\}\^\$\|\\", "", r".*+?()[]{}^$|\ ", "-"),
    (r"\-\#\ \&\~\"\'", "", "-# &~\"'", "-"),
    (r"[]a]+", "", "a]b", "-"),
    (r"[^]a]+", "", "a]b", "-"),
    (r"[a\]b]+", "", "]ab", "-"),
    (r"[a-]+", "", "a-b", "_"),
    (r"[-a]+", "", "a-b", "_"),
    (r"[a-c-e]+", "", "abc-de", "_"),
    (r"[\w-]+", "", "ab-c é", "_"),
    (r"[\d-z]+", "", "1-z", "_"),
    (r"[a-\d]", "", "a", "_"),
    (r"[z-a]", "", "a", "_"),
    (r"[[:alpha:]]+", "", "a:[]lph", "_"),
    (r"[[a]]", "", "a] [a]]", "_"),
    (r"[a&&b]", "", "a&b", "_"),
    (r"[a--b]", "", "a-b", "_"),
    (r"[", "", "", ""),
    (r"[a", "", "", ""),
    (r"[]", "", "", ""),
    (r"[^]", "", "", ""),
    (r"[\b]", "", "a\bb", "_"),
    (r"[\B]", "", "", ""),
    (r"[\A]", "", "", ""),
    (r"[\Z]", "", "", ""),
    (r"[\8]", "", "", ""),
    (r"[\101\60]+", "", "A0B", "_"),
    (r"[\1]", "", "\x01", "_"),
    (r"[\x41-\x43]+", "", "ABCD", "_"),
    (r"[\u00e9\U0001F600]+", "", "é😀e", "_"),
    (r"\x41\u0042\U00000043", "", "ABC", "_"),
    (r"\x4", "", "", ""),
    (r"\xg1", "", "", ""),
    (r"\u12", "", "", ""),
    (r"\U0011ffff", "", "", ""),
    (r"\U00110000", "", "", ""),
    (r"\0\07\012", "", "\0\7\n", "_"),
    (r"\377", "", "ÿ", "_"),
    (r"\400", "", "", ""),
    (r"\777", "", "", ""),
    (r"\a\f\n\r\t\v", "", "\a\f\n\r\t\v", "_"),
    ("\\", "", "", ""),
    ("a\\", "", "", ""),
    (r"\p{L}", "", "", ""),
    (r"\P{L}", "", "", ""),
    (r"\K", "", "", ""),
    (r"a\Kb", "", "", ""),
    (r"\R", "", "", ""),
    (r"\h", "", "", ""),
    (r"\H", "", "", ""),
    (r"\X", "", "", ""),
    (r"\C", "", "", ""),
    (r"\G", "", "", ""),
    (r"\z", "", "", ""),
    (r"\Qa.b\E", "", "", ""),
    (r"\e", "", "", ""),
    (r"\cA", "", "", ""),
    (r"\g{1}", "", "", ""),
    (r"\k<a>", "", "", ""),
    (r"\o{12}", "", "", ""),
    (r"\i", "", "", ""),
    (r"\é", "", "é", "_"),
    # Unicode classes
    (r"\d+", "", "12 ٣٤ ５６ Ⅻ ²", "<\\g<0>>"),
    (r"\d+", "a", "12 ٣٤ ５６", "<\\g<0>>"),
    (r"\D+", "a", "12٣٤", "_"),
    (r"\w+", "", "naïve Straße 東京 _x1 ²½ Ⅻ e\u0301x", "<\\g<0>>"),
    (r"\w+", "a", "naïve Straße 東京", "<\\g<0>>"),
    (r"\W+", "", "a, é! 東。京", "_"),
    (r"\W+", "a", "a, é! 東。京", "_"),
    (r"[^\W\d]+", "", "ab12é ٣x", "_"),
    (r"[\W\d]+", "", "ab12é ٣x", "_"),
    (r"[^\Wa]+", "", "abéa", "_"),
    (r"[\Wa]+", "i", "abAéa !", "_"),
    (r"\s+", "", "a \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000b\u180e\u200bc", "_"),
    (r"\s+", "a", "a \t\n\x1c\x85\xa0b", "_"),
    (r"\S+", "", "a\x1cb\u180ec", "_"),
    (r"[\S]+", "", "a\x1cb\u180ec", "_"),
    (r"[^\s,]+", "", "a b,c\x1fd", "_"),
    (r"[\s\S]+", "", "a b", "_"),
    (r"\b\w", "", "über große, ²a", "_"),
    (r"\b\w", "a", "über große", "_"),
    (r"\B", "", "ab é", "_"),
    (r"\B", "", "", "_"),
    (r"\B", "a", "", "_"),
    (r"\b", "", "", "_"),
    (r"\b", "", "a b", "|"),
    (r"\b", "a", "é b", "|"),
    (r"(?a:\b\w+\b) (\w+)", "", "ab é", "_"),
    # Case
    ("straße", "i", "STRASSE Straße STRAẞE", "_"),
    ("ΣΊΣΥΦΟΣ", "i", "σίσυφος", "_"),
    ("i", "i", "iIİı", "_"),
    ("[a-z]+", "i", "aZſKİı", "_"),
    ("[a-z]+", "ia", "aZſKİı", "_"),
    ("[^i]+", "i", "aiIİıb", "_"),
    ("k", "i", "kKK", "_"),
    ("k", "ia", "kKK", "_"),
    ("[k-l]", "ia", "kKKlL", "_"),
    ("é", "ia", "éÉ", "_"),
    ("é", "i", "éÉ", "_"),
    ("µ", "i", "µμΜ", "_"),
    ("ﬅ", "i", "ﬅﬆ", "_"),
    ("ΐ", "i", "ΐΐ", "_"),
    ("(?i:a)b", "", "AB Ab ab", "_"),
    ("(?-i:a)b", "i", "AB aB ab", "_"),
    ("(?i)a(?-i:b)c", "", "ABC AbC abc", "_"),
    ("(?i:a(?-i:b(?i:c)))", "", "AbC ABC", "_"),
    ("(?ai:k)", "", "kKK", "_"),
    ("(?a-i:k)", "i", "kKK", "_"),
    ("(?u:k)", "ia", "kKK", "_"),
    (r"(a)\1", "i", "aA", "_"),
    (r"(a)\1", "ia", "aA", "_"),
    # Anchors
    ("^a", "", "a\na", "_"),
    ("^a", "m", "a\na", "_"),
    ("^", "m", "a\nb\n", "_"),
    ("$", "", "a\n", "_"),
    ("$", "", "a", "_"),
    ("$", "m", "a\nb\n", "_"),
    ("a$", "", "a\na\n", "_"),
    ("a$", "m", "a\na\n", "_"),
    (r"a\Z", "", "a\na\n", "_"),
    (r"a\Z", "m", "a\na", "_"),
    (r"\Aa", "m", "a\na", "_"),
    ("a$", "", "a\r\n", "_"),
    (".", "", "\r\n\x85\u2028a", "_"),
    ("^$", "m", "\n\n", "_"),
    ("(?m:^a)|(?m:b$)", "", "a\na b\nb", "_"),
    # Groups, references, conditions
    (r"(?P<year>\d{4})-(?P<month>\d\d)", "", "on 2024-05 and 1999-12", r"\g<month>/\g<year>"),
    (r"(?P<a>x)(?P=a)", "", "xx", r"\g<a>\1\g<1>\g<0>"),
    (r"(?P<größe>\d+)", "", "12", r"\g<größe>!"),
    (r"(?P<a_very_long_name_that_is_longer_than_pcre_takes_it>x)", "", "x",
     r"\g<a_very_long_name_that_is_longer_than_pcre_takes_it>y"),
    (r"(?P<a>x)(?P<a>y)", "", "", ""),
    (r"(?P<1a>x)", "", "", ""),
    (r"(?P<a-b>x)", "", "", ""),
    (r"(?P<>x)", "", "", ""),
    (r"(?P<a", "", "", ""),
    (r"(?P=a)", "", "", ""),
    (r"(?P=a", "", "", ""),
    (r"(?P>a)", "", "", ""),
    (r"(?P", "", "", ""),
    (r"(?", "", "", ""),
    (r"(?<n>x)", "", "", ""),
    (r"(?'n'x)", "", "", ""),
    (r"(?|a|b)", "", "", ""),
    (r"(?&a)", "", "", ""),
    (r"(?R)", "", "", ""),
    (r"(?1)", "", "", ""),
    (r"(?+1)", "", "", ""),
    (r"(?C1)", "", "", ""),
    (r"(*ACCEPT)", "", "", ""),
    (r"(*UTF8)a", "", "", ""),
    (r"a(*F)", "", "", ""),
    (r"(a)(b)?", "", "ab a", r"[\1|\2]"),
    (r"(a)|(b)", "", "ab", r"[\1|\2]"),
    (r"(a)\1", "", "aa", "_"),
    (r"(a)\2", "", "", ""),
    (r"\1(a)", "", "", ""),
    (r"(a\1)", "", "", ""),
    (r"(a)\10", "", "", ""),
    (r"(a)\100", "", "a@", "_"),
    (r"(a)\18", "", "", ""),
    (r"((a)(b))\3\2\1", "", "abbaab", "_"),
    (r"(a)?\1b", "", "ab aab b", "_"),
    (r"(?:(a)|b)\1", "", "aa b", "_"),
    (r"(a)?(?(1)b|c)", "", "ab c a", "_"),
    (r"(a)?(?(1)b)", "", "ab a", "_"),
    (r"(?P<q>')?x(?(q)')", "", "'x' x 'x", "_"),
    (r"(?(1)a|b)(c)?", "", "bc b", "_"),
    (r"(?(2)a|b)(c)", "", "", ""),
    (r"(?(0)a)", "", "", ""),
    (r"(?(a)b)", "", "", ""),
    (r"(a)(?(1)b|c|d)", "", "", ""),
    (r"(a)(?(1b)", "", "", ""),
    (r"(a)(?(1", "", "", ""),
    (r"(a)(?(1)b", "", "", ""),
    (r"(?:a)(?:b|c)+", "", "abcb", "_"),
    (r"(?>a*)b", "", "aab", "_"),
    (r"(?>a*)a", "", "aaa", "_"),
    (r"(?#comment)a", "", "a", "_"),
    (r"a(?#com\)ment)b", "", "ab", "_"),
    (r"(?#comment", "", "", ""),
    ("(", "", "", ""),
    (")", "", "", ""),
    ("a)", "", "", ""),
    ("(a", "", "", ""),
    ("((a)", "", "", ""),
    ("()", "", "ab", "_"),
    ("|", "", "ab", "_"),
    ("a|", "", "ab", "_"),
    ("|a", "", "ab", "_"),
    # Look-around
    (r"(?<=a)b", "", "ab b", "_"),
    (r"(?<!a)b", "", "ab b", "_"),
    (r"(?<=ab|cd)e", "", "abe cde", "_"),
    (r"(?<=a|bc)e", "", "", ""),
    (r"(?<=a+)b", "", "", ""),
    (r"(?<=a{2})b", "", "aab ab", "_"),
    (r"(?<=a{1,2})b", "", "", ""),
    (r"(?<=é)b", "", "éb eb", "_"),
    (r"(?<=(a))b", "", "ab", r"\1"),
    (r"(a)(?<=\1)b", "", "ab", r"_"),
    (r"(?<=(a)\1)b", "", "", ""),
    (r"(?<=^)a", "", "aa", "_"),
    (r"(?<=^a)b", "m", "ab\nab", "_"),
    (r"(?<=\b)a", "", "a ba", "_"),
    (r"(?<=(?:a|b)c)d", "", "acd bcd", "_"),
    (r"(?<=a(?=b))b", "", "ab", "_"),
    (r"(?<=(?<=a)b)c", "", "abc", "_"),
    (r"(?<=)a", "", "a", "_"),
    (r"(?<!)a", "", "a", "_"),
    (r"a(?!b)", "", "ab ac", "_"),
    (r"a(?=(b))", "", "ab", r"\1\1"),
    (r"(?=a)*b", "", "ab b", "_"),
    (r"(?=(a))?ab", "", "ab", r"[\1]"),
    (r"(?!)", "", "a", "_"),
    (r"(?!a)+b", "", "ab", "_"),
    # Quantifiers
    ("a{2}", "", "aaaaa", "_"),
    ("a{2,}", "", "aaaaa", "_"),
    ("a{,2}", "", "aaaaa", "_"),
    ("a{,}", "", "aaaaa", "_"),
    ("a{2,3}?", "", "aaaaa", "_"),
    ("a{}", "", "a{}", "_"),
    ("a{", "", "a{", "_"),
    ("a{1", "", "a{1", "_"),
    ("a{1,", "", "a{1,", "_"),
    ("a{x}", "", "a{x}", "_"),
    ("a{1, 2}", "", "a{1, 2}", "_"),
    ("{", "", "{", "_"),
    ("{1}", "", "", ""),
    ("x{0}y", "", "xy", "_"),
    ("a{3,2}", "", "", ""),
    ("*a", "", "", ""),
    ("(*a)", "", "", ""),
    ("a|*", "", "", ""),
    ("a**", "", "", ""),
    ("a*+", "", "aaa", "_"),
    ("a*+a", "", "aaa", "_"),
    ("a++b", "", "aab", "_"),
    ("a?+a", "", "a aa", "_"),
    ("a{1,2}+a", "", "aaa aa", "_"),
    ("a+*", "", "", ""),
    ("a{2}{3}", "", "", ""),
    ("(?:a{2}){3}", "", "aaaaaaa", "_"),
    ("a???", "", "", ""),
    ("a??", "", "aa", "_"),
    ("a*?", "", "aa", "_"),
    ("^*", "", "", ""),
    ("$+", "", "", ""),
    (r"\b*", "", "", ""),
    (r"\A?", "", "", ""),
    ("(?:^)*a", "", "aa", "_"),
    ("(a*)*", "", "aab", r"[\1]"),
    ("(a*)+", "", "aab", r"[\1]"),
    ("(a|b)*", "", "aab", r"[\1]"),
    ("(?:a|(b))*", "", "aba", r"[\1]"),
    ("(a|b)*?c", "", "abc", r"[\1]"),
    ("(?:)*", "", "a", "_"),
    ("()*", "", "a", "_"),
    # Empty matches
    ("x*", "", "axbxx", "-"),
    ("", "", "abé", "-"),
    ("a*", "", "baac", "-"),
    ("a|", "", "ba", "-"),
    (r"\b|a", "", "a b", "-"),
    ("(?=b)|b", "", "ab", "-"),
    ("(?=b)|(?<=a)b|c", "", "abc", "-"),
    # Flags
    ("(?i)a", "", "aA", "_"),
    ("(?i)(?m)^a", "", "A\na", "_"),
    ("(?im)^a", "", "A\na", "_"),
    ("(?s).", "", "\n", "_"),
    ("(?x) a b # c\n d", "", "abd", "_"),
    ("(?x)[ a]#\nb", "", " b", "_"),
    ("(?x)a\\ b", "", "a b", "_"),
    ("(?x)a * b", "", "aab", "_"),
    ("(?x)a {2}", "", "aa", "_"),
    ("(?x)( ?:a)", "", "", ""),
    ("(?x)(? :a)", "", "", ""),
    (" a b ", "x", "ab", "_"),
    ("a(?x: b c )d e", "", "abcd e", "_"),
    ("(?x: a (?-x: b) )", "", "a b", "_"),
    ("a#b", "x", "a", "_"),
    ("a(?i)b", "", "", ""),
    (" (?i)b", "", "", ""),
    ("(a)(?i)b", "", "", ""),
    ("((?i)a)", "", "", ""),
    ("a|(?i)b", "", "", ""),
    ("(?L)a", "", "", ""),
    ("(?u)a", "", "a", "_"),
    ("(?a)é\\w", "", "éé éa", "_"),
    ("(?au)a", "", "", ""),
    ("(?a)(?u)a", "", "", ""),
    ("(?u)a", "a", "", ""),
    ("(?-a:a)", "", "", ""),
    ("(?i-i:a)", "", "", ""),
    ("(?z)", "", "", ""),
    ("(?i", "", "", ""),
    ("(?i-", "", "", ""),
    ("(?i-)", "", "", ""),
    ("(?-)", "", "", ""),
    ("(?-:a)", "", "", ""),
    ("(?i-s", "", "", ""),
    ("(?i-s)", "", "", ""),
    ("(?i!a)", "", "", ""),
    ("(?iz:a)", "", "", ""),
    ("(?^:a)", "", "", ""),
    # Replacements
    ("(a)", "", "a", r"\1\n\t\\"),
    ("(a)", "", "a", r"\a\b\f\r\v"),
    ("(a)", "", "a", r"\g<1>0"),
    ("(a)", "", "a", r"\10"),
    ("(a)", "", "a", r"\100"),
    ("(a)", "", "a", r"\0\01\012\0123"),
    ("(a)", "", "a", r"\377"),
    ("(a)", "", "a", r"\400"),
    ("(a)", "", "a", r"\8"),
    ("(a)", "", "a", r"\81"),
    ("(a)", "", "a", r"\2"),
    ("(a)", "", "a", r"\g<2>"),
    ("(a)", "", "a", r"\g<b>"),
    ("(a)", "", "a", r"\g<>"),
    ("(a)", "", "a", r"\g<1"),
    ("(a)", "", "a", r"\g1"),
    ("(a)", "", "a", r"\g"),
    ("(a)", "", "a", r"\g<-1>"),
    ("(a)", "", "a", r"\g<1x>"),
    ("(a)", "", "a", r"\q"),
    ("(a)", "", "a", r"\x41"),
    ("(a)", "", "a", r"\u0041"),
    ("(a)", "", "a", r"\&\.\-\é\!"),
    ("(a)", "", "a", "\\"),
    ("(a)", "", "a", "$1 ${1} $0 &"),
    ("(a)", "", "aé", "é\\1é"),
    ("(é+)(.)", "", "ééx", r"\2\1"),
]

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
    case["spans"] = [byte_spans(text, match) for match in compiled.finditer(text)]
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
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    pathlib.Path(arguments.output).write_text("[\n" + lines + "\n]\n")


main()
