//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The passes that leave operations to the kernels that a GPU has for them.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_FUSE_KERNELPASSES_TD
#define PASSES_FUSE_KERNELPASSES_TD

include "mlir/Pass/PassBase.td"

def SplitExpertsPass : Pass<"fulgur-split-experts", "::mlir::ModuleOp"> {
  let summary = "experts as dispatch, products, activation and combination";
  let description = [{
    For a GPU, whose kernels take the rows of all experts at once.

    ```mlir
    %y = fulgur.experts %x to %e weights %w gate_up [%g, %u] down %d grouped : …
    ```

    becomes

    ```mlir
    %rows, %sources, %offsets = fulgur.dispatch %x to %e of 256 : …
    %gate = fulgur.grouped_matmul %rows, %g offsets %offsets : …
    %up = fulgur.grouped_matmul %rows, %u offsets %offsets : …
    %h = fulgur.swiglu %gate, %up : …
    %r = fulgur.grouped_matmul %h, %d offsets %offsets : …
    %y = fulgur.combine %r from %sources weights %w : …
    ```

    Does not touch experts whose products have no kernel, or whose number is not
    known: these decompose to loops, and a missed remark says why.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def SplitLatentAttentionPass
    : Pass<"fulgur-split-latent-attention", "::mlir::ModuleOp"> {
  let summary = "absorbed latent attention as products and attention to latents";
  let description = [{
    For a GPU, whose kernel computes the part in the middle.

    ```mlir
    %o = fulgur.latent_attention %q latent %c rope_key %r up %u scale 7.2e-02 causal absorbed : …
    ```

    becomes

    ```mlir
    %k = tensor.extract_slice %up[0, 0, 0] [512, 128, 128] [1, 1, 1] : …
    %v = tensor.extract_slice %up[0, 0, 128] [512, 128, 128] [1, 1, 1] : …
    %a = linalg.contract indexing_maps = [(m, h, k), (n, h, k), (m, h, n)]
        ins(%plain, %k : …) outs(… : tensor<?x128x512xf32>)
    %m = fulgur.absorbed_attention %a, %rotated latent %c rope_key %r scale 7.2e-02 causal : …
    %o = linalg.contract indexing_maps = [(m, h, k), (k, h, n), (m, h, n)]
        ins(%m, %v : …) outs(… : tensor<?x128x128xf32>)
    ```

    and so does `fulgur.sparse_latent_attention`. Does not touch the expanded
    form, masks, and what the kernel can not do (elements of more than 16 bits,
    sizes that do not fit its tiles): these decompose, and a missed remark says
    why.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def CallKernelsPass : Pass<"fulgur-call-kernels", "::mlir::ModuleOp"> {
  let summary = "call the kernels that the GPU has for operations";
  let description = [{
    Operations of the table in `passes/LowerToGPU/Kernels` keep their meaning
    until they are lowered, and get a place for their results, and the scratch
    memory that their kernels ask for.

    Before:

    ```mlir
    %i = fulgur.select_tokens %s k 2048 : tensor<?x?x?xf32> -> tensor<?x?x2048xi32>
    ```

    After:

    ```mlir
    %e = tensor.empty(%b, %n) : tensor<?x?x2048xi32>
    %i = fulgur.call_kernel "select_tokens"(%s) into(%e) config {k = 2048 : i64}
        : (tensor<?x?x?xf32>) into(tensor<?x?x2048xi32>) -> tensor<?x?x2048xi32>
    ```

    Does not touch an operation whose types or sizes its kernel has no code for,
    which a remark says: it decomposes.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

#endif // PASSES_FUSE_KERNELPASSES_TD
