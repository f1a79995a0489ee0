/*===----------------------------------------------------------------------===*\
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/*
 * The emulator of GPUs that a model compiled with --gpu-emulator refers to: it
 * runs kernels on the host and checks them (lib/Emulator/README.md).
 */
#ifndef FULGUR_RUNTIME_EMULATOR_H
#define FULGUR_RUNTIME_EMULATOR_H

#include "fulgur/Runtime/Model.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const FulgurEmulator fulgur_emulator;

#ifdef __cplusplus
}
#endif

#endif /* FULGUR_RUNTIME_EMULATOR_H */
