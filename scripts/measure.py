"""Measures commands: CPU seconds of the whole process tree, wall time, peak memory. Knows no tool."""

import os
import platform
import re
import statistics
import subprocess
import time

SUMMARY = re.compile(r"^\d+ targets?: (\d+) executed, (\d+) cached")


class Failed(Exception):
    """A measured command failed; its figures mean nothing."""


class Sample:
    """One run of one command."""

    def __init__(self, cpu_seconds, wall_seconds, peak_bytes, output):
        self.cpu_seconds, self.wall_seconds, self.peak_bytes, self.output = cpu_seconds, wall_seconds, peak_bytes, output

    def executed(self):
        """Returns how many actions ran, as the last line of rg says it."""
        lines = [line for line in self.output.splitlines() if line.strip()]
        found = SUMMARY.match(lines[-1]) if lines else None
        if not found:
            raise Failed(f"rg did not end with its summary line:\n{self.output[-2000:]}")
        return int(found.group(1))


def run(argv, directory, log, **environment):
    """Runs a command to its end. Peak memory is that of its largest process; this script's own, about 15 MB, is the
    least that can be told apart, because a child's count begins with its parent's."""
    with open(log, "wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            argv, cwd=directory, env={**os.environ, **environment},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if process.returncode != 0:
        raise Failed(f"{' '.join(argv)}: exit {process.returncode}\n{text[-2000:]}")
    return Sample(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024, text)


def alternating(rounds, first, second):
    """Runs two functions in turn, the one that begins changing each round. Returns their samples."""
    one, two = [], []
    for number in range(rounds):
        order = ((first, one), (second, two))
        for function, samples in order if number % 2 == 0 else reversed(order):
            samples.append(function())
    return one, two


def median(samples, figure):
    return statistics.median(getattr(sample, figure) for sample in samples)


def median_ratio(ours, theirs, figure):
    """Returns the median of the ratios inside each round."""
    return statistics.median(getattr(a, figure) / getattr(b, figure) for a, b in zip(ours, theirs))


def machine():
    """Returns a line about this machine."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{model}, {cores} cores, {memory:.0f} GiB, Linux {platform.release()}, load {load:.1f} when it began"


def table(columns, rows):
    """Prints a Markdown table."""
    print("| " + " | ".join(columns) + " |")
    print("|" + "|".join("---" if at == 0 else "--:" for at in range(len(columns))) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
