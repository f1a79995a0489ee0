//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the operations of the dialect tell about themselves.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_INTERFACES_TD
#define FULGUR_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Fulgur_EqualSizesOpInterface : OpInterface<"EqualSizesOpInterface"> {
  let cppNamespace = "::fulgur";
  let description = [{
    The dimensions of operands that have one size: one letter in the
    description. The verifier compares what is static; of what is dynamic,
    `fulgur-check-extents` lets the executable compare the rest.
  }];
  let methods = [InterfaceMethod<
    "Adds the pairs of dimensions to `sizes`.", "void", "getEqualSizes",
    (ins "::llvm::SmallVectorImpl<::fulgur::EqualSizes> &":$sizes)>];
}

#endif // FULGUR_INTERFACES_TD
