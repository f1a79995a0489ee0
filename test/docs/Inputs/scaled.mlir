// Indexers whose weights are multiplied by a constant.
#map = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#scalar = affine_map<(d0, d1, d2) -> ()>

func.func @positive(%q: tensor<1x2x4x8xf32>, %k: tensor<1x?x8xf32>,
                    %w: tensor<1x2x4xf32>) -> tensor<1x2x?xf32> {
  %c = arith.constant dense<0.5> : tensor<f32>
  %e = tensor.empty() : tensor<1x2x4xf32>
  %scaled = linalg.generic {indexing_maps = [#map, #scalar, #map], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%w, %c : tensor<1x2x4xf32>, tensor<f32>) outs(%e : tensor<1x2x4xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %p = arith.mulf %x, %y : f32
    linalg.yield %p : f32
  } -> tensor<1x2x4xf32>
  %s = fulgur.lightning_indexer %q, %k, %scaled scale 2.0e+00
      : tensor<1x2x4x8xf32>, tensor<1x?x8xf32>, tensor<1x2x4xf32> -> tensor<1x2x?xf32>
  return %s : tensor<1x2x?xf32>
}

func.func @negative(%q: tensor<1x2x4x8xf32>, %k: tensor<1x?x8xf32>,
                    %w: tensor<1x2x4xf32>) -> tensor<1x2x?xf32> {
  %c = arith.constant dense<-0.5> : tensor<f32>
  %e = tensor.empty() : tensor<1x2x4xf32>
  %scaled = linalg.generic {indexing_maps = [#map, #scalar, #map], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%w, %c : tensor<1x2x4xf32>, tensor<f32>) outs(%e : tensor<1x2x4xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %p = arith.mulf %x, %y : f32
    linalg.yield %p : f32
  } -> tensor<1x2x4xf32>
  %s = fulgur.lightning_indexer %q, %k, %scaled scale 2.0e+00
      : tensor<1x2x4x8xf32>, tensor<1x?x8xf32>, tensor<1x2x4xf32> -> tensor<1x2x?xf32>
  return %s : tensor<1x2x?xf32>
}
