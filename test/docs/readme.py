#!/usr/bin/env python3
"""Compares what the README shows with what the tools print today.

usage: readme.py [--update]

Each part between `<!-- NAME: begin -->` and `<!-- NAME: end -->` is made by the
function of that name below; --update writes them anew."""
import collections
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


def renumber(lines):
    """The number behind a name says how many others there are in the model."""
    names, counts = {}, collections.Counter()

    def rename(match):
        name = match[0]
        if name.startswith("%val_") or "." in name:  # weights
            return name
        if name not in names:
            base = "%" if name[1:].isdigit() else re.sub(r"_\d+$", "", name)
            number = counts[base]
            counts[base] += 1
            names[name] = f"%{number}" if base == "%" else base + (f"_{number}" if number else "")
        return names[name]

    return [re.sub(r"%[\w.]+", rename, line) for line in lines]


def without_types(line):
    line = re.sub(r"\{indexing_maps.*?\]\} ", "", line)
    line = re.sub(r" : tensor[^()]*(?=\))", "", line)
    return re.sub(r" (?::|->) (?:tensor|index|i\d|f\d).*", "", line)


def exit_codes():
    """The table that --help prints."""
    rows = ["| Exit code | Meaning |", "|---|---|"]
    text = output("fulgur-compile", "--help").split("Exit codes:\n")[1].split("\n\n")[0]
    return rows + [f"| {line.split()[0]} | {' '.join(line.split()[1:])} |" for line in text.splitlines()]


def fusions():
    """The table of fusions, from --disable-fusion=help."""
    rows = ["| Fusion | What it does |", "|---|---|"]
    for line in output("fulgur-compile", "--disable-fusion=help").splitlines():
        name, summary = line.split(maxsplit=1)
        rows.append(f"| `{name}` | {summary} |")
    return rows


def status():
    """What can be counted."""
    mirrored = re.findall(r'ONNX_Op<"(\w+)">', (ROOT / "dialects/ONNX/IR/Operators.td").read_text())
    passing = (ROOT / "test/onnx/passing.txt").read_text().split()
    models = sorted(p.relative_to(ROOT / "models").with_suffix("") for p in ROOT.glob("models/*/*.onnx"))
    families = collections.Counter(m.parent.name for m in models)
    return ["| | |", "|---|---|",
            "| Models | " + ", ".join(f"{n} of {m}" for m, n in families.items()) + ": each compiles with and without "
            "recognition, and every output is within 1e-4 (bfloat16: 2e-2) of its largest value of PyTorch's in float64 |",
            f"| ONNX node tests | {len(passing)} of 1,884 pass ({100 * len(passing) / 1884:.1f} %), compiled to machine code |",
            f"| ONNX operators in the IR | {len(mirrored)}; no control flow, sequences or strings |",
            "| CPUs | x86-64, with AVX-512 or AVX2 |", "| GPUs | sm_80 and sm_90a, on the emulator alone: all models match; on no real GPU yet |"]


def layer():
    """The second layer of the smallest V3.2 as raised, from its first norm on.
    The types at the ends of the lines are left out."""
    model = ROOT / "models/deepseek_v32/prefill.onnx"
    imported = output("fulgur-compile", model, "--emit=mlir:imported", "-o", "-")
    text = output("fulgur-compile", model, "--emit=mlir:raised", "-o", "-")
    lines = [line[4:] for line in text.splitlines()]
    norms = [i for i, line in enumerate(lines) if "= fulgur.rms_norm" in line]
    # Norms of a layer: input, query latent, key-value latent, experts' input.
    body = [line for line in lines[norms[4]:norms[8]]
            if not re.search(r"fulgur.get_weight|= tensor.empty", line)]
    return [f"PyTorch's exporter writes the {len(norms) // 4} layers of `models/deepseek_v32/prefill.onnx` as "
            f"{imported.count(' = onnx.')} operators.",
            "`fulgur-compile --emit=mlir:raised` shows what they mean. One layer (weights and types left out):", "",
            "```mlir", *renumber(map(without_types, body)), "```"]


def replace(text, name, rows):
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    return head + begin + "\n".join(rows) + "\n" + end + tail


def main():
    old = new = README.read_text()
    for part in (layer, stages, exit_codes, fusions, status):
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
