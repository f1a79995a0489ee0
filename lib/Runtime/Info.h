//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What `info` prints of a model.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_INFO_H
#define FULGUR_LIB_RUNTIME_INFO_H

#include "fulgur/Runtime/Model.h"

#include <string>

namespace fulgur::rt {

/// Lines of text.
std::string describeModel(const FulgurModel &model);
/// One JSON object.
std::string describeModelAsJson(const FulgurModel &model);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_INFO_H
