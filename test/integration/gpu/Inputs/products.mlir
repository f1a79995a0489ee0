module attributes {fulgur.stage = "mlir:raised", fulgur.name = "products"} {
  func.func @main(%x: tensor<256x1024xbf16> {fulgur.name = "x", fulgur.dims = ["", ""]},
                  %w: tensor<512x1024xbf16> {fulgur.name = "w", fulgur.dims = ["", ""]},
                  %a: tensor<256x1024xf8E4M3FN> {fulgur.name = "a", fulgur.dims = ["", ""]},
                  %as: tensor<256x8xf32> {fulgur.name = "as", fulgur.dims = ["", ""]},
                  %b: tensor<512x1024xf8E4M3FN> {fulgur.name = "b", fulgur.dims = ["", ""]},
                  %bs: tensor<4x8xf32> {fulgur.name = "bs", fulgur.dims = ["", ""]})
      -> (tensor<256x512xbf16> {fulgur.name = "y"}, tensor<256x512xbf16> {fulgur.name = "z"}) {
    %y = fulgur.linear %x, %w transposed : tensor<256x1024xbf16>, tensor<512x1024xbf16> -> tensor<256x512xbf16>
    %z = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 128, 128]
        : tensor<256x1024xf8E4M3FN>, tensor<256x8xf32>, tensor<512x1024xf8E4M3FN>, tensor<4x8xf32> -> tensor<256x512xbf16>
    return %y, %z : tensor<256x512xbf16>, tensor<256x512xbf16>
  }
}
