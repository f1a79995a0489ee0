#!/usr/bin/env python3
"""Demands that the table of passes/LowerToGPU/README.md has the operations of
Kernels.cpp, and no others."""
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "passes" / "LowerToGPU"


def main():
    code = (FOLDER / "Kernels" / "Kernels.cpp").read_text()
    begin, end = "<!-- kernels: begin -->", "<!-- kernels: end -->"
    table = (FOLDER / "README.md").read_text().split(begin)[1].split(end)[0]
    known = re.findall(r'^ +\{"(\w+)"', code, re.MULTILINE)
    shown = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    if not known or sorted(known) != shown:
        print(f"Kernels.cpp has {sorted(known)}, but README.md shows {shown}")
        return 1
    return 0


sys.exit(main())
