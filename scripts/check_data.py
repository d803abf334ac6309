#!/usr/bin/env python3
"""Checks that TOML and JSON files are well formed and that Python files compile.

Usage: check_data.py DIR
"""

import json
import os
import sys
import tomllib

SKIPPED = {".git", "target", "rg-out", "node_modules"}


def compiles(text, path):
    compile(text, path, "exec", dont_inherit=True)


CHECKS = {
    ".toml": lambda text, _path: tomllib.loads(text),
    ".json": lambda text, _path: json.loads(text),
    ".py": compiles,
}


def files(root):
    for directory, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED)
        yield from (os.path.join(directory, name) for name in sorted(names))


def main():
    count, places = 0, []
    for path in files(sys.argv[1] if len(sys.argv) > 1 else "."):
        check = CHECKS.get(os.path.splitext(path)[1])
        if check is None:
            continue
        count += 1
        try:
            with open(path, encoding="utf-8") as file:
                check(file.read(), path)
        except (ValueError, SyntaxError) as error:
            places.append(f"{path}: {error}")
    print("\n".join(places + [f"{count} files, {len(places)} malformed"]))
    sys.exit(1 if places or not count else 0)


if __name__ == "__main__":
    main()
