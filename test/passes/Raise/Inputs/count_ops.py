#!/usr/bin/env python3
"""Counts what is left of every model once it is raised, and fails on what should
have been recognised.

usage: count_ops.py MODEL.onnx…

Everything that a model computes is a `fulgur` operation, but for a few loops of
which each has a name in LOOPS, and a limit: so many for each layer, and so many
more for the model. The rest is arithmetic on sizes and views of tensors. Softmax,
top-k, scatters and masks would be loops without a name."""
import collections
import re
import subprocess
import sys

ATTENTION = ("fulgur.attention", "fulgur.latent_attention",
             "fulgur.sparse_latent_attention")

# Loops by what their bodies do: name, what must be there, what may be, and how
# many for each layer and for the model.
INDEX = {"arith.addi", "arith.cmpi", "arith.index_cast", "arith.maxsi", "arith.minsi",
         "arith.muli", "arith.select"}
LOOPS = (
    # Both residuals, and the shared experts.
    ("sum", {"arith.addf"}, {"arith.extf", "arith.truncf"}, 3, 0),
    # Of bfloat16, before what is computed in float32, as routers, and behind it.
    ("widening", {"arith.extf"}, set(), 3, 0),
    ("narrowing", {"arith.truncf"}, set(), 2, 0),
    # The factor of the indexer's weights.
    ("product", {"arith.mulf"}, set(), 1, 0),
    ("embedding", {"tensor.extract", "linalg.index"}, INDEX, 0, 1),
    # Whether all tokens are in the vocabulary.
    ("range", {"arith.andi", "arith.cmpi", "arith.index_cast"}, {"arith.addi"}, 0, 1),
    ("start of range", {"linalg.fill"}, set(), 0, 1),
    ("verdict", {"tensor.extract"}, set(), 0, 1),
    # Which are there, and behind which past.
    ("positions", {"linalg.index"}, INDEX, 0, 1),
    ("shift", {"arith.addi"}, set(), 0, 1),
    # Which tokens are padding.
    ("condition", {"arith.cmpi"}, set(), 0, 1),
)

# Loops that have an operation of their own.
NAMED = {"linalg.add": "sum", "linalg.mul": "product", "linalg.fill": "start of range", "tensor.extract": "verdict"}

# Sizes and views: nothing of a tensor is computed.
GLUE = re.compile(
    r"affine\.apply$|arith\.(addi|subi|muli|divui|divsi|maxsi|minsi|cmpi|select|index_cast|constant)$"
    r"|tensor\.(dim|empty|expand_shape|collapse_shape|extract_slice|concat|"
    r"from_elements|cast)$|cf\.assert$|func\.func$|return$|module$")

OPERATION = re.compile(r"^\s*(?:%\S+(?:, %\S+)* = )?([a-z_]+(?:\.[a-z_]+)?)\b")


def operations(text):
    """The name of every operation; a loop by the operations of its body."""
    body = None
    for line in text.splitlines():
        if not (match := OPERATION.match(line)):
            if body is not None and line.lstrip().startswith("} ->"):
                yield name_of(body)
                body = None
            continue
        if body is not None:
            body.add(match[1])
        elif match[1] == "linalg.generic":
            body = set()
        else:
            yield NAMED.get(match[1], match[1])


def name_of(body):
    body.discard("linalg.yield")
    for name, needed, others, _, _ in LOOPS:
        if needed <= body <= needed | others:
            return name
    return "loop of " + ", ".join(sorted(body))


def check(path):
    command = ["fulgur-compile", path, "--emit=mlir:raised", "-o", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    counts = collections.Counter(operations(text))
    layers = sum(counts[name] for name in ATTENTION)
    limits = {name: each * layers + once for name, _, _, each, once in LOOPS}
    problems = [] if layers else ["no attention"]
    shown = []
    for name, count in sorted(counts.items()):
        if GLUE.match(name):
            continue
        shown.append(f"{count} {name}")
        if count > limits.get(name, 0) and not name.startswith("fulgur."):
            problems.append(f"{count} {name}")
    print(f"{path}: {layers} layers: {', '.join(shown)}")
    for problem in problems:
        print(f"{path}: not expected: {problem}")
    return not problems


if __name__ == "__main__":
    results = [check(path) for path in sys.argv[1:]]
    sys.exit(not results or not all(results))
