#!/usr/bin/env python3
"""One name in five places: a pass's class, flag, file and test agree, and its
description has an example and says what the pass does not do."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEF = re.compile(r"^def (\w+) : Pass<\"([\w-]+)\".*?\n}\n", re.S | re.M)


def kebab(name):
    """RaiseMLADecode -> raise-mla-decode, ConvertONNXToLinalg -> convert-onnx-to-linalg."""
    name = name.replace("SwiGLU", "Swiglu")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


problems = []
for table in sorted(ROOT.glob("passes/*/*Passes.td")):
    stage = table.parent
    for match in DEF.finditer(table.read_text()):
        name, flag, body = match[1], match[2], match[0]
        where = f"{table.relative_to(ROOT)}: {name}"
        if not name.endswith("Pass"):
            problems.append(f"{where}: the class does not end in Pass")
            continue
        stem = name[:-4]
        if flag != "fulgur-" + kebab(stem):
            problems.append(f"{where}: flag is {flag}, expected fulgur-{kebab(stem)}")
        if not (stage / f"{stem}.cpp").exists():
            problems.append(f"{where}: no file {stage.relative_to(ROOT)}/{stem}.cpp")
        tests = ROOT / "test/passes" / stage.name
        if not (tests / f"{kebab(stem)}.mlir").exists() and not (tests / kebab(stem)).is_dir():
            problems.append(f"{where}: no test test/passes/{stage.name}/{kebab(stem)}.mlir")
        if "```mlir" not in body:
            problems.append(f"{where}: no example in the description")
        if "Does not" not in body and "does not" not in body:
            problems.append(f"{where}: the description does not say what the pass does not do")
print("\n".join(problems), end="\n" if problems else "")
sys.exit(1 if problems else 0)
