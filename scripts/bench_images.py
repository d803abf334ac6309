#!/usr/bin/env python3
"""Measures images: bringing and unpacking one, and an action in a container engine beside `docker exec` of the same.

Usage: RG=target/release/rg bench_images.py [--rounds 3] [--actions 40] [--layout DIRECTORY]

The image is an OCI layout on this disk; without one, examples/images/make.py makes one of Debian packages and this
machine's Node. The engine is a Docker of its own, which ends with the script. Needs root, and `scripts/setup.sh bench`.
"""

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RG = os.path.abspath(os.environ.get("RG", os.path.join(HERE, "target/release/rg")))
SCRIPT = "true > $OUT/o"


class Docker:
    """A Docker without a network, in a directory."""

    def __init__(self, top):
        self.top, self.socket = top, os.path.join(top, "socket")
        os.mkdir(top)
        words = ["--data-root", top + "/data", "--exec-root", top + "/exec", "--pidfile", top + "/pid", "-H", "unix://" + self.socket]
        with open(top + "/log", "wb") as log:
            self._daemon = subprocess.Popen(["dockerd", *words, "--iptables=false", "--bridge=none"], stdout=log, stderr=log)
        while not os.path.exists(self.socket):
            if self._daemon.poll() is not None:
                raise measure.Failed("dockerd does not start: " + open(top + "/log", encoding="utf-8").read()[-2000:])
            time.sleep(0.1)

    def client(self, *words):
        return subprocess.run(["docker", "-H", "unix://" + self.socket, *words], check=True, capture_output=True, text=True).stdout.split()

    def end(self):
        self._daemon.terminate()
        self._daemon.wait()
        for line in reversed(open("/proc/mounts", encoding="utf-8").readlines()):
            if line.split()[1].startswith(self.top):
                subprocess.run(["umount", "-l", line.split()[1]], check=False)


class Workspace:
    """Actions that do nothing, in an image."""

    def __init__(self, top, layout):
        self.top, self.directory = top, top + "/workspace"
        os.mkdir(self.directory)
        shutil.copytree(layout, self.directory + "/image")
        self._write("workspace.toml", '[workspace]\nname = "bench"\n[toolchain.box]\nimage = "oci-layout:image"\n')
        self.actions(1)
        self.rg("lock", cache="lock")

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(text)

    def actions(self, count):
        command = '[command.c{0}]\nrun = "{1}"\nenv = {{ N = "{0}" }}\noutputs = ["o"]\ntoolchain = "box"\n'
        self._write("BUILD.toml", "".join(command.format(number, SCRIPT) for number in range(count)))

    def rg(self, *words, cache, **environment):
        return measure.run([RG, *words], self.directory, self.top + "/log", RG_CACHE_DIR=f"{self.top}/cache-{cache}", **environment)

    def unpacked_bytes(self):
        """Returns how many bytes the layers are."""
        def blob(descriptor):
            with open(f"{self.directory}/image/blobs/{descriptor['digest'].replace(':', '/')}", "rb") as file:
                return file.read()
        with open(self.directory + "/image/index.json", encoding="utf-8") as file:
            manifest = json.loads(blob(json.load(file)["manifests"][0]))
        return sum(len(gzip.decompress(blob(layer))) for layer in manifest["layers"])


def unpacking(workspace, rounds):
    """Prints how fast an image comes from the disk: the first action in it, less one that finds it there."""
    size, times = workspace.unpacked_bytes() / 1e6, []
    for number in range(rounds):
        cache = f"unpack{number}"
        workspace.actions(1)
        first = workspace.rg("build", cache=cache)
        workspace.actions(2)
        times.append(first.wall_seconds - workspace.rg("build", cache=cache).wall_seconds)
    seconds = statistics.median(times)
    print(f"unpack {size:.0f} MB: {seconds:.2f} s wall, {size / seconds:.0f} MB/s (the goal is 100)")


def in_engine(workspace, docker, rounds, count):
    """Prints what an action in a container costs beside `docker exec` in one that runs."""
    host = {"DOCKER_HOST": "unix://" + docker.socket}
    workspace.actions(1)
    workspace.rg("build", "--executor", "engine", cache="engine", **host)
    image = docker.client("images", "-q")[0]
    words = ["--network", "none", "--user", "1000:1000", "--tmpfs", "/out:mode=1777", "--env", "OUT=/out"]
    container = docker.client("run", "-d", *words, image, "sleep", "86400")[0]
    word = ["docker", "-H", "unix://" + docker.socket, "exec", container, "sh", "-c", SCRIPT]
    ours, theirs = [], []
    for _ in range(rounds):
        workspace.actions(1)
        one = workspace.rg("build", "--rerun", "//...", "-j1", "--executor", "engine", cache="engine", **host)
        workspace.actions(count + 1)
        many = workspace.rg("build", "--rerun", "//...", "-j1", "--executor", "engine", cache="engine", **host)
        assert (one.executed(), many.executed()) == (1, count + 1), "all actions run"
        ours.append((many.wall_seconds - one.wall_seconds) / count * 1000)
        began = time.monotonic()
        for _ in range(count):
            subprocess.run(word, check=True, stdin=subprocess.DEVNULL)
        theirs.append((time.monotonic() - began) / count * 1000)
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    print(f"an action in a container that is there: {ours:.1f} ms wall, docker exec {theirs:.1f} ms (the limit is 10 ms more)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--actions", type=int, default=40)
    parser.add_argument("--layout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rg-bench-", ignore_cleanup_errors=True) as top:
        layout = options.layout
        if not layout:
            subprocess.run([sys.executable, HERE + "/examples/images/make.py", top + "/images", "node"], check=True)
            layout = top + "/images/node"
        workspace = Workspace(top, layout)
        print(measure.machine() + "\n")
        unpacking(workspace, options.rounds)
        docker = Docker(top + "/docker")
        try:
            in_engine(workspace, docker, options.rounds, options.actions)
        finally:
            docker.end()


if __name__ == "__main__":
    try:
        main()
    except measure.Failed as error:
        sys.exit(f"bench_images: {error}")
