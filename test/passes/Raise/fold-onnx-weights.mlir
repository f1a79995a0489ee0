// RUN: rm -rf %t && mkdir %t && head -c 16 /dev/zero > %t/w.bin
// RUN: printf '\001\000\000\000\001\000\000\000\000\000\000\000' >> %t/w.bin
// RUN: sed 's,FOLDER,%t,' %s | fulgur-opt --fulgur-fold-onnx | FileCheck %s

module attributes {fulgur.model_folder = "FOLDER"} {
  fulgur.weight @zeros in "w.bin" at 0 : tensor<2x2xf32>
  fulgur.weight @ones in "w.bin" at 16 : tensor<2xi32>
  fulgur.weight @others in "w.bin" at 16 : tensor<3xi32>
  fulgur.weight @missing in "none.bin" at 0 : tensor<3xi32>

  // One value is a constant; other values, and files that are not there, are not
  // looked into.
  // CHECK-LABEL: @weights
  // CHECK-DAG: %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<2x2xf32>
  // CHECK-DAG: %[[O:.*]] = arith.constant dense<1> : tensor<2xi32>
  // CHECK-DAG: %[[X:.*]] = fulgur.get_weight @others
  // CHECK-DAG: %[[M:.*]] = fulgur.get_weight @missing
  // CHECK: return %[[Z]], %[[O]], %[[X]], %[[M]]
  func.func @weights() -> (tensor<2x2xf32>, tensor<2xi32>, tensor<3xi32>, tensor<3xi32>) {
    %0 = fulgur.get_weight @zeros : tensor<2x2xf32>
    %1 = fulgur.get_weight @ones : tensor<2xi32>
    %2 = fulgur.get_weight @others : tensor<3xi32>
    %3 = fulgur.get_weight @missing : tensor<3xi32>
    return %0, %1, %2, %3 : tensor<2x2xf32>, tensor<2xi32>, tensor<3xi32>, tensor<3xi32>
  }
}
