#!/usr/bin/env python3
"""Joins pages into one, with a table of contents.

Usage: handbook.py PAGE… > handbook.md
"""

import re
import sys


def heading(text, path):
    found = re.search(r"^# (.*)$", text, flags=re.M)
    return found.group(1) if found else path


def main():
    pages = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            pages.append((path, file.read().strip()))
    print("# The handbook of rg\n")
    for path, text in pages:
        print(f"* {heading(text, path)} ({path})")
    for path, text in pages:
        print(f"\n<!-- {path} -->\n\n{text}")


if __name__ == "__main__":
    main()
