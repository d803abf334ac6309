#!/usr/bin/env python3
"""Measures Python and npm on a copy of examples/shop: a build of which nothing changed, an edit of one Python module
against pytest alone, the packages of package-lock.json against `npm ci --offline`.

Usage: RG=target/release/rg bench_languages.py [--rounds 5]     (needs the registries for the first round)
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import venv

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RG = os.path.abspath(os.environ.get("RG", os.path.join(HERE, "target/release/rg")))
SERVICE = "services/reviews"
EDITED = SERVICE + "/reviews/store.py"


class Shop:
    """A copy of the shop, and what it is compared with."""

    def __init__(self, top):
        self.top, self.directory, self._edits = top, os.path.join(top, "shop"), 0
        shutil.copytree(os.path.join(HERE, "examples", "shop"), self.directory, ignore=shutil.ignore_patterns("rg-out", "node_modules"))
        with open(os.path.join(self.directory, EDITED), encoding="utf-8") as file:
            self.text = file.read()
        self._run(["sh", "tools/generate.sh"])
        venv.create(top + "/venv", with_pip=True)
        self._run([top + "/venv/bin/pip", "install", "-q", "--require-hashes", "-r", "requirements.txt"])

    def _run(self, argv, directory="", **environment):
        return measure.run(argv, os.path.join(self.directory, directory), os.path.join(self.top, "log"), **environment)

    def rg(self, *words):
        return self._run([RG, *words], RG_CACHE_DIR=self.top + "/cache")

    def edit(self):
        """Changes what the module holds, so that nothing can be found in a cache."""
        self._edits += 1
        with open(os.path.join(self.directory, EDITED), "w", encoding="utf-8") as file:
            file.write(f"{self.text}\n\nEDIT = {os.getpid()}{self._edits:04d}\n")

    def pytest(self):
        imports = ":".join(os.path.join(self.directory, place) for place in (SERVICE, "api", "libs/python"))
        argv = [self.top + "/venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "../../pyproject.toml", "tests/test_app.py"]
        return self._run(argv, SERVICE, PYTHONPATH=imports)

    def npm(self):
        """Lays the packages out from npm's own cache."""
        shutil.rmtree(os.path.join(self.directory, "node_modules"), ignore_errors=True)
        return self._run(["npm", "ci", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", self.top + "/npm"])


def wall(samples):
    return statistics.median(sample.wall_seconds for sample in samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rg-bench-", ignore_cleanup_errors=True) as top:
        shop = Shop(top)
        shop.rg("build", "//...")
        shop.rg("test", f"//{SERVICE}:unit")
        null = [shop.rg("build", "//...") for _ in range(options.rounds)]
        print(f"nothing changed, the whole shop: {wall(null) * 1000:.0f} ms wall")
        shop.pytest()

        def edited():
            shop.edit()
            return shop.rg("test", f"//{SERVICE}:unit")

        ours, theirs = measure.alternating(options.rounds, edited, shop.pytest)
        print(f"edit of a Python module: rg {wall(ours):.3f} s, pytest alone {wall(theirs):.3f} s, more: {(wall(ours) - wall(theirs)) * 1000:.0f} ms wall")
        assert all(sample.executed() == 1 for sample in ours), "one action an edit"
        shop._run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", top + "/npm"])
        npm = [shop.npm() for _ in range(options.rounds)]
        print(f"npm ci --offline of the shop's lock: {wall(npm):.2f} s wall, {statistics.median(s.cpu_seconds for s in npm):.2f} s CPU")
        shutil.rmtree(top + "/cache")
        cold = shop.rg("test", "//libs/npm/format:types")
        print(f"rg, with nothing in its cache, fetching and laying out the same, and one tsc: {cold.wall_seconds:.2f} s wall, {cold.cpu_seconds:.2f} s CPU")


if __name__ == "__main__":
    main()
