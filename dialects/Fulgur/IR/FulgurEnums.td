//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The choices that attention and rotary operations have, as keywords.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_ENUMS_TD
#define FULGUR_ENUMS_TD

include "mlir/IR/EnumAttr.td"

def Fulgur_RotaryLayout : I32EnumAttr<"RotaryLayout",
    "which elements of a row a rotation pairs, read and written", [
      I32EnumAttrCase<"Interleaved", 0, "interleaved">,
      I32EnumAttrCase<"HalfSplit", 1, "half_split">,
      I32EnumAttrCase<"Deinterleaved", 2, "deinterleaved">]> {
  let cppNamespace = "::fulgur";
}

def Fulgur_RotaryPlacement : I32EnumAttr<"RotaryPlacement",
    "which end of a row a rotation covers", [
      I32EnumAttrCase<"Leading", 0, "leading">,
      I32EnumAttrCase<"Trailing", 1, "trailing">]> {
  let cppNamespace = "::fulgur";
}

def Fulgur_LatentForm : I32EnumAttr<"LatentForm",
    "how latent attention uses its up projection", [
      I32EnumAttrCase<"Expanded", 0, "expanded">,
      I32EnumAttrCase<"Absorbed", 1, "absorbed">]> {
  let cppNamespace = "::fulgur";
}

#endif // FULGUR_ENUMS_TD
