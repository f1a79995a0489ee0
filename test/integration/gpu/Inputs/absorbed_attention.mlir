module attributes {fulgur.stage = "mlir:raised", fulgur.name = "attention"} {
func.func @main(%q: tensor<?x?x128x512xbf16> {fulgur.name = "q", fulgur.dims = ["B", "S", "", ""]},
                %p: tensor<?x?x128x64xbf16> {fulgur.name = "p", fulgur.dims = ["B", "S", "", ""]},
                %c: tensor<?x?x512xbf16> {fulgur.name = "c", fulgur.dims = ["B", "T", ""]},
                %r: tensor<?x?x64xbf16> {fulgur.name = "r", fulgur.dims = ["B", "T", ""]},
                %i: tensor<?x?x2048xi32> {fulgur.name = "i", fulgur.dims = ["B", "S", ""]})
    -> (tensor<?x?x128x512xbf16> {fulgur.name = "all"}, tensor<?x?x128x512xbf16> {fulgur.name = "selected"}) {
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.1 causal
      : tensor<?x?x128x512xbf16>, tensor<?x?x128x64xbf16>, tensor<?x?x512xbf16>, tensor<?x?x64xbf16>
        -> tensor<?x?x128x512xbf16>
  %1 = fulgur.absorbed_attention %q, %p latent %c rope_key %r indices %i scale 0.1
      : tensor<?x?x128x512xbf16>, tensor<?x?x128x64xbf16>, tensor<?x?x512xbf16>, tensor<?x?x64xbf16>,
        tensor<?x?x2048xi32> -> tensor<?x?x128x512xbf16>
  return %0, %1 : tensor<?x?x128x512xbf16>, tensor<?x?x128x512xbf16>
}
}
