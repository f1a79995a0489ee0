//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_PASSES_TD
#define PASSES_RAISE_PASSES_TD

include "mlir/Pass/PassBase.td"
include "passes/Raise/CheckPasses.td"

def SetDimsPass : Pass<"fulgur-set-dims", "::mlir::ModuleOp"> {
  let summary = "Fix or bound the named dimensions of the model";
  let description = [{
    `name=N` makes a named dimension static in the types of the arguments and
    wherever the code asks for it; `name=MIN..MAX` records bounds, which the
    executable checks and the arena is planned for.

    ```mlir
    func.func @main(%x: tensor<?x4xf32> {fulgur.dims = ["batch", ""]}) …
      %b = fulgur.dim "batch" : index
    // with dims=batch=2
    func.func @main(%x: tensor<2x4xf32> {fulgur.dims = ["", ""]}) …
      %b = arith.constant 2 : index
    ```

    Does not change the types of results; fulgur-fold-onnx refines them. Fails
    on names that the model does not have.
  }];
  let options = [
    ListOption<"dims", "dims", "std::string",
               "Dimensions as name=N or name=MIN..MAX">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FoldONNXPass : Pass<"fulgur-fold-onnx", "::mlir::ModuleOp"> {
  let summary = "Compute the shape arithmetic of imported graphs at compile time";
  let description = [{
    Exporters compute shapes with operators: `Shape`, `Gather`, `Concat`, … in
    front of `Reshape` and `Expand`. This pass knows every size as an expression
    over the named dimensions, and with it

    - makes extents static in types where they are constant,
    - replaces small integer tensors by constants, or by index arithmetic over
      `fulgur.dim`,
    - folds operators on small constants, and removes those that do nothing,
    - makes stored tensors of one value constants.

    ```mlir
    %s = onnx.Shape(%x) {start = 1 : i64} : (tensor<?x?x8xf32>) -> tensor<2xi64>
    // with fulgur.dims = ["batch", "seq", ""]
    %d = fulgur.dim "seq"
    %c = arith.index_cast %d : index to i64
    %s = tensor.from_elements %c, %c8 : tensor<2xi64>
    ```

    Does not touch floating-point arithmetic whose result could differ.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def RaiseConcatPass : Pass<"fulgur-raise-concat", "::mlir::ModuleOp"> {
  let summary = "Turn scatters over ranges of rows into concatenations";
  let description = [{
    `new_empty` and slice assignments leave exporters as `ScatterND` over
    constant ranges of indices. When the ranges cover the axis, nothing of the
    initial value is left.

    ```mlir
    %1 = onnx.ScatterND(%empty, %rows0to15, %a)
    %2 = onnx.ScatterND(%1, %rows16to23, %b)
    // becomes
    %2 = onnx.Concat(%a, %b) {axis = 0 : i64}
    ```

    The indices may also name every element by all of its coordinates; the range
    then is along any axis. Does not handle ranges that are known at run time
    only.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def RaiseNormPass : Pass<"fulgur-raise-norm", "::mlir::ModuleOp"> {
  let summary = "Raise normalisations to fulgur.rms_norm and fulgur.layer_norm";
  let description = [{
    ```mlir
    %0 = onnx.Pow(%x, %two)
    %1 = onnx.ReduceMean(%0, %last) {keepdims = 1 : i64}
    %2 = onnx.Add(%1, %eps)
    %3 = onnx.Sqrt(%2)
    %4 = onnx.Reciprocal(%3)
    %5 = onnx.Mul(%x, %4)
    %y = onnx.Mul(%scale, %5)
    // becomes
    %y = fulgur.rms_norm %x, %scale eps 1.0e-06 : …
    ```

    Casts to f32 around the mean are absorbed: the operation computes in f32.
    Does not raise normalisations over several axes.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def RaiseSwiGLUPass : Pass<"fulgur-raise-swiglu", "::mlir::ModuleOp"> {
  let summary = "Raise gated activations to fulgur.swiglu";
  let description = [{
    ```mlir
    %0 = onnx.Sigmoid(%gate)
    %1 = onnx.Mul(%gate, %0)
    %h = onnx.Mul(%1, %up)
    // becomes
    %h = fulgur.swiglu %gate, %up : …
    ```

    The three factors may be multiplied in any order. Does not raise gates and
    projections of different shapes.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def RaiseQuantizationPass : Pass<"fulgur-raise-quantization", "::mlir::ModuleOp"> {
  let summary = "Raise 8-bit floats with scales of blocks to fulgur.dequantize";
  let description = [{
    ```mlir
    %w = onnx.DequantizeLinear(%values, %scales) {axis = 1 : i64, block_size = 128 : i64}
    // becomes
    %w = fulgur.dequantize %values, %scales block [1, 128] : …
    ```

    Blocks are of one row or of one column, which is what the standard can say.
    Does not raise integers, other floats of 8 bits, nor one scale for a whole
    row or tensor.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def RaiseCachePass : Pass<"fulgur-raise-cache", "::mlir::ModuleOp"> {
  let summary = "Raise rows appended to an input to fulgur.cache_update";
  let description = [{
    ```mlir
    %c = onnx.Concat(%past, %new) {axis = -2 : i64}
    // becomes, where %past is an argument of the function
    %c = fulgur.cache_update %past, %new …
    ```

    Does not raise rows put in front of an input, nor appended to anything that
    the model computes.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def RaiseRotaryPass : Pass<"fulgur-raise-rotary", "::mlir::ModuleOp"> {
  let summary = "Raise rotary position embedding to fulgur.rotary_embedding";
  let description = [{
    Reads the elements of each row as sums of `x[j] · cos(p · f)`, whatever
    operators make them, and compares these with the layouts of the operation.
    Elements that pass through are part of the row, and the table of angles
    becomes one `fulgur.rotary_table`.

    ```mlir
    %angle = onnx.Mul(%positions, %inv_freq)
    %cos = onnx.Cos(%angle)
    %sin = onnx.Sin(%angle)
    %nope, %rope = onnx.Split(%x, %sizes)
    %a = onnx.Slice(%rope, …)                              // every second element
    %b = onnx.Slice(%rope, …)                              // and the others
    %0 = onnx.Sub(onnx.Mul(%a, %cos), onnx.Mul(%b, %sin))
    %1 = onnx.Add(onnx.Mul(%b, %cos), onnx.Mul(%a, %sin))
    %y = onnx.Concat(%nope, %0, %1)
    // becomes
    %cos, %sin = fulgur.rotary_table %positions, %inv_freq
    %y = fulgur.rotary_embedding %x, %cos, %sin deinterleaved trailing
    ```

    The operation is put before a transpose of the heads, which thus meets those
    that follow. Does not raise a rotation whose pairs or angles differ from
    what the operation computes, nor tables whose halves are not provably equal.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect", "::mlir::arith::ArithDialect"];
}

def RaiseIndexerPass : Pass<"fulgur-raise-indexer", "::mlir::ModuleOp"> {
  let summary = "Raise the scores of tokens to fulgur.lightning_indexer";
  let description = [{
    Products of queries and keys may be written with any operator that sums
    products, and in any order of dimensions.

    ```mlir
    %0 = onnx.MatMul(%query, %transposed_key)               // [B, S, Hi, T]
    %1 = onnx.Mul(%0, %scale)
    %2 = onnx.Relu(%1)
    %3 = onnx.MatMul(onnx.Unsqueeze(%weights, -2), %2)      // [B, S, 1, T]
    // becomes
    %3 = fulgur.lightning_indexer %query, %key, %weights scale …
    ```

    A factor behind the positive part is the same as one before it and joins
    the scale; the factors of the weights stay with them. Does not raise scales
    that are not positive.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def RaiseRoutePass : Pass<"fulgur-raise-route", "::mlir::ModuleOp"> {
  let summary = "Raise the choice of experts to fulgur.route";
  let description = [{
    A router is a `TopK` over affinities, a sigmoid or a softmax of logits. What
    comes before it may limit the choice to the best groups of experts and add a
    bias; what comes after it may normalise and scale the weights.

    ```mlir
    %s = onnx.Sigmoid(%logits)
    %c = onnx.Add(%s, %bias)
    …
    %t:2 = onnx.TopK(%masked, %k)
    %g = onnx.GatherElements(%s, %t#1) {axis = 1 : i64}
    %n = onnx.ReduceSum(%g, %last) {keepdims = 1 : i64}
    %w = onnx.Div(%g, %n)
    // becomes
    %e, %w = fulgur.route %logits bias %bias sigmoid k 8 groups 8 top_groups 4 top2 normalize …
    ```

    The order in which a `TopK` without `sorted` names the experts is free, and
    becomes best first. Does not raise a limit that hides groups with a number
    that a choice can fall below.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def RaiseExpertsPass : Pass<"fulgur-raise-experts", "::mlir::ModuleOp"> {
  let summary = "Raise mixtures of experts to dispatch, grouped_matmul and combine";
  let description = [{
    Exporters either gather the weights of the expert for each row, or sort the
    rows by expert and unroll the products of all experts. Both are

    ```mlir
    %w   = onnx.GatherND(%gate_up, %experts)
    %p   = onnx.MatMul(%w, %columns)
    …
    %sum = onnx.ReduceSum(%weighted, %one) {keepdims = 0 : i64}
    // becomes
    %rows, %sources, %offsets = fulgur.dispatch %x to %experts of 256
    %p   = fulgur.grouped_matmul %rows, %gate_up transposed offsets %offsets
    …
    %sum = fulgur.combine %d from %sources weights %weights
    ```

    Runs after fulgur-raise-swiglu and fulgur-raise-route. Does not raise experts
    that are chosen otherwise than from a known number of choices.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def RaiseLinearPass : Pass<"fulgur-raise-linear", "::mlir::ModuleOp"> {
  let summary = "Raise products with one matrix to fulgur.linear";
  let description = [{
    ```mlir
    %y = onnx.Gemm(%x, %w, %bias) {transB = 1 : i64}
    // becomes
    %0 = fulgur.linear %x, %w transposed : …
    %y = onnx.Add(%0, %bias)
    ```

    Runs after all passes that look for products. Does not raise products of
    batches of matrices, nor a `Gemm` that scales.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def RaiseAttentionPass : Pass<"fulgur-raise-attention", "::mlir::ModuleOp"> {
  let summary = "Raise scores, softmax and values to fulgur.attention";
  let description = [{
    Knows the chain of eager models, that of SDPA (a scale on both operands, a
    guard against rows of NaN), repeated key heads, and the operator `Attention`
    of the standard.

    ```mlir
    %s = onnx.MatMul(%q, %kT)                 // [B, H, S, T]
    %0 = onnx.Mul(%s, %scale)
    %1 = onnx.Add(%0, %mask)
    %p = onnx.Softmax(%1) {axis = -1 : i64}
    %o = onnx.MatMul(%p, %v)
    // becomes, where the mask is proved to be t ≤ T−S+s for every element
    %o = fulgur.attention %q, %k, %v scale 7.2e-02 causal : …
    ```

    A mask is followed to what it is made of. What is not causal and no window
    stays as `mask`: a boolean one if it is known where it hides, else the mask
    as it was. So does one that adds a finite number and may hide all tokens from
    a query: the chain then yields the mean of all values. Operands and result
    are transposed to `[B, S, H, D]`.

    Does not raise chains over three axes, capped scores, or weights that are
    read by others too.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect", "::mlir::arith::ArithDialect"];
}

def RaiseLatentAttentionPass : Pass<"fulgur-raise-latent-attention", "::mlir::ModuleOp"> {
  let summary = "Raise attention over projections of a latent to fulgur.latent_attention";
  let description = [{
    Proves that keys and values of all heads are the columns of one product
    `latent · up`, per head keys first, then values, that nothing stands between
    the product and the keys, and that the rest of the keys is one row for all
    heads.

    ```mlir
    %0 = onnx.MatMul(%latent, %up)
    %1 = onnx.Reshape(%0, %shape)             // [B, T, H, Dn+Dv]
    %2:2 = onnx.Split(%1, %sizes) {axis = 3 : i64}
    %k = onnx.Concat(%2#0, %ropeKeyOfAllHeads) {axis = 3 : i64}
    %o = fulgur.attention %q, %k, %2#1 scale 7.2e-02 causal : …
    // becomes
    %o = fulgur.latent_attention %q latent %latent rope_key %ropeKey up %up
        scale 7.2e-02 causal expanded : …
    ```

    Does not choose the form: expanded is what the graph did.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect", "::mlir::arith::ArithDialect"];
}

def RaiseSelectionPass : Pass<"fulgur-raise-selection", "::mlir::ModuleOp"> {
  let summary = "Raise attention under a mask of top-k to fulgur.sparse_latent_attention";
  let description = [{
    The tokens must be selected under the same mask that the attention has: then
    the visible ones among the k best of all are the k best of the visible ones,
    which `fulgur.select_tokens` names.

    ```mlir
    %0 = onnx.Add(%scores, %causal)
    %v, %i = onnx.TopK(%0, %k)
    %1 = onnx.ScatterElements(%true, %i, %false) {axis = -1 : i64}
    %2 = onnx.Where(%1, %lowest, %causal)
    %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %2 …
    // becomes
    %i = fulgur.select_tokens %scores k 2048 causal : …
    %o = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i …
    ```

    A query that sees no token gives zeros, whatever the chain made of the
    numbers that hide. Does not handle a selection for each head.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect", "::mlir::arith::ArithDialect"];
}

def ConvertONNXToLinalgPass : Pass<"fulgur-convert-onnx-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Lower the operators of the standard to linalg and tensor code";
  let description = [{
    The generic path, for every operator that no raise pass has claimed. Shapes
    may be dynamic; an index out of its range is reported at run time.

    ```mlir
    %c = onnx.Add(%a, %b) : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    // becomes
    %e = tensor.empty(%n) : tensor<?x4xf32>
    %c = linalg.generic … ins(%a, %b) outs(%e) { arith.addf }
    ```

    Does not recognise anything: every operator is lowered by itself.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def NameExtentsPass : Pass<"fulgur-name-extents", "::mlir::ModuleOp"> {
  let summary = "Write extents as named dimensions of the model";
  let description = [{
    ```mlir
    func.func @main(%x: tensor<?x4xf32> {fulgur.dims = ["seq", ""]}) …
      %y = fulgur.linear %x, %w : tensor<?x4xf32>, tensor<4x8xf32> -> tensor<?x8xf32>
      %n = tensor.dim %y, %c0 : tensor<?x8xf32>
    // becomes
      %n = fulgur.dim "seq"
    ```

    Does not touch extents that only the elements of a tensor tell.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect", "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

#endif // PASSES_RAISE_PASSES_TD
