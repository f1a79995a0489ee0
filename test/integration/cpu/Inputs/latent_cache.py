"""Models with expanded caches, compiled with --cache=latent: decoding from a
converted cache gives what onnxruntime gives with the expanded one.

Usage: latent_cache.py FOLDER (an empty one)

The tolerance is of the largest value of an output, as in check_models.py. The
caches that come out are compared with the converted ones of onnxruntime: a
latent is found of keys and values of float32 by the pseudoinverse of a matrix
of unit variance, which multiplies their rounding by 10 at most."""
import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

from expanded_cache import Config, make, to_latent

folder = pathlib.Path(sys.argv[1])
TOLERANCE = 1e-4
# Every spelling once; sizes of heads that are no multiple of a vector's.
CONFIGS = [
    Config(),
    Config(join="scatter", heads=3, nope=5, rope=6, value=7, latent=11, query_latent=0, layers=1),
    Config(layout="bthd", repeat="tile", batch=3, seq=1, heads=5, nope=3, rope=2, value=9, latent=13),
    Config(layout="bthd", join="scatter", batch=1, seq=1, layers=1),
]
# What a graph must be to keep its cache, and the condition that fails.
NEAR_MISSES = [
    (dict(change="bias"), "columns of a product with a matrix, but got those of 'arith.addf'"),
    (dict(change="scaled_value"), "columns of a product with a matrix, but got those of 'arith.mulf'"),
    (dict(change="head_rope"), "all heads to share the rotated part of their keys"),
    (dict(change="unshared"), "keys and values to be columns of one product"),
    (dict(read="past_key"), "nothing but the cache to read the past keys"),
    (dict(read="past_value"), "nothing but the cache to read the past values"),
    (dict(read="present_key"), "nothing but one attention to read the cached keys"),
    (dict(read="present_value"), "nothing but one attention to read the cached values"),
]


def fulgur_compile(model, *options):
    return subprocess.run(["fulgur-compile", model, *options], check=True, capture_output=True, text=True)


def error_of(got, wanted):
    assert got.shape == wanted.shape, (got.shape, wanted.shape)
    return float(np.abs(got - wanted).max(initial=0) / np.abs(wanted).max(initial=1e-30))


def run(program, inputs):
    (folder / "in").mkdir(exist_ok=True)
    for name, array in inputs.items():
        np.save(folder / "in" / f"{name}.npy", array)
    subprocess.run([program, "run", "--input-dir", folder / "in", "--output-dir", folder / "out"], check=True)
    return {name: np.load(folder / "out" / f"{name}.npy") for name in json.loads(program.with_suffix(".names").read_text())}


def check_info(c, program):
    """What `info` tells of the caches."""
    info = json.loads(subprocess.run([program, "info", "--json"], check=True, capture_output=True, text=True).stdout)
    caches = {cache["input"]: cache for cache in info["caches"]}
    expanded = c.heads * (c.nope + c.rope + c.value)
    batch = c.batch if isinstance(c.batch, int) else 1  # named extents do not count
    for i in range(c.layers):
        for part, width, what in (("latent", c.latent, "latent"), ("rope_key", c.rope, "rotated key")):
            cache = caches.pop(f"past_key_{i}.{part}")
            assert cache["in_place"] and cache["bytes_per_token"] == 4 * batch * width, cache
            assert cache["stands_for"] == (f"{what} of 'past_key_{i}' and 'past_value_{i}', "
                                           f"{expanded} values a token"), cache
    assert not caches, caches
    program.with_suffix(".names").write_text(json.dumps([output["name"] for output in info["outputs"]]))


def check(number, c):
    """The largest error of four steps of several lengths, the first from a cache
    that onnxruntime has filled."""
    model, ups = make(c, seed=number)
    path = folder / f"model{number}.onnx"
    onnx.save(model, path)
    program = folder / f"model{number}"
    fulgur_compile(path, "--cache=latent", "-o", program)
    check_info(c, program)
    reference = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in reference.get_outputs()]
    rng = np.random.default_rng(number)
    batch = c.batch if isinstance(c.batch, int) else 2
    empty = lambda d: np.zeros((batch, c.heads, 0, d) if c.layout == "bhtd" else (batch, 0, c.heads, d), np.float32)
    expanded = {f"past_{kind}_{i}": empty(width) for i in range(c.layers)
                for kind, width in (("key", c.nope + c.rope), ("value", c.value))}

    def convert(caches, prefix):
        latents = {}
        for i, up in enumerate(ups):
            parts = to_latent(c, caches[f"{prefix}_key_{i}"], caches[f"{prefix}_value_{i}"], up)
            latents |= {f"{prefix}_key_{i}.latent": parts[0], f"{prefix}_key_{i}.rope_key": parts[1]}
        return latents

    latents, worst = None, 0
    for seq in [7, 3, 1, 2, 1] if not isinstance(c.seq, int) else [c.seq] * 8:
        x = rng.standard_normal((batch, seq, c.hidden)).astype(np.float32)
        wanted = dict(zip(names, reference.run(names, {"x": x} | expanded)))
        if latents:
            got = run(program, {"x": x} | latents)
            assert got.keys() == {"y"} | convert(wanted, "present").keys(), got.keys()
            worst = max(worst, error_of(got["y"], wanted["y"]),
                        *(error_of(got[name], array) / 10 for name, array in convert(wanted, "present").items()))
            latents = {name.replace("present", "past"): array for name, array in got.items() if name != "y"}
        expanded = {name.replace("present", "past"): array for name, array in wanted.items() if name != "y"}
        latents = latents or convert(expanded, "past")
    print(f"{c}: error {worst:.1e}")
    assert worst <= TOLERANCE, worst


def check_near_miss(changes, reason):
    path = folder / "miss.onnx"
    onnx.save(make(Config(layers=1, **changes))[0], path)
    done = fulgur_compile(path, "--cache=latent", "--explain=json", "--emit=mlir:fused", "-o", folder / "miss.mlir")
    assert "warning" in done.stderr, done.stderr
    messages = [r["message"] for r in json.loads(done.stdout)["remarks"] if r["pass"] == "fulgur-latent-cache"]
    assert len(messages) == 1 and reason in messages[0], (changes, messages)


for number, config in enumerate(CONFIGS):
    check(number, config)
for changes, reason in NEAR_MISSES:
    check_near_miss(changes, reason)
print("all latent caches agree")
