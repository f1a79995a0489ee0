// A lightning indexer, but for the sign of its scale.
module attributes {fulgur.stage = "mlir:imported"} {
  func.func @main(%q: tensor<2x3x4x8xf32> {fulgur.name = "q"}, %k: tensor<2x5x8xf32> {fulgur.name = "k"},
                  %w: tensor<2x3x4xf32> {fulgur.name = "w"}) -> (tensor<2x3x5xf32> {fulgur.name = "scores"}) {
    %scale = arith.constant dense<-0.5> : tensor<f32>
    %0 = onnx.Einsum(%q, %k) {equation = "bshd,btd->bsht"} : (tensor<2x3x4x8xf32>, tensor<2x5x8xf32>) -> tensor<2x3x4x5xf32>
    %1 = onnx.Relu(%0) : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
    %2 = onnx.Mul(%1, %scale) : (tensor<2x3x4x5xf32>, tensor<f32>) -> tensor<2x3x4x5xf32>
    %3 = onnx.Einsum(%2, %w) {equation = "bsht,bsh->bst"} : (tensor<2x3x4x5xf32>, tensor<2x3x4xf32>) -> tensor<2x3x5xf32> loc("indexer")
    return %3 : tensor<2x3x5xf32>
  }
}
