"""Runs a compiled model: a shared library that `fulgur-compile
--emit=shared-lib` made, through the C interface of fulgur/Runtime/Fulgur.h."""
import ctypes

import numpy as np
from onnx import helper

MAX_RANK = 8


class Options(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int32), ("weights_dir", ctypes.c_char_p)]


class Tensor(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.c_int64 * MAX_RANK), ("data", ctypes.c_void_p), ("bytes", ctypes.c_int64)]


# FulgurType in terms of TensorProto.DataType.
TYPES = [0, 1, 10, 16, 11, 17, 19, 9, 3, 5, 6, 7, 2, 4, 12, 13]
# No dtype equals the first, for which numpy would take None to be float64.
DTYPES = [""] + [np.dtype(helper.tensor_dtype_to_np_dtype(kind)) for kind in TYPES[1:]]


def run(library_path, inputs, output_names, threads=1):
    """The outputs of one step as arrays; `inputs` maps names to arrays.
    Raises RuntimeError with the runtime's message."""
    library = ctypes.CDLL(library_path)
    library.fulgur_create.restype = ctypes.c_void_p
    library.fulgur_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64]
    library.fulgur_destroy.argtypes = [ctypes.c_void_p]
    library.fulgur_last_error.restype = ctypes.c_char_p
    session = library.fulgur_create(ctypes.byref(Options(threads)))
    if not session:
        raise RuntimeError(library.fulgur_last_error().decode())
    given = (Tensor * len(inputs))()
    arrays = [np.ascontiguousarray(array).reshape(np.shape(array)) for array in inputs.values()]
    for tensor, name, array in zip(given, inputs, arrays):
        tensor.name, tensor.type, tensor.rank = name.encode(), DTYPES.index(np.dtype(array.dtype)), array.ndim
        tensor.shape[:array.ndim] = array.shape
        tensor.data = array.ctypes.data
    results = (Tensor * len(output_names))(*[Tensor(name.encode()) for name in output_names])
    if library.fulgur_run(session, given, len(given), results, len(results)):
        raise RuntimeError(library.fulgur_last_error().decode())
    outputs = []
    for tensor in results:
        data = ctypes.string_at(tensor.data, tensor.bytes) if tensor.bytes else b""
        outputs.append(np.frombuffer(data, DTYPES[tensor.type]).reshape(tensor.shape[:tensor.rank]))
    library.fulgur_destroy(session)
    return outputs
