"""Holds all Python of the shop against ruff, with the rules of pyproject.toml."""

import subprocess
import sys
from pathlib import Path


def test_ruff_has_nothing_to_say():
    shop = Path(__file__).parents[1]
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "."]
    result = subprocess.run(command, cwd=shop, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
