//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The remarks of one compilation, kept: a context has a single place for them
// to go to, and several features read them.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_COMPILER_REMARKLOG_H
#define LIB_COMPILER_REMARKLOG_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"

#include <mutex>
#include <string>
#include <vector>

namespace fulgur {

/// One remark, in the order in which the passes made them.
struct RemarkEntry {
  /// "passed", "missed", "failed" or "note".
  llvm::StringLiteral outcome;
  /// The flag of the pass, without dashes.
  std::string pass;
  /// "fuse", …; can be empty.
  std::string category;
  mlir::Location location;
  /// The words.
  std::string text;
  /// The arguments that have names, in their order.
  std::vector<std::pair<std::string, std::string>> arguments;
};

class RemarkLog {
public:
  /// Makes the passes of `context` remark, and keeps what they do. The log has
  /// to live as long as they run.
  llvm::LogicalResult enable(mlir::MLIRContext &context);

  void add(const mlir::remark::detail::Remark &remark);
  llvm::ArrayRef<RemarkEntry> getEntries() const { return entries; }
  /// Whether remarks are kept from now on; of several variants those of one.
  void setKeeping(bool isKeeping) { this->isKeeping = isKeeping; }

private:
  bool isKeeping = true;
  std::mutex mutex;
  std::vector<RemarkEntry> entries;
};

} // namespace fulgur

#endif // LIB_COMPILER_REMARKLOG_H
