"""Compiles randomly damaged copies of good models. Whatever the damage, the
compiler ends by itself within 10 s and 4 GiB, with exit code 0 to 3, one line
on stderr if it fails, and no other file than the one that it was asked for.

Usage: damaged.py FOLDER (an empty one) COUNT [SEED, to repeat one copy] MODEL…
"""
import concurrent.futures
import os
import pathlib
import random
import resource
import subprocess
import sys

import onnx

folder = pathlib.Path(sys.argv[1])
count = int(sys.argv[2])
paths = sys.argv[3:]
seeds = range(count)
if paths[0].isdigit():
    seeds = [int(paths.pop(0))]
models = [pathlib.Path(path).read_bytes() for path in paths]


NUMBERS = [0, 1, -1, 2, 3, -2, 5, -7, 100, 2**31 - 1, -2**31, 2**31, 2**40, 2**62, 2**63 - 1, -2**63]


def edit(rng, model):
    """Changes the meaning of one place: a number, a type, a name, an edge."""
    graph = model.graph
    values = [*graph.input, *graph.output, *graph.value_info]
    node = rng.choice(graph.node)
    numbers = [attribute for attribute in node.attribute if attribute.type in (1, 2, 3, 7)]
    kind = rng.choice(["attribute", "attribute", "drop", "input", "extent", "extent", "type", "weight", "operator", "opset"])
    if kind == "attribute" and numbers:
        attribute = rng.choice(numbers)
        if attribute.type == 1:
            attribute.f = rng.choice([0.0, -1.0, float("nan"), float("inf"), 1e30])
        elif attribute.type == 2:
            attribute.i = rng.choice(NUMBERS)
        elif attribute.type == 3:
            attribute.s = b"else"
        else:
            attribute.ints[:] = [rng.choice(NUMBERS[:9] + [*attribute.ints]) for _ in range(rng.randrange(6))]
    elif kind == "drop" and node.attribute:
        del node.attribute[rng.randrange(len(node.attribute))]
    elif kind == "input" and node.input:
        names = [value.name for value in values] + [name for n in graph.node for name in n.output] + [""]
        node.input[rng.randrange(len(node.input))] = rng.choice(names)
    elif kind == "extent":
        dims = [dim for value in values for dim in value.type.tensor_type.shape.dim]
        if dims and rng.random() < 0.8:
            rng.choice(dims).dim_value = rng.choice(NUMBERS)
        elif dims:
            rng.choice(dims).dim_param = "n"
    elif kind == "type":
        rng.choice(values).type.tensor_type.elem_type = rng.randrange(25)
    elif kind == "weight" and graph.initializer:
        tensor = rng.choice(graph.initializer)
        if tensor.dims and rng.random() < 0.5:
            tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
        elif tensor.raw_data:
            tensor.raw_data = rng.randbytes(len(tensor.raw_data))
        else:
            tensor.int64_data[:] = [rng.choice(NUMBERS) for _ in tensor.int64_data]
    elif kind == "operator":
        node.op_type = rng.choice(graph.node).op_type if rng.random() < 0.5 else rng.choice(["Softmax", "Conv", "MatMul"])
    elif kind == "opset":
        model.opset_import[0].version = rng.randrange(30)
    return kind


def damage(rng):
    """A copy of one of the models, and what was done to it."""
    model = rng.randrange(len(models))
    if rng.random() < 0.6:
        edited = onnx.load_from_string(models[model])
        what = edit(rng, edited)
        return edited.SerializeToString(), f"{what} in {paths[model]}"
    data = bytearray(models[model])
    what = rng.choice(["flip", "flip", "flip", "bytes", "cut", "splice", "insert", "repeat", "fill"])
    # Structure is at the end of a file as often as in the middle of weights.
    at = rng.choice([rng.randrange(len(data)), rng.randrange(min(len(data), 2000)),
                     len(data) - 1 - rng.randrange(min(len(data), 2000))])
    length = rng.choice([1, 2, 3, 8, 30, 200])
    if what == "flip":
        for _ in range(length):
            data[rng.randrange(len(data)) if length > 8 else min(at + rng.randrange(40), len(data) - 1)] ^= 1 << rng.randrange(8)
    elif what == "bytes":
        for i in range(at, min(at + length, len(data))):
            data[i] = rng.randrange(256)
    elif what == "cut":
        del data[at:]
    elif what == "splice":
        other = models[rng.randrange(len(models))]
        start = rng.randrange(len(other))
        data[at:at + length] = other[start:start + length]
    elif what == "insert":
        data[at:at] = rng.randbytes(length)
    elif what == "repeat":
        data[at:at] = data[at:at + length] * rng.choice([1, 5, 1000])
    else:
        data[at:at + length] = bytes([rng.choice([0, 0x7f, 0xff, 0x80])]) * length
    return bytes(data), f"{what} of {length} at {at} in {paths[model]}"


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def compile_damaged(seed):
    """The exit code, and what is wrong with it."""
    data, what = damage(random.Random(seed))
    # Code for a large model takes a while, and only small ones have odd operators.
    stage = "mlir:raised" if len(data) > 100000 else "object"
    own = folder / str(seed)
    own.mkdir()
    (own / "model.onnx").write_bytes(data)
    try:
        done = subprocess.run(["fulgur-compile", "model.onnx", "--emit=" + stage, "-o", "out"], cwd=own, timeout=10,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit)
        code, errors = done.returncode, done.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired:
        code, errors = None, ""
    problem = ""
    if code not in (0, 1, 2, 3):
        problem = f"exit code {code}" if code is not None else "more than 10 s"
    elif code and len(errors.rstrip("\n").split("\n")) != 1 or not errors.startswith("fulgur-compile: error: ") and code:
        problem = "not one line"
    elif sorted(path.name for path in own.iterdir()) != ["model.onnx"] + ["out"] * (code == 0):
        problem = f"files {[path.name for path in own.iterdir()]}"
    if not problem:
        for path in own.iterdir():
            path.unlink()
        own.rmdir()
    return code, problem and f"seed {seed}, {what}: {problem}\n  {errors[:1500]}"


with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    results = list(pool.map(compile_damaged, seeds))
problems = [problem for _, problem in results if problem]
print("\n".join(problems))
codes = [code for code, _ in results]
print(f"{len(problems)} of {len(codes)} fail;", ", ".join(f"{codes.count(c)} exit with {c}" for c in range(4)))
# Damage that nobody notices, or that is noticed always, would be a bad test.
sys.exit(1 if problems or len(codes) > 1 and codes.count(0) in (0, len(codes)) else 0)
