// Names as a hostile model has them: markup, quotes, and bytes that are no UTF-8.
module attributes {fulgur.stage = "mlir:imported"} {
  func.func @main(%x: tensor<?x4xf32> {fulgur.name = "</script><script>document.title='x'</script>", fulgur.dims = ["<b>\22'&amp;", ""]})
      -> (tensor<?x4xf32> {fulgur.name = "<img src=x onerror=document.title='x'>", fulgur.dims = ["<b>\22'&amp;", ""]}) {
    %0 = onnx.Relu(%x) : (tensor<?x4xf32>) -> tensor<?x4xf32> loc("</script><!--<script>document.title='x'</script>")
    %1 = onnx.Exp(%0) : (tensor<?x4xf32>) -> tensor<?x4xf32> loc("\FF\FE\22'`${alert(1)}\C3")
    %2 = onnx.Add(%1, %0) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> loc("__proto__")
    return %2 : tensor<?x4xf32>
  }
}
