//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the attributes of a lowered module say about the model: the contents of
// `fulgur_model` before they are constants.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_TARGET_MODELINFO_H
#define LIB_TARGET_MODELINFO_H

#include "fulgur/ExitCode.h"

#include "mlir/IR/BuiltinOps.h"
#include <array>
#include <string>
#include <vector>

namespace fulgur {

struct DimInfo {
  std::string name;
  int64_t min = 0;
  int64_t max = 0;
};

struct TensorInfo {
  std::string name;
  /// A FulgurType.
  int32_t type = 0;
  /// In the encoding of FulgurTensorInfo.shape.
  std::vector<int64_t> shape;
};

struct WeightInfo : TensorInfo {
  /// Relative to the folder of the model; empty once it is embedded.
  std::string file;
  int64_t offset = 0;
  int64_t bytes = 0;
  int32_t packed = 0;
  int32_t interleave = 0;
  bool transposed = false;
  /// The bytes, of a constant that is in no file.
  std::string data;
  /// As in FulgurWeight.
  std::array<int64_t, 4> deinterleaved = {};
};

/// The first and the last step of each time that a buffer holds something.
using BufferLifetime = std::vector<std::pair<int64_t, int64_t>>;

/// As FulgurCache.
struct CacheInfo {
  int32_t input = 0;
  int32_t output = -1;
  int32_t axis = 0;
  int64_t newRows = 0;
  /// Why it is not updated in place; empty if it is.
  std::string copied;
  /// What the model as given has in its place; empty if it is the model's own.
  std::string standsFor;
};

/// As FulgurKernel.
struct KernelInfo {
  std::string name;
  std::array<int32_t, 3> block = {1, 1, 1};
  std::array<int32_t, 3> cluster = {1, 1, 1};
  int64_t sharedBytes = 0;
  std::vector<int32_t> paramBytes;
  int32_t flags = 0;
  /// The function for the host's processor; empty for none.
  std::string emulated;
  int32_t registers = -1;
  int32_t localBytes = -1;
  int64_t codeBytes = -1;
};

/// As FulgurImage. The zero byte behind PTX is not in `data`.
struct ImageInfo {
  std::string arch;
  int32_t kind = 0;
  std::string data;
};

struct ModelInfo {
  std::string name;
  /// What the `file` of a weight is relative to.
  std::string folder;
  std::vector<DimInfo> dims;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<WeightInfo> weights;
  std::vector<BufferLifetime> buffers;
  std::vector<CacheInfo> caches;
  /// Functions of the module that the descriptor goes to.
  std::string stepFunction = "fulgur_step";
  std::string sizesFunction = "fulgur_buffer_sizes";
  std::string target = "cpu";
  /// Of a GPU variant.
  std::vector<KernelInfo> kernels;
  std::vector<ImageInfo> images;
  std::vector<std::string> failures;
  bool hasEmulator = false;
  /// Of the CPU's model. Their `folder` is that of this one, and their name.
  std::vector<ModelInfo> variants;
};

/// Reads the attributes and the weights of `module`. A module that breaks the
/// contract of the lowering is InvalidInput, a type that the runtime does not
/// know is Unsupported; both have been told.
ExitCode readModelInfo(mlir::ModuleOp module, ModelInfo &info);

} // namespace fulgur

#endif // LIB_TARGET_MODELINFO_H
