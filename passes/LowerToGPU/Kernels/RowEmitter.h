//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes what a block does with a row: its threads take pieces of it in turns,
// 16 bytes each where all buffers allow it, else one element each.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_ROWEMITTER_H
#define PASSES_LOWERTOGPU_KERNELS_ROWEMITTER_H

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

namespace fulgur {

/// The pieces of the last dimension of some buffers.
struct RowPieces {
  /// Elements of a piece: as many as 16 bytes hold, if the rows of all buffers
  /// start at multiples of 16 bytes and end at one, as far as types tell.
  /// Buffers themselves are aligned to more than that.
  int64_t width;
  /// Pieces of a row, if their number is static.
  std::optional<int64_t> count;

  explicit RowPieces(mlir::ValueRange buffers);

  /// Threads for which a row is enough work, at most `most`.
  int64_t countThreads(int64_t most) const;
};

struct RowEmitter : KernelEmitter {
  RowPieces pieces;
  /// The size of a row.
  mlir::Value size;

  /// `buffers` are those that are read and written piece by piece.
  RowEmitter(const KernelEmitter &e, mlir::ValueRange buffers);

  /// The elements of a piece from `column` on, as floats of `type`.
  llvm::SmallVector<mlir::Value> loadPiece(mlir::Value buffer, mlir::Value row,
                                           mlir::Value column, mlir::Type type);
  /// The same as they are: a vector, or an element.
  mlir::Value loadPiece(mlir::Value buffer, mlir::Value row,
                        mlir::Value column);
  void storePiece(mlir::ValueRange elements, mlir::Value buffer,
                  mlir::Value row, mlir::Value column);
  void storePiece(mlir::Value piece, mlir::Value buffer, mlir::Value row,
                  mlir::Value column);

  /// Runs `body` for the pieces of this thread, for what is done with a row
  /// again and again. The elements of a
  /// row that is short enough stay in registers; of others, `load` gives those
  /// of a piece in every pass. `body` gets them, and what it has given for the
  /// piece before.
  using Load =
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value column)>;
  using PieceBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value column, mlir::ValueRange elements, mlir::ValueRange carried)>;
  llvm::SmallVector<mlir::Value> passOver(mlir::ValueRange inits, Load load,
                                          PieceBody body);

private:
  std::optional<int64_t> countTurns() const;
  mlir::Value columnOf(int64_t turn);
  llvm::SmallVector<mlir::Value>
  runIf(mlir::Value condition,
        llvm::function_ref<llvm::SmallVector<mlir::Value>()> run,
        mlir::ValueRange otherwise);

  /// What the first pass has loaded, turn by turn.
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> kept;
};

/// Launches a kernel that has a thread for each piece of the rows of a buffer:
/// `pieced` are the arguments that are read and written piece by piece, the
/// first one is that whose rows are counted.
using PieceCode =
    llvm::function_ref<void(RowEmitter &e, mlir::ValueRange arguments,
                            mlir::Value row, mlir::Value column)>;
void launchPieces(KernelBuilder &builder, CallKernelOp call,
                  llvm::StringRef name, mlir::ValueRange arguments,
                  llvm::ArrayRef<unsigned> pieced, PieceCode code);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_ROWEMITTER_H
