// RUN: fulgur-opt %s --fulgur-update-caches-in-place --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// The function takes and gives the buffer. A reader of the past ahead of the
// update reads the buffer that goes in, one behind it the one that comes out,
// and one that drops dimensions of 1 gets a view without them.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[BUFFER:.*]]: tensor<?x1x?x8xf16> {fulgur.cache = {axis = 2 : i64, new = "seq", past = "past"}, fulgur.dims = ["batch", "", "", ""], fulgur.name = "past_k"}
// CHECK-SAME: %[[NEW:[^:]*]]: tensor<?x1x?x8xf16>
// CHECK-SAME: -> (tensor<?x1x?x8xf16> {fulgur.dims = ["batch", "", "past + seq", ""], fulgur.name = "k", fulgur.updates = "past_k"}, tensor
// CHECK-DAG: %[[B:.*]] = fulgur.dim "batch"
// CHECK-DAG: %[[P:.*]] = fulgur.dim "past"
// CHECK: %[[OLD:.*]] = tensor.extract_slice %[[BUFFER]][0, 0, 0, 0] [%[[B]], 1, %[[P]], 8] [1, 1, 1, 1] : tensor<?x1x?x8xf16> to tensor<?x1x?x8xf16>
// CHECK: %[[FIRST:.*]] = linalg.negf ins(%[[OLD]]
// CHECK: %[[WRITTEN:.*]] = tensor.insert_slice %[[NEW]] into %[[BUFFER]][0, 0, %[[P]], 0] [%{{.*}}, 1, %[[S:.*]], 8] [1, 1, 1, 1]
// CHECK: %[[SAME:.*]] = tensor.extract_slice %[[WRITTEN]][0, 0, 0, 0] [%[[B]], 1, %[[P]], 8] [1, 1, 1, 1]
// CHECK: %[[T:.*]] = arith.addi %[[P]], %[[S]]
// CHECK: %[[ALL:.*]] = tensor.extract_slice %[[WRITTEN]][0, 0, 0, 0] [%[[B]], 1, %[[T]], 8] [1, 1, 1, 1] : tensor<?x1x?x8xf16> to tensor<?x?x8xf16>
// CHECK: %[[SECOND:.*]] = linalg.negf ins(%[[SAME]]
// CHECK: return %[[WRITTEN]], %[[ALL]], %[[FIRST]], %[[SECOND]]
func.func @main(%past: tensor<?x1x?x8xf16> {fulgur.name = "past_k", fulgur.dims = ["batch", "", "past", ""]},
                %new: tensor<?x1x?x8xf16> {fulgur.name = "new", fulgur.dims = ["batch", "", "seq", ""]},
                %out: tensor<?x1x?x8xf16> {fulgur.name = "out", fulgur.dims = ["batch", "", "past", ""]})
    -> (tensor<?x1x?x8xf16> {fulgur.name = "k", fulgur.dims = ["batch", "", "past + seq", ""]},
        tensor<?x?x8xf16> {fulgur.name = "flat"}, tensor<?x1x?x8xf16> {fulgur.name = "a"},
        tensor<?x1x?x8xf16> {fulgur.name = "b"}) {
  %first = linalg.negf ins(%past : tensor<?x1x?x8xf16>) outs(%out : tensor<?x1x?x8xf16>) -> tensor<?x1x?x8xf16>
  // expected-remark @below {{BytesSaved=33554432, FlopsSaved=0, Remark="the past rows are not copied"}}
  %c = fulgur.cache_update %past, %new axis 2
      : tensor<?x1x?x8xf16>, tensor<?x1x?x8xf16> -> tensor<?x1x?x8xf16>
  %flat = tensor.collapse_shape %c [[0, 1], [2], [3]] : tensor<?x1x?x8xf16> into tensor<?x?x8xf16>
  %second = linalg.negf ins(%past : tensor<?x1x?x8xf16>) outs(%out : tensor<?x1x?x8xf16>) -> tensor<?x1x?x8xf16>
  return %c, %flat, %first, %second : tensor<?x1x?x8xf16>, tensor<?x?x8xf16>, tensor<?x1x?x8xf16>, tensor<?x1x?x8xf16>
}

// -----

// A fixed number of new rows.
// CHECK: fulgur.cache = {axis = 0 : i64, new = 2 : i64, past = "past"}
func.func @main(%past: tensor<?x8xf32> {fulgur.name = "past_k", fulgur.dims = ["past", ""]}, %new: tensor<2x8xf32>)
    -> (tensor<?x8xf32> {fulgur.name = "k"}) {
  // expected-remark @below {{the past rows are not copied}}
  %c = fulgur.cache_update %past, %new axis 0 : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x8xf32>
  return %c : tensor<?x8xf32>
}

// -----

// What comes out is another arrangement of the cache.
// CHECK: fulgur.cache = {axis = 0 : i64, copied = "expected the updated cache to be returned once, but it is returned 0 times; 'linalg.transpose' of it is"}
// CHECK: fulgur.cache_update
func.func @main(%past: tensor<?x8xf32> {fulgur.name = "past_k", fulgur.dims = ["past", ""]},
                %new: tensor<2x8xf32>, %out: tensor<8x?xf32>)
    -> (tensor<8x?xf32> {fulgur.name = "k"}) {
  // expected-remark @below {{expected the updated cache to be returned once, but it is returned 0 times; 'linalg.transpose' of it is}}
  %c = fulgur.cache_update %past, %new axis 0 : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x8xf32>
  %t = linalg.transpose ins(%c : tensor<?x8xf32>) outs(%out : tensor<8x?xf32>) permutation = [1, 0]
  return %t : tensor<8x?xf32>
}

// -----

// Two continuations of one past.
func.func @main(%past: tensor<?x8xf32> {fulgur.name = "past_k", fulgur.dims = ["past", ""]},
                %a: tensor<2x8xf32>, %b: tensor<2x8xf32>)
    -> (tensor<?x8xf32> {fulgur.name = "k"}, tensor<?x8xf32> {fulgur.name = "l"}) {
  // expected-remark @below {{expected one update of the past, but got 2}}
  %c = fulgur.cache_update %past, %a axis 0 : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{expected one update of the past, but got 2}}
  %d = fulgur.cache_update %past, %b axis 0 : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x8xf32>
  return %c, %d : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// A cache of one size can not be given back.
func.func @main(%past: tensor<10x8xf32> {fulgur.name = "past_k", fulgur.dims = ["", ""]}, %a: tensor<2x8xf32>)
    -> (tensor<12x8xf32> {fulgur.name = "k"}) {
  // expected-remark @below {{expected the past rows to be a named dimension, but got 10}}
  %c = fulgur.cache_update %past, %a axis 0 : tensor<10x8xf32>, tensor<2x8xf32> -> tensor<12x8xf32>
  return %c : tensor<12x8xf32>
}

// -----

// The runtime could not see to the room.
func.func @main(%past: tensor<?x8xf32> {fulgur.name = "past_k", fulgur.dims = ["past", ""]},
                %new: tensor<?x8xf32> {fulgur.name = "new", fulgur.dims = ["seq", ""]}, %n: index)
    -> (tensor<?x8xf32> {fulgur.name = "k"}) {
  %some = tensor.extract_slice %new[0, 0] [%n, 8] [1, 1] : tensor<?x8xf32> to tensor<?x8xf32>
  // expected-remark @below {{expected the number of new rows to be a constant or a named dimension, but the step computes it}}
  %c = fulgur.cache_update %past, %some axis 0 : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %c : tensor<?x8xf32>
}

// -----

// Not a cache of the model.
func.func @main(%past: tensor<?x8xf32> {fulgur.name = "past_k", fulgur.dims = ["past", ""]},
                %out: tensor<?x8xf32>, %new: tensor<2x8xf32>)
    -> (tensor<?x8xf32> {fulgur.name = "k"}) {
  %scaled = linalg.negf ins(%past : tensor<?x8xf32>) outs(%out : tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @below {{expected the past to be an input of the model, but got a result}}
  %c = fulgur.cache_update %scaled, %new axis 0 : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x8xf32>
  return %c : tensor<?x8xf32>
}
