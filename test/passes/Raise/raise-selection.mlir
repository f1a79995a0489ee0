// RUN: fulgur-opt %s --fulgur-raise-selection --canonicalize | FileCheck %s

// An eager model: masks are added, what is not selected is overwritten.
// CHECK-LABEL: @eager(
// CHECK-NOT: onnx.TopK
// CHECK: %[[I:.*]] = fulgur.select_tokens %arg4 k 6 causal : tensor<?x?x?xf32> -> tensor<?x?x6xi32>
// CHECK: fulgur.sparse_latent_attention %arg0 latent %arg1 rope_key %arg2 up %arg3 indices %[[I]] scale 2.5e-01 :
// CHECK-NOT: onnx.ScatterElements
func.func @eager(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
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
  %mask = onnx.Where(%out4, %low, %m4) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<1x1x?x?xf32>) -> tensor<?x1x?x?xf32>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// SDPA: booleans throughout.
// CHECK-LABEL: @sdpa(
// CHECK: %[[I:.*]] = fulgur.select_tokens %arg4 k 6 causal : tensor<?x?x?xf32> -> tensor<?x?x6xi32>
// CHECK: fulgur.sparse_latent_attention %arg0 latent %arg1 rope_key %arg2 up %arg3 indices %[[I]] scale 2.5e-01 :
func.func @sdpa(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
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
  %inf = arith.constant dense<0xFF800000> : tensor<f32>
  %hid = onnx.Not(%see) : (tensor<1x?x?xi1>) -> tensor<1x?x?xi1>
  %ms = onnx.Where(%hid, %inf, %scores) : (tensor<1x?x?xi1>, tensor<f32>, tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %top:2 = onnx.TopK(%ms, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<?x?x?xf32>, tensor<1xi64>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  %ones = onnx.ConstantOfShape(%all) {value = dense<true> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %none = onnx.ConstantOfShape(%some) {value = dense<false> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %out = onnx.ScatterElements(%ones, %top#1, %none) {axis = -1 : i64, reduction = "none"} : (tensor<?x?x?xi1>, tensor<?x?x?xi64>, tensor<?x?x?xi1>) -> tensor<?x?x?xi1>
  %out4 = onnx.Unsqueeze(%out, %x1) : (tensor<?x?x?xi1>, tensor<1xi64>) -> tensor<?x1x?x?xi1>
  %in4 = onnx.Not(%out4) : (tensor<?x1x?x?xi1>) -> tensor<?x1x?x?xi1>
  %see4 = onnx.Unsqueeze(%see, %x1) : (tensor<1x?x?xi1>, tensor<1xi64>) -> tensor<1x1x?x?xi1>
  %mask = onnx.And(%see4, %in4) : (tensor<1x1x?x?xi1>, tensor<?x1x?x?xi1>) -> tensor<?x1x?x?xi1>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xi1> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// DeepSeek's own code: −inf everywhere, 0 where a token is selected. Two layers
// share the selection: it is made once.
// CHECK-LABEL: @shared(
// CHECK: %[[I:.*]] = fulgur.select_tokens %arg4 k 6 causal : tensor<?x?x?xf32> -> tensor<?x?x6xi32>
// CHECK: fulgur.sparse_latent_attention %arg0 latent %arg1 rope_key %arg2 up %arg3 indices %[[I]] scale 2.5e-01 :
// CHECK: fulgur.sparse_latent_attention %arg0 latent %arg1 rope_key %arg2 up %arg3 indices %[[I]] scale 2.5e-01 :
func.func @shared(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x?x5xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %r: tensor<?x?x2xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %u: tensor<5x14xf32>,
    %scores: tensor<?x?x?xf32> {fulgur.dims = ["batch", "seq", "past + seq"]},
    %old: tensor<?xf32> {fulgur.dims = ["past"]}) -> (tensor<?x?x2x3xf32>, tensor<?x?x2x3xf32>) {
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
  %lows = onnx.ConstantOfShape(%all) {value = dense<0xFF800000> : tensor<1xf32>} : (tensor<3xi64>) -> tensor<?x?x?xf32>
  %noughts = onnx.ConstantOfShape(%some) {value = dense<0.0> : tensor<1xf32>} : (tensor<3xi64>) -> tensor<?x?x?xf32>
  %in = onnx.ScatterElements(%lows, %top#1, %noughts) {axis = 2 : i64} : (tensor<?x?x?xf32>, tensor<?x?x?xi64>, tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %both = onnx.Add(%in, %m3) : (tensor<?x?x?xf32>, tensor<1x?x?xf32>) -> tensor<?x?x?xf32>
  %mask = onnx.Unsqueeze(%both, %x1) : (tensor<?x?x?xf32>, tensor<1xi64>) -> tensor<?x1x?x?xf32>
  %o1 = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  %o2 = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o1, %o2 : tensor<?x?x2x3xf32>, tensor<?x?x2x3xf32>
}

// Padding in both masks becomes a mask of the selection.
// CHECK-LABEL: @padding(
// CHECK: %[[REAL:.*]] = onnx.Unsqueeze(%{{.*}}, %{{.*}} -> tensor<?x1x?xi1>
// CHECK: %[[I:.*]] = fulgur.select_tokens %arg4 mask %[[REAL]] k 6 causal :
// CHECK: fulgur.sparse_latent_attention %{{.*}} indices %[[I]]
func.func @padding(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
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
  %x1p = arith.constant dense<1> : tensor<1xi64>
  %real = onnx.Cast(%attend) {to = 9 : i64} : (tensor<?x?xi64>) -> tensor<?x?xi1>
  %row = onnx.Unsqueeze(%real, %x1p) : (tensor<?x?xi1>, tensor<1xi64>) -> tensor<?x1x?xi1>
  %sr = onnx.And(%see, %row) : (tensor<1x?x?xi1>, tensor<?x1x?xi1>) -> tensor<?x?x?xi1>
  %m3 = onnx.Where(%sr, %zero, %low) : (tensor<?x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<?x?x?xf32>
  %m4 = onnx.Unsqueeze(%m3, %x1) : (tensor<?x?x?xf32>, tensor<1xi64>) -> tensor<?x1x?x?xf32>
  %ms = onnx.Add(%scores, %m3) : (tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %top:2 = onnx.TopK(%ms, %k) {axis = -1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<?x?x?xf32>, tensor<1xi64>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  %ones = onnx.ConstantOfShape(%all) {value = dense<true> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %none = onnx.ConstantOfShape(%some) {value = dense<false> : tensor<1xi1>} : (tensor<3xi64>) -> tensor<?x?x?xi1>
  %out = onnx.ScatterElements(%ones, %top#1, %none) {axis = -1 : i64, reduction = "none"} : (tensor<?x?x?xi1>, tensor<?x?x?xi64>, tensor<?x?x?xi1>) -> tensor<?x?x?xi1>
  %out4 = onnx.Unsqueeze(%out, %x1) : (tensor<?x?x?xi1>, tensor<1xi64>) -> tensor<?x1x?x?xi1>
  %mask = onnx.Where(%out4, %low, %m4) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<?x1x?x?xf32>) -> tensor<?x1x?x?xf32>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}

// The scores are raised already: their tokens are those of the keys.
// CHECK-LABEL: @raised_scores(
// CHECK-NOT: onnx.TopK
// CHECK: %[[I:.*]] = fulgur.select_tokens %lightning_indexer k 6 causal : tensor<?x?x?xf32> -> tensor<?x?x6xi32>
// CHECK: fulgur.sparse_latent_attention %arg0 latent %arg1 rope_key %arg2 up %arg3 indices %[[I]] scale 2.5e-01 :
// CHECK-NOT: onnx.ScatterElements
func.func @raised_scores(%q: tensor<?x?x2x6xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %c: tensor<?x?x5xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %r: tensor<?x?x2xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %u: tensor<5x14xf32>,
    %iq: tensor<?x?x3x4xf32> {fulgur.dims = ["batch", "seq", "", ""]},
    %ik: tensor<?x?x4xf32> {fulgur.dims = ["batch", "past + seq", ""]},
    %iw: tensor<?x?x3xf32> {fulgur.dims = ["batch", "seq", ""]},
    %old: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x?x2x3xf32> {
  %scores = fulgur.lightning_indexer %iq, %ik, %iw scale 1.0 : tensor<?x?x3x4xf32>, tensor<?x?x4xf32>, tensor<?x?x3xf32> -> tensor<?x?x?xf32>
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
  %mask = onnx.Where(%out4, %low, %m4) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<1x1x?x?xf32>) -> tensor<?x1x?x?xf32>
  %o = fulgur.latent_attention %q latent %c rope_key %r up %u mask %mask scale 2.5e-01 expanded : tensor<?x?x2x6xf32>, tensor<?x?x5xf32>, tensor<?x?x2xf32>, tensor<5x14xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x3xf32>
  return %o : tensor<?x?x2x3xf32>
}
