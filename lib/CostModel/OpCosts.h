//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The cost of every operation of the dialect, as it decomposes: operands are
// read and results written once, and what stands in memory between the loops of
// one operation is written and read there.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_COSTMODEL_OPCOSTS_H
#define FULGUR_LIB_COSTMODEL_OPCOSTS_H

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Cost.h"
#include "lib/CostModel/Sizes.h"

namespace fulgur {

/// The cost of an operation on tensors at the assumed sizes. One without
/// arithmetic worth counting costs its operands and results.
Cost getCost(mlir::Operation *op, Extents &extents);

/// The sizes of latent attention, by the letters of its description.
struct LatentSizes {
  double batch = 1;      // B
  double queries = 1;    // S
  double tokens = 1;     // T
  double heads = 1;      // H
  double rank = 1;       // L
  double plain = 0;      // Dn
  double rotated = 0;    // Dr
  double valueWidth = 1; // Dv
  NumberType type = NumberType::F32;
  double bytes = 4; // of an element

  template <typename OpTy> static LatentSizes of(OpTy op, Extents &extents);
};

/// Attention over all tokens in one of its forms. With D = Dn + Dv, and e bytes
/// an element:
///
///   absorbed  2·B·S·H·L·D + 2·B·S·T·H·(2·L + Dr) operations; it reads `up`,
///             and the latents twice
///   expanded  2·B·T·L·H·D + 2·B·S·T·H·(D + Dr) operations; it reads `up` and
///             the latents, and writes and reads keys and values twice, once
///             as the projection leaves them and once head by head
///
/// Scores and their softmax cost the same in both. Every term has each of B, S
/// and T at most once as a factor: the cost is a multilinear polynomial of
/// them.
Cost getLatentAttentionCost(const LatentSizes &sizes, LatentForm form);

/// The same over `selected` tokens a query, whose rows are gathered: they are
/// read, written and read twice. Does not depend on T.
Cost getSparseLatentAttentionCost(const LatentSizes &sizes, double selected);

/// A mask of the selection, one byte a query and token, written and read.
Cost getSelectionMaskCost(double batch, double queries, double tokens,
                          double selected);

/// The sizes of experts, by the letters of their description.
struct ExpertsSizes {
  double tokens = 1;  // N
  double places = 1;  // k
  double experts = 1; // X
  double width = 1;   // K
  double inner = 1;   // I
  double outer = 1;   // D
  NumberType type = NumberType::F32;
  double bytes = 4; // of an element

  static ExpertsSizes of(ExpertsOp op, Extents &extents);
  double pairs() const { return tokens * places; }
};

/// Experts from the tokens to the sum. With P = N·k pairs and W = I·(2·K + D)
/// numbers of an expert:
///
///   per_token  2·P·W operations; it reads an expert for each pair
///   grouped    the same operations; it reads `used` experts, and beside that
///              the row of each pair, and the sum of its token, which it writes
///
/// A block of rows stays in the cache. Every product is a loop that threads
/// share, and so are the three of the sorting.
Cost getExpertsCost(const ExpertsSizes &sizes, ExpertsForm form, double used);

template <typename OpTy>
LatentSizes LatentSizes::of(OpTy op, Extents &extents) {
  LatentSizes sizes;
  sizes.batch = extents.size(op.getQuery(), 0);
  sizes.queries = extents.size(op.getQuery(), 1);
  sizes.heads = extents.size(op.getQuery(), 2);
  sizes.tokens = extents.size(op.getLatent(), 1);
  sizes.rank = extents.size(op.getLatent(), 2);
  sizes.rotated = extents.size(op.getRopeKey(), 2);
  sizes.plain = extents.size(op.getQuery(), 3) - sizes.rotated;
  sizes.valueWidth = extents.size(op.getResult(), 3);
  mlir::Type element = op.getType().getElementType();
  sizes.type = getNumberType(element);
  sizes.bytes = elementBytes(element);
  return sizes;
}

} // namespace fulgur

#endif // FULGUR_LIB_COSTMODEL_OPCOSTS_H
