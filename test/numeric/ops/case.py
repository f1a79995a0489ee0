"""One case of check_op.py, and what the cases of all families are made of."""
import dataclasses
from typing import Callable

import ml_dtypes
import numpy as np

DTYPES = {"f32": np.dtype(np.float32), "f16": np.dtype(np.float16), "f64": np.dtype(np.float64),
          "bf16": np.dtype(ml_dtypes.bfloat16), "f8E4M3FN": np.dtype(ml_dtypes.float8_e4m3fn),
          "i1": np.dtype(np.bool_), "i32": np.dtype(np.int32), "i64": np.dtype(np.int64)}
# How far off one rounding to a type can be, relative to the number: two to the
# power of minus the digits of its mantissa, the implied one among them.
ROUNDING = {"f64": 2.0 ** -53, "f32": 2.0 ** -24, "f16": 2.0 ** -11, "bf16": 2.0 ** -8}


@dataclasses.dataclass
class Case:
    name: str
    operands: list  # the text between tensor< and >
    results: list
    # {0}, {1} … are operands, {t0}, {r0} … types. A list is of operations with
    # one result each, {v[0]}, {v[1]} …, and the case has all of them.
    op: str | list
    sizes: list     # keyword arguments of `inputs`, one dictionary a run
    inputs: Callable
    reference: Callable | None
    tolerance: float = 1e-5
    same: tuple = ()  # without a reference: the results that are to be the same


def rounded(kind, times=1):
    """The tolerance of f32 arithmetic on numbers of `kind` whose result, and what
    the operation keeps in that type on the way, is rounded to it `times` times."""
    return 2e-6 + (0 if kind == "f32" else times * ROUNDING[kind])


def normal(g, *shape, kind=np.float32):
    return g.standard_normal(shape).astype(kind)


def mask_of(g, *shape):
    """Mostly visible, and whole rows hidden now and then."""
    return (g.random(shape) < 0.7) & (g.random(shape[:-1] + (1,)) < 0.8)


def bias_of(g, *shape):
    return np.where(mask_of(g, *shape), normal(g, *shape), np.float32(-np.inf)).astype(np.float32)
