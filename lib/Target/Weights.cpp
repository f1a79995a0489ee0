//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Moves the bytes of the weights out of the files of the model, or leaves them
// there. Bytes are mapped one weight at a time and never interpreted.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/Weights.h"

#include "fulgur/Runtime/Model.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <map>
#include <set>
#include <tuple>

using namespace llvm;
using namespace fulgur;

/// Below this, all weights together are embedded unless something else is
/// asked for: an executable that is easy to copy.
static constexpr int64_t embedLimit = int64_t(64) << 20;

/// Code reaches embedded weights by 32-bit displacements.
static constexpr int64_t maxEmbedded = int64_t(1) << 30;

std::optional<WeightMode> fulgur::parseWeightMode(StringRef name) {
  return StringSwitch<std::optional<WeightMode>>(name)
      .Case("auto", WeightMode::Auto)
      .Case("embed", WeightMode::Embed)
      .Case("reference", WeightMode::Reference)
      .Case("pack", WeightMode::Pack)
      .Default(std::nullopt);
}

/// Writes the bytes of `weight` to `os`.
static ExitCode copyBytes(StringRef folder, const WeightInfo &weight,
                          raw_ostream &os) {
  if (!weight.data.empty()) {
    os << weight.data;
    return ExitCode::Success;
  }
  SmallString<256> path(folder);
  sys::path::append(path, weight.file);
  auto failToRead = [&](const Twine &why) {
    return fail(ExitCode::InvalidInput, path + ": weight '" + weight.name +
                                            "' can not be read: " + why);
  };
  uint64_t size = 0;
  if (std::error_code error = sys::fs::file_size(path, size))
    return failToRead(error.message());
  // Neither operand is negative.
  uint64_t end = uint64_t(weight.offset) + uint64_t(weight.bytes);
  if (end > size)
    return failToRead("expected the file to have at least " + Twine(end) +
                      " bytes, but got " + Twine(size));
  if (weight.bytes == 0)
    return ExitCode::Success;
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getFileSlice(path, weight.bytes, weight.offset);
  if (!buffer)
    return failToRead(buffer.getError().message());
  os << (*buffer)->getBuffer();
  return ExitCode::Success;
}

/// What is stored of a weight. Weights of several variants are often the same.
static auto getStored(const WeightInfo &weight) {
  return std::tuple(weight.file, weight.offset, weight.bytes, weight.data);
}

/// The weights of the model and of its variants.
static SmallVector<WeightInfo *> getAllWeights(ModelInfo &info) {
  SmallVector<WeightInfo *> weights;
  for (WeightInfo &weight : info.weights)
    weights.push_back(&weight);
  for (ModelInfo &variant : info.variants)
    for (WeightInfo &weight : variant.weights)
      weights.push_back(&weight);
  return weights;
}

/// Writes all weights, or those that are in no file, to `os`, each once and
/// aligned, and makes each start where it is in there, in the file `file`.
static ExitCode copyAll(ModelInfo &info, StringRef file, raw_ostream &os,
                        bool onlyConstants = false) {
  uint64_t start = os.tell();
  std::map<decltype(getStored(WeightInfo())), uint64_t> places;
  for (WeightInfo *weight : getAllWeights(info)) {
    if (onlyConstants && weight->data.empty())
      continue;
    auto [place, isNew] = places.try_emplace(getStored(*weight), 0);
    if (isNew) {
      uint64_t at = os.tell() - start;
      place->second = alignTo(at, FULGUR_ALIGNMENT);
      os.write_zeros(place->second - at);
      if (ExitCode code = copyBytes(info.folder, *weight, os);
          code != ExitCode::Success)
        return code;
    }
    weight->file = file.str();
    weight->offset = place->second;
  }
  return ExitCode::Success;
}

static int64_t getTotalBytes(ModelInfo &info) {
  int64_t total = 0;
  std::set<decltype(getStored(WeightInfo()))> counted;
  for (const WeightInfo *weight : getAllWeights(info))
    if (counted.insert(getStored(*weight)).second)
      total = SaturatingAdd<uint64_t>(total, weight->bytes) > INT64_MAX
                  ? INT64_MAX
                  : total + weight->bytes;
  return total;
}

static ExitCode embed(ModelInfo &info, PlacedWeights &placed) {
  int64_t total = getTotalBytes(info);
  if (total > maxEmbedded)
    return fail(ExitCode::Usage,
                "expected embedded weights to have at most " +
                    Twine(maxEmbedded) + " bytes, but got " + Twine(total) +
                    "; use --weights=reference or --weights=pack");
  raw_string_ostream os(placed.blob);
  return copyAll(info, "", os);
}

static ExitCode pack(ModelInfo &info, StringRef output, PlacedWeights &placed) {
  if (output == "-")
    return fail(ExitCode::Usage, "expected the output to be a file for "
                                 "--weights=pack, but got standard output");
  SmallString<256> path(output);
  path += ".weights";
  auto file = std::make_unique<PendingFile>(path);
  ExitCode code = file->create([&](raw_ostream &os) {
    return copyAll(info, sys::path::filename(path), os);
  });
  if (code != ExitCode::Success)
    return code;
  if (std::error_code error = sys::fs::make_absolute(path))
    return fail(ExitCode::ToolFailed, path + ": " + error.message());
  info.folder = sys::path::parent_path(path).str();
  placed.file = std::move(file);
  return ExitCode::Success;
}

ExitCode fulgur::placeWeights(ModelInfo &info, WeightMode mode,
                              StringRef output, PlacedWeights &placed) {
  if (getAllWeights(info).empty())
    return ExitCode::Success;
  if (mode == WeightMode::Auto)
    mode = getTotalBytes(info) < embedLimit ? WeightMode::Embed
                                            : WeightMode::Reference;
  switch (mode) {
  case WeightMode::Embed:
    return embed(info, placed);
  case WeightMode::Pack:
    return pack(info, output, placed);
  default:
    raw_string_ostream os(placed.blob);
    return copyAll(info, "", os, /*onlyConstants=*/true);
  }
}
