// RUN: fulgur-opt %s --fulgur-raise-selection --canonicalize | FileCheck %s
// RUN: fulgur-opt %s --fulgur-raise-selection --remarks-filter=raise --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// Where the k best of all may not be the k best of the visible, the mask stays.

// Selected without a mask: tokens of the future take places.
// REMARK: an attention over selected tokens stays masked: the tokens are selected under another mask than that of the attention
// CHECK-LABEL: @unmasked_scores(
// CHECK-NOT: fulgur.sparse_latent_attention
// CHECK: fulgur.latent_attention
func.func @unmasked_scores(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x?x5xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %r: tensor<?x?x2xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %u: tensor<5x14xf32>,
    %scores: tensor<?x?x?xf32> {fulgur.dims = ["batch", "seq", "past + seq"]},
    %old: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x?x2x3xf32> {
  %c0 = arith.constant dense<0> : tensor<i64>
  %c1 = arith.constant dense<1> : tensor<i64>
  %x01 = arith.constant dense<[0, 1]> : tensor<2xi64>
  %x02 = arith.constant dense<[0, 2]> : tensor<2xi64>
  %x1 = arith.constant dense<1> : tensor<1xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
  %six = arith.constant 6 : i64
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %past = fulgur.dim "past"
  %p = arith.index_cast %past : index to i64
  %t = arith.addi %p, %s : i64
  %ss = tensor.from_elements %s : tensor<i64>
  %ps = tensor.from_elements %p : tensor<i64>
  %ts = tensor.from_elements %t : tensor<i64>
  %count = arith.minsi %t, %six : i64
  %k = tensor.from_elements %count : tensor<1xi64>
  %all = tensor.from_elements %b, %s, %t : tensor<3xi64>
  %some = tensor.from_elements %b, %s, %count : tensor<3xi64>
  %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %tok = onnx.Unsqueeze(%rt, %x01) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x1x?xi64>
  %pos = onnx.Unsqueeze(%now, %x02) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x?x1xi64>
  %see = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x?xi64>, tensor<1x?x1xi64>) -> tensor<1x?x?xi1>
  %m3 = onnx.Where(%see, %zero, %low) : (tensor<1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<1x?x?xf32>
  %m4 = onnx.Unsqueeze(%m3, %x1) : (tensor<1x?x?xf32>, tensor<1xi64>) -> tensor<1x1x?x?xf32>
  %ms = onnx.Add(%scores, %m3) : (tensor<?x?x?xf32>, tensor<1x?x?xf32>) -> tensor<?x?x?xf32>
  %top:2 = onnx.TopK(%scores, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<?x?x?xf32>, tensor<1xi64>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  %ones = onnx.ConstantOfShape(%all) {value = dense<true> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %none = onnx.ConstantOfShape(%some) {value = dense<false> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %out = onnx.ScatterElements(%ones, %top#1, %none) {axis = -1 : i64, reduction = "none"} : (tensor<?x?x?xi1>, tensor<?x?x?xi64>, tensor<?x?x?xi1>) -> tensor<?x?x?xi1>
  %out4 = onnx.Unsqueeze(%out, %x1) : (tensor<?x?x?xi1>, tensor<1xi64>) -> tensor<?x1x?x?xi1>
  %mask = onnx.Where(%out4, %low, %m4) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<1x1x?x?xf32>) -> tensor<?x1x?x?xf32>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// Selected among all, attended among those that are no padding.
// REMARK: an attention over selected tokens stays masked: the tokens are selected under another mask than that of the attention
// CHECK-LABEL: @padding_in_one(
// CHECK-NOT: fulgur.sparse_latent_attention
// CHECK: fulgur.latent_attention
func.func @padding_in_one(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x?x5xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %r: tensor<?x?x2xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %u: tensor<5x14xf32>,
    %scores: tensor<?x?x?xf32> {fulgur.dims = ["batch", "seq", "past + seq"]},
    %old: tensor<?xf32> {fulgur.dims = ["past"]},
    %attend: tensor<?x?xi64> {fulgur.dims = ["batch", "past + seq"]}) -> tensor<?x?x2x3xf32> {
  %c0 = arith.constant dense<0> : tensor<i64>
  %c1 = arith.constant dense<1> : tensor<i64>
  %x01 = arith.constant dense<[0, 1]> : tensor<2xi64>
  %x02 = arith.constant dense<[0, 2]> : tensor<2xi64>
  %x1 = arith.constant dense<1> : tensor<1xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
  %six = arith.constant 6 : i64
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %past = fulgur.dim "past"
  %p = arith.index_cast %past : index to i64
  %t = arith.addi %p, %s : i64
  %ss = tensor.from_elements %s : tensor<i64>
  %ps = tensor.from_elements %p : tensor<i64>
  %ts = tensor.from_elements %t : tensor<i64>
  %count = arith.minsi %t, %six : i64
  %k = tensor.from_elements %count : tensor<1xi64>
  %all = tensor.from_elements %b, %s, %t : tensor<3xi64>
  %some = tensor.from_elements %b, %s, %count : tensor<3xi64>
  %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %tok = onnx.Unsqueeze(%rt, %x01) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x1x?xi64>
  %pos = onnx.Unsqueeze(%now, %x02) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x?x1xi64>
  %see = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x?xi64>, tensor<1x?x1xi64>) -> tensor<1x?x?xi1>
  %m3 = onnx.Where(%see, %zero, %low) : (tensor<1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<1x?x?xf32>
  %ms = onnx.Add(%scores, %m3) : (tensor<?x?x?xf32>, tensor<1x?x?xf32>) -> tensor<?x?x?xf32>
  %x1p = arith.constant dense<1> : tensor<1xi64>
  %real = onnx.Cast(%attend) {to = 9 : i64} : (tensor<?x?xi64>) -> tensor<?x?xi1>
  %row = onnx.Unsqueeze(%real, %x1p) : (tensor<?x?xi1>, tensor<1xi64>) -> tensor<?x1x?xi1>
  %sr = onnx.And(%see, %row) : (tensor<1x?x?xi1>, tensor<?x1x?xi1>) -> tensor<?x?x?xi1>
  %mp = onnx.Where(%sr, %zero, %low) : (tensor<?x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<?x?x?xf32>
  %m4 = onnx.Unsqueeze(%mp, %x1) : (tensor<?x?x?xf32>, tensor<1xi64>) -> tensor<?x1x?x?xf32>
  %top:2 = onnx.TopK(%ms, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<?x?x?xf32>, tensor<1xi64>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  %ones = onnx.ConstantOfShape(%all) {value = dense<true> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %none = onnx.ConstantOfShape(%some) {value = dense<false> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %out = onnx.ScatterElements(%ones, %top#1, %none) {axis = -1 : i64, reduction = "none"} : (tensor<?x?x?xi1>, tensor<?x?x?xi64>, tensor<?x?x?xi1>) -> tensor<?x?x?xi1>
  %out4 = onnx.Unsqueeze(%out, %x1) : (tensor<?x?x?xi1>, tensor<1xi64>) -> tensor<?x1x?x?xi1>
  %mask = onnx.Where(%out4, %low, %m4) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<?x1x?x?xf32>) -> tensor<?x1x?x?xf32>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// The lowest scores.
// REMARK: an attention over selected tokens stays masked: the top-k is not of the highest scores over the tokens
// CHECK-LABEL: @smallest(
// CHECK-NOT: fulgur.sparse_latent_attention
// CHECK: fulgur.latent_attention
func.func @smallest(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x?x5xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %r: tensor<?x?x2xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %u: tensor<5x14xf32>,
    %scores: tensor<?x?x?xf32> {fulgur.dims = ["batch", "seq", "past + seq"]},
    %old: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x?x2x3xf32> {
  %c0 = arith.constant dense<0> : tensor<i64>
  %c1 = arith.constant dense<1> : tensor<i64>
  %x01 = arith.constant dense<[0, 1]> : tensor<2xi64>
  %x02 = arith.constant dense<[0, 2]> : tensor<2xi64>
  %x1 = arith.constant dense<1> : tensor<1xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
  %six = arith.constant 6 : i64
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %past = fulgur.dim "past"
  %p = arith.index_cast %past : index to i64
  %t = arith.addi %p, %s : i64
  %ss = tensor.from_elements %s : tensor<i64>
  %ps = tensor.from_elements %p : tensor<i64>
  %ts = tensor.from_elements %t : tensor<i64>
  %count = arith.minsi %t, %six : i64
  %k = tensor.from_elements %count : tensor<1xi64>
  %all = tensor.from_elements %b, %s, %t : tensor<3xi64>
  %some = tensor.from_elements %b, %s, %count : tensor<3xi64>
  %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %tok = onnx.Unsqueeze(%rt, %x01) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x1x?xi64>
  %pos = onnx.Unsqueeze(%now, %x02) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x?x1xi64>
  %see = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x?xi64>, tensor<1x?x1xi64>) -> tensor<1x?x?xi1>
  %m3 = onnx.Where(%see, %zero, %low) : (tensor<1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<1x?x?xf32>
  %m4 = onnx.Unsqueeze(%m3, %x1) : (tensor<1x?x?xf32>, tensor<1xi64>) -> tensor<1x1x?x?xf32>
  %ms = onnx.Add(%scores, %m3) : (tensor<?x?x?xf32>, tensor<1x?x?xf32>) -> tensor<?x?x?xf32>
  %top:2 = onnx.TopK(%ms, %k) {axis = -1 : i64, largest = 0 : i64, sorted = 1 : i64} : (tensor<?x?x?xf32>, tensor<1xi64>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  %ones = onnx.ConstantOfShape(%all) {value = dense<true> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %none = onnx.ConstantOfShape(%some) {value = dense<false> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %out = onnx.ScatterElements(%ones, %top#1, %none) {axis = -1 : i64, reduction = "none"} : (tensor<?x?x?xi1>, tensor<?x?x?xi64>, tensor<?x?x?xi1>) -> tensor<?x?x?xi1>
  %out4 = onnx.Unsqueeze(%out, %x1) : (tensor<?x?x?xi1>, tensor<1xi64>) -> tensor<?x1x?x?xi1>
  %mask = onnx.Where(%out4, %low, %m4) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<1x1x?x?xf32>) -> tensor<?x1x?x?xf32>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// The attention is over what is not selected.
// REMARK: an attention over selected tokens stays masked: the attention is over the tokens that are not selected
// CHECK-LABEL: @complement(
// CHECK-NOT: fulgur.sparse_latent_attention
// CHECK: fulgur.latent_attention
func.func @complement(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x?x5xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %r: tensor<?x?x2xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %u: tensor<5x14xf32>,
    %scores: tensor<?x?x?xf32> {fulgur.dims = ["batch", "seq", "past + seq"]},
    %old: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x?x2x3xf32> {
  %c0 = arith.constant dense<0> : tensor<i64>
  %c1 = arith.constant dense<1> : tensor<i64>
  %x01 = arith.constant dense<[0, 1]> : tensor<2xi64>
  %x02 = arith.constant dense<[0, 2]> : tensor<2xi64>
  %x1 = arith.constant dense<1> : tensor<1xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
  %six = arith.constant 6 : i64
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %past = fulgur.dim "past"
  %p = arith.index_cast %past : index to i64
  %t = arith.addi %p, %s : i64
  %ss = tensor.from_elements %s : tensor<i64>
  %ps = tensor.from_elements %p : tensor<i64>
  %ts = tensor.from_elements %t : tensor<i64>
  %count = arith.minsi %t, %six : i64
  %k = tensor.from_elements %count : tensor<1xi64>
  %all = tensor.from_elements %b, %s, %t : tensor<3xi64>
  %some = tensor.from_elements %b, %s, %count : tensor<3xi64>
  %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %tok = onnx.Unsqueeze(%rt, %x01) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x1x?xi64>
  %pos = onnx.Unsqueeze(%now, %x02) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x?x1xi64>
  %see = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x?xi64>, tensor<1x?x1xi64>) -> tensor<1x?x?xi1>
  %m3 = onnx.Where(%see, %zero, %low) : (tensor<1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<1x?x?xf32>
  %m4 = onnx.Unsqueeze(%m3, %x1) : (tensor<1x?x?xf32>, tensor<1xi64>) -> tensor<1x1x?x?xf32>
  %ms = onnx.Add(%scores, %m3) : (tensor<?x?x?xf32>, tensor<1x?x?xf32>) -> tensor<?x?x?xf32>
  %top:2 = onnx.TopK(%ms, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<?x?x?xf32>, tensor<1xi64>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  %ones = onnx.ConstantOfShape(%all) {value = dense<true> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %none = onnx.ConstantOfShape(%some) {value = dense<false> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %out = onnx.ScatterElements(%ones, %top#1, %none) {axis = -1 : i64, reduction = "none"} : (tensor<?x?x?xi1>, tensor<?x?x?xi64>, tensor<?x?x?xi1>) -> tensor<?x?x?xi1>
  %out4 = onnx.Unsqueeze(%out, %x1) : (tensor<?x?x?xi1>, tensor<1xi64>) -> tensor<?x1x?x?xi1>
  %in4 = onnx.Not(%out4) : (tensor<?x1x?x?xi1>) -> tensor<?x1x?x?xi1>
  %mask = onnx.Where(%in4, %low, %m4) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<1x1x?x?xf32>) -> tensor<?x1x?x?xf32>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// As many are selected as there are queries.
// REMARK: an attention over selected tokens stays masked: the number of selected tokens is not known
// CHECK-LABEL: @unknown_count(
// CHECK-NOT: fulgur.sparse_latent_attention
// CHECK: fulgur.latent_attention
func.func @unknown_count(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x?x5xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %r: tensor<?x?x2xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %u: tensor<5x14xf32>,
    %scores: tensor<?x?x?xf32> {fulgur.dims = ["batch", "seq", "past + seq"]},
    %old: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x?x2x3xf32> {
  %c0 = arith.constant dense<0> : tensor<i64>
  %c1 = arith.constant dense<1> : tensor<i64>
  %x01 = arith.constant dense<[0, 1]> : tensor<2xi64>
  %x02 = arith.constant dense<[0, 2]> : tensor<2xi64>
  %x1 = arith.constant dense<1> : tensor<1xi64>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
  %none0 = arith.constant 0 : i64
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %past = fulgur.dim "past"
  %p = arith.index_cast %past : index to i64
  %t = arith.addi %p, %s : i64
  %ss = tensor.from_elements %s : tensor<i64>
  %ps = tensor.from_elements %p : tensor<i64>
  %ts = tensor.from_elements %t : tensor<i64>
  %count = arith.addi %s, %none0 : i64
  %k = tensor.from_elements %count : tensor<1xi64>
  %all = tensor.from_elements %b, %s, %t : tensor<3xi64>
  %some = tensor.from_elements %b, %s, %count : tensor<3xi64>
  %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %tok = onnx.Unsqueeze(%rt, %x01) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x1x?xi64>
  %pos = onnx.Unsqueeze(%now, %x02) : (tensor<?xi64>, tensor<2xi64>) -> tensor<1x?x1xi64>
  %see = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x?xi64>, tensor<1x?x1xi64>) -> tensor<1x?x?xi1>
  %m3 = onnx.Where(%see, %zero, %low) : (tensor<1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<1x?x?xf32>
  %m4 = onnx.Unsqueeze(%m3, %x1) : (tensor<1x?x?xf32>, tensor<1xi64>) -> tensor<1x1x?x?xf32>
  %ms = onnx.Add(%scores, %m3) : (tensor<?x?x?xf32>, tensor<1x?x?xf32>) -> tensor<?x?x?xf32>
  %top:2 = onnx.TopK(%ms, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<?x?x?xf32>, tensor<1xi64>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  %ones = onnx.ConstantOfShape(%all) {value = dense<true> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %none = onnx.ConstantOfShape(%some) {value = dense<false> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %out = onnx.ScatterElements(%ones, %top#1, %none) {axis = -1 : i64, reduction = "none"} : (tensor<?x?x?xi1>, tensor<?x?x?xi64>, tensor<?x?x?xi1>) -> tensor<?x?x?xi1>
  %out4 = onnx.Unsqueeze(%out, %x1) : (tensor<?x?x?xi1>, tensor<1xi64>) -> tensor<?x1x?x?xi1>
  %mask = onnx.Where(%out4, %low, %m4) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<1x1x?x?xf32>) -> tensor<?x1x?x?xf32>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}
