"""Compiles the models of models/, both phases, for all GPUs: LLVM and the
assembler accept every kernel. Arguments: the folder of models and one for objects."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def compile_model(model, folder):
    output = folder / ("-".join(model.parts[-2:]) + ".o")
    result = subprocess.run(
        ["fulgur-compile", model, "--target=cuda", "--gpu-arch=sm_90a,sm_80", "--emit=object", "-o", output],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # Without an assembler there would be a note, and no cubin.
    return None if result.returncode == 0 and not result.stdout else f"{model}: exit code {result.returncode}: {result.stdout[:500]}"


def main():
    models, folder = Path(sys.argv[1]), Path(sys.argv[2])
    # Other files are other forms of the same models.
    paths = sorted([*models.glob("*/prefill.onnx"), *models.glob("*/decode.onnx")])
    assert paths, "there are no models"
    with ThreadPoolExecutor(2) as pool:
        problems = [p for p in pool.map(lambda model: compile_model(model, folder), paths) if p]
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
