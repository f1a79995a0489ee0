//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The inputs of a run from the command line: files, elements, made-up numbers.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_INPUTS_H
#define FULGUR_LIB_RUNTIME_INPUTS_H

#include "fulgur/Runtime/Fulgur.h"
#include "lib/Runtime/Npy.h"
#include "lib/Runtime/Options.h"

#include <vector>

namespace fulgur::rt {

/// Reads or makes every input of the model, in its order.
Status getInputs(const FulgurModel &model, const Options &options,
                 std::vector<HostTensor> &inputs);

/// Normal floats, integers from 0 to 15, bools; the same for the same name,
/// shape and seed.
void fillRandom(uint64_t seed, HostTensor &tensor);

/// The tensors as the C interface takes them.
std::vector<FulgurTensor> getViews(const std::vector<HostTensor> &tensors);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_INPUTS_H
