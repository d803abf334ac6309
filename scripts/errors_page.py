#!/usr/bin/env python3
"""Writes docs/errors.md: every code of an error that the sources use, with what it means.

Usage: errors_page.py            writes the page
       errors_page.py --check    fails if the page is not what would be written

A code that stands in a table of codes (`"RG0100" "title" "text"`) is explained in the words of that table. Other
codes keep the row that the page has; a new one gets an empty row, which --check refuses.
"""

import glob
import re
import sys

PAGE = "docs/errors.md"
STRING = r'"((?:[^"\\]|\\.)*)"'
EXPLAINED = re.compile(r'"(RG\d{4})"\s*,?\s*' + STRING + r"\s*,?\s*" + STRING)
CODE = re.compile(r'"(RG\d{4})"')
ROW = re.compile(r"^\| (RG\d{4}) \| (.*?) \| (.*?) \|$", flags=re.M)
HEAD = """\
# Error codes

Every mistake that rg reports has a code, which never changes its meaning: `error[RG0102]: …`, with the place in the
file and a `hint:` line that can be typed. Mistakes in definitions are reported all at once, before anything runs.
`python3 scripts/errors_page.py` writes this page.

| code | what is wrong | why, and what to do |
|---|---|---|
"""


def sources():
    for path in sorted(glob.glob("*/src/**/*.rs", recursive=True)):
        if path.endswith("tests.rs") or "/tests/" in path:
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        lines = text.split("\n#[cfg(test)]\nmod tests {")[0].split("\n")
        yield "\n".join(line for line in lines if not line.lstrip().startswith("//"))


def unescaped(text):
    text = re.sub(r"\\\n\s*", "", text)
    return re.sub(r"\s+", " ", text.replace('\\"', '"').replace("\\\\", "\\")).strip().replace("|", "\\|")


def rows(page):
    known = {code: (title, text) for code, title, text in ROW.findall(page)}
    used, explained = set(), {}
    for text in sources():
        used.update(CODE.findall(text))
        for code, title, why in EXPLAINED.findall(text):
            explained[code] = (unescaped(title), unescaped(why))
    return {code: explained.get(code) or known.get(code, ("", "")) for code in sorted(used)}


def main():
    try:
        with open(PAGE, encoding="utf-8") as file:
            before = file.read()
    except FileNotFoundError:
        before = ""
    table = rows(before)
    after = HEAD + "".join(f"| {code} | {title} | {text} |\n" for code, (title, text) in table.items())
    empty = [code for code, (title, _) in table.items() if not title]
    if "--check" not in sys.argv[1:]:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(after)
    elif before != after:
        print(f"{PAGE} is not up to date: python3 scripts/errors_page.py")
    print(f"{len(table)} codes" + (f", not explained: {', '.join(empty)}" if empty else ""))
    sys.exit(1 if empty or ("--check" in sys.argv[1:] and before != after) else 0)


if __name__ == "__main__":
    main()
