// RUN: fulgur-opt %s --fulgur-latent-cache --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s --implicit-check-not=fulgur.latent_attention

// What keeps caches as they are. Each function differs from the first one of
// latent-cache.mlir in one thing.
// CHECK-COUNT-5: fulgur.attention

// The past keys are read.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}, tensor<2x?x2x6xf32>) {
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
  // expected-remark @below {{expected nothing but the cache to read the past keys, but 'linalg.negf' does}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  %n = linalg.negf ins(%pk : tensor<2x?x2x6xf32>) outs(%pk : tensor<2x?x2x6xf32>) -> tensor<2x?x2x6xf32>
  return %y, %k, %v, %n : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>, tensor<2x?x2x6xf32>
}

// -----

// The updated values are read.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}, tensor<2x?x2x3xf32>) {
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
  // expected-remark @below {{expected nothing but one attention to read the cached values, but 'linalg.negf' does}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  %n = linalg.negf ins(%v : tensor<2x?x2x3xf32>) outs(%v : tensor<2x?x2x3xf32>) -> tensor<2x?x2x3xf32>
  return %y, %k, %v, %n : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>, tensor<2x?x2x3xf32>
}

// -----

// The updated keys are not returned.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"},
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
  // expected-remark @below {{expected the cached keys to be one output, but they are 0}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x3xf32>
}

// -----

// Keys alone are cached.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32>)
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
  // expected-remark @below {{expected keys and values to be cached, but only the keys are}}
  %y = fulgur.attention %q, %k, %pv scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %pv : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// Pasts of different lengths.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "before", "", ""]})
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
  // expected-remark @below {{expected keys and values of the same tokens, but got past and before}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}
