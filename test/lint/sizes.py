#!/usr/bin/env python3
"""File-size budgets: a file that outgrows them is to be split by meaning."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUDGETS = {".cpp": 500, ".h": 500, ".c": 500, ".py": 500, ".td": 400, ".mlir": 300, "dev": 300}
# Drivers are thin: what they do belongs in lib/.
DRIVERS = {"tools/fulgur-opt/fulgur-opt.cpp": 40, "tools/fulgur-compile/fulgur-compile.cpp": 200}

problems = []
for name in subprocess.check_output(["git", "-C", ROOT, "ls-files"], text=True).split():
    path = ROOT / name
    budget = DRIVERS.get(name, BUDGETS.get(path.suffix or path.name))
    if budget and path.exists() and not path.is_symlink():
        lines = len(path.read_text().splitlines())
        if lines > budget:
            problems.append(f"{name}: {lines} lines, the budget is {budget}")
print("\n".join(problems), end="\n" if problems else "")
sys.exit(1 if problems else 0)
