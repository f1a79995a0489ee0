// RUN: fulgur-opt %s --fulgur-decompose --canonicalize --cse | FileCheck %s

// The rows of the tokens are gathered a tile at a time, latents and rotated keys
// side by side, for keys and values alike. Threads share the queries.
// CHECK-LABEL: func.func @queries(
// CHECK-SAME: %{{.*}}, %[[C:.*]]: tensor<1x?x512xf32>, %[[R:.*]]: tensor<1x?x64xf32>
func.func @queries(%q: tensor<1x?x128x192xf32>, %c: tensor<1x?x512xf32>,
                   %r: tensor<1x?x64xf32>, %u: tensor<512x32768xf32>,
                   %i: tensor<1x?x2048xi32>) -> tensor<1x?x128x128xf32> {
  // CHECK-NOT: tensor<2048x{{[0-9]}}
  // CHECK: scf.forall {{.*}} -> (tensor<?x128x512xf32>)
  // CHECK: tensor.empty() : tensor<240x592xf32>
  // CHECK: tensor.extract %[[C]]
  // CHECK: tensor.extract %[[R]]
  // CHECK: linalg.matmul {{.*}} tensor<?x576xf32>, tensor<576x128xf32>
  // CHECK: linalg.matmul {{.*}} tensor<128x?xf32>, tensor<?x512xf32>
  // CHECK-NOT: tensor<2048x{{[0-9]}}
  %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.1
      : tensor<1x?x128x192xf32>, tensor<1x?x512xf32>, tensor<1x?x64xf32>, tensor<512x32768xf32>,
        tensor<1x?x2048xi32> -> tensor<1x?x128x128xf32>
  return %0 : tensor<1x?x128x128xf32>
}

// Without the up projection: the latents stand on the left as they lie in memory.
// CHECK-LABEL: func.func @latents(
// CHECK-SAME: %{{.*}}, %{{.*}}, %[[C:.*]]: tensor<2x?x512xf32>, %[[R:.*]]: tensor<2x?x64xf32>
func.func @latents(%q: tensor<2x?x128x512xf32>, %p: tensor<2x?x128x64xf32>, %c: tensor<2x?x512xf32>,
                   %r: tensor<2x?x64xf32>) -> tensor<2x?x128x512xf32> {
  // CHECK: linalg.batch_matmul ins(%[[C]], {{.*}} : tensor<2x?x512xf32>, tensor<2x512x?xf32>)
  // CHECK: linalg.batch_matmul ins(%[[R]], {{.*}} : tensor<2x?x64xf32>, tensor<2x64x?xf32>)
  // CHECK: linalg.batch_matmul ins(%{{.*}}, %[[C]] : tensor<2x?x?xf32>, tensor<2x?x512xf32>)
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.1 causal
      : tensor<2x?x128x512xf32>, tensor<2x?x128x64xf32>, tensor<2x?x512xf32>, tensor<2x?x64xf32>
        -> tensor<2x?x128x512xf32>
  return %0 : tensor<2x?x128x512xf32>
}

// CHECK-LABEL: func.func @selected_latents(
// CHECK: scf.forall {{.*}} -> (tensor<?x128x512xf32>)
// CHECK: linalg.matmul {{.*}} tensor<?x576xf32>, tensor<576x128xf32>
// CHECK: linalg.matmul {{.*}} tensor<128x?xf32>, tensor<?x512xf32>
func.func @selected_latents(%q: tensor<1x?x128x512xf32>, %p: tensor<1x?x128x64xf32>,
                            %c: tensor<1x?x512xf32>, %r: tensor<1x?x64xf32>,
                            %i: tensor<1x?x2048xi32>) -> tensor<1x?x128x512xf32> {
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r indices %i scale 0.1
      : tensor<1x?x128x512xf32>, tensor<1x?x128x64xf32>, tensor<1x?x512xf32>, tensor<1x?x64xf32>,
        tensor<1x?x2048xi32> -> tensor<1x?x128x512xf32>
  return %0 : tensor<1x?x128x512xf32>
}
