"""Writes one small model that shows one thing about the import.

Usage: models.py NAME FILE
"""
import sys

import ml_dtypes
import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper, save


def value(name, shape=(2, 3), kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, opset=22, initializers=(), functions=(), domains=()):
    graph = h.make_graph(nodes, "graph", inputs, outputs, list(initializers))
    opsets = [h.make_opsetid("", opset), *(h.make_opsetid(d, 1) for d in domains)]
    return h.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=10)


def attributes():
    """INT, FLOAT, STRING, INTS, FLOATS and TENSOR."""
    return model(
        [h.make_node("LeakyRelu", ["x"], ["leaky"], "leaky", alpha=0.25),
         h.make_node("Transpose", ["leaky"], ["turned"], "turned", perm=[1, 0]),
         h.make_node("Concat", ["turned", "turned"], ["double"], "double", axis=1),
         h.make_node("Gelu", ["double"], ["y"], "gelu", approximate="tanh"),
         h.make_node("ConstantOfShape", ["extents"], ["z"], "filled",
                     value=h.make_tensor("value", T.INT64, [1], [7]))],
        [value("x"), value("extents", (1,), T.INT64)],
        [value("y", (3, 4)), value("z", (None,), T.INT64)])


def optional_values():
    """An absent input in the middle, absent ones at the end, an output that
    nobody names, and one that is not there."""
    return model(
        [h.make_node("Clip", ["x", "", "high"], ["clipped"], "clipped"),
         h.make_node("Clip", ["clipped", "", ""], ["same"], "same"),
         h.make_node("LayerNormalization", ["same", "scale"], ["y", "", "inverse"], "norm"),
         h.make_node("LayerNormalization", ["y", "scale", ""], ["z"], "again")],
        [value("x"), value("high", ()), value("scale", (3,))],
        [value("inverse", (2, 1)), value("z")])


KINDS = {
    "f32": (T.FLOAT, np.float32), "f16": (T.FLOAT16, np.float16),
    "bf16": (T.BFLOAT16, ml_dtypes.bfloat16), "f64": (T.DOUBLE, np.float64),
    "e4m3": (T.FLOAT8E4M3FN, ml_dtypes.float8_e4m3fn),
    "e5m2": (T.FLOAT8E5M2, ml_dtypes.float8_e5m2),
    "i8": (T.INT8, np.int8), "i16": (T.INT16, np.int16),
    "i32": (T.INT32, np.int32), "i64": (T.INT64, np.int64),
    "u8": (T.UINT8, np.uint8), "u16": (T.UINT16, np.uint16),
    "u32": (T.UINT32, np.uint32), "u64": (T.UINT64, np.uint64),
    "bool": (T.BOOL, np.bool_)}


def kinds(raw):
    """An input and an initializer of every element type."""
    nodes, inputs, outputs, initializers = [], [], [], []
    for name, (kind, dtype) in KINDS.items():
        numbers = np.array([0, 1, 3]).astype(dtype)
        if dtype in (np.uint8, np.uint16, np.uint32, np.uint64):
            numbers[2] = np.iinfo(dtype).max
        elif np.issubdtype(dtype, np.signedinteger):
            numbers[2] = np.iinfo(dtype).min
        tensor = h.make_tensor(f"w_{name}", kind, [3], numbers.tobytes(), raw=True)
        if not raw:
            tensor = h.make_tensor(f"w_{name}", kind, [3], numbers.tolist())
        initializers.append(tensor)
        inputs.append(value(f"x_{name}", (3,), kind))
        outputs += [value(f"y_{name}", (3,), kind), value(f"z_{name}", (3,), kind)]
        nodes += [h.make_node("Identity", [f"x_{name}"], [f"y_{name}"]),
                  h.make_node("Identity", [f"w_{name}"], [f"z_{name}"])]
    return model(nodes, inputs, outputs, initializers=initializers)


def external():
    """Two weights in one file, the second after 16 bytes of another; a small
    one too, whose value is not read."""
    numbers = np.arange(100, dtype=np.float32)
    with open(sys.argv[2] + ".bin", "wb") as file:
        file.write(b"#" * 16 + numbers.tobytes() + numbers[:3].tobytes())
    weights = []
    for name, count, offset in (("big", 100, 16), ("small", 3, 416)):
        tensor = T(name=name, data_type=T.FLOAT, dims=[count], data_location=T.EXTERNAL)
        for key, entry in (("location", sys.argv[2].rsplit("/", 1)[-1] + ".bin"),
                           ("offset", offset), ("length", 4 * count)):
            tensor.external_data.add(key=key, value=str(entry))
        weights.append(tensor)
    return model([h.make_node("Add", ["x", "big"], ["y"]), h.make_node("Neg", ["small"], ["z"])],
                 [value("x", (100,))], [value("y", (100,)), value("z", (3,))], initializers=weights)


def inside():
    """Large and small weights inside the file: the large one stays there."""
    big = numpy_helper.from_array(np.arange(100, dtype=np.float32), "big")
    integers = numpy_helper.from_array(np.arange(100, dtype=np.int64), "integers")
    return model([h.make_node("Add", ["x", "big"], ["y"]),
                  h.make_node("Gather", ["x", "integers"], ["z"])],
                 [value("x", (100,))], [value("y", (100,)), value("z", (100,))],
                 initializers=[big, integers])


def dims():
    """Extents with a name, with a number and with neither."""
    return model([h.make_node("Relu", ["x"], ["y"])], [value("x", ("batch", None, 4, ""))],
                 [value("y", ("batch", None, 4, None))])


def constants():
    """All forms of Constant, one of them inside a chain."""
    forms = [h.make_node("Constant", [], ["a"], value_int=3),
             h.make_node("Constant", [], ["b"], value_ints=[1, 2]),
             h.make_node("Constant", [], ["c"], value_float=0.5),
             h.make_node("Constant", [], ["d"], value_floats=[0.5, 1.5]),
             h.make_node("Constant", [], ["e"], value=h.make_tensor("", T.BOOL, [2], [1, 0])),
             h.make_node("Identity", ["a"], ["f"], "chained")]
    shapes = {"b": (2,), "c": (), "d": (2,), "e": (2,), "f": ()}
    types = {"b": T.INT64, "e": T.BOOL, "f": T.INT64}
    return model(forms, [], [value(n, s, types.get(n, T.FLOAT)) for n, s in shapes.items()])


def old():
    """What opset 13 says by attributes, later ones by inputs."""
    return model([h.make_node("ReduceMean", ["x"], ["mean"], "mean", axes=[1], keepdims=0),
                  h.make_node("ReduceMax", ["x"], ["high"], "high"),
                  h.make_node("Split", ["x"], ["left", "right"], "halves", axis=0)],
                 [value("x")], [value("mean", (2,)), value("high", (1, 1)), value("left", (1, 3)),
                                value("right", (1, 3))], opset=13)


def older():
    """Opset 8: attributes that opset 13 has as inputs, Softmax over the last
    axis."""
    return model([h.make_node("Clip", ["x"], ["clipped"], "clipped", min=-1.0, max=1.0),
                  h.make_node("Unsqueeze", ["clipped"], ["long"], "long", axes=[0]),
                  h.make_node("Softmax", ["long"], ["y"], "softmax", axis=2)],
                 [value("x")], [value("y", (1, 2, 3))], opset=8)


def flattening():
    """Softmax of opset 8 over more than the last axis."""
    return model([h.make_node("Softmax", ["x"], ["y"], "softmax", axis=1)],
                 [value("x", (2, 3, 4))], [value("y", (2, 3, 4))], opset=8)


def standard_function():
    """An operator that the standard defines by a body."""
    return model([h.make_node("MeanVarianceNormalization", ["x"], ["y"], "whiten", axes=[1])],
                 [value("x")], [value("y")])


def local_functions():
    """A function of the model that calls another, and has an attribute."""
    double = h.make_function("mine", "Double", ["a"], ["b"], [h.make_node("Add", ["a", "a"], ["b"])],
                             [h.make_opsetid("", 22)])
    leaky = h.make_node("LeakyRelu", ["b"], ["c"])
    leaky.attribute.add(name="alpha", ref_attr_name="slope", type=1)
    outer = h.make_function("mine", "Outer", ["a"], ["c"],
                            [h.make_node("Double", ["a"], ["b"], domain="mine"), leaky],
                            [h.make_opsetid("", 22), h.make_opsetid("mine", 1)], ["slope"])
    return model([h.make_node("Outer", ["x"], ["y"], "outer", domain="mine", slope=0.5)],
                 [value("x")], [value("y")], functions=[double, outer], domains=["mine"])


def names():
    """Nodes with and without a name."""
    return model([h.make_node("Relu", ["x"], ["hidden"], "first"), h.make_node("Neg", ["hidden"], ["y"])],
                 [value("x")], [value("y")])


def branch():
    inner = h.make_graph([h.make_node("Neg", ["x"], ["inner"])], "inner", [], [value("inner")])
    other = h.make_graph([h.make_node("Abs", ["x"], ["other"])], "other", [], [value("other")])
    return model([h.make_node("If", ["c"], ["y"], "choose", then_branch=inner, else_branch=other)],
                 [value("x"), value("c", (), T.BOOL)], [value("y")])


def loop():
    body = h.make_graph([h.make_node("Identity", ["go"], ["on"]), h.make_node("Neg", ["v"], ["w"])],
                        "body", [value("i", (), T.INT64), value("go", (), T.BOOL), value("v")],
                        [value("on", (), T.BOOL), value("w")])
    return model([h.make_node("Loop", ["n", "", "x"], ["y"], "repeat", body=body)],
                 [value("x"), value("n", (), T.INT64)], [value("y")])


def sequence():
    made = h.make_tensor_sequence_value_info("s", T.FLOAT, None)
    return model([h.make_node("SequenceConstruct", ["x"], ["s"], "made")], [value("x")], [made])


def strings():
    return model([h.make_node("Identity", ["x"], ["y"], "same")], [value("x", (2,), T.STRING)],
                 [value("y", (2,), T.STRING)])


def sparse():
    built = names()
    built.graph.sparse_initializer.add(
        values=h.make_tensor("rare", T.FLOAT, [1], [1.0]), indices=h.make_tensor("at", T.INT64, [1], [2]), dims=[9])
    return built


BUILD = {function.__name__: function for function in (
    attributes, optional_values, external, inside, dims, constants, old, older, flattening,
    standard_function, local_functions, names, branch, loop, sequence, strings, sparse)}
BUILD["kinds_raw"] = lambda: kinds(raw=True)
BUILD["kinds_typed"] = lambda: kinds(raw=False)

if __name__ == "__main__":
    save(BUILD[sys.argv[1]](), sys.argv[2])
