// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

// CHECK-LABEL: @route
// CHECK: fulgur.route %{{.*}} bias %{{.*}} sigmoid k 8 groups 8 top_groups 4 top2 normalize scale 2.5e+00 : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x8xi32>, tensor<?x8xf32>
func.func @route(%x: tensor<?x256xf32>, %b: tensor<256xf32>) -> (tensor<?x8xi32>, tensor<?x8xf32>) {
  %e, %w = fulgur.route %x bias %b sigmoid k 8 groups 8 top_groups 4 top2 normalize scale 2.5 : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x8xi32>, tensor<?x8xf32>
  return %e, %w : tensor<?x8xi32>, tensor<?x8xf32>
}

// What is not said is not printed.
// CHECK-LABEL: @route_plain
// CHECK: fulgur.route %{{.*}} softmax k 6 : tensor<?x64xf32> -> tensor<?x6xi32>, tensor<?x6xf32>
func.func @route_plain(%x: tensor<?x64xf32>) -> (tensor<?x6xi32>, tensor<?x6xf32>) {
  %e, %w = fulgur.route %x softmax k 6 : tensor<?x64xf32> -> tensor<?x6xi32>, tensor<?x6xf32>
  return %e, %w : tensor<?x6xi32>, tensor<?x6xf32>
}

// CHECK-LABEL: @route_max
// CHECK: fulgur.route %{{.*}} softmax k 6 groups 8 top_groups 3 max scale 1.6e+01 : tensor<?x160xbf16> -> tensor<?x6xi32>, tensor<?x6xbf16>
func.func @route_max(%x: tensor<?x160xbf16>) -> (tensor<?x6xi32>, tensor<?x6xbf16>) {
  %e, %w = fulgur.route %x softmax k 6 groups 8 top_groups 3 max scale 16.0 : tensor<?x160xbf16> -> tensor<?x6xi32>, tensor<?x6xbf16>
  return %e, %w : tensor<?x6xi32>, tensor<?x6xbf16>
}

// CHECK-LABEL: @dispatch
// CHECK: fulgur.dispatch %{{.*}} to %{{.*}} of 256 : tensor<?x16xf8E4M3FN>, tensor<?x8xi32> -> tensor<?x16xf8E4M3FN>, tensor<?xi32>, tensor<257xi32>
func.func @dispatch(%x: tensor<?x16xf8E4M3FN>, %e: tensor<?x8xi32>) -> (tensor<?x16xf8E4M3FN>, tensor<?xi32>, tensor<257xi32>) {
  %r, %s, %o = fulgur.dispatch %x to %e of 256 : tensor<?x16xf8E4M3FN>, tensor<?x8xi32> -> tensor<?x16xf8E4M3FN>, tensor<?xi32>, tensor<257xi32>
  return %r, %s, %o : tensor<?x16xf8E4M3FN>, tensor<?xi32>, tensor<257xi32>
}

// CHECK-LABEL: @grouped_matmul
// CHECK: fulgur.grouped_matmul %{{.*}}, %{{.*}} offsets %{{.*}} : tensor<?x16xf32>, tensor<8x16x4xf32>, tensor<9xi32> -> tensor<?x4xf32>
// CHECK: fulgur.grouped_matmul %{{.*}}, %{{.*}} transposed offsets %{{.*}} : tensor<?x4xf32>, tensor<8x16x4xf32>, tensor<9xi32> -> tensor<?x16xf32>
func.func @grouped_matmul(%x: tensor<?x16xf32>, %w: tensor<8x16x4xf32>, %o: tensor<9xi32>) -> tensor<?x16xf32> {
  %0 = fulgur.grouped_matmul %x, %w offsets %o : tensor<?x16xf32>, tensor<8x16x4xf32>, tensor<9xi32> -> tensor<?x4xf32>
  %1 = fulgur.grouped_matmul %0, %w transposed offsets %o : tensor<?x4xf32>, tensor<8x16x4xf32>, tensor<9xi32> -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// CHECK-LABEL: @combine
// CHECK: fulgur.combine %{{.*}} from %{{.*}} weights %{{.*}} : tensor<?x16xbf16>, tensor<?xi32>, tensor<?x8xf32> -> tensor<?x16xbf16>
func.func @combine(%r: tensor<?x16xbf16>, %s: tensor<?xi32>, %w: tensor<?x8xf32>) -> tensor<?x16xbf16> {
  %0 = fulgur.combine %r from %s weights %w : tensor<?x16xbf16>, tensor<?xi32>, tensor<?x8xf32> -> tensor<?x16xbf16>
  return %0 : tensor<?x16xbf16>
}

// CHECK-LABEL: @experts
// CHECK: fulgur.experts %{{.*}} to %{{.*}} weights %{{.*}} gate_up %{{.*}} transposed up_first down %{{.*}} transposed per_token : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x8x16xf32>, tensor<8x16x4xf32> -> tensor<?x16xf32>
// CHECK: fulgur.experts %{{.*}} to %{{.*}} weights %{{.*}} gate_up [%{{.*}}, %{{.*}}] down %{{.*}} transposed : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, [tensor<8x16x4xf32>, tensor<8x16x4xf32>], tensor<8x16x4xf32> -> tensor<?x16xf32>
func.func @experts(%x: tensor<?x16xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %gu: tensor<8x8x16xf32>, %g: tensor<8x16x4xf32>) -> tensor<?x16xf32> {
  %0 = fulgur.experts %x to %e weights %w gate_up %gu transposed up_first down %g transposed per_token : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x8x16xf32>, tensor<8x16x4xf32> -> tensor<?x16xf32>
  %1 = fulgur.experts %0 to %e weights %w gate_up [%g, %g] down %g transposed : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, [tensor<8x16x4xf32>, tensor<8x16x4xf32>], tensor<8x16x4xf32> -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}
