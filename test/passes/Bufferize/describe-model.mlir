// RUN: fulgur-opt %s --fulgur-describe-model --split-input-file --verify-diagnostics | FileCheck %s

// Inputs, outputs and dimensions are noted, and bounds that a use carries count.
// CHECK: fulgur.dims = [{max = 64 : i64, min = 2 : i64, name = "seq"}]
// CHECK-SAME: fulgur.inputs = [{dims = ["seq", ""], name = "x", type = tensor<?x4xf32>}]
// CHECK-SAME: fulgur.outputs = [{dims = [""], name = "y", type = tensor<?xf32>}]
// CHECK: bufferization.writable = false
// CHECK: fulgur.dim "seq" in 2 to 64
// CHECK-NOT: = fulgur.dim
func.func @main(%x: tensor<?x4xf32> {fulgur.name = "x", fulgur.dims = ["seq", ""]})
    -> (tensor<?xf32> {fulgur.name = "y"}) {
  %n = fulgur.dim "seq"
  %m = fulgur.dim "seq" in 2 to 64
  %s = arith.addi %n, %m : index
  %y = tensor.empty(%s) : tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

// Each dimension has one operation, in the order in which they are used, also
// where the body begins with them.
// CHECK: func.func @main({{.*}}["rows", "columns"]
// CHECK-NEXT: fulgur.dim "rows"
// CHECK-NEXT: fulgur.dim "columns"
// CHECK-NEXT: tensor.empty
func.func @main(%x: tensor<?x?xf32> {fulgur.name = "x", fulgur.dims = ["rows", "columns"]})
    -> (tensor<?x?xf32> {fulgur.name = "y"}) {
  %n = fulgur.dim "rows"
  %m = fulgur.dim "columns"
  %y = tensor.empty(%n, %m) : tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// A dynamic dimension of an input needs a name.
// expected-error @below {{expected input 0 of the model to have a name for its dynamic dimension 0, but got none}}
func.func @main(%x: tensor<?xf32> {fulgur.name = "x"}) {
  return
}

// -----

// Inputs and outputs need names.
// expected-error @below {{expected input 0 of the model to have a name in 'fulgur.name', but got none}}
func.func @main(%x: tensor<4xf32>) {
  return
}

// -----

// The model takes and gives the rows of a cache; its buffer may be written to.
// CHECK: fulgur.caches = [{axis = 1 : i64, input = 0 : i64, new = "seq", output = 1 : i64, past = "past"},
// CHECK-SAME: {axis = 0 : i64, copied = "why", input = 2 : i64}]
// CHECK-SAME: fulgur.inputs = [{dims = ["", "past"], name = "a", type = tensor<2x?xf32>}
// CHECK-SAME: fulgur.outputs = [{dims = ["seq"], name = "y", type = tensor<?xf32>}, {dims = ["", ""], name = "b", type = tensor<2x?xf32>}]
// CHECK: bufferization.writable = true
// CHECK-SAME: bufferization.writable = false
// CHECK-SAME: bufferization.writable = false
func.func @main(%a: tensor<2x?xf32> {fulgur.name = "a", fulgur.dims = ["", ""],
                    fulgur.cache = {axis = 1 : i64, past = "past", new = "seq"}},
                %x: tensor<?xf32> {fulgur.name = "x", fulgur.dims = ["seq"]},
                %c: tensor<4xf32> {fulgur.name = "c", fulgur.cache = {axis = 0 : i64, copied = "why"}})
    -> (tensor<?xf32> {fulgur.name = "y", fulgur.dims = ["seq"]},
        tensor<2x?xf32> {fulgur.name = "b", fulgur.dims = ["", "past + seq"], fulgur.updates = "a"}) {
  return %x, %a : tensor<?xf32>, tensor<2x?xf32>
}

// -----

// expected-error @below {{expected the cache "a" to be updated by an output, but got none}}
func.func @main(%a: tensor<2x?xf32> {fulgur.name = "a", fulgur.dims = ["", ""],
                    fulgur.cache = {axis = 1 : i64, past = "past", new = 1 : i64}}) {
  return
}
