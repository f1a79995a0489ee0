//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_FUSE_PASSES_TD
#define PASSES_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"
include "passes/Fuse/CachePasses.td"
include "passes/Fuse/KernelPasses.td"

def SkipSelectionPass : Pass<"fulgur-skip-selection", "::mlir::ModuleOp"> {
  let summary = "a selection of all tokens there can be is left out";
  let description = [{
    Where the tokens are known to be at most k, by their static size or the
    bounds of named dimensions:

    ```mlir
    %i = fulgur.select_tokens %scores k 2048 causal : …
    %o = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 7.2e-02 : …
    ```

    becomes

    ```mlir
    %o = fulgur.latent_attention %q latent %c rope_key %r up %u scale 7.2e-02 causal absorbed : …
    ```

    and the indexer goes with its selection, unless something else reads it. The
    cache of its keys is an output of the model, and is still written: a later
    step may have more tokens.

    Does not touch selections whose number of tokens only a run knows, and none
    with a float mask, which would be added to other scores. Missed remarks say
    so.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FuseIndexSelectPass : Pass<"fulgur-fuse-index-select", "::mlir::ModuleOp"> {
  let summary = "indexer scores that only a selection reads are not stored";
  let description = [{
    ```mlir
    %scores = fulgur.lightning_indexer %q, %k, %w scale 1.0e+00 : …
    %i = fulgur.select_tokens %scores k 2048 causal : …
    ```

    becomes

    ```mlir
    %i = fulgur.index_select %q, %k, %w scale 1.0e+00 k 2048 causal : …
    ```

    The memory of a step then has no part that grows with queries times tokens.
    Does not touch scores that anything else reads; a missed remark says so.
  }];
}

def FuseExpertsPass : Pass<"fulgur-fuse-experts", "::mlir::ModuleOp"> {
  let summary = "experts from the tokens to the sum as one operation";
  let description = [{
    ```mlir
    %rows, %sources, %offsets = fulgur.dispatch %x to %e of 256 : …
    …                         // gate and up, swiglu, down
    %y = fulgur.combine %r from %sources weights %w : …
    ```

    becomes

    ```mlir
    %y = fulgur.experts %x to %e weights %w gate_up %gu down %d grouped : …
    ```

    No array with a row for each pair of token and expert is left. The form is
    chosen by cost; by the tokens of the run, in an `scf.if`, where they decide.

    Does not touch rows that others read, activations other than SwiGLU, biases,
    and what takes less time apart; a missed remark says which. Nor shared
    experts: all tokens go to them, so that nothing of them is dispatched.
    With `keep-kernels` nor products that have a kernel.
  }];
  let options = [
    Option<"keepKernels", "keep-kernels", "bool", /*default=*/"false",
           "Leave products alone that a GPU has a kernel for">
  ];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::scf::SCFDialect"];
}

def FoldRotaryPermutationPass
    : Pass<"fulgur-fold-rotary-permutation", "::mlir::ModuleOp"> {
  let summary = "the order that rotary embedding reads is that of the weight";
  let description = [{
    ```mlir
    fulgur.weight @q_b in "w.bin" at 0 : tensor<1536x24576xf32>
    %p = fulgur.linear %x, %q_b : tensor<?x?x1536xf32>, tensor<1536x24576xf32> -> tensor<?x?x24576xf32>
    %q = tensor.expand_shape %p [[0], [1], [2, 3]] … into tensor<?x?x128x192xf32>
    %r = fulgur.rotary_embedding %q, %cos, %sin deinterleaved trailing : …
    ```

    becomes

    ```mlir
    fulgur.weight @q_b in "w.bin" at 0 {deinterleaved = array<i64: 1, 192, 128, 192>} : tensor<1536x24576xf32>
    …
    %r = fulgur.rotary_embedding %q, %cos, %sin half_split trailing : …
    ```

    The embedding then reads in order; what it writes, and caches, stay as they
    are. Does not touch embeddings that write pairs side by side, as another
    order of keys would be seen in the cache; nor products that are read where
    they are rotated, or weights, by others. Missed remarks say so.
  }];
}

def MergeProjectionsPass : Pass<"fulgur-merge-projections", "::mlir::ModuleOp"> {
  let summary = "projections of the same rows become one product";
  let description = [{
    ```mlir
    %q = fulgur.linear %x, %q_a : tensor<?x7168xf32>, tensor<7168x1536xf32> -> tensor<?x1536xf32>
    %kv = fulgur.linear %x, %kv_a : tensor<?x7168xf32>, tensor<7168x576xf32> -> tensor<?x576xf32>
    ```

    becomes

    ```mlir
    %w = tensor.concat dim(1) %q_a, %kv_a : …
    %y = fulgur.linear %x, %w : tensor<?x7168xf32>, tensor<7168x2112xf32> -> tensor<?x2112xf32>
    %q = tensor.extract_slice %y[0, 0] [%m, 1536] [1, 1] : …
    %kv = tensor.extract_slice %y[0, 1536] [%m, 576] [1, 1] : …
    ```

    One loop of threads then works on all of them, and a narrow one does not
    leave threads without work. The weights stay where they are:
    `fulgur-pack-weights` reads them one after another.

    Does not touch projections whose weights are read in another way too, are
    computed by the step, or have a type without a kernel, nor those with a
    residual; a missed remark says which.
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect",
                           "mlir::tensor::TensorDialect"];
}

def FuseResidualPass : Pass<"fulgur-fuse-residual", "::mlir::ModuleOp"> {
  let summary = "products add to the residual stream";
  let description = [{
    ```mlir
    %y = fulgur.linear %x, %o : tensor<?x16384xf32>, tensor<16384x7168xf32> -> tensor<?x7168xf32>
    %z = linalg.add ins(%h, %y : …) outs(…) -> tensor<?x7168xf32>
    ```

    becomes

    ```mlir
    %z = fulgur.linear %x, %o residual %h
        : tensor<?x16384xf32>, tensor<16384x7168xf32>, tensor<?x7168xf32> -> tensor<?x7168xf32>
    ```

    The sums of a product then begin with the residual instead of 0, and the
    product itself is nowhere stored. Of two products the later one takes the
    other as its residual.

    Does not touch products that anything else reads (missed remarks say so),
    parts of merged ones, and biases, which are one row.
  }];
}

def FuseAddNormPass : Pass<"fulgur-fuse-add-norm", "::mlir::ModuleOp"> {
  let summary = "residual sums are normalised where they are added";
  let description = [{
    ```mlir
    %h = linalg.add ins(%x, %r : …) outs(…) -> tensor<?x7168xf32>
    %y = fulgur.rms_norm %h, %w eps 1.0e-06 : tensor<?x7168xf32>, tensor<7168xf32>
    ```

    becomes

    ```mlir
    %h, %y = fulgur.add_rms_norm %x, %r, %w eps 1.0e-06 : tensor<?x7168xf32>, tensor<7168xf32>
    ```

    Runs behind `fulgur-fuse-residual`, which leaves the sums of experts.
    Does not touch a sum in another block than its norm, and one whose scale is
    computed behind it; a missed remark says so.
  }];
}

def ChooseSparseAttentionPass
    : Pass<"fulgur-choose-sparse-attention", "::mlir::ModuleOp"> {
  let summary = "selected tokens are gathered or all others masked";
  let description = [{
    Attention over the tokens of a selection can read their rows alone, or all
    tokens under a mask. Takes the one that takes less time by the cost model,
    on the machine that the module is for (`fulgur.machine`): the mask while
    there are not many more tokens than selected ones, whether it was written
    so

    ```mlir
    %i = fulgur.index_select %q, %k, %w scale 1.0e+00 k 2048 causal : …
    %o = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 1.0e+00 : …
    ```

    or so

    ```mlir
    %m = fulgur.selection_mask %i of %t : tensor<?x?x2048xi32> -> tensor<?x?x?xi1>
    %h = tensor.expand_shape %m [[0], [1, 2], [3]] … into tensor<?x1x?x?xi1>
    %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %h scale 1.0e+00 : …
    ```

    Where the sizes of the run decide, both stand in the branches of an
    `scf.if`, as for `fulgur-choose-latent-form`, which comes after this pass
    and chooses the form under the mask.

    Does not touch indices that are no selection's: one that comes twice counts
    twice, which no mask says. Nor a mask that is put together with another one.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::scf::SCFDialect",
                           "mlir::tensor::TensorDialect"];
}

def ChooseLatentFormPass
    : Pass<"fulgur-choose-latent-form", "::mlir::ModuleOp"> {
  let summary = "latent attention is expanded or absorbed, whichever is faster";
  let description = [{
    Gives a form to every `fulgur.latent_attention` without one: the one that
    takes less time by the cost model, on the machine that the module is for
    (`fulgur.machine`). Where one is the faster one for all sizes that
    dimensions can have, it becomes the attribute:

    ```mlir
    %o = fulgur.latent_attention %q latent %c rope_key %r up %u scale 1.0e+00 causal absorbed : …
    ```

    Else the sizes decide when they are known. The comparison is one of
    integers; its coefficients are times of the cost model:

    ```mlir
    %few = arith.cmpi sle, %difference, %c0 : index
    %o = scf.if %few -> tensor<?x?x128x128xf32> {
      %a = fulgur.latent_attention … absorbed : …
      scf.yield %a : tensor<?x?x128x128xf32>
    } else {
      %e = fulgur.latent_attention … expanded : …
      scf.yield %e : tensor<?x?x128x128xf32>
    }
    ```

    Does not touch a form that was chosen before; a missed remark says so.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::scf::SCFDialect",
                           "mlir::tensor::TensorDialect"];
}

def ApplyPatternsPass : Pass<"fulgur-apply-patterns", "::mlir::ModuleOp"> {
  let summary = "rewrite with the patterns of a file, in PDLL or PDL";
  let description = [{
    A fusion can be tried as a pattern before it becomes a pass. The file is a
    module of the `pdl` dialect, or PDLL, which MLIR's `mlir-pdll` compiles
    when the pass begins:

    ```
    Pattern IndexSelect {
      let scores = op<fulgur.lightning_indexer>(q: Value, k: Value, w: Value) {scale = s: Attr};
      let select = op<fulgur.select_tokens>(scores.0) {k = n: Attr, causal = c: Attr} -> (t: Type);
      replace select with op<fulgur.index_select>(q, k, w) {scale = s, k = n, causal = c} -> (t);
    }
    ```

    then turns

    ```mlir
    %scores = fulgur.lightning_indexer %q, %k, %w scale 1.0e+00 : …
    %i = fulgur.select_tokens %scores k 2048 causal : …
    ```

    into `fulgur.index_select %q, %k, %w scale 1.0e+00 k 2048 causal : …`. Each
    rewrite is a passed remark. Does not know what a pattern saves, and does
    not check that it keeps the meaning: `fulgur-compile --bisect` does.
  }];
  let options = [Option<"file", "file", "std::string", "", "The patterns">];
  let dependentDialects = [
    "mlir::pdl::PDLDialect", "mlir::pdl_interp::PDLInterpDialect"
  ];
}

def OutlineLayersPass : Pass<"fulgur-outline-layers", "::mlir::ModuleOp"> {
  let summary = "equal layers call one function";
  let description = [{
    Looks in the body of `@main` for runs of operations that come again, one
    after the other, and makes a function of them. The passes behind this one,
    and LLVM, then have one layer to work on, however deep the model is.

    Layers are equal when their operations are, with attributes, types, regions
    and what reads what; names and places do not count. Weights that differ
    become a `fulgur.select_weight` by the number of the layer, other values
    parameters; constants and sizes that all layers share the function has
    itself. A parameter keeps the names of its dimensions.

    ```mlir
    %a = fulgur.linear %x, %w0 : …    // fulgur.get_weight @w0
    %b = fulgur.linear %a, %w1 : …    // fulgur.get_weight @w1
    ```

    becomes

    ```mlir
    %a = call @layer_0(%x, %c0) : (tensor<?x8xf32>, index) -> tensor<?x8xf32>
    %b = call @layer_0(%a, %c1) : (tensor<?x8xf32>, index) -> tensor<?x8xf32>

    func.func private @layer_0(%x: tensor<?x8xf32> {fulgur.dims = ["n", ""]},
                               %layer: index) -> tensor<?x8xf32> {
      %w = fulgur.select_weight [@w0, @w1] at %layer : tensor<8x8xf32>
      %y = fulgur.linear %x, %w : …
      return %y : tensor<?x8xf32>
    }
    ```

    Runs after the other fusions, which thereby see whole layers and what is
    around them. Does not outline layers whose copies differ in anything but
    what they read; a missed remark names the first operations that differ.
  }];
  let options = [
    Option<"minCopies", "min-copies", "int64_t", "2",
           "the fewest equal layers that become a function">,
    Option<"minOperations", "min-operations", "int64_t", "8",
           "the fewest operations of a function">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect"];
}

def DecomposePass : Pass<"fulgur-decompose", "::mlir::ModuleOp"> {
  let summary = "rewrite fulgur operations into the plain tensor code they mean";
  let description = [{
    The code is `linalg` on tensors where loops are regular, `scf` where they
    are not (the selection of tokens, the tokens of each query), and sizes are
    `tensor.dim` and arithmetic, so every shape may be dynamic. Matrix products
    become `linalg.matmul` and `linalg.batch_matmul`; their sums, those of a
    softmax and of a norm are f32 (f64 for f64).

    ```mlir
    %y = fulgur.linear %x, %w : tensor<2x?x4xf32>, tensor<4x8xf32> -> tensor<2x?x8xf32>
    ```

    becomes

    ```mlir
    %rows = tensor.collapse_shape %x [[0, 1], [2]] : tensor<2x?x4xf32> into tensor<?x4xf32>
    %out = linalg.matmul ins(%rows, %w : …) outs(%zero : tensor<?x8xf32>)
    %y = tensor.expand_shape %out [[0, 1], [2]] output_shape [2, %s, 8] : …
    ```

    Does not touch `fulgur.get_weight`, `fulgur.select_weight` and `fulgur.dim`,
    which have a meaning to the end, and does not choose between the forms of latent attention.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
    "mlir::math::MathDialect", "mlir::scf::SCFDialect",
    "mlir::tensor::TensorDialect"
  ];
}

#endif // PASSES_FUSE_PASSES_TD
