//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the remarks of fusions.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Remarks.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace fulgur;

using Arg = remark::detail::Remark::Arg;

static remark::RemarkOpts optionsFor(StringRef pass) {
  return remark::RemarkOpts::name(pass).category("fuse");
}

void fulgur::remarkFused(Location loc, StringRef pass, const Twine &what,
                         Saving saving) {
  auto remark = remark::passed(loc, optionsFor(pass));
  remark << what.str() << Arg("BytesSaved", static_cast<int64_t>(saving.bytes))
         << Arg("FlopsSaved", static_cast<int64_t>(saving.flops));
}

void fulgur::remarkNotFused(Location loc, StringRef pass, const Twine &why) {
  remark::missed(loc, optionsFor(pass)) << why.str();
}
