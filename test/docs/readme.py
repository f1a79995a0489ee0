#!/usr/bin/env python3
"""Compares what the README shows with what the tools print today.

usage: readme.py [--update]

Each part between `<!-- NAME: begin -->` and `<!-- NAME: end -->` is made by the
function of that name below; --update writes them anew."""
import difflib
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def output(*command):
    return subprocess.check_output(command, text=True)


def stages():
    """The table of stages, from --emit=help."""
    rows = ["| `--emit=` | Step | What it leaves |", "|---|---|---|"]
    for line in output("fulgur-compile", "--emit=help").splitlines():
        emit, step, leaves = re.match(r"(\S+)\s+(\S+)\s+(.*)", line).groups()
        rows.append(f"| `{emit}` | {step} | {leaves} |")
    return rows


def layer():
    """The second layer of the smallest V3.2 as raised, from its first norm to
    its last addition. The types at the ends of the lines are left out."""
    text = output("fulgur-compile", ROOT / "models/deepseek_v32/prefill.onnx", "--emit=mlir:raised", "-o", "-")
    lines = [line.strip() for line in text.splitlines()]
    norms = [i for i, line in enumerate(lines) if "= fulgur.rms_norm" in line]
    # Norms of a layer: input, query latent, key-value latent, experts' input.
    first, end = norms[4], norms[8]
    body = [line for line in lines[first:end] if "fulgur.get_weight" not in line and "arith.constant" not in line]
    return ["```mlir", *(line.split(" : ")[0] for line in body), "```"]


def replace(text, name, rows):
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    return head + begin + "\n".join(rows) + "\n" + end + tail


def main():
    old = new = README.read_text()
    for part in (stages, layer):
        new = replace(new, part.__name__, part())
    if "--update" in sys.argv:
        README.write_text(new)
    elif new != old:
        sys.stdout.writelines(difflib.unified_diff(
            old.splitlines(True), new.splitlines(True), "README.md", "what the tools print"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
