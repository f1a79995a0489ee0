//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where the bytes of the weights go, as `--weights=` asks.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_TARGET_WEIGHTS_H
#define LIB_TARGET_WEIGHTS_H

#include "fulgur/Target/Target.h"
#include "lib/Support/Output.h"
#include "lib/Target/ModelInfo.h"

#include <memory>

namespace fulgur {

struct PlacedWeights {
  /// The contents of fulgur_model.embedded.
  std::string blob;
  /// The new weight file, whole but not yet under its name; null for none.
  std::unique_ptr<PendingFile> file;
};

/// Rewrites `file` and `offset` of the weights in `info` and its variants, and
/// its folder, to where the weights will be when `output` runs. What several of
/// them have in common is stored once. Does not write under the
/// final name of a weight file: the caller keeps it when the rest is done.
ExitCode placeWeights(ModelInfo &info, WeightMode mode, llvm::StringRef output,
                      PlacedWeights &placed);

} // namespace fulgur

#endif // LIB_TARGET_WEIGHTS_H
