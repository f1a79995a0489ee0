"""One warp multiplies tiles with what GPUs before sm_90 have: cp.async, ldmatrix,
mma.sync, an mbarrier and stmatrix, as the kernel dialect lowers them, on the
emulator. Arguments: a folder, the build folder, the root, and its test/lib/Emulator."""

import sys

import ml_dtypes
import numpy as np

folder, build, root, emulator = sys.argv[1:]
sys.path.insert(0, emulator)
import run  # noqa: E402

PASSES = ("builtin.module(fulgur-convert-kernel-to-nvvm,convert-scf-to-cf,fulgur-convert-gpu-to-nvvm,"
          "gpu.module(reconcile-unrealized-casts,canonicalize,cse),fulgur-convert-nvvm-to-emulator)")
KERNEL = """
  gpu.func @mma_TYPE(%a: memref<16x16xTYPE>, %b: memref<8x16xTYPE>, %c: memref<16x8xf32>, %d: memref<16x16xTYPE>)
      kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %c8 = arith.constant 8 : index
    %c16 = arith.constant 16 : index
    %parity = arith.constant 0 : i32
    %lane = gpu.thread_id x
    %sa = kernel.shared at 0 : memref<16x16xTYPE, #ws>
    %sb = kernel.shared at 512 : memref<8x16xTYPE, #ws>
    %sd = kernel.shared at 768 : memref<16x16xTYPE, #ws>
    %ready = kernel.mbarrier at 1280
    %first = arith.cmpi eq, %lane, %c0 : index
    scf.if %first {
      kernel.mbarrier_init %ready count 32
    }
    gpu.barrier
    // A row has two pieces of 16 bytes.
    %row = arith.divui %lane, %c2 : index
    %piece = arith.remui %lane, %c2 : index
    %column = arith.muli %piece, %c8 : index
    kernel.copy_async %a[%row, %column] to %sa[%row, %column] : memref<16x16xTYPE> to memref<16x16xTYPE, #ws>
    %half = arith.cmpi ult, %lane, %c16 : index
    scf.if %half {
      kernel.copy_async %b[%row, %column] to %sb[%row, %column] : memref<8x16xTYPE> to memref<8x16xTYPE, #ws>
    }
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 0
    kernel.mbarrier_arrive %ready
    kernel.mbarrier_wait %ready parity %parity
    // The matrices of a fragment: upper and lower rows, then the right half.
    %in8 = arith.remui %lane, %c8 : index
    %matrix = arith.divui %lane, %c8 : index
    %lower = arith.remui %matrix, %c2 : index
    %right = arith.divui %matrix, %c2 : index
    %down = arith.muli %lower, %c8 : index
    %rowA = arith.addi %in8, %down : index
    %columnA = arith.muli %right, %c8 : index
    %x = kernel.ldmatrix %sa[%rowA, %columnA] : memref<16x16xTYPE, #ws> -> vector<8xTYPE>
    %w = kernel.ldmatrix %sb[%in8, %down] : memref<8x16xTYPE, #ws> -> vector<4xTYPE>
    %zero = arith.constant dense<0.0> : vector<4xf32>
    %y = kernel.mma_sync %x, %w, %zero : vector<8xTYPE>, vector<4xTYPE>, vector<4xf32>
    %above = arith.divui %lane, %c4 : index
    %below = arith.addi %above, %c8 : index
    %quad = arith.remui %lane, %c4 : index
    %left = arith.muli %quad, %c2 : index
    %next = arith.addi %left, %c1 : index
    %y0 = vector.extract %y[0] : f32 from vector<4xf32>
    %y1 = vector.extract %y[1] : f32 from vector<4xf32>
    %y2 = vector.extract %y[2] : f32 from vector<4xf32>
    %y3 = vector.extract %y[3] : f32 from vector<4xf32>
    memref.store %y0, %c[%above, %left] : memref<16x8xf32>
    memref.store %y1, %c[%above, %next] : memref<16x8xf32>
    memref.store %y2, %c[%below, %left] : memref<16x8xf32>
    memref.store %y3, %c[%below, %next] : memref<16x8xf32>
    // The fragment goes out as it came in, and a piece of a row a thread back.
    kernel.stmatrix %x, %sd[%rowA, %columnA] : vector<8xTYPE>, memref<16x16xTYPE, #ws>
    gpu.barrier
    scf.for %j = %c0 to %c8 step %c1 {
      %at = arith.addi %column, %j : index
      %v = memref.load %sd[%row, %at] : memref<16x16xTYPE, #ws>
      memref.store %v, %d[%row, %at] : memref<16x16xTYPE>
    }
    gpu.return
  }
"""


def descriptor(array):
    """What a memref is as parameters: addresses, offset, sizes and strides."""
    sizes = [np.int64(size) for size in array.shape]
    strides = [np.int64(stride // array.itemsize) for stride in array.strides]
    return [array, array, np.int64(0), *sizes, *strides]


def main():
    kernels = "".join(KERNEL.replace("TYPE", name) for name in ("bf16", "f16"))
    text = f"#ws = #gpu.address_space<workgroup>\nmodule attributes {{gpu.container_module}} {{\ngpu.module @kernels {{{kernels}}}\n}}\n"
    device = run.Device(run.compile_kernels(text, build, root, folder + "/mma", PASSES))
    for name, dtype in (("bf16", ml_dtypes.bfloat16), ("f16", np.float16)):
        for seed in (1, 2, 3):
            random = np.random.default_rng(seed)
            # Sums of these are exact.
            a, b = ((random.integers(-8, 9, shape) / 4).astype(dtype) for shape in ((16, 16), (8, 16)))
            on_a, on_b = (device.array(values.view(np.uint16)) for values in (a, b))
            c, d = device.array(np.full((16, 8), np.nan, np.float32)), device.array(np.zeros((16, 16), np.uint16))
            arguments = sum((descriptor(array) for array in (on_a, on_b, c, d)), [])
            fault = device.launch(f"mma_{name}", (1, 1, 1), 32, arguments, shared=1288, seed=seed)
            if fault:
                raise SystemExit(f"{name}, seed {seed}: {fault}")
            if not np.array_equal(c, a.astype(np.float32) @ b.astype(np.float32).T):
                raise SystemExit(f"{name}, seed {seed}: the product is wrong")
            if not np.array_equal(d, a.view(np.uint16)):
                raise SystemExit(f"{name}, seed {seed}: the fragment is not what was read")
            device.reset()


main()
