//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where the buffers of a step are, for some sizes of the named dimensions: the
// code that sizes them, evaluated, and the planner of the runtime.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_REPORT_MEMORY_H
#define LIB_REPORT_MEMORY_H

#include "fulgur/Runtime/Model.h"
#include "lib/Report/Graph.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace fulgur {

struct MemoryDim {
  std::string name;
  int64_t min = 0;
  /// 0 is no bound.
  int64_t max = 0;
  /// Counts independent rows; 1 where nobody asks for more.
  bool isBatch = false;
};

/// A buffer of the arena.
struct MemoryBuffer {
  /// When it holds something; more than once in a function that is called more
  /// than once.
  std::vector<FulgurSpan> spans;
  /// "memref<?x64xf32>"
  std::string type;
  /// The ONNX nodes whose result it holds.
  std::vector<std::string> names;
};

/// The plan for one size of each dimension.
struct MemoryPlanAt {
  std::vector<int64_t> dims;
  std::vector<int64_t> bytes;
  std::vector<int64_t> offsets;
  int64_t arenaBytes = 0;
  int64_t largestLiveSet = 0;
  /// The first step at which the largest live set lives.
  int64_t largestStep = 0;
};

struct MemoryReport {
  std::vector<MemoryDim> dims;
  std::vector<MemoryBuffer> buffers;
  std::vector<MemoryPlanAt> plans;
  /// The one to show first: the first that was asked for, else the largest.
  unsigned defaultPlan = 0;
  /// Allocations whose size only the step knows: they are not in the arena.
  unsigned otherAllocations = 0;
};

/// The plans of a bufferized `module`: one for each of `asked` (dimensions that
/// it does not name are 1, or the nearest size in their bounds), then some that
/// grow, of one batch. Sizes that can not be evaluated or are too large are
/// left out.
MemoryReport planMemory(mlir::ModuleOp module, llvm::ArrayRef<DimValues> asked);

} // namespace fulgur

#endif // LIB_REPORT_MEMORY_H
