// RUN: fulgur-compile %s --target=cuda --gpu-arch=sm_80 --emit=ptx -o - | FileCheck %s

// More than 2^32 elements: places are computed in 64 bits, in kernels of operations,
// in reductions and in loops.
// CHECK-LABEL: .entry swiglu(
// CHECK: mul.wide.u32 {{.*}}, 40000;
// CHECK: ld.global.v4.b32 {{.*}}, [%rd{{[0-9]+}}];
// CHECK: st.global.v4.b32 [%rd{{[0-9]+}}]
// CHECK-LABEL: .entry reduction(
// CHECK: mul.wide.u32 {{.*}}, 80000;
// CHECK: ld.global.b16 {{.*}}, [%rd{{[0-9]+}}];
// CHECK-LABEL: .entry kernel_1(
// CHECK: mov.u32 [[BLOCK:%r[0-9]+]], %ctaid.x;
// CHECK: mul.wide.u32 {{.*}}, [[BLOCK]], 256;
// CHECK-NOT: .lo.
// CHECK: ld.global.b16 {{.*}}, [%rd{{[0-9]+}}];
// CHECK: st.global.b16 [%rd{{[0-9]+}}]
module attributes {fulgur.stage = "mlir:raised", fulgur.name = "wide"} {
  func.func @main(%g: tensor<200000x40000xbf16> {fulgur.name = "g", fulgur.dims = ["", ""]},
                  %u: tensor<200000x40000xbf16> {fulgur.name = "u", fulgur.dims = ["", ""]})
      -> (tensor<200000x40000xbf16> {fulgur.name = "y"}, tensor<200000xbf16> {fulgur.name = "m"},
          tensor<200000x40000xbf16> {fulgur.name = "z"}) {
    %y = fulgur.swiglu %g, %u : tensor<200000x40000xbf16>
    %low = arith.constant 0.0 : bf16
    %e = tensor.empty() : tensor<200000xbf16>
    %f = linalg.fill ins(%low : bf16) outs(%e : tensor<200000xbf16>) -> tensor<200000xbf16>
    %m = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>],
                         iterator_types = ["parallel", "reduction"]}
        ins(%g : tensor<200000x40000xbf16>) outs(%f : tensor<200000xbf16>) {
      ^bb0(%in: bf16, %out: bf16):
        %0 = arith.maximumf %in, %out : bf16
        linalg.yield %0 : bf16
    } -> tensor<200000xbf16>
    %d = tensor.empty() : tensor<200000x40000xbf16>
    %z = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>],
                         iterator_types = ["parallel", "parallel"]}
        ins(%g, %m : tensor<200000x40000xbf16>, tensor<200000xbf16>) outs(%d : tensor<200000x40000xbf16>) {
      ^bb0(%in: bf16, %max: bf16, %out: bf16):
        %0 = arith.subf %in, %max : bf16
        linalg.yield %0 : bf16
    } -> tensor<200000x40000xbf16>
    return %y, %m, %z : tensor<200000x40000xbf16>, tensor<200000xbf16>, tensor<200000x40000xbf16>
  }
}
