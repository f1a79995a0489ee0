// RUN: fulgur-opt %s --fulgur-fuse-residual --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// Two sums in a row: the residual stream runs through the products.
// CHECK-LABEL: func.func @layer(
// CHECK-SAME: %[[H:[^:]*]]: tensor<?x?x16xf32>, %[[A:[^:]*]]: tensor<?x?x24xf32>, %[[B:[^:]*]]: tensor<?x?x8xf32>
func.func @layer(%h: tensor<?x?x16xf32>, %a: tensor<?x?x24xf32>, %b: tensor<?x?x8xf32>,
                 %o: tensor<24x16xf32>, %d: tensor<16x8xf32>, %e: tensor<?x?x16xf32>) -> tensor<?x?x16xf32> {
  // CHECK: %[[X:.*]] = fulgur.linear %[[A]], %{{.*}} residual %[[H]] : tensor<?x?x24xf32>, tensor<24x16xf32>, tensor<?x?x16xf32> -> tensor<?x?x16xf32>
  // CHECK: %[[Y:.*]] = fulgur.linear %[[B]], %{{.*}} transposed residual %[[X]]
  // CHECK-NOT: linalg.add
  // CHECK: return %[[Y]]
  %0 = fulgur.linear %a, %o : tensor<?x?x24xf32>, tensor<24x16xf32> -> tensor<?x?x16xf32>
  // The product is neither written nor read: 2 * 1024 * 1024 * 16 * 4 bytes.
  // expected-remark @below {{BytesSaved=134217728, FlopsSaved=0, Remark="the product adds to the residual"}}
  %1 = linalg.add ins(%h, %0 : tensor<?x?x16xf32>, tensor<?x?x16xf32>) outs(%e : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %2 = fulgur.linear %b, %d transposed : tensor<?x?x8xf32>, tensor<16x8xf32> -> tensor<?x?x16xf32>
  // expected-remark @below {{the product adds to the residual}}
  %3 = linalg.add ins(%2, %1 : tensor<?x?x16xf32>, tensor<?x?x16xf32>) outs(%e : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  return %3 : tensor<?x?x16xf32>
}

// Of two products the later one adds to the other, which adds to nothing.
// CHECK-LABEL: func.func @two_products(
// CHECK: %[[X:.*]] = fulgur.linear %{{.*}}, %{{.*}} : tensor<?x24xf32>
// CHECK: fulgur.linear %{{.*}}, %{{.*}} residual %[[X]] : tensor<?x8xf32>
func.func @two_products(%a: tensor<?x24xf32>, %b: tensor<?x8xf32>, %u: tensor<24x16xf32>,
                        %v: tensor<8x16xf32>, %e: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = fulgur.linear %a, %u : tensor<?x24xf32>, tensor<24x16xf32> -> tensor<?x16xf32>
  %1 = fulgur.linear %b, %v : tensor<?x8xf32>, tensor<8x16xf32> -> tensor<?x16xf32>
  // expected-remark @below {{the product adds to the residual}}
  %2 = linalg.add ins(%1, %0 : tensor<?x16xf32>, tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %2 : tensor<?x16xf32>
}

// Unmatched: a product that is an output too, one that has its residual, and
// sums without a product.
// CHECK-LABEL: func.func @others(
// CHECK-COUNT-3: linalg.add
func.func @others(%h: tensor<?x16xf32>, %a: tensor<?x24xf32>, %u: tensor<24x16xf32>,
                  %e: tensor<?x16xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) {
  %0 = fulgur.linear %a, %u : tensor<?x24xf32>, tensor<24x16xf32> -> tensor<?x16xf32>
  // expected-remark @below {{expected the sum alone to read the product, but it has 2 uses}}
  %1 = linalg.add ins(%h, %0 : tensor<?x16xf32>, tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %2 = fulgur.linear %a, %u residual %h : tensor<?x24xf32>, tensor<24x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32>
  // expected-remark @below {{expected a product without a residual, but it has one}}
  %3 = linalg.add ins(%2, %h : tensor<?x16xf32>, tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %4 = linalg.add ins(%h, %h : tensor<?x16xf32>, tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %0, %1, %3, %4 : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>
}
