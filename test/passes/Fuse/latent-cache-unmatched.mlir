// RUN: fulgur-opt %s --fulgur-latent-cache --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s --implicit-check-not=fulgur.latent_attention

// What keeps caches as they are. Each function differs from the first one of
// latent-cache.mlir in one thing.
// CHECK-COUNT-8: fulgur.attention

// A bias is not of the latent alone.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}) {
  %kv = fulgur.linear %c, %up : tensor<2x1x8xf32>, tensor<8x14xf32> -> tensor<2x1x14xf32>
  %bias = tensor.empty() : tensor<2x1x14xf32>
  %sum = linalg.add ins(%kv, %bias : tensor<2x1x14xf32>, tensor<2x1x14xf32>) outs(%bias : tensor<2x1x14xf32>) -> tensor<2x1x14xf32>
  %heads = tensor.expand_shape %sum [[0], [1], [2, 3]] output_shape [2, 1, 2, 7] : tensor<2x1x14xf32> into tensor<2x1x2x7xf32>
  %plain = tensor.extract_slice %heads[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x4xf32>
  %value = tensor.extract_slice %heads[0, 0, 0, 4] [2, 1, 2, 3] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x3xf32>
  %many = tensor.empty() : tensor<2x1x2x2xf32>
  %shared = linalg.broadcast ins(%r : tensor<2x1x2xf32>) outs(%many : tensor<2x1x2x2xf32>) dimensions = [2]
  %none = tensor.empty() : tensor<2x1x2x6xf32>
  %first = tensor.insert_slice %plain into %none[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x4xf32> into tensor<2x1x2x6xf32>
  %key = tensor.insert_slice %shared into %first[0, 0, 0, 4] [2, 1, 2, 2] [1, 1, 1, 1] : tensor<2x1x2x2xf32> into tensor<2x1x2x6xf32>
  %k = fulgur.cache_update %pk, %key axis 1 : tensor<2x?x2x6xf32>, tensor<2x1x2x6xf32> -> tensor<2x?x2x6xf32>
  %v = fulgur.cache_update %pv, %value axis 1 : tensor<2x?x2x3xf32>, tensor<2x1x2x3xf32> -> tensor<2x?x2x3xf32>
  // expected-remark @below {{got those of 'linalg.add'}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// Keys of a projection that values do not share.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>, %up2: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}) {
  %kv = fulgur.linear %c, %up : tensor<2x1x8xf32>, tensor<8x14xf32> -> tensor<2x1x14xf32>
  %heads = tensor.expand_shape %kv [[0], [1], [2, 3]] output_shape [2, 1, 2, 7] : tensor<2x1x14xf32> into tensor<2x1x2x7xf32>
  %kv2 = fulgur.linear %c, %up2 : tensor<2x1x8xf32>, tensor<8x14xf32> -> tensor<2x1x14xf32>
  %heads2 = tensor.expand_shape %kv2 [[0], [1], [2, 3]] output_shape [2, 1, 2, 7] : tensor<2x1x14xf32> into tensor<2x1x2x7xf32>
  %plain = tensor.extract_slice %heads2[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x4xf32>
  %value = tensor.extract_slice %heads[0, 0, 0, 4] [2, 1, 2, 3] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x3xf32>
  %many = tensor.empty() : tensor<2x1x2x2xf32>
  %shared = linalg.broadcast ins(%r : tensor<2x1x2xf32>) outs(%many : tensor<2x1x2x2xf32>) dimensions = [2]
  %none = tensor.empty() : tensor<2x1x2x6xf32>
  %first = tensor.insert_slice %plain into %none[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x4xf32> into tensor<2x1x2x6xf32>
  %key = tensor.insert_slice %shared into %first[0, 0, 0, 4] [2, 1, 2, 2] [1, 1, 1, 1] : tensor<2x1x2x2xf32> into tensor<2x1x2x6xf32>
  %k = fulgur.cache_update %pk, %key axis 1 : tensor<2x?x2x6xf32>, tensor<2x1x2x6xf32> -> tensor<2x?x2x6xf32>
  %v = fulgur.cache_update %pv, %value axis 1 : tensor<2x?x2x3xf32>, tensor<2x1x2x3xf32> -> tensor<2x?x2x3xf32>
  // expected-remark @below {{columns of one product, but got keys of another 'fulgur.linear'}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// Values come first.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}) {
  %kv = fulgur.linear %c, %up : tensor<2x1x8xf32>, tensor<8x14xf32> -> tensor<2x1x14xf32>
  %heads = tensor.expand_shape %kv [[0], [1], [2, 3]] output_shape [2, 1, 2, 7] : tensor<2x1x14xf32> into tensor<2x1x2x7xf32>
  %plain = tensor.extract_slice %heads[0, 0, 0, 3] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x4xf32>
  %value = tensor.extract_slice %heads[0, 0, 0, 0] [2, 1, 2, 3] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x3xf32>
  %many = tensor.empty() : tensor<2x1x2x2xf32>
  %shared = linalg.broadcast ins(%r : tensor<2x1x2xf32>) outs(%many : tensor<2x1x2x2xf32>) dimensions = [2]
  %none = tensor.empty() : tensor<2x1x2x6xf32>
  %first = tensor.insert_slice %plain into %none[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x4xf32> into tensor<2x1x2x6xf32>
  %key = tensor.insert_slice %shared into %first[0, 0, 0, 4] [2, 1, 2, 2] [1, 1, 1, 1] : tensor<2x1x2x2xf32> into tensor<2x1x2x6xf32>
  %k = fulgur.cache_update %pk, %key axis 1 : tensor<2x?x2x6xf32>, tensor<2x1x2x6xf32> -> tensor<2x?x2x6xf32>
  %v = fulgur.cache_update %pv, %value axis 1 : tensor<2x?x2x3xf32>, tensor<2x1x2x3xf32> -> tensor<2x?x2x3xf32>
  // expected-remark @below {{the columns of a head to be keys, then values}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// The matrix is stored the other way round.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<14x8xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}) {
  %kv = fulgur.linear %c, %up transposed : tensor<2x1x8xf32>, tensor<14x8xf32> -> tensor<2x1x14xf32>
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
  // expected-remark @below {{but got it transposed}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// A rotated key for each head.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}) {
  %kv = fulgur.linear %c, %up : tensor<2x1x8xf32>, tensor<8x14xf32> -> tensor<2x1x14xf32>
  %heads = tensor.expand_shape %kv [[0], [1], [2, 3]] output_shape [2, 1, 2, 7] : tensor<2x1x14xf32> into tensor<2x1x2x7xf32>
  %plain = tensor.extract_slice %heads[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x4xf32>
  %value = tensor.extract_slice %heads[0, 0, 0, 4] [2, 1, 2, 3] [1, 1, 1, 1] : tensor<2x1x2x7xf32> to tensor<2x1x2x3xf32>
  %none = tensor.empty() : tensor<2x1x2x6xf32>
  %first = tensor.insert_slice %plain into %none[0, 0, 0, 0] [2, 1, 2, 4] [1, 1, 1, 1] : tensor<2x1x2x4xf32> into tensor<2x1x2x6xf32>
  %key = tensor.insert_slice %r into %first[0, 0, 0, 4] [2, 1, 2, 2] [1, 1, 1, 1] : tensor<2x1x2x2xf32> into tensor<2x1x2x6xf32>
  %k = fulgur.cache_update %pk, %key axis 1 : tensor<2x?x2x6xf32>, tensor<2x1x2x6xf32> -> tensor<2x?x2x6xf32>
  %v = fulgur.cache_update %pv, %value axis 1 : tensor<2x?x2x3xf32>, tensor<2x1x2x3xf32> -> tensor<2x?x2x3xf32>
  // expected-remark @below {{in an input it differs from head to head}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// The window would be lost.
// expected-warning @below {{the model has none}}
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
  // expected-remark @below {{but got a window of 4}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal window 4 : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// Nothing is saved.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x16xf32>, %r: tensor<2x1x2xf32>, %up: tensor<16x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "y"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
        tensor<2x?x2x3xf32> {fulgur.name = "v"}) {
  %kv = fulgur.linear %c, %up : tensor<2x1x16xf32>, tensor<16x14xf32> -> tensor<2x1x14xf32>
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
  // expected-remark @below {{expected latent and rotated key to be smaller than keys and values, but they are 18 and 18 values a token}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}

// -----

// An output has the name already.
// expected-warning @below {{the model has none}}
func.func @main(%q: tensor<2x1x2x6xf32>, %c: tensor<2x1x8xf32>, %r: tensor<2x1x2xf32>, %up: tensor<8x14xf32>,
                %pk: tensor<2x?x2x6xf32> {fulgur.name = "pk", fulgur.dims = ["", "past", "", ""]},
                %pv: tensor<2x?x2x3xf32> {fulgur.name = "pv", fulgur.dims = ["", "past", "", ""]})
    -> (tensor<2x1x2x3xf32> {fulgur.name = "k.latent"}, tensor<2x?x2x6xf32> {fulgur.name = "k"},
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
  // expected-remark @below {{expected 'k.latent' to be a new name, but the model has it}}
  %y = fulgur.attention %q, %k, %v scale 5.0e-01 causal : tensor<2x1x2x6xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32> -> tensor<2x1x2x3xf32>
  return %y, %k, %v : tensor<2x1x2x3xf32>, tensor<2x?x2x6xf32>, tensor<2x?x2x3xf32>
}
