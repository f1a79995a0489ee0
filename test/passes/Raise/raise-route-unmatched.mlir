// RUN: fulgur-opt %s --fulgur-raise-route --verify-diagnostics --remark-format=emitRemark --remarks-filter=raise | FileCheck %s

// A biased choice can be below 0.
// CHECK-LABEL: @hidden_zero
// CHECK-NOT: fulgur.route
func.func @hidden_zero(%l: tensor<?x8xf32>, %n: tensor<2xi64>, %b: tensor<8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
  %last = arith.constant dense<-1> : tensor<1xi64>
  %k = arith.constant dense<3> : tensor<1xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  %split = arith.constant dense<[-1, 4, 2]> : tensor<3xi64>
  %repeat = arith.constant dense<[1, 4, 2]> : tensor<3xi64>
  %join = arith.constant dense<[-1, 8]> : tensor<2xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %hidden = arith.constant dense<0.0> : tensor<f32>
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
  // expected-remark @below {{a choice of a hidden group may beat one that is not hidden}}
  %t:2 = onnx.TopK(%m, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.GatherElements(%s, %t#1) {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %sum = onnx.ReduceSum(%w0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%w0, %sum) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  %factor = arith.constant dense<2.5> : tensor<f32>
  %w2 = onnx.Mul(%w1, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w2, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// CHECK-LABEL: @inverted
// CHECK-NOT: fulgur.route
func.func @inverted(%l: tensor<?x8xf32>, %n: tensor<2xi64>, %b: tensor<8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
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
  %m = onnx.Where(%m4, %hidden, %c) : (tensor<?x8xi1>, tensor<f32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @below {{the mask hides the best groups instead of the others}}
  %t:2 = onnx.TopK(%m, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.GatherElements(%s, %t#1) {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %sum = onnx.ReduceSum(%w0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%w0, %sum) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  %factor = arith.constant dense<2.5> : tensor<f32>
  %w2 = onnx.Mul(%w1, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w2, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// CHECK-LABEL: @biased_weights
// CHECK-NOT: fulgur.route
func.func @biased_weights(%l: tensor<?x8xf32>, %n: tensor<2xi64>, %b: tensor<8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
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
  // expected-remark @below {{the weights are not the affinities of the chosen experts}}
  %t:2 = onnx.TopK(%m, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.GatherElements(%c, %t#1) {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %sum = onnx.ReduceSum(%w0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%w0, %sum) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  %factor = arith.constant dense<2.5> : tensor<f32>
  %w2 = onnx.Mul(%w1, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w2, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// CHECK-LABEL: @other_scores
// CHECK-NOT: fulgur.route
func.func @other_scores(%l: tensor<?x8xf32>, %n: tensor<2xi64>, %b: tensor<8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
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
  %g = onnx.Reshape(%s, %split) {allowzero = 1 : i64} : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x4x2xf32>
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
  // expected-remark @below {{the groups are scored by something else than the choices}}
  %t:2 = onnx.TopK(%m, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.GatherElements(%s, %t#1) {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %sum = onnx.ReduceSum(%w0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%w0, %sum) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  %factor = arith.constant dense<2.5> : tensor<f32>
  %w2 = onnx.Mul(%w1, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w2, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// CHECK-LABEL: @worst_groups
// CHECK-NOT: fulgur.route
func.func @worst_groups(%l: tensor<?x8xf32>, %n: tensor<2xi64>, %b: tensor<8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
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
  %bg:2 = onnx.TopK(%gs, %two) {axis = -1 : i64, largest = 0 : i64, sorted = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %zeros = onnx.Expand(%zero, %n) : (tensor<f32>, tensor<2xi64>) -> tensor<?x4xf32>
  %ones = onnx.ConstantOfShape(%n) {value = dense<1.0> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x2xf32>
  %m0 = onnx.ScatterElements(%zeros, %bg#1, %ones) {axis = 1 : i64, reduction = "none"} : (tensor<?x4xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x4xf32>
  %m1 = onnx.Unsqueeze(%m0, %last) : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x4x1xf32>
  %m2 = onnx.Expand(%m1, %repeat) : (tensor<?x4x1xf32>, tensor<3xi64>) -> tensor<?x4x2xf32>
  %m3 = onnx.Reshape(%m2, %join) {allowzero = 1 : i64} : (tensor<?x4x2xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %m4 = onnx.Cast(%m3) {to = 9 : i64} : (tensor<?x8xf32>) -> tensor<?x8xi1>
  %m5 = onnx.Not(%m4) : (tensor<?x8xi1>) -> tensor<?x8xi1>
  %m = onnx.Where(%m5, %hidden, %c) : (tensor<?x8xi1>, tensor<f32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @below {{the mask of the groups does not come from a TopK}}
  %t:2 = onnx.TopK(%m, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.GatherElements(%s, %t#1) {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %sum = onnx.ReduceSum(%w0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%w0, %sum) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  %factor = arith.constant dense<2.5> : tensor<f32>
  %w2 = onnx.Mul(%w1, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w2, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// CHECK-LABEL: @marked_groups
// CHECK-NOT: fulgur.route
func.func @marked_groups(%l: tensor<?x8xf32>, %n: tensor<2xi64>, %b: tensor<8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi64>) {
  %last = arith.constant dense<-1> : tensor<1xi64>
  %k = arith.constant dense<3> : tensor<1xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  %split = arith.constant dense<[-1, 4, 2]> : tensor<3xi64>
  %repeat = arith.constant dense<[1, 4, 2]> : tensor<3xi64>
  %join = arith.constant dense<[-1, 8]> : tensor<2xi64>
  %zero = arith.constant dense<1.0> : tensor<f32>
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
  // expected-remark @below {{the mask of the groups does not scatter ones into zeros}}
  %t:2 = onnx.TopK(%m, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %w0 = onnx.GatherElements(%s, %t#1) {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
  %sum = onnx.ReduceSum(%w0, %last) {keepdims = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %w1 = onnx.Div(%w0, %sum) : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  %factor = arith.constant dense<2.5> : tensor<f32>
  %w2 = onnx.Mul(%w1, %factor) : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %w2, %t#1 : tensor<?x3xf32>, tensor<?x3xi64>
}

// A TopK of anything else is no router, and nobody is told.
// CHECK-LABEL: @selection
// CHECK-NOT: fulgur.route
func.func @selection(%l: tensor<?x8xf32>) -> tensor<?x3xi64> {
  %k = arith.constant dense<3> : tensor<1xi64>
  %s = onnx.Relu(%l) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %t:2 = onnx.TopK(%s, %k) : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  return %t#1 : tensor<?x3xi64>
}
