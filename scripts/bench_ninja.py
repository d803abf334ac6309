#!/usr/bin/env python3
"""Measures rg against ninja on the same generated graph, and prints Markdown tables.

Usage: RG=target/release/rg bench_ninja.py [--null 100,1000,10000] [--work 1000] [--rounds 7] [--dir DIR]

The graph: N packages of 10 files of 2 KiB, each with up to 3 dependencies among the packages before it, and one
trivial command a package: the first line of every input. One tree serves both tools: rg reads the BUILD.toml files,
ninja reads build.ninja and writes to out/, which rg ignores.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure

FILES, FILE_BYTES, DEPENDENCIES = 10, 2048, 3
NINJA_HEAD = "rule head\n  command = head -qn1 $in > $out\n  description = $out\n\n"


class Graph:
    """A generated workspace, with what both tools need to build it."""

    def __init__(self, directory, packages):
        self.directory, self.packages = directory, packages
        self.cache, self.log = directory + ".cache", directory + ".log"
        self._edits = 0

    def write(self):
        """Writes the tree, the same one for the same number of packages."""
        chance = random.Random(self.packages)
        os.makedirs(self.directory)
        self._text("workspace.toml", '[workspace]\nname = "bench"\nignore = ["/out/", ".ninja_*", "/build.ninja"]\n')
        with open(os.path.join(self.directory, "build.ninja"), "w", encoding="utf-8") as ninja:
            ninja.write(NINJA_HEAD)
            for number in range(self.packages):
                before = range(max(0, number))
                chosen = sorted(chance.sample(before, min(len(before), chance.randint(0, DEPENDENCIES))))
                self._package(number, chosen, ninja)

    def _package(self, number, dependencies, ninja):
        package = name(number)
        os.mkdir(os.path.join(self.directory, package))
        files = [f"f{at}.txt" for at in range(FILES)]
        for file in files:
            first = f"{package}/{file}\n"
            self._text(f"{package}/{file}", first + "x" * (FILE_BYTES - len(first) - 1) + "\n")
        labels = [f"//{name(other)}:t" for other in dependencies]
        words = files + [f"$(location {label})" for label in labels]
        inputs = ", ".join(f'"{it}"' for it in files + labels)
        self._text(
            f"{package}/BUILD.toml",
            f'[command.t]\nrun = "head -qn1 {" ".join(words)} > $OUT/o"\ninputs = [{inputs}]\noutputs = ["o"]\n',
        )
        sources = [f"{package}/{file}" for file in files] + [f"out/{name(other)}" for other in dependencies]
        ninja.write(f"build out/{package}: head {' '.join(sources)}\n")

    def _text(self, path, text):
        with open(os.path.join(self.directory, path), "w", encoding="utf-8") as file:
            file.write(text)

    def edit(self, number, line):
        """Changes a line of the package's first file: line 0 shows in its output, line 1 does not."""
        self._edits += 1
        path = f"{name(number)}/f0.txt"
        lines = [f"{name(number)}/f0.txt", "x" * 40]
        lines[line] += f" edit {self._edits}"
        self._text(path, "\n".join(lines) + "\n")

    def rg(self, executor):
        argv = [RG, "build", "//...", "--executor", executor]
        return measure.run(argv, self.directory, self.log, RG_CACHE_DIR=self.cache)

    def ninja(self):
        return measure.run(["ninja"], self.directory, self.log)

    def forget(self):
        """Removes what both tools built and know."""
        for path in (self.cache, os.path.join(self.directory, "rg-out"), os.path.join(self.directory, "out")):
            writable(path)
            shutil.rmtree(path, ignore_errors=True)
        for file in (".ninja_log", ".ninja_deps"):
            if os.path.exists(os.path.join(self.directory, file)):
                os.unlink(os.path.join(self.directory, file))


def name(number):
    return f"p{number:05d}"


def writable(path):
    """Makes directories writable, so that a plain user can remove what the store made read-only."""
    for directory, folders, _ in os.walk(path):
        for folder in folders:
            place = os.path.join(directory, folder)
            if not os.path.islink(place):
                os.chmod(place, 0o755)


def row(what, ours, theirs, more=()):
    """Returns a row: medians of both, and the medians of the ratios inside the rounds."""
    cpu, wall = (measure.median_ratio(ours, theirs, figure) for figure in ("cpu_seconds", "wall_seconds"))
    cells = [what]
    for samples in (ours, theirs):
        cells += [f"{measure.median(samples, 'cpu_seconds'):.3f}", f"{measure.median(samples, 'wall_seconds'):.3f}"]
        cells += [f"{measure.median(samples, 'peak_bytes') / 1e6:.0f}"]
    return cells + [f"{cpu:.2f} ×", f"{wall:.2f} ×", *more]


COLUMNS = ["", "rg CPU s", "wall s", "MB", "ninja CPU s", "wall s", "MB", "CPU ratio", "wall ratio"]


def null_row(graph, rounds):
    """Nothing changed since the last build."""
    graph.rg("host")
    graph.ninja()
    if graph.rg("host").executed() != 0:
        raise measure.Failed("the second build ran something")
    ours, theirs = measure.alternating(rounds, lambda: graph.rg("host"), graph.ninja)
    return row(f"{graph.packages:,} targets", ours, theirs)


def cold_row(graph, rounds, executor):
    """Nothing is built, nothing is known. Adds what an action costs above ninja's."""

    def cold(build):
        graph.forget()
        return build()

    ours, theirs = measure.alternating(rounds, lambda: cold(lambda: graph.rg(executor)), lambda: cold(graph.ninja))
    above = statistics.median((a.cpu_seconds - b.cpu_seconds) / graph.packages * 1e3 for a, b in zip(ours, theirs))
    return row(f"cold, {executor}", ours, theirs, (f"{graph.packages:,}", f"{graph.packages:,}", f"{above:.2f}"))


def edit_row(what, graph, rounds, executor, number, line):
    """One line of one file changed since the last build."""
    graph.rg(executor)
    graph.ninja()
    ours, theirs = [], []
    for turn in range(rounds):
        # Both build the same edit, so that each round compares the same work.
        graph.edit(number, line)
        order = [(lambda: graph.rg(executor), ours), (graph.ninja, theirs)]
        for build, samples in order if turn % 2 == 0 else reversed(order):
            samples.append(build())
    counts = (str(round(statistics.median(sample.executed() for sample in ours))), str(started(theirs[-1])))
    return row(f"{what}, {executor}", ours, theirs, (*counts, ""))


def started(sample):
    """Returns how many commands ninja ran: the last `[n/n]` that it printed."""
    words = sample.output.replace("\r", "\n").split("[")[-1].split("/")[0]
    return int(words) if words.isdigit() else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--null", default="100,1000,10000", help="sizes of the graphs that are built again unchanged")
    parser.add_argument("--work", type=int, default=1000, help="size of the graph that is built cold and edited")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dir", help="where the graphs are made; default: a temporary directory")
    options = parser.parse_args()
    top = tempfile.mkdtemp(prefix="rg-bench-", dir=options.dir)
    try:
        measured(top, options)
    finally:
        writable(top)
        shutil.rmtree(top, ignore_errors=True)


def measured(top, options):
    print(f"{measure.machine()}\n\nNull build:\n")
    rows = []
    for size in (int(text) for text in options.null.split(",") if text):
        graph = Graph(os.path.join(top, f"null{size}"), size)
        graph.write()
        rows.append(null_row(graph, options.rounds))
        for path in (graph.directory, graph.cache):
            writable(path)
            shutil.rmtree(path, ignore_errors=True)
    measure.table(COLUMNS, rows)

    print(f"\nWork, {options.work:,} targets:\n")
    graph, fewer = Graph(os.path.join(top, "work"), options.work), max(2, options.rounds // 2)
    graph.write()
    rows = [cold_row(graph, fewer, executor) for executor in ("host", "native")]
    for executor in ("host", "native"):
        rows.append(edit_row("edit of a leaf", graph, options.rounds, executor, options.work - 1, 0))
        rows.append(edit_row("edit of a root", graph, options.rounds, executor, 0, 0))
        rows.append(edit_row("edit of a root, equal output", graph, options.rounds, executor, 0, 1))
    measure.table(COLUMNS + ["rg ran", "ninja ran", "ms CPU an action above ninja"], rows)


if __name__ == "__main__":
    RG = os.path.abspath(os.environ.get("RG", "target/release/rg"))
    if not os.path.exists(RG) or not shutil.which("ninja"):
        sys.exit(f"needs {RG} (set RG) and ninja (apt-get install ninja-build)")
    try:
        main()
    except measure.Failed as error:
        sys.exit(f"bench_ninja: {error}")
