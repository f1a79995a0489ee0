//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_BUFFERIZE_PASSES_TD
#define PASSES_BUFFERIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def DescribeModelPass : Pass<"fulgur-describe-model", "::mlir::ModuleOp"> {
  let summary = "Note the inputs, outputs and named dimensions of the model";
  let description = [{
    Writes what the executable tells of its model on the module, while `@main`
    still has tensors: `fulgur.dims` (in order of first appearance),
    `fulgur.inputs`, `fulgur.outputs` and `fulgur.caches`. Arguments become
    read-only, as their memory is the caller's, but for caches that are updated
    in place, and each dimension one `fulgur.dim`. Does not change what is
    computed.

    Before:

    ```mlir
    func.func @main(%x: tensor<?xf32> {fulgur.name = "x",
                                       fulgur.dims = ["seq"]}) {
    ```

    After:

    ```mlir
    module attributes {
      fulgur.caches = [],
      fulgur.dims = [{max = 0, min = 0, name = "seq"} ],
      fulgur.inputs = [{dims = ["seq"], name = "x", type = tensor<?xf32>} ],
      fulgur.outputs = []} {
      func.func @main(%x: tensor<?xf32> {bufferization.writable = false, …}) {
    ```
  }];
  let dependentDialects = ["FulgurDialect"];
}

def PassDestinationsPass : Pass<"fulgur-pass-destinations", "::mlir::ModuleOp"> {
  let summary = "Let callers make the buffers of what functions give";
  let description = [{
    Every tensor that a function gives becomes a parameter too, into which the
    result goes, and every call passes an empty tensor of that size. A result
    that is an argument with new rows in it has its place already. Buffers of
    results then belong to the caller, which alone knows how long they live; the
    function's own can all be used again by the next call.

    Before:

    ```mlir
    %y = call @layer_0(%x) : (tensor<?xf32>) -> tensor<?xf32>
    ```

    After:

    ```mlir
    %e = tensor.empty(%n) : tensor<?xf32>
    %y = call @layer_0(%x, %e) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    ```

    and `@layer_0` returns
    `bufferization.materialize_in_destination %result in %destination`. Sizes
    are named dimensions, or made of the parameters; does not work for results
    whose sizes depend on the contents of a tensor, which are an error.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::tensor::TensorDialect"];
}

def DecomposeTensorsPass : Pass<"fulgur-decompose-tensors", "::mlir::ModuleOp"> {
  let summary = "Rewrite tensor operations that have no good buffer form";
  let description = [{
    Turns `tensor.concat` into insertions into one tensor, constant splats that
    are written to into `linalg.fill`, and `tensor.dim` into arithmetic on what
    the shape was made of. Does not touch constants that are only read.

    Before:

    ```mlir
    %0 = tensor.concat dim(0) %a, %b : …
    ```

    After:

    ```mlir
    %e = tensor.empty() : tensor<4xf32>
    %1 = tensor.insert_slice %a into %e[0] [2] [1] : …
    %0 = tensor.insert_slice %b into %1[2] [2] [1] : …
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def PackWeightsPass : Pass<"fulgur-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Let matrix products read weights as panels";
  let description = [{
    Marks weights that are only the right side of matrix products as packed:
    the runtime then stores them in panels of two vectors of columns, and the
    products read those.

    Before:

    ```mlir
    fulgur.weight @w in "w.bin" at 0 : tensor<2048x2112xf32>
    …
    %w = fulgur.get_weight @w : tensor<2048x2112xf32>
    %y = linalg.matmul ins(%x, %w : …) outs(%zero : tensor<?x2112xf32>)
    ```

    After:

    ```mlir
    fulgur.weight @w in "w.bin" at 0 {packed = 32 : i64} : tensor<2048x2112xf32>
    …
    %w = fulgur.get_weight @w : tensor<66x2048x32xf32>
    %y = fulgur.packed_matmul %x, %w, %zero
        : tensor<?x2048xf32>, tensor<66x2048x32xf32>, tensor<?x2112xf32>
    ```

    Does not pack a weight that is also read in another way (an embedding that
    is the output projection too), nor one whose type has no kernel.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "unsigned", "64",
           "Bytes of a vector register of the target">];
  let dependentDialects = ["FulgurDialect", "::mlir::tensor::TensorDialect"];
}

def CopyStridedResultsPass
    : Pass<"fulgur-copy-strided-results", "::mlir::ModuleOp"> {
  let summary = "Copy results that may have gaps into dense buffers";
  let description = [{
    Bufferization casts a view to the dense layout of a function's result where
    its strides are dynamic, even if they skip elements. Does not touch results
    that are dense buffers, and no other cast.

    Before:

    ```mlir
    %v = memref.subview %x[0, 0] [%n, %k] [1, 1] : memref<?x?xf32> to memref<?x?xf32, strided<[?, 1]>>
    %y = memref.cast %v : memref<?x?xf32, strided<[?, 1]>> to memref<?x?xf32>
    return %y : memref<?x?xf32>
    ```

    After:

    ```mlir
    %v = memref.subview %x[0, 0] [%n, %k] [1, 1] : memref<?x?xf32> to memref<?x?xf32, strided<[?, 1]>>
    %y = memref.alloc(%n, %k) : memref<?x?xf32>
    memref.copy %v, %y : memref<?x?xf32, strided<[?, 1]>> to memref<?x?xf32>
    return %y : memref<?x?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def HoistChecksPass : Pass<"fulgur-hoist-checks", "::mlir::ModuleOp"> {
  let summary = "Check sizes before anything is written";
  let description = [{
    Moves every `cf.assert`, with the numbers that it is computed from, to the
    first place in its block where these are known. Bufferization may let an
    operation write into a part of a later one's result, past a check that the
    part is as large as it: such a check has to come before both.

    Before:

    ```mlir
    %y = linalg.exp ins(%x : tensor<?xf32>) …
    %same = arith.cmpi eq, %a, %b : index
    cf.assert %same, "…"
    %z = tensor.insert_slice %y into %e[0] [%a] [1] : …
    ```

    After:

    ```mlir
    %same = arith.cmpi eq, %a, %b : index
    cf.assert %same, "…"
    %y = linalg.exp ins(%x : tensor<?xf32>) …
    %z = tensor.insert_slice %y into %e[0] [%a] [1] : …
    ```

    Does not move a check in front of an operation on tensors that it reads, nor
    out of a loop or a branch.
  }];
}

def SeparateFillsPass : Pass<"fulgur-separate-fills", "::mlir::ModuleOp"> {
  let summary = "Fill a tensor for each operation that writes to it";
  let description = [{
    Products add to zeros, and equal zeros are one tensor, which bufferization
    would keep, and copy for each product. Filling them again is less traffic
    and less memory.

    Before:

    ```mlir
    %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x64xf32>) -> …
    %a = fulgur.packed_matmul %x, %u, %z : …
    %b = fulgur.packed_matmul %y, %v, %z : …
    ```

    After:

    ```mlir
    %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x64xf32>) -> …
    %a = fulgur.packed_matmul %x, %u, %z : …
    %f = tensor.empty(%n) : tensor<?x64xf32>
    %o = linalg.fill ins(%zero : f32) outs(%f : tensor<?x64xf32>) -> …
    %b = fulgur.packed_matmul %y, %v, %o : …
    ```

    A loop that starts with one `tensor.empty` in two places gets two, as it
    writes them as two:

    ```mlir
    scf.for … iter_args(%a = %e, %b = %e) …
    ```

    becomes

    ```mlir
    %f = tensor.empty(%n) : tensor<?xf32>
    scf.for … iter_args(%a = %e, %b = %f) …
    ```

    Does not touch a fill of a tensor that was there before, nor the use of one
    in a loop around which it is.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def PlanArenaPass : Pass<"fulgur-plan-arena", "::mlir::ModuleOp"> {
  let summary = "Place buffers whose size the dimensions determine in an arena";
  let description = [{
    Numbers the allocations of `@main`, and of the functions that it calls,
    whose size is computed from named dimensions alone, and replaces each by a
    view of the arena, at an offset that the runtime chooses. `fulgur.buffers`
    says between which operations each buffer is used: one pair of numbers, or
    one for each call of the function; buffers that are never used at the same
    time share memory. `@fulgur_buffer_sizes` computes their sizes. The turns of
    an `scf.forall` may run at the same time, so each has its part of a buffer
    that it allocates. Does not move allocations of other sizes, nor those
    inside of other parallel loops.

    Before:

    ```mlir
    %n = fulgur.dim "seq"
    %b = memref.alloc(%n) : memref<?xf32>
    ```

    After:

    ```mlir
    module attributes {fulgur.buffers = [array<i64: 2, 4>] } {
      func.func @main(…, %arena: memref<?xi8>, %offsets: memref<?xi64>) {
        %n = fulgur.dim "seq"
        %o = memref.load %offsets[%c0] : memref<?xi64>
        %i = arith.index_cast %o : i64 to index
        %b = memref.view %arena[%i][%n] : memref<?xi8> to memref<?xf32>
      }
      func.func @fulgur_buffer_sizes(%dims: memref<?xi64>,
                                     %bytes: memref<?xi64>) {
        …
      }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect"];
}

#endif // PASSES_BUFFERIZE_PASSES_TD
