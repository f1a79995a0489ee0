#!/usr/bin/env python3
"""Tabs, trailing spaces, the form of a to-do, and builder calls of old."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = [
    (re.compile(r"\t"), "tab"),
    (re.compile(r"[ \t]+$"), "trailing space"),
    (re.compile(r"\b(?:FIX" r"ME|XX" r"X)\b|\bTO" r"DO\b(?!\(#\d+\): [a-z])"),
     "a to-do is written 'TO" "DO(#issue): imperative sentence'"),
    (re.compile(r"(?:builder|rewriter)\.create<"), "use Op::create(builder, …)"),
    (re.compile(r"applyPatternsAnd" r"FoldGreedily"), "use applyPatternsGreedily"),
]
SUFFIXES = {".cpp", ".h", ".c", ".td", ".py", ".mlir", ".cmake", ".md", ".txt", ".test"}

problems = []
for name in subprocess.check_output(["git", "-C", ROOT, "ls-files"], text=True).split():
    path = ROOT / name
    if path.suffix not in SUFFIXES or not path.exists():
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for rule, message in RULES:
            if rule.search(line):
                problems.append(f"{name}:{number}: {message}")
print("\n".join(problems), end="\n" if problems else "")
sys.exit(1 if problems else 0)
