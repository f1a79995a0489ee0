"""Compiles kernels for the emulator, and runs them from Python."""
import ctypes as c
import subprocess

import numpy as np

PASSES = ("builtin.module(gpu.module(convert-scf-to-cf,convert-arith-to-llvm),convert-cf-to-llvm,"
          "reconcile-unrealized-casts,fulgur-convert-nvvm-to-emulator)")
F32, F16, BF16 = 1, 2, 3
INDEPENDENT = 1


class Kernel(c.Structure):
    """FulgurKernel (fulgur/Runtime/Model.h)."""
    _fields_ = [("name", c.c_char_p), ("block", c.c_int32 * 3), ("cluster", c.c_int32 * 3),
                ("shared_bytes", c.c_int64), ("num_params", c.c_int32), ("param_bytes", c.c_void_p),
                ("flags", c.c_int32), ("emulated", c.c_void_p), ("registers", c.c_int32),
                ("local_bytes", c.c_int32), ("code_bytes", c.c_int64)]


class Emulator(c.Structure):
    """FulgurEmulator."""
    _fields_ = [
        ("launch", c.CFUNCTYPE(c.c_int, c.POINTER(Kernel), c.POINTER(c.c_int64), c.c_int64, c.POINTER(c.c_void_p),
                               c.c_char_p, c.c_int64)),
        ("tensor_map", c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_int32, c.c_int32, c.POINTER(c.c_int64),
                                   c.POINTER(c.c_int64), c.POINTER(c.c_int32), c.c_int32)),
        ("allocated", c.CFUNCTYPE(None, c.c_void_p, c.c_int64)),
        ("released", c.CFUNCTYPE(None, c.c_void_p)),
        ("set_seed", c.CFUNCTYPE(None, c.c_uint64))]


# What a conversion to bf16 calls on processors without an instruction for it,
# and not every compiler's library has.
CONVERSION = """
#include <string.h>
__bf16 __truncsfbf2(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  unsigned short high = value != value ? (bits >> 16) | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  __bf16 result;
  memcpy(&result, &high, 2);
  return result;
}
"""


def compile_kernels(text, build, root, prefix, passes=PASSES, level="-O1"):
    """Compiles MLIR text to a library <prefix>.so and loads it."""
    with open(prefix + ".c", "w") as file:
        file.write('#include "fulgur/Runtime/Emulator.h"\n'
                   "const FulgurEmulator *get_emulator(void) { return &fulgur_emulator; }\n" + CONVERSION)
    lowered = subprocess.run(["fulgur-opt", "-", f"--pass-pipeline={passes}"], input=text.encode(), capture_output=True)
    if lowered.returncode:
        raise SystemExit(lowered.stderr.decode()[:2000])
    # The kernels stay in the module for their assembly, which is not made here.
    host = drop_kernels(lowered.stdout)
    subprocess.run(["mlir-translate", "--mlir-to-llvmir", "-o", prefix + ".ll"], input=host, check=True)
    subprocess.run(["clang", level, "-c", "-fPIC", "-Wno-override-module", prefix + ".ll", "-o", prefix + ".o"], check=True)
    subprocess.run(["clang++", "-shared", "-fPIC", "-I", f"{root}/include", "-x", "c", prefix + ".c", "-x", "none", prefix + ".o",
                    f"{build}/lib/libFulgurRuntime.a", "-o", prefix + ".so", "-lm"], check=True)
    return c.CDLL(prefix + ".so")


def drop_kernels(module):
    """The module without its gpu.module, by its braces' indentation."""
    lines, out, inside = module.decode().splitlines(), [], False
    for line in lines:
        inside = inside or line.startswith("  gpu.module")
        if not inside:
            out.append(line)
        if inside and line == "  }":
            inside = False
    return "\n".join(out).encode()


class Device:
    """A library of kernels on the emulator."""

    def __init__(self, library):
        self.library = library
        library.get_emulator.restype = c.POINTER(Emulator)
        self.emulator = library.get_emulator().contents
        self.arrays = []

    def array(self, values):
        """A copy on the device: an array that starts at a multiple of 256."""
        raw = np.zeros(values.nbytes + 256, np.uint8)
        begin = -raw.ctypes.data % 256
        copy = raw[begin:begin + values.nbytes].view(values.dtype).reshape(values.shape)
        copy[...] = values
        self.emulator.allocated(copy.ctypes.data, copy.nbytes)
        self.arrays.append(copy)
        return copy

    def reset(self):
        for array in self.arrays:
            self.emulator.released(array.ctypes.data)
        self.arrays = []

    def tensor_map(self, array, dtype, box, swizzle):
        raw = np.zeros(192, np.uint8)
        begin = -raw.ctypes.data % 64
        data = raw[begin:begin + 128]
        sizes = array.shape[::-1]
        strides = array.strides[::-1]
        rank = array.ndim
        self.emulator.tensor_map(data.ctypes.data, array.ctypes.data, dtype, rank, (c.c_int64 * rank)(*sizes),
                                 (c.c_int64 * rank)(*strides), (c.c_int32 * rank)(*box), swizzle)
        return data

    def launch(self, name, grid, block, args, shared=0, cluster=1, flags=0, seed=1):
        """The message of a fault, or an empty text."""
        function = c.cast(getattr(self.library, name + "_emulated"), c.c_void_p)
        kernel = Kernel(name.encode(), (block, 1, 1), (cluster, 1, 1), shared, len(args), None, flags, function.value, -1, -1, -1)
        values = [value if isinstance(value, np.ndarray) and value.nbytes == 128 and value.dtype == np.uint8 else
                  np.array([value.ctypes.data], np.int64) if isinstance(value, np.ndarray) else
                  np.array([value]) if isinstance(value, np.generic) else np.array([value], np.int32)
                  for value in args]
        pointers = (c.c_void_p * len(values))(*[value.ctypes.data for value in values])
        message = c.create_string_buffer(1024)
        self.emulator.set_seed(seed)
        failed = self.emulator.launch(kernel, (c.c_int64 * 3)(*grid), shared, pointers, message, len(message))
        return message.value.decode() if failed else ""
