"""Compares what the cost model predicts with what compiled models take.

usage: cost_order.py SCRATCH

Both forms of latent attention, at shapes where one is much the faster one. The
machine is measured first, then both forms are predicted for it, compiled and
timed. The faster form has to be the predicted one; how far the times are off is
printed, not judged. Each time is the shortest of several runs, and the forms
take turns, so that other work on the machine hits both."""
import json
import pathlib
import re
import subprocess
import sys

import numpy as np

# DeepSeek-V2-Lite: heads, latent, plain and rotated width of keys, width of values.
H, L, DN, DR, DV = 16, 512, 128, 64, 128
# Batch, queries, tokens. By operations the ratios are 2 and more.
SHAPES = [(1, 1, 512), (4, 1, 256), (1, 16, 512), (1, 256, 256), (2, 384, 384)]
ROUNDS = 3


def model(folder, b, s, t, form):
    """The text of one attention. Sizes are numbers, or '?' for dimensions."""
    query, result = f"{b}x{s}x{H}x{DN + DR}xf32", f"{b}x{s}x{H}x{DV}xf32"
    latent, rope, up = f"{b}x{t}x{L}xf32", f"{b}x{t}x{DR}xf32", f"{L}x{H * (DN + DV)}xf32"
    names = lambda *dims: "[" + ", ".join(f'"{d}"' if b == "?" and d else '""' for d in dims) + "]"
    argument = lambda name, text, *dims: \
        f'%{name}: tensor<{text}> {{fulgur.name = "{name}", fulgur.dims = {names(*dims)}}}'
    return f"""module attributes {{fulgur.stage = "mlir:raised", fulgur.name = "attention",
    fulgur.model_folder = "{folder}"}} {{
  fulgur.weight @up in "up.bin" at 0 : tensor<{up}>
  func.func @main({argument("q", query, "b", "s", "", "")}, {argument("c", latent, "b", "t", "")},
      {argument("r", rope, "b", "t", "")})
      -> (tensor<{result}> {{fulgur.name = "y", fulgur.dims = {names("b", "s", "", "")}}}) {{
    %u = fulgur.get_weight @up : tensor<{up}>
    %y = fulgur.latent_attention %q latent %c rope_key %r up %u scale 7.2e-02 causal {form}
        : tensor<{query}>, tensor<{latent}>, tensor<{rope}>, tensor<{up}> -> tensor<{result}>
    return %y : tensor<{result}>
  }}
}}
"""


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True,
                          text=True).stdout


def predict(folder, machine, shape):
    """The seconds of both forms, and the one that the compiler chooses."""
    path = folder / "static.mlir"
    path.write_text(model(folder, *shape, ""))
    out = run("fulgur-compile", path, "--machine", machine, "--emit=mlir:fused", "-o",
              folder / "fused.mlir", "--explain")
    found = re.search(r"choose-latent-form.*: (\w+) for all sizes.*"
                      r"absorbed takes ([\d.]+) us, expanded ([\d.]+) us", out)
    assert found, out
    return {"absorbed": float(found[2]) * 1e-6, "expanded": float(found[3]) * 1e-6}, found[1]


def measure(programs, shape):
    """The seconds of both forms."""
    dims = [f"--dim={name}={size}" for name, size in zip("bst", shape)]
    best = {form: float("inf") for form in programs}
    for _ in range(ROUNDS):
        for form, program in programs.items():
            out = run(program, "bench", *dims, "--repeat", 3, "--json")
            best[form] = min(best[form], json.loads(out)["min_seconds"])
    return best


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    np.random.default_rng(0).standard_normal((L, H * (DN + DV)), np.float32).tofile(folder / "up.bin")
    machine = folder / "machine.json"
    run("fulgur-compile", f"--measure-machine={machine}")
    programs = {}
    for form in ("absorbed", "expanded"):
        (folder / f"{form}.mlir").write_text(model(folder, "?", "?", "?", form))
        programs[form] = folder / form
        run("fulgur-compile", folder / f"{form}.mlir", "-o", programs[form], "--weights=reference")
    wrong = 0
    print(f"{'batch queries tokens':21} {'form':9} {'predicted':>11} {'measured':>11} {'error':>7}")
    for shape in SHAPES:
        predicted, chosen = predict(folder, machine, shape)
        measured = measure(programs, shape)
        for form in programs:
            error = predicted[form] / measured[form] - 1
            print(f"{shape[0]:5} {shape[1]:7} {shape[2]:6}  {form:9} {predicted[form] * 1e3:8.2f} ms "
                  f"{measured[form] * 1e3:8.2f} ms {error:+7.0%}")
        fastest = min(measured, key=measured.get)
        if chosen != fastest or min(predicted, key=predicted.get) != fastest:
            print(f"  WRONG: {chosen} was chosen, but {fastest} is faster")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
