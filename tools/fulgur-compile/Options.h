//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the files of the command line share.
//
//===----------------------------------------------------------------------===//
#ifndef TOOLS_FULGUR_COMPILE_OPTIONS_H
#define TOOLS_FULGUR_COMPILE_OPTIONS_H

#include "fulgur/Compiler/Compiler.h"

#include "llvm/Support/CommandLine.h"

namespace fulgur {

/// The options that `--help` shows.
extern llvm::cl::OptionCategory category;

/// Tells what is wrong with the command line; returns the exit code.
int usageError(const llvm::Twine &message);

/// Whether an option about fusions has the value `help`.
bool isFusionListAsked();

/// Prints all fusions; returns the exit code.
int printFusions();

/// Whether --machine has the value `help`.
bool isMachineListAsked();

/// Prints all known machines; returns the exit code.
int printMachines();
/// Whether the passes of all stages are to be printed.
bool isPipelineAsked();

/// Whether --measure-machine is given.
bool isMeasurementAsked();

/// Measures this machine and writes what it found; returns the exit code.
int writeMeasuredMachine();

/// Sets what the options of ExperimentOptions.cpp ask for. Returns 0, or the
/// exit code after telling what is wrong.
int setExperimentOptions(CompileOptions &options);

/// The same for GPUOptions.cpp. Expects the stage to be set.
int setGPUOptions(CompileOptions &options);

/// The same for ReportOptions.cpp. Expects the output to be set.
int setReportOptions(CompileOptions &options);

} // namespace fulgur

#endif // TOOLS_FULGUR_COMPILE_OPTIONS_H
