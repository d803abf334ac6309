#!/usr/bin/env python3
"""Measures an edit of one Go file: rg against `go build` with a warm cache, on a copy of examples/shop.

Usage: RG=target/release/rg bench_go.py [--rounds 7]
"""

import argparse
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EDITED = "services/cart/internal/carts/store.go"


class Shop:
    """A copy of the shop that is built by both tools."""

    def __init__(self, top):
        self.top, self.directory, self._edits = top, os.path.join(top, "shop"), 0
        shutil.copytree(os.path.join(HERE, "examples", "shop"), self.directory, ignore=shutil.ignore_patterns("rg-out", "node_modules"))
        with open(os.path.join(self.directory, EDITED), encoding="utf-8") as file:
            self.text = file.read()
        self._run(["sh", "tools/generate.sh"])

    def _run(self, argv, **environment):
        return measure.run(argv, self.directory, os.path.join(self.top, "log"), **environment)

    def edit(self):
        """Changes what the program does, so that nothing can be found in a cache."""
        self._edits += 1
        with open(os.path.join(self.directory, EDITED), "w", encoding="utf-8") as file:
            file.write(f"{self.text}\n// Edit is new each time.\nvar Edit = {os.getpid()}{self._edits:04d}\n")

    def rg(self):
        return self._run([RG, "build", "//services/cart"], RG_CACHE_DIR=self.top + "/cache")

    def go(self):
        argv = ["go", "build", "-trimpath", "-buildvcs=false", "-o", os.path.join(self.top, "cart"), "./services/cart"]
        return self._run(argv, CGO_ENABLED="0", GOTELEMETRY="off")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rg-bench-", ignore_cleanup_errors=True) as top:
        shop = Shop(top)
        shop.rg()
        shop.go()
        ours, theirs = [], []
        for number in range(options.rounds):
            shop.edit()
            order = [(shop.rg, ours), (shop.go, theirs)]
            for build, samples in order if number % 2 == 0 else reversed(order):
                samples.append(build())
        rows = []
        for figure, what in (("wall_seconds", "wall s"), ("cpu_seconds", "CPU s")):
            ratio = measure.median_ratio(ours, theirs, figure)
            rows.append([what, f"{measure.median(ours, figure):.3f}", f"{measure.median(theirs, figure):.3f}", f"{ratio:.2f} ×"])
        print(f"{measure.machine()}\n")
        measure.table([f"edit of {EDITED}", "rg build", "go build", "ratio"], rows)


if __name__ == "__main__":
    RG = os.path.abspath(os.environ.get("RG", "target/release/rg"))
    if not os.path.exists(RG):
        sys.exit(f"needs {RG} (set RG)")
    try:
        main()
    except measure.Failed as error:
        sys.exit(f"bench_go: {error}")
