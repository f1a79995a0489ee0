// RUN: fulgur-opt %s --fulgur-choose-latent-form --canonicalize --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// DeepSeek-V3 on a machine of 100 operations a byte. One query over many tokens.
module attributes {fulgur.machine = "{\"name\": \"m\", \"source\": \"made up\", \"cores\": 1, \"peak_flops\": {\"f32\": 1e12}, \"memory\": [{\"name\": \"DRAM\", \"capacity_bytes\": 1e12, \"bytes_per_second\": 1e10}], \"launch_seconds\": 1e-6}"} {
  // CHECK-LABEL: @decode
  // CHECK-NOT: scf.if
  // CHECK: fulgur.latent_attention {{.*}} causal absorbed
  func.func @decode(%q: tensor<1x1x128x192xf32>, %c: tensor<1x4096x512xf32>, %r: tensor<1x4096x64xf32>, %u: tensor<512x32768xf32>) -> tensor<1x1x128x128xf32> {
    // expected-remark @below {{absorbed for all sizes, by m: absorbed takes}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal : tensor<1x1x128x192xf32>, tensor<1x4096x512xf32>, tensor<1x4096x64xf32>, tensor<512x32768xf32> -> tensor<1x1x128x128xf32>
    return %0 : tensor<1x1x128x128xf32>
  }

  // As many queries as tokens.
  // CHECK-LABEL: @prefill
  // CHECK-NOT: scf.if
  // CHECK: fulgur.latent_attention {{.*}} causal expanded
  func.func @prefill(%q: tensor<1x4096x128x192xf32>, %c: tensor<1x4096x512xf32>, %r: tensor<1x4096x64xf32>, %u: tensor<512x32768xf32>) -> tensor<1x4096x128x128xf32> {
    // expected-remark @below {{expanded for all sizes}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal : tensor<1x4096x128x192xf32>, tensor<1x4096x512xf32>, tensor<1x4096x64xf32>, tensor<512x32768xf32> -> tensor<1x4096x128x128xf32>
    return %0 : tensor<1x4096x128x128xf32>
  }

  // A few queries, by the bounds of the dimension.
  // CHECK-LABEL: @few
  // CHECK-NOT: scf.if
  // CHECK: fulgur.latent_attention {{.*}} causal absorbed
  func.func @few(%q: tensor<?x?x128x192xf32> {fulgur.dims = ["batch", "seq", "", ""]}, %c: tensor<?x?x512xf32> {fulgur.dims = ["batch", "total", ""]}, %r: tensor<?x?x64xf32> {fulgur.dims = ["batch", "total", ""]}, %u: tensor<512x32768xf32>) -> tensor<?x?x128x128xf32>
      attributes {fulgur.bounds = {seq = array<i64: 1, 8>, total = array<i64: 64, 65536>}} {
    // expected-remark @below {{absorbed for all sizes}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal : tensor<?x?x128x192xf32>, tensor<?x?x512xf32>, tensor<?x?x64xf32>, tensor<512x32768xf32> -> tensor<?x?x128x128xf32>
    return %0 : tensor<?x?x128x128xf32>
  }

  // Any number: the run decides. The difference is c1·T + S·(c2 + c3·T), as the
  // batch is 1.
  // CHECK-LABEL: @any
  // CHECK-SAME: %[[Q:[^:]*]]: tensor<1x?x128x192xf32>
  // CHECK-SAME: %[[C:[^:]*]]: tensor<1x?x512xf32>
  // CHECK-DAG: %[[S:.*]] = tensor.dim %[[Q]], %c1
  // CHECK-DAG: %[[T:.*]] = tensor.dim %[[C]], %c1
  // CHECK: arith.muli {{.*}}%[[T]]
  // CHECK: arith.muli {{.*}}%[[S]]
  // CHECK: %[[FEW:.*]] = arith.cmpi sle, %{{.*}}, %c0 : index
  // CHECK: %[[R:.*]] = scf.if %[[FEW]]
  // CHECK-NEXT: %[[A:.*]] = fulgur.latent_attention {{.*}} causal absorbed
  // CHECK-NEXT: scf.yield %[[A]]
  // CHECK-NEXT: } else {
  // CHECK-NEXT: %[[E:.*]] = fulgur.latent_attention {{.*}} causal expanded
  // CHECK-NEXT: scf.yield %[[E]]
  // CHECK: return %[[R]]
  func.func @any(%q: tensor<1x?x128x192xf32>, %c: tensor<1x?x512xf32>, %r: tensor<1x?x64xf32>, %u: tensor<512x32768xf32>) -> tensor<1x?x128x128xf32> {
    // expected-remark @below {{absorbed or expanded by the sizes of the run (expanded as assumed), by m: absorbed takes}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal : tensor<1x?x128x192xf32>, tensor<1x?x512xf32>, tensor<1x?x64xf32>, tensor<512x32768xf32> -> tensor<1x?x128x128xf32>
    return %0 : tensor<1x?x128x128xf32>
  }

  // CHECK-LABEL: @chosen
  // CHECK: fulgur.latent_attention {{.*}} causal expanded
  func.func @chosen(%q: tensor<1x1x128x192xf32>, %c: tensor<1x4096x512xf32>, %r: tensor<1x4096x64xf32>, %u: tensor<512x32768xf32>) -> tensor<1x1x128x128xf32> {
    // expected-remark @below {{expected the form to be open, but it is expanded already}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal expanded : tensor<1x1x128x192xf32>, tensor<1x4096x512xf32>, tensor<1x4096x64xf32>, tensor<512x32768xf32> -> tensor<1x1x128x128xf32>
    return %0 : tensor<1x1x128x128xf32>
  }
}

// -----

// 200 queries have fewer operations expanded, …
module attributes {fulgur.machine = "{\"name\": \"m\", \"source\": \"made up\", \"cores\": 1, \"peak_flops\": {\"f32\": 1e12}, \"memory\": [{\"name\": \"DRAM\", \"capacity_bytes\": 1e12, \"bytes_per_second\": 1e13}], \"launch_seconds\": 1e-6}"} {
  // CHECK-LABEL: @fast_memory
  // CHECK: fulgur.latent_attention {{.*}} expanded
  func.func @fast_memory(%q: tensor<1x200x128x192xf32>, %c: tensor<1x4096x512xf32>, %r: tensor<1x4096x64xf32>, %u: tensor<512x32768xf32>) -> tensor<1x200x128x128xf32> {
    // expected-remark @below {{BytesSaved=}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal : tensor<1x200x128x192xf32>, tensor<1x4096x512xf32>, tensor<1x4096x64xf32>, tensor<512x32768xf32> -> tensor<1x200x128x128xf32>
    return %0 : tensor<1x200x128x128xf32>
  }
}

// -----

// … but where memory is slow, what they write and read makes up for that.
module attributes {fulgur.machine = "{\"name\": \"m\", \"source\": \"made up\", \"cores\": 1, \"peak_flops\": {\"f32\": 1e12}, \"memory\": [{\"name\": \"DRAM\", \"capacity_bytes\": 1e12, \"bytes_per_second\": 1e10}], \"launch_seconds\": 1e-6}"} {
  // CHECK-LABEL: @slow_memory
  // CHECK: fulgur.latent_attention {{.*}} absorbed
  func.func @slow_memory(%q: tensor<1x200x128x192xf32>, %c: tensor<1x4096x512xf32>, %r: tensor<1x4096x64xf32>, %u: tensor<512x32768xf32>) -> tensor<1x200x128x128xf32> {
    // expected-remark @below {{BytesSaved=}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal : tensor<1x200x128x192xf32>, tensor<1x4096x512xf32>, tensor<1x4096x64xf32>, tensor<512x32768xf32> -> tensor<1x200x128x128xf32>
    return %0 : tensor<1x200x128x128xf32>
  }
}

// -----

// expected-error @below {{expected 'fulgur.machine' to be a known machine or a description, but: [1:2, byte=2]: Invalid JSON value (null?)}}
module attributes {fulgur.machine = "no such machine"} {
}
