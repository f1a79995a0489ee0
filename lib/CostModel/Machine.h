//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a machine can do: the few numbers by which the cost model compares two
// ways of computing the same. A description is JSON, one of machines/*.json or
// a file of the user's:
//
//   {
//     "name": "h100",
//     "source": "where the numbers come from",
//     "cores": 132,
//     "peak_flops": {"f32": 6.7e13, "bf16": 9.89e14},
//     "memory": [
//       {"name": "L2", "capacity_bytes": 5.2e7, "bytes_per_second": 5.5e12},
//       {"name": "HBM", "capacity_bytes": 8.6e10, "bytes_per_second": 3.35e12}
//     ],
//     "launch_seconds": 3e-6
//   }
//
// Peaks and bandwidths are those of all cores together; a multiply-add is two
// operations. Memory levels are in order, the nearest first, and the last one
// holds the model. "core_bytes_per_second", which may be left out, is what one
// core reads alone. "launch_seconds" is the time between two dependent parallel
// loops (or kernels) that do nothing.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_COSTMODEL_MACHINE_H
#define FULGUR_LIB_COSTMODEL_MACHINE_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <array>
#include <string>
#include <vector>

namespace fulgur {

/// The element types whose arithmetic has a speed of its own.
enum class NumberType { F64, F32, BF16, F16, F8 };
constexpr unsigned numNumberTypes = 5;

/// The names by which descriptions call them, in the order of the enum.
llvm::ArrayRef<llvm::StringLiteral> getNumberTypeNames();

/// The arithmetic of an element type; integers and indices count as f32.
NumberType getNumberType(mlir::Type element);

struct MemoryLevel {
  std::string name;
  /// Bytes that one core can reach at this speed.
  double capacity = 0;
  /// Bytes read a second by all cores together.
  double bandwidth = 0;
  /// Bytes read a second by one core; 0 where it is not known.
  double coreBandwidth = 0;
};

struct Machine {
  std::string name;
  std::string source;
  int64_t cores = 1;
  /// Operations a second by type; 0 where the machine has no such arithmetic.
  std::array<double, numNumberTypes> peak{};
  std::vector<MemoryLevel> memory;
  double launchSeconds = 0;

  /// Operations a second. A type without arithmetic of its own is converted,
  /// and runs at the speed of f32.
  double getPeak(NumberType type) const;
  /// The level that holds the model.
  const MemoryLevel &getMainMemory() const { return memory.back(); }
};

/// Reads a description. The error is one line and names the key.
llvm::Expected<Machine> parseMachine(llvm::StringRef text);

/// The description of `machine`, which parseMachine reads back.
llvm::json::Value toJSON(const Machine &machine);

/// A description that is part of the compiler.
struct KnownMachine {
  llvm::StringLiteral name;
  llvm::StringLiteral text;
};
/// In the order of their names.
llvm::ArrayRef<KnownMachine> getKnownMachines();

/// The processor that the compiler was written on stands for all of its kind.
constexpr llvm::StringLiteral defaultMachine = "x86-64";

/// The attribute of a module that says which machine it is compiled for: the
/// name of a known one, or the text of a description.
constexpr llvm::StringLiteral machineAttr = "fulgur.machine";

/// The machine of the module around `op`; the default one if it does not say.
/// Emits an error if it says something that is no machine.
llvm::FailureOr<Machine> getMachine(mlir::Operation *op);

} // namespace fulgur

#endif // FULGUR_LIB_COSTMODEL_MACHINE_H
