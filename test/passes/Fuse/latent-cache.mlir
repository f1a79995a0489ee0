// RUN: fulgur-opt %s --fulgur-latent-cache --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s --implicit-check-not=fulgur.attention

// [B, T, H, D], and sizes of 1 that exporters drop. The latent and the shared
// row are cached, and nothing is left of keys and values.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[Q:.*]]: tensor<2x1x2x6xf32>, %[[C:[^:]*]]: tensor<2x1x8xf32>, %[[R:[^:]*]]: tensor<2x1x2xf32>, %[[UP:[^:]*]]: tensor<8x14xf32>
// CHECK-SAME: %[[PL:[^:]*]]: tensor<2x?x8xf32> {fulgur.cache = {axis = 1 : i64, copied = "{{.*}}", stands_for = "latent of 'pk' and 'pv', 18 values a token"}, fulgur.dims = ["", "past", ""], fulgur.name = "pk.latent"}
// CHECK-SAME: %[[PR:[^:]*]]: tensor<2x?x2xf32> {fulgur.cache = {axis = 1 : i64, copied = "{{.*}}", stands_for = "rotated key of 'pk' and 'pv', 18 values a token"}, fulgur.dims = ["", "past", ""], fulgur.name = "pk.rope_key"}
// CHECK-SAME: -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x8xf32> {fulgur.name = "k.latent"}, tensor<2x?x2xf32> {fulgur.name = "k.rope_key"})
// CHECK-NEXT: %[[RC:.*]] = fulgur.cache_update %[[PR]], %[[R]] axis 1
// CHECK-NEXT: %[[LC:.*]] = fulgur.cache_update %[[PL]], %[[C]] axis 1
// CHECK-NEXT: %[[Y:.*]] = fulgur.latent_attention %[[Q]] latent %[[LC]] rope_key %[[RC]] up %[[UP]] scale 5.0e-01 causal
// CHECK-NEXT: return %[[Y]], %[[LC]], %[[RC]]
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}) {
  %kv = fulgur.linear %c, %up : tensor<2x1x8xf32>, tensor<8x14xf32> -> tensor<2x1x14xf32>
  %heads = tensor.expand_shape %kv [[0], [1], [2, 3]] output_shape [2, 1, 2, 7] : tensor<2x1x14xf32> into tensor<2x1x2x7xf32>
  %plain = tensor.extract_slice %heads[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x4xf32>
  %value = tensor.extract_slice %heads[0, 0, 0, 4] [2, 1, 2, 3] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x3xf32>
  %many = tensor.empty() : tensor<2x1x2x2xf32>
  %shared = linalg.broadcast ins(%r : tensor<2x1x2xf32>) outs(%many : tensor<2x1x2x2xf32>) dimensions = [2]
  %none = tensor.empty() : tensor<2x1x2x6xf32>
  %first = tensor.insert_slice %plain into %none[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x4xf32> into tensor<2x1x2x6xf32>
  %key = tensor.insert_slice %shared into %first[0, 0, 0, 4] [2, 1, 2, 2] [1, 1, 1, 1] : tensor<2x1x2x2xf32> into tensor<2x1x2x6xf32>
  %k = fulgur.cache_update %pk, %key axis 1 : tensor<2x?x2x6xf32>, tensor<2x1x2x6xf32> -> tensor<2x?x2x6xf32>
  %v = fulgur.cache_update %pv, %value axis 1 : tensor<2x?x2x3xf32>, tensor<2x1x2x3xf32> -> tensor<2x?x2x3xf32>
  // expected-remark @below {{the cache holds 10 values a token, not 18: 32 bytes less}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// [B, H, T, D] with named sizes: the keys of all heads are a repetition that
// exporters write with indices, the latent is normalised, and the rotated key
// is a part of a wider tensor. Updated in place, the caches still tell what they
// stand for.
// RUN: fulgur-opt %s --fulgur-latent-cache --fulgur-update-caches-in-place --split-input-file | FileCheck %s --check-prefix=PLACE
// PLACE: fulgur.cache = {axis = 1 : i64, new = "seq", past = "past", stands_for = "latent of 'pk' and 'pv', 18 values a token"}
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[BOTH:[^:]*]]: tensor<?x?x10xf32> {{.*}}, %[[UP:[^:]*]]: tensor<8x14xf32>
// CHECK-SAME: fulgur.dims = ["batch", "past", ""], fulgur.name = "pk.latent"
// CHECK-SAME: {fulgur.dims = ["batch", "past + seq", ""], fulgur.name = "k.latent"}
// CHECK: %[[C:.*]] = fulgur.rms_norm
// CHECK: %[[R:.*]] = tensor.extract_slice %[[BOTH]][0, 0, 8] [%dim{{.*}}, %dim{{.*}}, 2] [1, 1, 1]
// CHECK: fulgur.cache_update %{{.*}}, %[[R]] axis 1 : tensor<?x?x2xf32>, tensor<?x?x2xf32> -> tensor<?x?x2xf32>
// CHECK: fulgur.cache_update %{{.*}}, %[[C]] axis 1 : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
func.func @main(%q: tensor<?x?x2x6xf32> {fulgur.name = "q", fulgur.dims = ["batch", "seq", "", ""]},
                %both: tensor<?x?x10xf32> {fulgur.name = "both", fulgur.dims = ["batch", "seq", ""]}, %up: tensor<8x14xf32>,
                %scale: tensor<8xf32>,
                %pk: tensor<?x2x?x6xf32> {fulgur.name = "pk", fulgur.dims = ["batch", "", "past", ""]},
                %pv: tensor<?x2x?x3xf32> {fulgur.name = "pv", fulgur.dims = ["batch", "", "past", ""]})
    -> (tensor<?x?x2x3xf32> {fulgur.name = "y"},
        tensor<?x2x?x6xf32> {fulgur.name = "k", fulgur.dims = ["batch", "", "past + seq", ""]},
        tensor<?x2x?x3xf32> {fulgur.name = "v", fulgur.dims = ["batch", "", "past + seq", ""]}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = fulgur.dim "batch"
  %s = fulgur.dim "seq"
  %p = fulgur.dim "past"
  %t = arith.addi %p, %s : index
  %part = tensor.extract_slice %both[0, 0, 0] [%b, %s, 8] [1, 1, 1] : tensor<?x?x10xf32> to tensor<?x?x8xf32>
  %c = fulgur.rms_norm %part, %scale eps 1.0e-06 : tensor<?x?x8xf32>, tensor<8xf32>
  %rope = tensor.extract_slice %both[0, 0, 8] [%b, %s, 2] [1, 1, 1] : tensor<?x?x10xf32> to tensor<?x?x2xf32>
  %r = tensor.expand_shape %rope [[0, 1], [2], [3]] output_shape [%b, 1, %s, 2] : tensor<?x?x2xf32> into tensor<?x1x?x2xf32>
  %kv = fulgur.linear %c, %up : tensor<?x?x8xf32>, tensor<8x14xf32> -> tensor<?x?x14xf32>
  %heads = tensor.expand_shape %kv [[0], [1], [2, 3]] output_shape [%b, %s, 2, 7] : tensor<?x?x14xf32> into tensor<?x?x2x7xf32>
  %e = tensor.empty(%b, %s) : tensor<?x2x?x7xf32>
  %turned = linalg.transpose ins(%heads : tensor<?x?x2x7xf32>) outs(%e : tensor<?x2x?x7xf32>) permutation = [0, 2, 1, 3]
  %plain = tensor.extract_slice %turned[0, 0, 0, 0] [%b, 2, %s, 4] [1, 1, 1, 1] : tensor<?x2x?x7xf32> to tensor<?x2x?x4xf32>
  %value = tensor.extract_slice %turned[0, 0, 0, 4] [%b, 2, %s, 3] [1, 1, 1, 1] : tensor<?x2x?x7xf32> to tensor<?x2x?x3xf32>
  %many = tensor.empty(%b, %s) : tensor<?x2x?x2xf32>
  %shared = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>],
                            iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%many : tensor<?x2x?x2xf32>) {
  ^bb0(%out: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 2 : index
    %l = linalg.index 3 : index
    %same = arith.remui %i, %b : index
    %in = arith.remui %l, %c2 : index
    %x = tensor.extract %r[%same, %c0, %j, %in] : tensor<?x1x?x2xf32>
    linalg.yield %x : f32
  } -> tensor<?x2x?x2xf32>
  %none = tensor.empty(%b, %s) : tensor<?x2x?x6xf32>
  %first = tensor.insert_slice %plain into %none[0, 0, 0, 0] [%b, 2, %s, 4] [1, 1, 1, 1] : tensor<?x2x?x4xf32> into tensor<?x2x?x6xf32>
  %key = tensor.insert_slice %shared into %first[0, 0, 0, 4] [%b, 2, %s, 2] [1, 1, 1, 1] : tensor<?x2x?x2xf32> into tensor<?x2x?x6xf32>
  %k = fulgur.cache_update %pk, %key axis 2 : tensor<?x2x?x6xf32>, tensor<?x2x?x6xf32> -> tensor<?x2x?x6xf32>
  %v = fulgur.cache_update %pv, %value axis 2 : tensor<?x2x?x3xf32>, tensor<?x2x?x3xf32> -> tensor<?x2x?x3xf32>
  %ke = tensor.empty(%b, %t) : tensor<?x?x2x6xf32>
  %kt = linalg.transpose ins(%k : tensor<?x2x?x6xf32>) outs(%ke : tensor<?x?x2x6xf32>) permutation = [0, 2, 1, 3]
  %ve = tensor.empty(%b, %t) : tensor<?x?x2x3xf32>
  %vt = linalg.transpose ins(%v : tensor<?x2x?x3xf32>) outs(%ve : tensor<?x?x2x3xf32>) permutation = [0, 2, 1, 3]
  // expected-remark @below {{the cache holds 10 values a token, not 18: 32 bytes less}}
  %y = fulgur.attention %q, %kt, %vt scale 5.0e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32> -> tensor<?x?x2x3xf32>
  return %y, %k, %v : tensor<?x?x2x3xf32>, tensor<?x2x?x6xf32>, tensor<?x2x?x3xf32>
}
