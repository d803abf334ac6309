#!/usr/bin/env python3
"""Checks that the relative links of all Markdown pages lead somewhere: to a file, a directory, a heading.

Usage: check_links.py DIR
Links to the outside and links into examples/ (a workspace of its own) are not followed.
"""

import os
import re
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
SKIPPED = {".git", "target", "rg-out", "examples"}


def pages(root):
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED)
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.join(directory, name)


def without_code(text):
    """Returns the text with code blocks and code spans blanked, lines kept."""
    text = re.sub(r"^```.*?^```", lambda found: "\n" * found.group().count("\n"), text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(text):
    """Returns the anchors of a page's headings, made the way GitHub makes them."""
    headings = re.findall(r"^#+\s+(.*)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken(root, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    for number, line in enumerate(without_code(text).split("\n"), 1):
        for found in LINK.finditer(line):
            goal = found.group(1) or found.group(2)
            path, _, anchor = goal.partition("#")
            place = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if re.match(r"[a-z]+:", goal) or os.path.relpath(place, root).split(os.sep)[0] == "examples":
                continue
            if not os.path.exists(place):
                yield f"{page}:{number}: {goal} is not there"
            elif anchor and place.endswith(".md"):
                with open(place, encoding="utf-8") as file:
                    if anchor not in anchors(file.read()):
                        yield f"{page}:{number}: {place} has no heading for #{anchor}"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    count, places = 0, []
    for page in pages(root):
        count += 1
        places.extend(broken(root, page))
    print("\n".join(places + [f"{count} pages, {len(places)} broken links"]))
    sys.exit(1 if places or not count else 0)


if __name__ == "__main__":
    main()
