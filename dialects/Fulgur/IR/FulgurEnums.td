//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The choices that operations have, as keywords.
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

def Fulgur_ExpertsForm : I32EnumAttr<"ExpertsForm",
    "how the rows of experts are walked", [
      I32EnumAttrCase<"PerToken", 0, "per_token">,
      I32EnumAttrCase<"Grouped", 1, "grouped">]> {
  let cppNamespace = "::fulgur";
}

def Fulgur_RouterScore : I32EnumAttr<"RouterScore",
    "how a router turns the logits of a token into affinities", [
      I32EnumAttrCase<"Sigmoid", 0, "sigmoid">,
      I32EnumAttrCase<"Softmax", 1, "softmax">]> {
  let cppNamespace = "::fulgur";
}

def Fulgur_GroupScore : I32EnumAttr<"GroupScore",
    "what a group of experts is worth: its best choice, or its best two", [
      I32EnumAttrCase<"Top2", 0, "top2">,
      I32EnumAttrCase<"Max", 1, "max">]> {
  let cppNamespace = "::fulgur";
}

#endif // FULGUR_ENUMS_TD
