#!/usr/bin/env python3
"""Finds variables that are initialised by more than five values without the names of the members: Type name{a, b, ...}.

Arguments: C++ sources. Arrays, containers and Json are not checked.
"""

import pathlib
import re
import sys

MOST = 5
# Comments and literals may contain braces and commas.
IGNORED = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)
VARIABLE = re.compile(r"(?:^|[;{}(])\s*(?:static |inline |constexpr |const )*(?:\w+::)*(?!Json\b)[A-Z]\w+ \w+ ?(?:= ?)?\{", re.MULTILINE)


def values_in(text, begin):
    """The number of values in the braces that open before `begin`, or 0 if they have names or are a body of code."""
    depth, count = 0, 1
    for at in range(begin, len(text)):
        if text[at] in "({[":
            depth += 1
        elif text[at] in ")}]":
            if depth == 0:
                return count
            depth -= 1
        elif depth == 0 and text[at] == ",":
            count += 1
        elif depth == 0 and (text[at] == ";" or (text[at] == "." and not text[begin:at].strip())):
            return 0
    return 0


def main():
    found = 0
    for name in sys.argv[1:]:
        text = IGNORED.sub(lambda match: re.sub(r"[^\n]", "_", match[0]), pathlib.Path(name).read_text())
        for match in VARIABLE.finditer(text):
            if values_in(text, match.end()) > MOST:
                line = text.count("\n", 0, match.end()) + 1
                print(f"{name}:{line}: more than {MOST} values without the names of their members")
                found += 1
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
