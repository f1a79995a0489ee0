//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The passes that change what caches hold and where they lie.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_FUSE_CACHEPASSES_TD
#define PASSES_FUSE_CACHEPASSES_TD

include "mlir/Pass/PassBase.td"

def LatentCachePass : Pass<"fulgur-latent-cache", "::mlir::ModuleOp"> {
  let summary = "caches of all heads' keys and values hold their latent instead";
  let description = [{
    Older exporters of DeepSeek models cache the keys and values of every head:
    40,960 values a token for DeepSeek-V3, where the latent and the rotated key
    that they are made of are 576.

    ```mlir
    func.func @main(%pk: tensor<?x128x?x192xf32> {fulgur.name = "past_k"},
                    %pv: tensor<?x128x?x128xf32> {fulgur.name = "past_v"}, …)
      %kv = fulgur.linear %latent, %up : …   // [B, S, H·(Dn+Dv)]
      %k, %v = …          // [B, H, S, Dn+Dr] of %kv and %r, [B, H, S, Dv] of %kv
      %ck = fulgur.cache_update %pk, %k axis 2 : …
      %cv = fulgur.cache_update %pv, %v axis 2 : …
      %o = fulgur.attention %q, (transpose %ck), (transpose %cv) scale 7.2e-02 causal : …
      return %o, %ck, %cv
    ```

    becomes

    ```mlir
    func.func @main(%pl: tensor<?x?x512xf32> {fulgur.name = "past_k.latent"},
                    %pr: tensor<?x?x64xf32> {fulgur.name = "past_k.rope_key"}, …)
      %cl = fulgur.cache_update %pl, %latent axis 1 : …
      %cr = fulgur.cache_update %pr, %r axis 1 : …
      %o = fulgur.latent_attention %q latent %cl rope_key %cr up %up scale 7.2e-02 causal : …
      return %o, %cl, %cr
    ```

    The input of the keys becomes that of the latents, the input of the values
    that of the rotated keys, and so do the outputs; the names of both begin
    with that of the keys. `fulgur.cache = {…, stands_for = "…"}` tells what
    they were. This changes what the model takes and gives, so it runs only when
    it is asked for (`--cache=latent`), and it is right only for caches that the
    model itself has filled.

    Stands in 'fuse', not in 'raise': the raised graph is what the model says,
    whatever the user wishes. Between past and new rows a cache hides the product
    from fulgur-raise-latent-attention, so that is proved here, of elements. First
    of all: the other fusions see latent attention and caches as any other.

    The remark counts the attention with keys and values expanded;
    fulgur-choose-latent-form counts what it saves on that.

    Does not convert caches. Does not touch keys and values of two products or of
    `[B·S, L]` rows, with a bias or a factor, or a matrix stored transposed; a
    rotated key for each head; fewer heads of keys than of queries; windows; past
    or updated keys and values that others read. Missed remarks say which.
  }];
}

def UpdateCachesInPlacePass
    : Pass<"fulgur-update-caches-in-place", "::mlir::ModuleOp"> {
  let summary = "write new rows of a cache behind the past ones, in one buffer";
  let description = [{
    ```mlir
    func.func @main(%past: tensor<?x?x512xf32>
                        {fulgur.dims = ["batch", "past", ""], fulgur.name = "p"},
                    %new: …) -> (tensor<?x?x512xf32> {fulgur.name = "q"}) {
      %c = fulgur.cache_update %past, %new axis 1 : …
      return %c : tensor<?x?x512xf32>
    ```

    becomes

    ```mlir
    func.func @main(%buffer: tensor<?x?x512xf32>
                        {fulgur.cache = {axis = 1, past = "past", new = "seq"},
                         fulgur.dims = ["batch", "", ""], fulgur.name = "p"},
                    %new: …) -> (tensor<?x?x512xf32> {fulgur.name = "q",
                                                      fulgur.updates = "p"}) {
      %b = tensor.insert_slice %new into %buffer[0, %p, 0] [%batch, %s, 512] …
      %c = tensor.extract_slice %b[0, 0, 0] [%batch, %p + %s, 512] [1, 1, 1] : …
      return %b : tensor<?x?x512xf32>
    ```

    The input and the output of the function are then the whole buffer, whose
    size along the axis is its capacity; `fulgur.cache` says which dimension
    counts the past rows, and how many are added (a name or a number), so that
    the runtime can see to the capacity before the step. What the model takes
    and gives stays what it was: the runtime passes rows in and out.

    Readers of the past read the first rows of the buffer, which the update does
    not touch.

    Does not change a cache that is updated twice, not returned itself, or grows
    by a number of rows that only the step knows. A missed remark says so, and
    `fulgur.cache = {axis = 1, copied = "…"}`.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::tensor::TensorDialect"];
}

#endif // PASSES_FUSE_CACHEPASSES_TD
