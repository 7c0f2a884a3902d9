#!/usr/bin/env python3
"""Runs clang-tidy over the sources named as arguments, in parallel, and remembers which of them were clean.

A source is checked again when it, a header of src/ that it includes directly or not, its compile command, .clang-tidy or
clang-tidy itself has changed. Arguments: the build folder, options for clang-tidy, sources. With --including=HEADER only
sources that include that header, directly or not, are checked.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(rb'^#include "([^"]+)"', re.MULTILINE)


@functools.cache
def included(path):
    """The headers of src/ that a file includes directly."""
    paths = (pathlib.Path("src") / name.decode() for name in INCLUDE.findall(path.read_bytes()))
    return [p for p in paths if p.is_file()]


def closure(source):
    """The source and all headers of src/ that it includes, directly or not."""
    found, waiting = {source}, [source]
    while waiting:
        for header in included(waiting.pop()):
            if header not in found:
                found.add(header)
                waiting.append(header)
    return sorted(found)


def main():
    build, *arguments = sys.argv[1:]
    headers = [pathlib.Path(a.removeprefix("--including=")) for a in arguments if a.startswith("--including=")]
    options = [a for a in arguments if a.startswith("-") and not a.startswith("--including=")]
    sources = [a for a in arguments if not a.startswith("-")]
    sources = [s for s in sources if all(h in closure(pathlib.Path(s)) for h in headers)]
    commands = {os.path.relpath(c["file"]): c["command"] for c in json.load(open(f"{build}/compile_commands.json"))}
    # This build compiles none of the stubs of what it has: there is no command to check them by.
    sources = [s for s in sources if s in commands]
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    common = version + pathlib.Path(".clang-tidy").read_bytes() + " ".join(options).encode()
    clean = pathlib.Path(build) / "clang_tidy_clean"
    clean.mkdir(exist_ok=True)

    def stamp(source):
        key = hashlib.sha256(common + commands.get(source, "").encode())
        for path in closure(pathlib.Path(source)):
            key.update(path.as_posix().encode() + b"\0" + path.read_bytes())
        return clean / key.hexdigest()

    def check(source):
        result = subprocess.run(["clang-tidy", "-p", build, "--quiet", "--warnings-as-errors=*", *options, source],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return result.returncode == 0, result.stdout

    todo = [(source, stamp(source)) for source in sources]
    todo = [(source, path) for source, path in todo if not path.exists()]
    # The slowest sources first, so that none is left over at the end; their headers are what takes time.
    todo.sort(key=lambda item: -len(closure(pathlib.Path(item[0]))))
    print(f"{len(todo)} of {len(sources)} sources to check", file=sys.stderr)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        running = {pool.submit(check, source): (source, path) for source, path in todo}
        for done in concurrent.futures.as_completed(running):
            source, path = running[done]
            passed, output = done.result()
            if passed:
                path.touch()
            else:
                failed += 1
                print(f"{source}:\n{output}", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
