#!/usr/bin/env python3
"""Finds test directives that FileCheck or lit would pass over as comments."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEAD = re.compile(r"//\s*(?:RUN|CHECK(?:-[A-Z]+)*)\s+[%\w@^/]|//\s*CHECK-[A-Z]+[^:\s{A-Z-]")

failures = 0
for name in subprocess.check_output(
        ["git", "-C", ROOT, "ls-files", "*.mlir", "*.test"], text=True).split():
    for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
        if DEAD.search(line):
            print(f"{name}:{number}: directive without its colon: {line.strip()}")
            failures += 1
sys.exit(1 if failures else 0)
