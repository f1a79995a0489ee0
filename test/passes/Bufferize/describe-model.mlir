// RUN: fulgur-opt %s --fulgur-describe-model | FileCheck %s

// The extents of outputs have the names of inputs' dimensions; a sum of two is
// none of them, and is left to the step.
// CHECK: module attributes {fulgur.dims = [{{.*}}name = "past"{{.*}}name = "seq"}], fulgur.inputs
// CHECK-SAME: fulgur.outputs = [{dims = ["", ""], name = "present", type = tensor<?x4xf32>}, {dims = ["seq", ""], name = "y", type = tensor<?x4xf32>}]
func.func @main(%past: tensor<?x4xf32> {fulgur.dims = ["past", ""], fulgur.name = "past"},
                %x: tensor<?x4xf32> {fulgur.dims = ["seq", ""], fulgur.name = "x"})
    -> (tensor<?x4xf32> {fulgur.dims = ["past + seq", ""], fulgur.name = "present"},
        tensor<?x4xf32> {fulgur.dims = ["seq", ""], fulgur.name = "y"}) {
  %0 = tensor.concat dim(0) %past, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %x : tensor<?x4xf32>, tensor<?x4xf32>
}
