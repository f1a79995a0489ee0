// RUN: fulgur-opt %s --fulgur-raise-route | FileCheck %s

// The router of DeepSeek V3: sigmoid, a bias for the choice, the sum of the best
// two of a group.
// CHECK-LABEL: @sigmoid
// CHECK-SAME: (%[[L:[a-z0-9]+]]: tensor<?x8xf32>, {{.*}}, %[[B:.*]]: tensor<8xf32>)
// CHECK-NOT: onnx.TopK
// CHECK: %[[E:.*]], %[[W:.*]] = fulgur.route %[[L]] bias %[[B]] sigmoid k 3 groups 4 top_groups 2 top2 normalize scale 2.5e+00 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x3xi32>, tensor<?x3xf32>
// CHECK: %[[I:.*]] = onnx.Cast(%[[E]])
// CHECK: return %[[W]], %[[I]]
func.func @sigmoid(%l: tensor<?x8xf32>, %n: tensor<2xi64>, %b: tensor<8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
  %last = arith.constant dense<-1> : tensor<1xi64>
  %k = arith.constant dense<3> : tensor<1xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  %split = arith.constant dense<[-1, 4, 2]> : tensor<3xi64>
  %repeat = arith.constant dense<[1, 4, 2]> : tensor<3xi64>
  %join = arith.constant dense<[-1, 8]> : tensor<2xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %hidden = arith.constant dense<0xFF800000> : tensor<f32>
  %s = onnx.Sigmoid(%l) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %c = onnx.Add(%s, %b) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %g = onnx.Reshape(%c, %split) {allowzero = 1 : i64} : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x4x2xf32>
  %b2:2 = onnx.TopK(%g, %two) {axis = -1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<?x4x2xf32>, tensor<1xi64>) -> (tensor<?x4x2xf32>, tensor<?x4x2xi64>)
  %gs = onnx.ReduceSum(%b2#0, %last) {keepdims = 0 : i64} : (tensor<?x4x2xf32>, tensor<1xi64>) -> tensor<?x4xf32>
  %bg:2 = onnx.TopK(%gs, %two) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %zeros = onnx.Expand(%zero, %n) : (tensor<f32>, tensor<2xi64>) -> tensor<?x4xf32>
  %ones = onnx.ConstantOfShape(%n) {value = dense<1.0> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x2xf32>
  %m0 = onnx.ScatterElements(%zeros, %bg#1, %ones) {axis = 1 : i64, reduction = "none"} : (tensor<?x4xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x4xf32>
  %m1 = onnx.Unsqueeze(%m0, %last) : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x4x1xf32>
  %m2 = onnx.Expand(%m1, %repeat) : (tensor<?x4x1xf32>, tensor<3xi64>) -> tensor<?x4x2xf32>
  %m3 = onnx.Reshape(%m2, %join) {allowzero = 1 : i64} : (tensor<?x4x2xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %m4 = onnx.Cast(%m3) {to = 9 : i64} : (tensor<?x8xf32>) -> tensor<?x8xi1>
  %m5 = onnx.Not(%m4) : (tensor<?x8xi1>) -> tensor<?x8xi1>
  %m = onnx.Where(%m5, %hidden, %c) : (tensor<?x8xi1>, tensor<f32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %t:2 = onnx.TopK(%m, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.GatherElements(%s, %t#1) {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %sum = onnx.ReduceSum(%w0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%w0, %sum) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  %factor = arith.constant dense<2.5> : tensor<f32>
  %w2 = onnx.Mul(%w1, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w2, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// The router of DeepSeek V2: softmax, the best of a group; the weights are the
// choices, and 0 is below all of them.
// CHECK-LABEL: @softmax
// CHECK: fulgur.route %{{.*}} softmax k 3 groups 4 top_groups 2 max scale 4.0e+00 : tensor<?x8xf32>
// CHECK-NOT: onnx.Mul
func.func @softmax(%l: tensor<?x8xf32>, %n: tensor<2xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
  %last = arith.constant dense<-1> : tensor<1xi64>
  %k = arith.constant dense<3> : tensor<1xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  %split = arith.constant dense<[-1, 4, 2]> : tensor<3xi64>
  %repeat = arith.constant dense<[1, 4, 2]> : tensor<3xi64>
  %join = arith.constant dense<[-1, 8]> : tensor<2xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %hidden = arith.constant dense<0.0> : tensor<f32>
  %s = onnx.Softmax(%l) {axis = -1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %g = onnx.Reshape(%s, %split) {allowzero = 1 : i64} : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x4x2xf32>
  %gs = onnx.ReduceMax(%g, %last) {keepdims = 0 : i64} : (tensor<?x4x2xf32>, tensor<1xi64>) -> tensor<?x4xf32>
  %bg:2 = onnx.TopK(%gs, %two) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %zeros = onnx.Expand(%zero, %n) : (tensor<f32>, tensor<2xi64>) -> tensor<?x4xf32>
  %ones = onnx.ConstantOfShape(%n) {value = dense<1.0> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x2xf32>
  %m0 = onnx.ScatterElements(%zeros, %bg#1, %ones) {axis = 1 : i64, reduction = "none"} : (tensor<?x4xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x4xf32>
  %m1 = onnx.Unsqueeze(%m0, %last) : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x4x1xf32>
  %m2 = onnx.Expand(%m1, %repeat) : (tensor<?x4x1xf32>, tensor<3xi64>) -> tensor<?x4x2xf32>
  %m3 = onnx.Reshape(%m2, %join) {allowzero = 1 : i64} : (tensor<?x4x2xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %m4 = onnx.Cast(%m3) {to = 9 : i64} : (tensor<?x8xf32>) -> tensor<?x8xi1>
  %m5 = onnx.Not(%m4) : (tensor<?x8xi1>) -> tensor<?x8xi1>
  %m = onnx.Where(%m5, %hidden, %s) : (tensor<?x8xi1>, tensor<f32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %t:2 = onnx.TopK(%m, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %factor = arith.constant dense<4.0> : tensor<f32>
  %w2 = onnx.Mul(%t#0, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w2, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// No groups; an epsilon that no sum notices.
// CHECK-LABEL: @plain
// CHECK: %[[E:.*]], %[[W:.*]] = fulgur.route %{{.*}} softmax k 3 normalize : tensor<?x8xf32>
// CHECK: return %[[W]]
func.func @plain(%l: tensor<?x8xf32>, %n: tensor<2xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
  %last = arith.constant dense<-1> : tensor<1xi64>
  %k = arith.constant dense<3> : tensor<1xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  %s = onnx.Softmax(%l) {axis = -1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %t:2 = onnx.TopK(%s, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %sum = onnx.ReduceSum(%t#0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %eps = arith.constant dense<1.0e-20> : tensor<f32>
  %safe = onnx.Add(%sum, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%t#0, %safe) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  return %w1, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// One group is no limit; its chain goes.
// CHECK-LABEL: @one_group
// CHECK-NOT: onnx.TopK
// CHECK: fulgur.route %{{.*}} bias %{{.*}} sigmoid k 3 normalize : tensor<?x8xf32>
func.func @one_group(%l: tensor<?x8xf32>, %b: tensor<8xf32>, %n: tensor<2xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
  %last = arith.constant dense<-1> : tensor<1xi64>
  %k = arith.constant dense<3> : tensor<1xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  %one = arith.constant dense<1> : tensor<1xi64>
  %repeat = arith.constant dense<[1, 1, 8]> : tensor<3xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %hidden = arith.constant dense<0xFF800000> : tensor<f32>
  %s = onnx.Sigmoid(%l) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %c = onnx.Add(%s, %b) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %g = onnx.Unsqueeze(%c, %one) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1x8xf32>
  %b2:2 = onnx.TopK(%g, %two) : (tensor<?x1x8xf32>, tensor<1xi64>) -> (tensor<?x1x2xf32>, tensor<?x1x2xi64>)
  %gs = onnx.ReduceSum(%b2#0, %last) {keepdims = 0 : i64} : (tensor<?x1x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %bg:2 = onnx.TopK(%gs, %one) : (tensor<?x1xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
  %zeros = onnx.Expand(%zero, %n) : (tensor<f32>, tensor<2xi64>) -> tensor<?x1xf32>
  %ones = onnx.ConstantOfShape(%n) {value = dense<1.0> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x1xf32>
  %m0 = onnx.ScatterElements(%zeros, %bg#1, %ones) {axis = 1 : i64} : (tensor<?x1xf32>, tensor<?x1xi64>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %m1 = onnx.Unsqueeze(%m0, %last) : (tensor<?x1xf32>, tensor<1xi64>) -> tensor<?x1x1xf32>
  %m2 = onnx.Expand(%m1, %repeat) : (tensor<?x1x1xf32>, tensor<3xi64>) -> tensor<?x1x8xf32>
  %m3 = onnx.Squeeze(%m2, %one) : (tensor<?x1x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  %m4 = onnx.Cast(%m3) : (tensor<?x8xf32>) -> tensor<?x8xi1>
  %m5 = onnx.Not(%m4) : (tensor<?x8xi1>) -> tensor<?x8xi1>
  %m = onnx.Where(%m5, %hidden, %c) : (tensor<?x8xi1>, tensor<f32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %t:2 = onnx.TopK(%m, %k) : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.GatherElements(%s, %t#1) {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %sum = onnx.ReduceSum(%w0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%w0, %sum) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  return %w1, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// A softmax of the chosen logits alone.
// CHECK-LABEL: @chosen_softmax
// CHECK: %[[E:.*]], %[[W:.*]] = fulgur.route %{{.*}} softmax k 3 normalize scale 5.0e-01 : tensor<?x8xf32>
// CHECK: return %[[W]]
func.func @chosen_softmax(%l: tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
  %k = arith.constant dense<3> : tensor<1xi64>
  %factor = arith.constant dense<0.5> : tensor<f32>
  %t:2 = onnx.TopK(%l, %k) : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.Softmax(%t#0) {axis = -1 : i64} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %w1 = onnx.Mul(%w0, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w1, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}
