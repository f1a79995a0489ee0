//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes what warps do that multiply tiles of 16-bit floats with mma.sync: from
// sm_80 on.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_MMAEMITTER_H
#define PASSES_LOWERTOGPU_KERNELS_MMAEMITTER_H

#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

namespace fulgur {

/// Tiles lie in dynamic shared memory as `[…, rows, columns]`, rows of a
/// multiple of 128 bytes. The 16 bytes c of a row r are at c ^ (r % 8), so that
/// eight rows of a matrix are in different banks: all accesses go through this
/// class. Places of rows and columns are values of type index.
struct MmaEmitter : KernelEmitter {
  /// bf16 or f16.
  mlir::Type element;
  /// Of this thread: its number in its warp, and the number of its warp, which
  /// LLVM knows to be the same for the warp.
  mlir::Value lane, warp;

  /// At the beginning of a kernel.
  MmaEmitter(const KernelEmitter &e, mlir::Type element);

  /// A tile of `element` at a byte offset (a multiple of 1024).
  mlir::Value tile(int64_t offset, llvm::ArrayRef<int64_t> shape);

  /// Where 16 bytes of global memory are, and how many of them are read: the
  /// others are zeros in the tile. Nothing is read if there are none. At an
  /// address that is no multiple of 16 bytes elements are copied one by one.
  struct Source {
    mlir::Value buffer;
    llvm::SmallVector<mlir::Value> indices;
    /// i32, 0 to 16; null for all.
    mlir::Value bytes;
    /// That the address is a multiple, though the type does not tell.
    bool isAligned = false;
  };
  using SourceAt =
      llvm::function_ref<Source(mlir::Value row, mlir::Value column)>;
  /// All threads copy rows of a tile of `columns` columns, 16 bytes each, from
  /// the row `firstRow` and the column `firstColumn` of the tile on. `source`
  /// gets the row and the column (a multiple of 8), both counted from there.
  /// The caller commits (`commit`) and waits (`waitFor`).
  void copy(mlir::Value tile, mlir::ValueRange stage, int64_t rows,
            int64_t columns, SourceAt source, int64_t firstRow = 0,
            int64_t firstColumn = 0);
  /// Bytes of 16 that are there at `column` of a row that ends at `end`.
  mlir::Value bytesBefore(mlir::Value column, mlir::Value end);
  /// Ends a group of copies; waits until at most `pending` groups of this
  /// thread are under way. What other threads copied needs a barrier, too.
  void commit();
  void waitFor(int64_t pending);

  /// Where element (row, column) of a tile is; `column` is a multiple of 8,
  /// plus `within`, 0 to 7.
  llvm::SmallVector<mlir::Value> place(mlir::ValueRange stage, mlir::Value row,
                                       mlir::Value column,
                                       mlir::Value within = {});

  /// Fragments. Rows are multiples of 8, columns of 16. A: 16 rows, 16 columns
  /// along k.
  mlir::Value loadA(mlir::Value tile, mlir::ValueRange stage, mlir::Value row,
                    mlir::Value column);
  /// Two fragments of B, 8 rows of n each, from a tile that is [n, k].
  std::array<mlir::Value, 2> loadB(mlir::Value tile, mlir::ValueRange stage,
                                   mlir::Value n, mlir::Value k);
  /// The same from a tile that is [k, n].
  std::array<mlir::Value, 2> loadBTransposed(mlir::Value tile,
                                             mlir::ValueRange stage,
                                             mlir::Value k, mlir::Value n);
  /// `sums` + a · b, 16 by 8. Of thread l of the warp, element 2·i + j of sums
  /// is in row l / 4 + 8·i and column 2·(l % 4) + j.
  mlir::Value multiply(mlir::Value a, mlir::Value b, mlir::Value sums);
  /// vector<4xf32> of zeros.
  mlir::Value zeros();
  /// The same index, of which LLVM knows nothing: what is computed from it
  /// stays where it is, and a loop up to it a loop. Registers are few.
  mlir::Value pin(mlir::Value number);
  /// Writes two sums at `indices`, whose last one is even, and behind it,
  /// rounded to the type of `buffer`; the second one if it is before `end`, or
  /// if that is null. Adds what `addend` has there, if there is one.
  void storePair(mlir::Value left, mlir::Value right, mlir::Value buffer,
                 mlir::ValueRange indices, mlir::Value end,
                 mlir::Value addend = {});
};

/// Dynamic shared memory that a block may have on `call`'s target.
int64_t getMaxSharedBytes(mlir::Operation *call);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_MMAEMITTER_H
