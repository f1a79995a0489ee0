"""Gives fulgur-compile what it can not compile: every time it has to say why
in one line, with the right exit code, and to leave no file behind.

Usage: bad_input.py FOLDER (an empty one)
"""
import os
import resource
import subprocess
import sys

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

OK, USAGE, INVALID, UNSUPPORTED, INTERNAL, TOOL = range(6)
failures = 0
os.chdir(sys.argv[1])


def value(name, shape=(2, 3), kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs=None, outputs=None, opset=22, initializers=(), **others):
    graph = h.make_graph(nodes, "graph", [value("x")] if inputs is None else inputs,
                         [value("y")] if outputs is None else outputs, list(initializers))
    return h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=10, **others)


def node(op, inputs="x", outputs="y", **attributes):
    return h.make_node(op, inputs.split(), outputs.split(), attributes.pop("node", ""), **attributes)


def refuse(what, code, error, given, *flags, emit="mlir:imported", output="out", limit=None):
    """`given` is bytes, a model, or the name of what is there already."""
    global failures
    name = given
    if not isinstance(given, str):
        name = "model.onnx"
        with open(name, "wb") as file:
            file.write(given if isinstance(given, bytes) else given.SerializeToString())
    before = sorted(os.listdir("."))
    try:
        done = subprocess.run(["fulgur-compile", name, "--emit=" + emit, "-o", output, *flags],
                              capture_output=True, text=True, timeout=10, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        print(f"{what}: takes more than 10 s")
        failures += 1
        return
    problems = []
    if done.returncode != code:
        problems.append(f"exit code {done.returncode}, expected {code}")
    lines = done.stderr.splitlines()
    if len(lines) != 1 or not lines[0].startswith("fulgur-compile: error: "):
        problems.append(f"expected one line, got {len(lines)}")
    if error not in done.stderr:
        problems.append(f"expected {error!r}")
    if done.stdout:
        problems.append("standard output is not empty")
    if sorted(os.listdir(".")) != before:
        problems.append(f"left {set(os.listdir('.')) - set(before)}")
        os.path.exists(output) and os.path.isfile(output) and os.remove(output)
    if problems:
        print(f"{what}: {'; '.join(problems)}\n  {done.stderr[:2000]}")
        failures += 1


def varint(number):
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded + bytearray([number]))


good = model([node("Softmax")])
good_bytes = good.SerializeToString()

# Files that are no model.
os.mkdir("folder")
refuse("no file", INVALID, "nowhere.onnx: no such file or folder", "nowhere.onnx")
refuse("a folder", INVALID, "folder", "folder")
refuse("an empty file", INVALID, "the file is empty", b"")
refuse("text", INVALID, "are not one (truncated or another format)", b"Not a model.\n" * 40)
refuse("zeros", INVALID, "are not one", bytes(10000))
refuse("an unreadable file", INVALID, "", "/proc/self/mem")
for length in (1, 7, len(good_bytes) // 2, len(good_bytes) - 1):
    refuse(f"{length} bytes of a model", INVALID, "model.onnx: ", good_bytes[:length])
refuse("a claim of 2 GiB", INVALID, "are not one", b"\x3a" + varint(2**31 - 1) + bytes(100))
refuse("a claim of 2^63", INVALID, "are not one", b"\x3a" + varint(2**63) + bytes(100))
refuse("no graph", INVALID, "are not one", h.make_model(h.make_graph([], "g", [], []))
       .SerializeToString()[:0] + b"\x08\x0a")
refuse("a graph of nothing", INVALID, "", b"\x08\x0a\x3a\x00")
deep = b""
for _ in range(20000):  # a graph in an attribute of a node in a graph …
    deep = b"\x0a" + varint(len(deep) + 6) + b"\x2a" + varint(len(deep)) + b"\x32" + varint(len(deep)) + deep
refuse("20,000 graphs inside each other", INVALID, "", b"\x08\x0a\x3a" + varint(len(deep)) + deep)

# Weights.
with open("short.bin", "wb") as file:
    file.write(bytes(100))
os.mkdir("model")
os.symlink("/etc/hostname", "model/link.bin")
with open("outside.bin", "wb") as file:
    file.write(bytes(4000))
os.symlink("../outside.bin", "model/up.bin")
os.mkdir("modelled")
with open("modelled/sibling.bin", "wb") as file:
    file.write(bytes(4000))
os.symlink("../modelled/sibling.bin", "model/sibling.bin")


def external(count=100, **entries):
    tensor = T(name="w", data_type=T.FLOAT, dims=[count], data_location=T.EXTERNAL)
    for key, entry in entries.items():
        tensor.external_data.add(key=key, value=str(entry))
    return model([node("Add", "x w")], [value("x", (count,))], [value("y", (count,))],
                 initializers=[tensor])


def inside(tensor):
    with open("model/model.onnx", "wb") as file:
        file.write(tensor.SerializeToString())
    return "model/model.onnx"


refuse("data of no file", INVALID, "no.bin", external(location="no.bin"))
refuse("data of too short a file", INVALID, "400 bytes at 0, but 'short.bin' has 100", external(location="short.bin"))
refuse("data behind the end", INVALID, "8 bytes at 96, but 'short.bin' has 100",
       external(2, location="short.bin", offset=96))
refuse("too large an offset", INVALID, "offset", external(2, location="short.bin", offset=2**64 - 4))
refuse("a negative offset", INVALID, "offset", external(2, location="short.bin", offset=-4))
refuse("an offset of letters", INVALID, "offset", external(2, location="short.bin", offset="four"))
refuse("another length", INVALID, "length", external(2, location="short.bin", length=4))
refuse("no location", INVALID, "location", external(offset=0))
refuse("a path up", INVALID, "short.bin", inside(external(2, location="../short.bin")))
refuse("a path down and up", INVALID, "short.bin", inside(external(2, location="a/../../short.bin")))
refuse("an absolute path", INVALID, "/etc/hostname", external(1, location="/etc/hostname"))
refuse("a link out", INVALID, "link.bin", inside(external(1, location="link.bin")))
refuse("a link up", INVALID, "up.bin", inside(external(1, location="up.bin")))
refuse("a link into a folder with a longer name", INVALID, "sibling.bin", inside(external(1, location="sibling.bin")))
refuse("a folder as data", INVALID, "folder", external(1, location="folder"))
huge = T(name="w", data_type=T.FLOAT, dims=[2**40], raw_data=bytes(8))
refuse("fewer bytes than a tensor needs", INVALID, "w", model([node("Add", "x w")], initializers=[huge]))
refuse("extents that overflow", INVALID, "w", model([node("Add", "x w")], initializers=[
    T(name="w", data_type=T.FLOAT, dims=[2**62, 2**62], raw_data=bytes(8))]))
refuse("a negative extent of a weight", INVALID, "w", model([node("Add", "x w")], initializers=[
    T(name="w", data_type=T.FLOAT, dims=[-1], raw_data=bytes(8))]))
refuse("two kinds of data", INVALID, "w", model([node("Add", "x w")], initializers=[
    T(name="w", data_type=T.FLOAT, dims=[1], raw_data=bytes(4), float_data=[1.0])]))
refuse("strings", UNSUPPORTED, "STRING", model([node("Identity", "w")], [], [value("y", (1,), T.STRING)], initializers=[
    T(name="w", data_type=T.STRING, dims=[1], string_data=[b"text"])]))
refuse("an unknown element type", INVALID, "", model([node("Add", "x w")], initializers=[
    T(name="w", data_type=99, dims=[1], raw_data=bytes(4))]))

# Graphs.
refuse("a cycle", INVALID, "", model([node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b")]))
refuse("a node that reads itself", INVALID, "", model([node("Add", "x y")]))
refuse("an undefined name", INVALID, "nobody", model([node("Add", "x nobody")]))
refuse("an undefined output", INVALID, "nobody", model([node("Relu")], outputs=[value("nobody")]))
refuse("two values of one name", INVALID, "y", model([node("Relu"), node("Neg")]))
refuse("two inputs of one name", INVALID, "x", model([node("Relu")], [value("x"), value("x")]))
refuse("two outputs of one name", INVALID, "y", model([node("Relu")], outputs=[value("y"), value("y")]))
refuse("an input that is written", INVALID, "x", model([node("Relu", "x", "x"), node("Neg")]))
refuse("too many inputs", INVALID, "Relu", model([node("Relu", "x x")]))
refuse("a missing attribute", INVALID, "Concat", model([node("Concat", "x x")]))
refuse("an attribute of another kind", INVALID, "axis", model([node("Concat", "x x", axis="one")]))
refuse("an unknown attribute", INVALID, "colour", model([node("Relu", colour=1)]))
refuse("shapes that do not fit", INVALID, "", model([node("MatMul", "x x")], outputs=[value("y", None)]))
refuse("a declared shape that is not the real one", INVALID, "", model([node("Relu")], outputs=[value("y", (2, 4))]))
refuse("types that do not fit", INVALID, "", model([node("Add", "x z")], [value("x"), value("z", (2, 3), T.INT64)]))
refuse("a declared type that is not the real one", INVALID, "",
       model([node("Relu")], outputs=[value("y", (2, 3), T.INT64)]))
refuse("a negative extent", INVALID, "", model([node("Relu")], [value("x", (2, -3))], [value("y", None)]))
refuse("an overflowing extent", INVALID, "overflow",
       model([node("Relu")], [value("x", (2**40, 2**40))], [value("y", (2**40, 2**40))]))
refuse("an input without a shape", INVALID, "x", model([node("Relu")], [value("x", None)], [value("y", None)]))
refuse("a permutation that is none", INVALID, "", model([node("Transpose", perm=[0, 5])], outputs=[value("y", None)]))
refuse("an axis out of range", INVALID, "", model([node("Concat", "x x", axis=7)], outputs=[value("y", None)]))

# Versions and operators.
refuse("no opset", INVALID, "", model([node("Relu")]).SerializeToString().replace(b"\x42\x04\x0a\x00\x10\x16", b""))
refuse("too old an opset", UNSUPPORTED, "expected ai.onnx of version 7", model([node("Relu")], opset=6))
refuse("too new an opset", UNSUPPORTED, "but got 999", model([node("Relu")], opset=999))
refuse("a negative opset", UNSUPPORTED, "but got -1", model([node("Relu")], opset=-1))
own = model([h.make_node("Mine", ["x"], ["a"], "one", domain="mine"), h.make_node("Mine", ["a"], ["b"], domain="mine"),
             node("Einsum", "b", "y", node="last", equation="ij->ij"),
             h.make_node("Yours", ["y"], ["c"], "two", domain="yours")])
own.opset_import.extend([h.make_opsetid("mine", 1), h.make_opsetid("yours", 1)])
refuse("operators of other domains, all at once", UNSUPPORTED,
       "2 operators are not supported (opset 22): mine.Mine (2 nodes, first 'one'), yours.Yours (1 node, 'two')", own)
own.opset_import.pop()
refuse("a domain that is not imported", INVALID, "yours", own)
refuse("an operator that there is not", INVALID, "Nothing", model([node("Nothing")]))
recursive = model([h.make_node("F", ["x"], ["y"], domain="mine")], functions=[
    h.make_function("mine", "F", ["a"], ["b"], [h.make_node("F", ["a"], ["b"], domain="mine")],
                    [h.make_opsetid("", 22), h.make_opsetid("mine", 1)])])
recursive.opset_import.append(h.make_opsetid("mine", 1))
refuse("a function that calls itself", INVALID, "", recursive)
bomb = model([h.make_node("F0", ["x"], ["y"], domain="mine")], functions=[
    h.make_function("mine", f"F{i}", ["a"], ["d"], [
        h.make_node(f"F{i + 1}", [a], [b], domain="mine") for a, b in ("ab", "bc", "cd")]
        if i < 30 else [h.make_node("Relu", ["a"], ["d"])],
        [h.make_opsetid("", 22), h.make_opsetid("mine", 1)]) for i in range(31)])
bomb.opset_import.append(h.make_opsetid("mine", 1))
refuse("functions that grow to 3^30 nodes", UNSUPPORTED, "", bomb)
large = model([node("ConstantOfShape", "n", "y", value=h.make_tensor("v", T.FLOAT, [1], [1.0]))], [],
              [value("y", None)], initializers=[numpy_helper.from_array(np.array([2**40, 2**40]), "n")])
refuse("a computed shape that overflows", INVALID, "", large)

# Files to write.
refuse("no folder for the output", TOOL, "no/out", good, output="no/out", emit="object")
refuse("a folder as the output", TOOL, "folder", good, output="folder", emit="object")
refuse("a full disk", TOOL, "/dev/full", good, output="/dev/full", emit="asm")
refuse("a full disk for text", TOOL, "/dev/full", good, output="/dev/full")
refuse("no folder for text", TOOL, "no/out", good, output="no/out")
refuse("dumps into a file", TOOL, "short.bin", good, "--dump-stages=short.bin", output="-")


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


for emit in ("mlir:imported", "object", "shared-lib", "exe"):
    refuse(f"no room for {emit}", TOOL, "out: can not be written: File too large", good, emit=emit, limit=small_files)
refuse("no linker", TOOL, "the linker 'nonexistent' can not be run", good, "--linker=nonexistent", emit="exe")
refuse("an executable on standard output", USAGE, "standard output", good, emit="exe", output="-")

# Files to resume from.
for text, error in [("", "fulgur.stage"), ("module {", ""), ("func.func @f() { return }", "fulgur.stage"),
                    ('module attributes {fulgur.stage = "mlir:none"} {}', "'mlir:none'"),
                    ('module attributes {fulgur.stage = 3} {}', "fulgur.stage"),
                    ('module attributes {fulgur.stage = "exe"} {}', "'exe'"),
                    ("\x00\x01\x02", ""), ("module { unknown.op }", "unknown")]:
    with open("text.mlir", "w") as file:
        file.write(text)
    refuse(f"resume from {text!r}", INVALID, error, "text.mlir", emit="mlir:raised")
with open("text.mlir", "w") as file:
    file.write('module attributes {fulgur.stage = "mlir:lowered"} {}')
refuse("resume backwards", USAGE, "after the asked one", "text.mlir", emit="mlir:raised")

# Flags.
for flags, error in [(["--emit=nothing"], "--emit"), (["--raise=some"], "--raise"), (["--weights=away"], "--weights"),
                     (["--nothing"], "nothing"), (["--mcpu=486dx-none"], "486dx-none")]:
    refuse(" ".join(flags), USAGE, error, good, *flags, emit="object")
for dim, error in [("x", "x"), ("q=1", "'q'"), ("b=0", "dimension 'b' to be positive"), ("b=-1", "positive"), ("b=3..2", "in order"),
                   ("b=many", "b=many"), ("b=99999999999999999999", "b=9"), ("=1", "=1")]:
    refuse(f"--dim {dim}", USAGE, error, model([node("Softmax")], [value("x", ("b",))], [value("y", ("b",))]),
           "--dim", dim, emit="mlir:raised")

print(f"{failures} cases fail")
sys.exit(1 if failures else 0)
