//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOCPU_PASSES_TD
#define PASSES_LOWERTOCPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ApproximateMathPass : Pass<"fulgur-approximate-math", "::mlir::ModuleOp"> {
  let summary = "Write exponentials as polynomials";
  let description = [{
    Replaces the exponential of f32 by arithmetic with an error of a few units
    in the last place, which LLVM vectorises with the loop around it.

    Before:

    ```mlir
    %e = math.exp %x : f32
    ```

    After:

    ```mlir
    %n = math.floor %scaled : f32
    …
    %e = arith.mulf %polynomial, %power : f32
    ```

    Results below the smallest normal number are 0. Does not touch f64, nor other
    functions.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

def LowerMatmulPass : Pass<"fulgur-lower-matmul", "::mlir::ModuleOp"> {
  let summary = "Call kernels with tiles in registers for matrix products";
  let description = [{
    Each product becomes a call of a function that the pass writes once for each
    element type. It keeps 12 rows of two vectors of sums in registers (6 with
    AVX2), packs the left side block by block, and is parallel over rows and
    columns. A product of one row reads the right side once and nothing else.
    A right side that indexing maps transpose is read as it lies for a few rows,
    and else transposed panel by panel.

    Before:

    ```mlir
    fulgur.packed_matmul %x, %w, %y
        : memref<?x2048xf32>, memref<66x2048x32xf32>, memref<?x2112xf32>
    ```

    After:

    ```mlir
    call @packed_matmul_f32_16(%x3, %w4, %y3)

    func.func private @packed_matmul_f32_16(
        %lhs: memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>,
        %rhs: memref<?x?x?x?xf32, strided<[?, ?, ?, 1], offset: ?>>,
        %init: memref<?x?x?xf32, strided<[?, ?, 1], offset: ?>>) {
      scf.parallel (%batch, %range, %block) = … {
        …
          %r = vector.fma %left, %right, %sum : vector<16xf32>
    ```

    Does not touch products whose sums are not in f32, whose right side or
    result has columns that are not contiguous, or whose left side or result are
    transposed by indexing maps: these become loops.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "unsigned", "64",
           "Bytes of a vector register of the target">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def LowerLinalgPass : Pass<"fulgur-lower-linalg", "::mlir::ModuleOp"> {
  let summary = "Write linalg operations on buffers as loops";
  let description = [{
    The innermost loop is the one along which most operands are contiguous.
    Where that is a reduction, its value is carried by the loop, and sums may be
    reordered, so that LLVM vectorises it. Loops outside of it that have no
    order become one `scf.parallel`. An output that the reduction walks over is
    stored in every turn. Does not tile: matrix products have a pass of their
    own.

    Before:

    ```mlir
    linalg.reduce ins(%x : memref<4x64xf32>) outs(%s : memref<4xf32>)
      dimensions = [1] (…) { %0 = arith.addf %in, %out : f32 … }
    ```

    After:

    ```mlir
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      %0 = memref.load %s[%i] : memref<4xf32>
      %1 = scf.for %j = %c0 to %c64 step %c1 iter_args(%sum = %0) -> (f32) {
        %2 = memref.load %x[%i, %j] : memref<4x64xf32>
        %3 = arith.addf %2, %sum fastmath<reassoc,contract> : f32
        scf.yield %3 : f32
      }
      memref.store %1, %s[%i] : memref<4xf32>
      scf.reduce
    }
    ```
  }];
  let options = [
    Option<"shareElements", "share-elements", "bool", "false",
           "Every element of a result is a turn of the parallel loop, unless "
           "that is in another one: for GPUs">];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def ParallelizePass : Pass<"fulgur-parallelize", "::mlir::ModuleOp"> {
  let summary = "Move parallel loops to functions that threads run";
  let description = [{
    Each `scf.parallel` becomes a function of a range of its iterations, called through `fulgur_parallel_for`, or directly where the
    work is known to be little. Loops that are equal share one function, so that
    a model of many equal layers costs LLVM one. Ranges are so long that each is
    worth waking a thread for. A loop inside of another runs on the thread of the
    outer one, or on all if that has but one turn. Does not move loops that
    reduce.

    Before:

    ```mlir
    scf.parallel (%i) = (%c0) to (%n) step (%c1) {
      memref.store %f, %x[%i] : memref<?xf32>
    }
    ```

    After:

    ```mlir
    llvm.store %aligned, %context : !llvm.ptr, !llvm.ptr
    …
    llvm.call @fulgur_parallel_for(%kernel, %context, %count, %grain)

    func.func private @kernel_0(%context: !llvm.ptr, %begin: i64, %end: i64) {
      %x = … : memref<?xf32>
      scf.for %i = %b to %e step %c1 {
        memref.store %f, %x[%i] : memref<?xf32>
      }
    }
    ```
  }];
  let options = [
    Option<"minWork", "min-work", "int64_t", "32768",
           "How much a thread should get, in simple operations">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def LowerModelPass : Pass<"fulgur-lower-model", "::mlir::ModuleOp"> {
  let summary = "Give the model the functions that the runtime calls";
  let description = [{
    Turns `@main` into `@fulgur_step`, which takes a `FulgurStep`, and lets the
    code take weights, dimensions, memory and failures from the runtime as
    `fulgur/Runtime/Model.h` says. Does not accept results that are not dense.

    Before:

    ```mlir
    func.func @main(%x: memref<?xf32>, %arena: memref<?xi8>,
                    %offsets: memref<?xi64>) -> memref<?xf32> {
      %n = fulgur.dim "seq"
    ```

    After:

    ```mlir
    func.func @fulgur_step(%step: !llvm.ptr) {
      %0 = llvm.load %step : !llvm.ptr -> !llvm.ptr
      %1 = llvm.load %0 : !llvm.ptr -> i64
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::scf::SCFDialect"];
}

def ExpandViewsPass : Pass<"fulgur-expand-views", "::mlir::ModuleOp"> {
  let summary = "Write views of buffers as offsets and strides";
  let description = [{
    Expands upstream's views of buffers, and one that upstream can not: an
    expansion into several dynamic dimensions. Does not copy.

    Before:

    ```mlir
    %1 = memref.expand_shape %0 [[0, 1]] output_shape [%a, %b]
        : memref<?xf32> into memref<?x?xf32>
    ```

    After:

    ```mlir
    %base, %offset, %size, %stride = memref.extract_strided_metadata %0 : …
    %1 = memref.reinterpret_cast %base to offset: [0], sizes: [%a, %b],
        strides: [%b, 1] : memref<f32> to memref<?x?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def ExpandFloat8Pass : Pass<"fulgur-expand-float8", "::mlir::ModuleOp"> {
  let summary = "Convert from and to 8-bit floats by arithmetic on bits";
  let description = [{
    Covers `f8E4M3FN` and `f8E5M2`, scalars and vectors. To 8 bits, numbers are
    rounded to nearest even; beyond the range is NaN (`f8E4M3FN`) or infinity.
    Does not expand arithmetic: there is none on 8-bit floats.

    Before:

    ```mlir
    %1 = arith.extf %0 : f8E4M3FN to f32
    ```

    After, but for NaN:

    ```mlir
    %1 = arith.bitcast %0 : f8E4M3FN to i8
    %2 = arith.extui %1 : i8 to i32
    %3 = arith.andi %2, %c127 : i32
    %4 = arith.shli %3, %c20 : i32
    %5 = arith.bitcast %4 : i32 to f32
    %6 = arith.mulf %5, %two_to_120 : f32
    …  // the sign
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def LowerMathPass : Pass<"fulgur-lower-math", "::mlir::ModuleOp"> {
  let summary = "Call the C library where LLVM has no intrinsic";
  let description = [{
    Covers `acosh`, `asinh`, `atanh`, `cbrt`, `erf` and `erfc`. Does not touch
    functions that have an intrinsic, such as `exp`.

    Before:

    ```mlir
    %1 = math.erf %0 : f32
    ```

    After:

    ```mlir
    func.func private @erff(f32) -> f32
    %1 = func.call @erff(%0) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // PASSES_LOWERTOCPU_PASSES_TD
