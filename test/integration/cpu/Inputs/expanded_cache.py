"""Latent attention as older exporters of DeepSeek models write it: the caches
hold the keys and values of every head, expanded from the latent.

`make(Config(…))` is the graph, `to_latent` makes the caches that
`fulgur-compile --cache=latent` asks for of those that the graph takes. As a
program it writes one layer to the file that it is given."""
import dataclasses
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


@dataclasses.dataclass(frozen=True)
class Config:
    heads: int = 4
    nope: int = 8  # of the elements of a key that are not rotated
    rope: int = 4  # of the rotated ones
    value: int = 6
    latent: int = 16
    query_latent: int = 12  # 0: queries are one projection
    hidden: int = 24
    layers: int = 2
    batch: object = "batch"  # or a number
    seq: object = "seq"
    # [B, H, T, D], or [B, T, H, D].
    layout: str = "bhtd"
    # How the two parts of a key are joined, and how the rotated one is repeated.
    join: str = "concat"  # or scatter
    repeat: str = "expand"  # or tile
    # What makes it another graph: bias, head_rope, scaled_value, unshared.
    change: str = ""
    # Other readers of a past or an updated cache: past_key, past_value,
    # present_key, present_value.
    read: str = ""


class Graph:
    """Nodes, and constants by value."""

    def __init__(self, rng):
        self.nodes, self.initializers, self.rng, self.weights = [], [], rng, {}

    def __call__(self, kind, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        inputs = [name if isinstance(name, str) else self.constant(np.asarray(name)) for name in inputs]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"n{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape, key=None):
        array = (self.rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)
        if key:
            self.weights[key] = array
        return array

    def norm(self, x, width):
        scale = (1 + 0.1 * self.rng.standard_normal(width)).astype(np.float32)
        mean = self("ReduceMean", self("Pow", x, np.float32(2)), np.int64([-1]), keepdims=1)
        root = self("Reciprocal", self("Sqrt", self("Add", mean, np.float32(1e-6))))
        return self("Mul", scale, self("Mul", x, root))

    def rotate(self, x, cos, sin):
        """De-interleaving, as in modeling_deepseek: pairs in, halves out."""
        part = lambda start: self("Slice", x, np.int64([start]), np.int64([2**62]), np.int64([3]), np.int64([2]))
        a, b = part(0), part(1)
        first = self("Sub", self("Mul", a, cos), self("Mul", b, sin))
        second = self("Add", self("Mul", b, cos), self("Mul", a, sin))
        return self("Concat", first, second, axis=-1)


def ints(*values):
    return np.int64(values)


def join_key(g, c, nope, rope, sizes):
    """[B, H, S, nope + rope] of the two parts."""
    many = g("Concat", *sizes, ints(c.rope), axis=0)
    if c.repeat == "tile":
        rope = g("Tile", rope, ints(1, c.heads, 1, 1)) if c.change != "head_rope" else rope
    else:
        rope = g("Expand", rope, many)
    if c.join == "concat":
        return g("Concat", nope, rope, axis=-1)
    whole = g("Concat", *sizes, ints(c.nope + c.rope), axis=0)
    turn = lambda x: g("Transpose", x, perm=[3, 1, 2, 0])
    key = turn(g("ConstantOfShape", whole, value=numpy_helper.from_array(np.float32([0]))))
    key = g("ScatterND", key, np.arange(c.nope).reshape(-1, 1), turn(nope))
    key = g("ScatterND", key, np.arange(c.nope, c.nope + c.rope).reshape(-1, 1), turn(rope))
    return turn(key)


def layer(g, c, i, x, cos, sin, hidden_mask, sizes):
    batch, seq = sizes
    width = c.nope + c.rope
    h = g.norm(x, c.hidden)
    q = h
    if c.query_latent:
        q = g.norm(g("MatMul", q, g.weight(c.hidden, c.query_latent)), c.query_latent)
    q = g("MatMul", q, g.weight(c.query_latent or c.hidden, c.heads * width))
    q = g("Transpose", g("Reshape", q, g("Concat", batch, seq, ints(c.heads, width), axis=0)), perm=[0, 2, 1, 3])
    q_nope, q_rope = g("Split", q, ints(c.nope, c.rope), axis=3, outputs=2)
    q = g("Concat", q_nope, g.rotate(q_rope, cos, sin), axis=-1)

    rope_heads = c.heads if c.change == "head_rope" else 1
    both = g("MatMul", h, g.weight(c.hidden, c.latent + rope_heads * c.rope))
    latent, rope = g("Split", both, ints(c.latent, rope_heads * c.rope), axis=2, outputs=2)
    latent = g.norm(latent, c.latent)
    rope = g("Reshape", rope, g("Concat", batch, seq, ints(rope_heads, c.rope), axis=0))
    rope = g.rotate(g("Transpose", rope, perm=[0, 2, 1, 3]), cos, sin)
    kv = g("MatMul", latent, g.weight(c.latent, c.heads * (c.nope + c.value), key=f"up_{i}"))
    if c.change == "bias":
        kv = g("Add", kv, g.weight(c.heads * (c.nope + c.value)))
    kv = g("Reshape", kv, g("Concat", batch, seq, ints(c.heads, c.nope + c.value), axis=0))
    nope, value = g("Split", g("Transpose", kv, perm=[0, 2, 1, 3]), ints(c.nope, c.value), axis=3, outputs=2)
    if c.change == "scaled_value":
        value = g("Mul", value, np.float32(2))
    if c.change == "unshared":
        other = g("MatMul", latent, g.weight(c.latent, c.heads * c.value))
        other = g("Reshape", other, g("Concat", batch, seq, ints(c.heads, c.value), axis=0))
        value = g("Transpose", other, perm=[0, 2, 1, 3])
    heads = g("Concat", batch, ints(c.heads), seq, axis=0)
    key = join_key(g, c, nope, rope, [heads])
    if c.layout == "bhtd":
        present = [g("Concat", f"past_{name}_{i}", new, axis=-2) for name, new in (("key", key), ("value", value))]
        keys, values = present
    else:
        turn = lambda x: g("Transpose", x, perm=[0, 2, 1, 3])
        present = [g("Concat", f"past_{name}_{i}", turn(new), axis=1) for name, new in (("key", key), ("value", value))]
        keys, values = map(turn, present)
    scores = g("MatMul", q, g("Transpose", keys, perm=[0, 1, 3, 2]))
    scores = g("Add", g("Mul", scores, np.float32(width**-0.5)), hidden_mask)
    out = g("MatMul", g("Softmax", scores, axis=-1), values)
    out = g("Reshape", g("Transpose", out, perm=[0, 2, 1, 3]),
            g("Concat", batch, seq, ints(c.heads * c.value), axis=0))
    return g("Add", x, g("MatMul", out, g.weight(c.heads * c.value, c.hidden))), present


def make(c, seed=0):
    """The model, and the up-projection [L, H·(nope + value)] of each layer."""
    g = Graph(np.random.default_rng(seed))
    axis = 2 if c.layout == "bhtd" else 1
    size = lambda name, i: g("Shape", name, start=i, end=i + 1)
    sizes = [size("x", 0), size("x", 1)]
    past = g("Squeeze", size("past_key_0", axis))
    seq = g("Squeeze", sizes[1])
    total = g("Add", past, seq)
    positions = g("Add", g("Range", np.int64(0), seq, np.int64(1)), past)
    inverse = (1e4 ** (-np.arange(0, c.rope, 2) / c.rope)).astype(np.float32)
    angles = g("Mul", g("Cast", g("Unsqueeze", positions, ints(-1)), to=TensorProto.FLOAT), inverse)
    cos, sin = g("Cos", angles), g("Sin", angles)  # [S, rope / 2]
    seen = g("LessOrEqual", g("Range", np.int64(0), total, np.int64(1)), g("Unsqueeze", positions, ints(-1)))
    mask = g("Where", seen, np.float32(0), np.float32(np.finfo(np.float32).min))
    x, presents = "x", []
    for i in range(c.layers):
        x, present = layer(g, c, i, x, cos, sin, mask, sizes)
        presents += present
    shape = lambda d, t: (c.batch, c.heads, t, d) if c.layout == "bhtd" else (c.batch, t, c.heads, d)
    tensor = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
    inputs = [tensor("x", (c.batch, c.seq, c.hidden))]
    names = [f"{name}_{i}" for i in range(c.layers) for name in ("key", "value")]
    width = lambda name: c.nope + c.rope if name.startswith("key") else c.value
    inputs += [tensor(f"past_{name}", shape(width(name), "past")) for name in names]
    outputs = [tensor("y", (c.batch, c.seq, c.hidden))]
    outputs += [tensor(f"present_{name}", shape(width(name), "past + seq")) for name in names]
    for name, value in [("y", x)] + list(zip([f"present_{name}" for name in names], presents)):
        g.nodes.append(helper.make_node("Identity", [value], [name]))
    if c.read:
        which = f"{c.read}_0"
        kind = c.read.split("_")[1]
        g.nodes.append(helper.make_node("Abs", [which], ["read"]))
        outputs.append(tensor("read", shape(width(kind), "any")))
    model = helper.make_model(helper.make_graph(g.nodes, "expanded", inputs, outputs, g.initializers),
                              opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model, [g.weights[f"up_{i}"] for i in range(c.layers)]


def to_latent(c, key, value, up):
    """(latent [B, T, L], rope key [B, T, rope]) of a layer's caches.

    Keys and values of a token are `latent · up`: that has H·(nope + value)
    equations for L unknowns, of which there are fewer."""
    order = (0, 2, 1, 3) if c.layout == "bhtd" else (0, 1, 2, 3)
    key, value = key.transpose(order), value.transpose(order)
    columns = np.concatenate([key[..., :c.nope], value], axis=-1)
    columns = columns.reshape(*columns.shape[:2], -1).astype(np.float64)
    latent = columns @ np.linalg.pinv(up.astype(np.float64))
    return latent.astype(np.float32), np.ascontiguousarray(key[:, :, 0, c.nope:])


if __name__ == "__main__":
    onnx.save(make(Config(layers=1))[0], sys.argv[1])
