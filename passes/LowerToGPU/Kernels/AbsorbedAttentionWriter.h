//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What writes the code of one block of AbsorbedAttentionKernel: its places and
// copies, and what is done with a tile of tokens.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTIONWRITER_H
#define PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTIONWRITER_H

#include "passes/LowerToGPU/Kernels/AbsorbedAttentionKernel.h"

namespace fulgur {

/// Tiles whose indices are in shared memory: in use, being copied, being read,
/// and one, as a power of 2 is easier to divide by.
constexpr int64_t absorbedIndexStages = 4;

/// What the loop over tiles carries.
struct AbsorbedAttentionState {
  using Values = llvm::SmallVector<mlir::Value>;
  /// Of the 32 rows and the columns of the warp in mixing.
  Values mixed;
  /// Of the two rows of the thread in scores; sums of its tokens only.
  Values maxima, sums;

  Values pack() const {
    Values all(mixed);
    all.append(maxima);
    all.append(sums);
    return all;
  }
  static AbsorbedAttentionState unpack(mlir::ValueRange all) {
    size_t fragments = all.size() - 4;
    return {Values(all.take_front(fragments)), Values(all.slice(fragments, 2)),
            Values(all.take_back(2))};
  }
};

/// Writes the code of one block.
class AbsorbedAttentionWriter {
public:
  using Values = llvm::SmallVector<mlir::Value>;
  using State = AbsorbedAttentionState;

  AbsorbedAttentionWriter(const AbsorbedAttentionKernel &kernel,
                          KernelEmitter &emitter, mlir::ValueRange arguments);
  void write();

private:
  // Where rows and tokens are.
  mlir::Value size(mlir::Value buffer, int64_t dim);
  /// Of counts that 32 bits hold, which are divided faster, and with fewer
  /// registers.
  mlir::Value quotient(mlir::Value a, mlir::Value b);
  mlir::Value remainder(mlir::Value a, mlir::Value b);
  mlir::Value ceilDiv(mlir::Value a, mlir::Value b);
  void findPlace();
  Values rowIndices(mlir::Value row);
  mlir::Value tokenLimit(mlir::Value row);

  // Copies.
  void copyQueries();
  void copyTokens(mlir::Value tile);
  mlir::Value loadIndex(mlir::Value tile);
  void storeIndex(mlir::Value tile, mlir::Value index);
  void storeFirstIndices(mlir::Value tile);

  // One tile.
  Values step(mlir::Value tile, mlir::ValueRange carried);
  Values multiplyKeys(mlir::Value stage);
  void maskScores(mlir::Value tile, llvm::MutableArrayRef<mlir::Value> scores);
  void weigh(State &state, llvm::MutableArrayRef<mlir::Value> scores);
  void scale(llvm::MutableArrayRef<mlir::Value> fragments,
             mlir::ValueRange factors);
  void mix(State &state, mlir::Value stage);

  void storeResult(const State &state);

  // Scalars, and elements of fragments: row half, column within.
  mlir::Value element(mlir::Value fragment, int64_t half, int64_t within);
  mlir::Value fragmentOf(mlir::ValueRange elements);
  mlir::Value maximum(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value multiply(mlir::Value a, mlir::Value b);
  mlir::Value power(mlir::Value exponent, mlir::Value base);
  /// Over the four lanes that have parts of the same rows.
  mlir::Value combineQuad(mlir::Value value, KernelEmitter::Combine combine);
  mlir::Value isFirstOfQuad();

  const AbsorbedAttentionKernel &kernel;
  MmaEmitter e;
  mlir::Type f32;
  mlir::Value ownLane;
  mlir::Value query, ropeQuery, latent, ropeKey, indices;
  Values results;
  mlir::Value queryTile, keyTile, weightTile;
  mlir::Value maximaBuffer, sumsBuffer, factorsBuffer, indexBuffer;
  /// Of all: S, H, and how many tokens, or indices, there are for each.
  mlir::Value queries, heads, tokenCount;
  /// Of the block: its group, the rows of that, the first row and the part.
  mlir::Value group, groupRows, firstRow, part;
  mlir::Value batch, beginTile, endTile;
  /// Of the warp: where its rows and tokens of scores begin, and its rows and
  /// columns of mixing.
  mlir::Value scoreRow, scoreToken, mixRow, mixColumn;
  /// Of the thread: behind which token its rows of scores see none.
  Values limits;
};

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTIONWRITER_H
