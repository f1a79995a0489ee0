"""Models of a cache alone, compiled with and without updates in place: the same
bytes come out, those that numpy gives, and in place where it is said.

Usage: caches.py FOLDER (an empty one)

Each model also returns what it reads of the past, before and after the update,
and the updated cache in another shape."""
import json
import pathlib
import subprocess
import sys

import ml_dtypes  # noqa: F401  numpy learns bfloat16 from it
import numpy as np

folder = pathlib.Path(sys.argv[1])
# Names of the extents or numbers, and the axis that grows.
SHAPES = [(("past", 3), 0, "seq"), (("batch", "past", 3), 1, "seq"), (("batch", 1, "past", 4), 2, "seq"),
          ((2, "past", 3), 1, "2"), ((2, "heads", "past", 2), 2, "seq"), ((3, "past"), 1, "1")]
TYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "f64": np.float64, "i8": np.int8,
         "i64": np.int64, "i1": np.bool_}
SIZES = [dict(batch=1, past=5, seq=1, heads=1), dict(batch=3, past=4, seq=3, heads=2),
         dict(batch=2, past=0, seq=2, heads=3), dict(batch=2, past=3, seq=0, heads=1), dict(batch=0, past=2, seq=1, heads=1)]
MODEL = """module attributes {{fulgur.stage = "mlir:raised", fulgur.name = "cache"}} {{
  func.func @main(%past: {past} {{fulgur.name = "past", fulgur.dims = [{pastDims}]}},
                  %new: {new} {{fulgur.name = "new", fulgur.dims = [{newDims}]}})
      -> ({past} {{fulgur.name = "present"}}, {past} {{fulgur.name = "before"}},
          {past} {{fulgur.name = "after"}}, {past} {{fulgur.name = "old"}}, tensor<?x{type}> {{fulgur.name = "flat"}}) {{
    %before = linalg.generic {{indexing_maps = [{map}, {map}], iterator_types = [{loops}]}}
        ins(%past : {past}) outs(%past : {past}) {{
    ^bb0(%a: {type}, %b: {type}):
      linalg.yield %a : {type}
    }} -> {past}
    %present = fulgur.cache_update %past, %new axis {axis} : {past}, {new} -> {past}
    %after = linalg.generic {{indexing_maps = [{map}, {map}], iterator_types = [{loops}]}}
        ins(%past : {past}) outs(%before : {past}) {{
    ^bb0(%a: {type}, %b: {type}):
      linalg.yield %a : {type}
    }} -> {past}
    %flat = tensor.collapse_shape %present [[{all}]] : {past} into tensor<?x{type}>
    return %present, %before, %after, %past, %flat : {past}, {past}, {past}, {past}, tensor<?x{type}>
  }}
}}
"""


def write(shape, axis, rows, kind):
    rank = len(shape)
    text = lambda extents: "tensor<" + "x".join(str(e) if isinstance(e, int) else "?" for e in extents) + f"x{kind}>"
    names = lambda extents: ", ".join(f'"{e}"' if isinstance(e, str) else '""' for e in extents)
    new = list(shape)
    new[axis] = int(rows) if rows.isdigit() else rows
    dims = ", ".join(f"d{i}" for i in range(rank))
    (folder / "cache.mlir").write_text(MODEL.format(
        past=text(shape), pastDims=names(shape), new=text(new), newDims=names(new), type=kind, axis=axis,
        map=f"affine_map<({dims}) -> ({dims})>", loops=", ".join(['"parallel"'] * rank),
        all=", ".join(map(str, range(rank)))))
    return new


def compile_model(name, *options):
    subprocess.run(["fulgur-compile", folder / "cache.mlir", "-o", folder / name, *options], check=True)
    return folder / name


def run(program, inputs):
    """The outputs, as bytes: numpy does not load bf16."""
    into = [f"--input={name}=@{folder / name}.npy" for name in inputs]
    for name, array in inputs.items():
        np.save(folder / f"{name}.npy", array)
    subprocess.run([program, "run", *into, "--output-dir", folder / "out"], check=True)
    return {name: np.load(folder / "out" / f"{name}.npy") for name in ("present", "before", "after", "old", "flat")}


def check_info():
    """What `info` tells of a cache in place, and of one that is copied."""
    write(("batch", 1, "past", 4), 2, "seq", "f16")
    tell = lambda program: subprocess.run([program, "info"], check=True, capture_output=True, text=True).stdout
    text = tell(compile_model("placed"))
    assert "cache:    past, 8 bytes per token, updated in place as present\n" in text, text
    model = (folder / "cache.mlir").read_text()
    update = next(line for line in model.splitlines() if "cache_update" in line)
    twice = update + "\n" + update.replace("%present", "%second")
    (folder / "cache.mlir").write_text(
        model.replace(update, twice).replace("collapse_shape %present", "collapse_shape %second"))
    text = tell(compile_model("twice"))
    why = "expected one update of the past, but got 2"
    assert f"cache:    past, 8 bytes per token, copied in every step: {why}\n" in text, text


def main():
    check_info()
    generator = np.random.default_rng(0)
    for number, (shape, axis, rows) in enumerate(SHAPES):
        for kind, dtype in list(TYPES.items())[:None if number == 1 else 2]:
            new_shape = write(shape, axis, rows, kind)
            programs = compile_model("placed"), compile_model("copied", "--disable-fusion=update-caches-in-place")
            told = json.loads(subprocess.run([programs[0], "info", "--json"], check=True, capture_output=True).stdout)
            assert [c["in_place"] for c in told["caches"]] == [True], told
            for sizes in SIZES:
                make = lambda extents: generator.integers(0, 2 if kind == "i1" else 100, [
                    sizes[e] if isinstance(e, str) else e for e in extents]).astype(dtype)
                inputs = {"past": make(shape), "new": make(new_shape)}
                wanted = np.concatenate([inputs["past"], inputs["new"]], axis)
                expected = {"present": wanted, "before": inputs["past"], "after": inputs["past"],
                            "old": inputs["past"], "flat": wanted.reshape(-1)}
                for program in programs:
                    for name, got in run(program, inputs).items():
                        want = expected[name]
                        assert got.shape == want.shape and got.tobytes() == want.tobytes(), (
                            shape, kind, sizes, program.name, name, got, want)
    print("all caches agree")


main()
