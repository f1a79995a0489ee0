// RUN: fulgur-opt %s --fulgur-raise-latent-attention --canonicalize | FileCheck %s

// Keys and values of all heads are one product, the rotated key is shared.
// CHECK-LABEL: @expanded_rope_key(
// CHECK-NOT: onnx.MatMul
// CHECK-DAG: %[[C:.*]] = onnx.Squeeze(%arg1, %{{.*}} -> tensor<?x?x5xf32>
// CHECK-DAG: %[[R:.*]] = onnx.Squeeze(%arg2, %{{.*}} -> tensor<?x?x2xf32>
// CHECK: fulgur.latent_attention %arg0 latent %[[C]] rope_key %[[R]] up %arg3 scale 2.5e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32> -> tensor<?x?x2x3xf32>
func.func @expanded_rope_key(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
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
  %sizes = arith.constant dense<[4, 3]> : tensor<2xi64>
  %heads = arith.constant dense<[1, 2, 1, 1]> : tensor<4xi64>
  %p = onnx.MatMul(%c, %u) : (tensor<?x1x?x5xf32>, tensor<5x14xf32>) -> tensor<?x1x?x14xf32>
  %h = onnx.Reshape(%p, %shape) {allowzero = 1 : i64} : (tensor<?x1x?x14xf32>, tensor<4xi64>) -> tensor<?x?x2x7xf32>
  %kv:2 = onnx.Split(%h, %sizes) {axis = 3 : i64} : (tensor<?x?x2x7xf32>, tensor<2xi64>) -> (tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>)
  %e = onnx.Expand(%r, %heads) : (tensor<?x1x?x2xf32>, tensor<4xi64>) -> tensor<?x2x?x2xf32>
  %t = onnx.Transpose(%e) {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x?x2xf32>) -> tensor<?x?x2x2xf32>
  %k = onnx.Concat(%kv#0, %t) {axis = -1 : i64} : (tensor<?x?x2x4xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x2x6xf32>
  %o = fulgur.attention %q, %k, %kv#1 scale 2.5e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// The head axis of the rotated key comes behind the tokens; a mask stays.
// CHECK-LABEL: @rows_of_rope_key(
// CHECK: fulgur.latent_attention %arg0 latent %{{.*}} rope_key %{{.*}} up %arg3 mask %arg4 scale 2.5e-01 causal :
func.func @rows_of_rope_key(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x1x?x5xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %r: tensor<?x1x?x2xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %u: tensor<5x14xf32>,
    %m: tensor<?x1x1x?xi1> {fulgur.dims = ["batch", "", "", "seq"]}) -> tensor<?x?x2x3xf32> {
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
  %one = arith.constant dense<[1, 1, 2, 1]> : tensor<4xi64>
  %rt = onnx.Transpose(%r) {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x1x?x2xf32>) -> tensor<?x?x1x2xf32>
  %t = onnx.Expand(%rt, %one) : (tensor<?x?x1x2xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
  %k = onnx.Concat(%kv#0, %t) {axis = -1 : i64} : (tensor<?x?x2x4xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x2x6xf32>
  %o = fulgur.attention %q, %k, %kv#1 mask %m scale 2.5e-01 causal : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>, tensor<?x?x2x3xf32>, tensor<?x1x1x?xi1> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}
