// RUN: fulgur-opt %s --fulgur-raise-latent-attention --canonicalize | FileCheck %s
// RUN: fulgur-opt %s --fulgur-raise-latent-attention --remarks-filter=raise --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// What breaks one invariant of latent attention stays attention over heads.

// A bias stands between latent and keys.
// REMARK: an attention is not over a latent: a bias stands between the latent and the keys
// CHECK-LABEL: @bias(
// CHECK-NOT: fulgur.latent_attention
// CHECK: fulgur.attention
func.func @bias(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x1x?x5xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %r: tensor<?x1x?x2xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %u: tensor<5x14xf32>,
    %bias: tensor<14xf32>) -> tensor<?x?x2x3xf32> {
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %n2 = arith.constant 2 : i64
  %n7 = arith.constant 7 : i64
  %shape = tensor.from_elements %b, %s, %n2, %n7 : tensor<4xi64>
  %sizes = arith.constant dense<[4, 3]> : tensor<2xi64>
  %heads = arith.constant dense<[1, 2, 1, 1]> : tensor<4xi64>
  %p = onnx.MatMul(%c, %u) : (tensor<?x1x?x5xf32>, tensor<5x14xf32>) -> tensor<?x1x?x14xf32>
  %pb = onnx.Add(%p, %bias) : (tensor<?x1x?x14xf32>, tensor<14xf32>) -> tensor<?x1x?x14xf32>
  %h = onnx.Reshape(%pb, %shape) {allowzero = 1 : i64} : (tensor<?x1x?x14xf32>, tensor<4xi64>) -> tensor<?x?x2x7xf32>
  %kv:2 = onnx.Split(%h, %sizes) {axis = 3 : i64} : (tensor<?x?x2x7xf32>, tensor<2xi64>) -> (tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>)
  %e = onnx.Expand(%r, %heads) : (tensor<?x1x?x2xf32>, tensor<4xi64>) -> tensor<?x2x?x2xf32>
  %t = onnx.Transpose(%e) {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x?x2xf32>) -> tensor<?x?x2x2xf32>
  %k = onnx.Concat(%kv#0, %t) {axis = -1 : i64} : (tensor<?x?x2x4xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x2x6xf32>
  %o = fulgur.attention %q, %k, %kv#1 scale 2.5e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// The values are another projection.
// REMARK: an attention is not over a latent: keys and values are not two parts of one projection
// CHECK-LABEL: @other_values(
// CHECK-NOT: fulgur.latent_attention
// CHECK: fulgur.attention
func.func @other_values(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x1x?x5xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %r: tensor<?x1x?x2xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %u: tensor<5x14xf32>,
    %v: tensor<?x?x2x3xf32> {fulgur.dims = ["batch", "seq", "", ""]}) -> tensor<?x?x2x3xf32> {
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %n2 = arith.constant 2 : i64
  %n7 = arith.constant 7 : i64
  %shape = tensor.from_elements %b, %s, %n2, %n7 : tensor<4xi64>
  %sizes = arith.constant dense<[4, 3]> : tensor<2xi64>
  %heads = arith.constant dense<[1, 2, 1, 1]> : tensor<4xi64>
  %p = onnx.MatMul(%c, %u) : (tensor<?x1x?x5xf32>, tensor<5x14xf32>) -> tensor<?x1x?x14xf32>
  %h = onnx.Reshape(%p, %shape) {allowzero = 1 : i64} : (tensor<?x1x?x14xf32>, tensor<4xi64>) -> tensor<?x?x2x7xf32>
  %kv:2 = onnx.Split(%h, %sizes) {axis = 3 : i64} : (tensor<?x?x2x7xf32>, tensor<2xi64>) -> (tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>)
  %e = onnx.Expand(%r, %heads) : (tensor<?x1x?x2xf32>, tensor<4xi64>) -> tensor<?x2x?x2xf32>
  %t = onnx.Transpose(%e) {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x?x2xf32>) -> tensor<?x?x2x2xf32>
  %k = onnx.Concat(%kv#0, %t) {axis = -1 : i64} : (tensor<?x?x2x4xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x2x6xf32>
  %o = fulgur.attention %q, %k, %v scale 2.5e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// The columns of a head are values, then keys.
// REMARK: an attention is not over a latent: the columns of a head are not keys, then values
// CHECK-LABEL: @values_first(
// CHECK-NOT: fulgur.latent_attention
// CHECK: fulgur.attention
func.func @values_first(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x1x?x5xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %r: tensor<?x1x?x2xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %u: tensor<5x14xf32>) -> tensor<?x?x2x3xf32> {
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %n2 = arith.constant 2 : i64
  %n7 = arith.constant 7 : i64
  %shape = tensor.from_elements %b, %s, %n2, %n7 : tensor<4xi64>
  %sizes = arith.constant dense<[3, 4]> : tensor<2xi64>
  %heads = arith.constant dense<[1, 2, 1, 1]> : tensor<4xi64>
  %p = onnx.MatMul(%c, %u) : (tensor<?x1x?x5xf32>, tensor<5x14xf32>) -> tensor<?x1x?x14xf32>
  %h = onnx.Reshape(%p, %shape) {allowzero = 1 : i64} : (tensor<?x1x?x14xf32>, tensor<4xi64>) -> tensor<?x?x2x7xf32>
  %kv:2 = onnx.Split(%h, %sizes) {axis = 3 : i64} : (tensor<?x?x2x7xf32>, tensor<2xi64>) -> (tensor<?x?x2x3xf32>, tensor<?x?x2x4xf32>)
  %e = onnx.Expand(%r, %heads) : (tensor<?x1x?x2xf32>, tensor<4xi64>) -> tensor<?x2x?x2xf32>
  %t = onnx.Transpose(%e) {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x?x2xf32>) -> tensor<?x?x2x2xf32>
  %k = onnx.Concat(%kv#1, %t) {axis = -1 : i64} : (tensor<?x?x2x4xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x2x6xf32>
  %o = fulgur.attention %q, %k, %kv#0 scale 2.5e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// Every head has its own rotated key.
// REMARK: an attention is not over a latent: the rotated key differs from head to head
// CHECK-LABEL: @rope_key_per_head(
// CHECK-NOT: fulgur.latent_attention
// CHECK: fulgur.attention
func.func @rope_key_per_head(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x1x?x5xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %r: tensor<?x1x?x2xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %u: tensor<5x14xf32>,
    %own: tensor<?x?x2x2xf32> {fulgur.dims = ["batch", "seq", "", ""]}) -> tensor<?x?x2x3xf32> {
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %n2 = arith.constant 2 : i64
  %n7 = arith.constant 7 : i64
  %shape = tensor.from_elements %b, %s, %n2, %n7 : tensor<4xi64>
  %sizes = arith.constant dense<[4, 3]> : tensor<2xi64>
  %heads = arith.constant dense<[1, 2, 1, 1]> : tensor<4xi64>
  %p = onnx.MatMul(%c, %u) : (tensor<?x1x?x5xf32>, tensor<5x14xf32>) -> tensor<?x1x?x14xf32>
  %h = onnx.Reshape(%p, %shape) {allowzero = 1 : i64} : (tensor<?x1x?x14xf32>, tensor<4xi64>) -> tensor<?x?x2x7xf32>
  %kv:2 = onnx.Split(%h, %sizes) {axis = 3 : i64} : (tensor<?x?x2x7xf32>, tensor<2xi64>) -> (tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>)
  %k = onnx.Concat(%kv#0, %own) {axis = -1 : i64} : (tensor<?x?x2x4xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x2x6xf32>
  %o = fulgur.attention %q, %k, %kv#1 scale 2.5e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// The keys have no rotated part: those of other models, of which nothing is told.
// REMARK-NOT: remark
// CHECK-LABEL: @one_part(
// CHECK-NOT: fulgur.latent_attention
// CHECK: fulgur.attention
func.func @one_part(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x1x?x5xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %r: tensor<?x1x?x2xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %u: tensor<5x14xf32>,
    %u2: tensor<5x18xf32>) -> tensor<?x?x2x3xf32> {
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %n2 = arith.constant 2 : i64
  %n7 = arith.constant 9 : i64
  %shape = tensor.from_elements %b, %s, %n2, %n7 : tensor<4xi64>
  %sizes = arith.constant dense<[6, 3]> : tensor<2xi64>
  %heads = arith.constant dense<[1, 2, 1, 1]> : tensor<4xi64>
  %p = onnx.MatMul(%c, %u2) : (tensor<?x1x?x5xf32>, tensor<5x18xf32>) -> tensor<?x1x?x18xf32>
  %h = onnx.Reshape(%p, %shape) {allowzero = 1 : i64} : (tensor<?x1x?x18xf32>, tensor<4xi64>) -> tensor<?x?x2x9xf32>
  %kv:2 = onnx.Split(%h, %sizes) {axis = 3 : i64} : (tensor<?x?x2x9xf32>, tensor<2xi64>) -> (tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32>)
  %o = fulgur.attention %q, %kv#0, %kv#1 scale 2.5e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}
