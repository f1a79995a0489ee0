//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Gathering of inputs. What is given tells dimensions to what is made up.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Inputs.h"

#include "lib/Runtime/Session.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace fulgur;
using namespace fulgur::rt;

/// splitmix64 by S. Vigna (public domain): one multiplication chain, no state
/// but a counter.
static uint64_t nextRandom(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void fulgur::rt::fillRandom(uint64_t seed, HostTensor &tensor) {
  // FNV-1a of the name: inputs of one seed differ from each other.
  uint64_t state = 0xcbf29ce484222325;
  for (unsigned char c : tensor.name)
    state = (state ^ c) * 0x100000001b3;
  state ^= seed * 0x9e3779b97f4a7c15;
  int64_t count = tensor.getNumElements();
  constexpr double pi = 3.14159265358979323846;
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = nextRandom(state);
    double value;
    if (isFloat(tensor.type)) {
      // Box and Muller; 1 - u is never 0.
      double u = static_cast<double>(bits >> 11) * 0x1p-53;
      double v = static_cast<double>(nextRandom(state) >> 11) * 0x1p-53;
      value = std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * pi * v);
    } else {
      value = static_cast<double>(bits >> 32 &
                                  (tensor.type == FULGUR_BOOL ? 1 : 15));
    }
    writeNumber(tensor.type, tensor.data.data(), i, value);
  }
}

static std::vector<std::string> splitElements(const std::string &text) {
  std::vector<std::string> elements;
  for (size_t begin = 0; begin <= text.size() && !text.empty();) {
    size_t end = std::min(text.find(',', begin), text.size());
    elements.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return elements;
}

static Status storeElement(const FulgurTensorInfo &info,
                           const std::string &text, HostTensor &tensor,
                           int64_t index) {
  char *end = nullptr;
  errno = 0;
  bool valid;
  if (info.type == FULGUR_I64 || info.type == FULGUR_U64) {
    // A double does not hold all of these.
    uint64_t value =
        info.type == FULGUR_I64
            ? static_cast<uint64_t>(strtoll(text.c_str(), &end, 10))
            : strtoull(text.c_str(), &end, 10);
    bool negative = info.type == FULGUR_U64 && strchr(text.c_str(), '-');
    valid = errno == 0 && !negative;
    memcpy(tensor.data.data() + index * 8, &value, 8);
  } else {
    double value = strtod(text.c_str(), &end);
    writeNumber(info.type, tensor.data.data(), index, value);
    valid = isFloat(info.type) ||
            readNumber(info.type, tensor.data.data(), index) == value;
  }
  if (valid && end && end != text.c_str() && !*end)
    return {};
  return fail(ExitCode::InvalidInput,
              "expected element %lld of input %s to be a number of type %s, "
              "but got %s",
              static_cast<long long>(index), quoted(info.name).c_str(),
              getTypeName(info.type), quoted(text).c_str());
}

/// Elements have no shape: known extents are taken, the last unknown one is
/// what remains, and the others are 1.
static Status parseLiteral(const FulgurTensorInfo &info,
                           const std::string &text, const Shape &dims,
                           HostTensor &tensor) {
  std::vector<std::string> elements = splitElements(text);
  int64_t known = 1, count = elements.size();
  int32_t open = -1;
  tensor.shape.assign(info.shape, info.shape + info.rank);
  for (int32_t i = 0; i < info.rank; ++i) {
    int64_t &extent = tensor.shape[i];
    if (extent < 0)
      extent = dims[-1 - extent];
    if (extent < 0) {
      if (open >= 0)
        tensor.shape[open] = 1;
      open = i;
    } else if (__builtin_mul_overflow(known, extent, &known)) {
      known = INT64_MAX;
    }
  }
  if (open >= 0)
    tensor.shape[open] = known > 0 ? count / known : 0;
  if (open >= 0 && known > 0 && count % known == 0)
    known = count;
  if (known != count)
    return fail(ExitCode::InvalidInput,
                "expected number of elements of input %s to be %s%lld, but got "
                "%lld",
                quoted(info.name).c_str(), open >= 0 ? "a multiple of " : "",
                static_cast<long long>(known), static_cast<long long>(count));
  tensor.type = info.type;
  std::string purpose = "input " + quoted(info.name);
  if (Status status = tensor.data.allocate(count * getElementBytes(info.type),
                                           purpose.c_str()))
    return status;
  for (int64_t i = 0; i < count; ++i)
    if (Status status = storeElement(info, elements[i], tensor, i))
      return status;
  return {};
}

/// Finds which input `NAME=...` is; a name may contain '='.
static Status findInput(const FulgurModel &model, const std::string &text,
                        int64_t &index) {
  size_t longest = 0;
  index = -1;
  for (int64_t i = 0; i < model.num_inputs; ++i) {
    std::string name = model.inputs[i].name;
    if (name.size() >= longest && text.size() > name.size() &&
        text.compare(0, name.size(), name) == 0 && text[name.size()] == '=') {
      longest = name.size();
      index = i;
    }
  }
  if (index >= 0)
    return {};
  std::string names;
  for (int64_t i = 0; i < model.num_inputs; ++i)
    names += (i ? ", " : "") + quoted(model.inputs[i].name);
  return fail(ExitCode::InvalidInput,
              "the model has no input %s; its inputs are %s",
              quoted(text.substr(0, text.find('='))).c_str(), names.c_str());
}

static Status getGivenDims(const FulgurModel &model, const Options &options,
                           Shape &dims) {
  dims.assign(model.num_dims, -1);
  for (auto &given : options.dims) {
    int64_t k = 0;
    while (k < model.num_dims && given.first != model.dims[k].name)
      ++k;
    if (k == model.num_dims) {
      std::string names;
      for (int64_t i = 0; i < model.num_dims; ++i)
        names += (i ? ", " : "") + quoted(model.dims[i].name);
      return fail(ExitCode::InvalidInput,
                  "the model has no dimension %s; its dimensions are %s",
                  quoted(given.first).c_str(),
                  names.empty() ? "all fixed" : names.c_str());
    }
    const FulgurDim &dim = model.dims[k];
    if (given.second < dim.min || (dim.max > 0 && given.second > dim.max))
      return fail(ExitCode::InvalidInput,
                  "expected dimension %s to be %lld to %s, but got %lld",
                  quoted(dim.name).c_str(), static_cast<long long>(dim.min),
                  dim.max > 0 ? std::to_string(dim.max).c_str() : "any size",
                  static_cast<long long>(given.second));
    dims[k] = given.second;
  }
  return {};
}

static Status makeRandom(const FulgurModel &model, const FulgurTensorInfo &info,
                         const Options &options, Shape &dims,
                         HostTensor &tensor) {
  tensor.shape.assign(info.shape, info.shape + info.rank);
  for (int64_t &extent : tensor.shape) {
    if (extent >= 0)
      continue;
    int64_t k = -1 - extent;
    const FulgurDim &dim = model.dims[k];
    if (dims[k] < 0 && dim.max > 0 && dim.min == dim.max)
      dims[k] = dim.min;
    if (dims[k] < 0)
      return fail(ExitCode::Usage,
                  "expected --dim %s=N, to make input %s up (--help shows an "
                  "example)",
                  dim.name, quoted(info.name).c_str());
    extent = dims[k];
  }
  tensor.type = info.type;
  int64_t bytes = -1;
  std::string purpose = "input " + quoted(info.name);
  if (!computeBytes(tensor.shape.data(), info.rank, getElementBytes(info.type),
                    bytes))
    return fail(ExitCode::InvalidInput, "%s is too large", purpose.c_str());
  if (Status status = tensor.data.allocate(bytes, purpose.c_str()))
    return status;
  fillRandom(options.seed, tensor);
  return {};
}

Status fulgur::rt::getInputs(const FulgurModel &model, const Options &options,
                             std::vector<HostTensor> &inputs) {
  Shape dims;
  if (Status status = getGivenDims(model, options, dims))
    return status;
  std::vector<const char *> origins(model.num_dims, nullptr);
  inputs.resize(model.num_inputs);
  std::vector<std::string> given(model.num_inputs); // what follows NAME=
  for (const std::string &text : options.inputs) {
    int64_t index;
    if (Status status = findInput(model, text, index))
      return status;
    std::string name = model.inputs[index].name;
    if (!given[index].empty())
      return fail(ExitCode::Usage, "expected input %s once, but got it twice",
                  quoted(name).c_str());
    given[index] = text.substr(name.size());
  }
  // Files first, then elements and made-up numbers, which need dimensions.
  bool random =
      options.random || (options.command == Command::Bench &&
                         options.inputs.empty() && options.inputDir.empty());
  for (int64_t i = 0; i < model.num_inputs; ++i) {
    const FulgurTensorInfo &info = model.inputs[i];
    HostTensor &input = inputs[i];
    input.name = info.name;
    std::string path;
    if (given[i].size() > 1 && given[i][1] == '@')
      path = given[i].substr(2);
    else if (!given[i].empty())
      continue;
    else if (!options.inputDir.empty())
      path = getNpyPath(options.inputDir, info.name);
    else if (random)
      continue;
    else
      return fail(ExitCode::InvalidInput,
                  "expected an input %s, but got none (--input %s=@FILE, "
                  "--input-dir DIR or --random-inputs SEED)",
                  quoted(info.name).c_str(), info.name);
    if (given[i].empty() && random && access(path.c_str(), F_OK) != 0)
      continue;
    if (Status status = readNpy(path, info.type, input))
      return status;
    if (input.type != info.type)
      return fail(ExitCode::InvalidInput,
                  "expected type of input %s to be %s, but got %s",
                  quoted(info.name).c_str(), getTypeName(info.type),
                  getTypeName(input.type));
    if (Status status = matchShape(model, info, input.shape.data(),
                                   input.shape.size(), dims, origins))
      return status;
  }
  for (int64_t i = 0; i < model.num_inputs; ++i) {
    if (given[i].empty() || given[i][1] == '@')
      continue;
    if (Status status =
            parseLiteral(model.inputs[i], given[i].substr(1), dims, inputs[i]))
      return status;
    if (Status status =
            matchShape(model, model.inputs[i], inputs[i].shape.data(),
                       inputs[i].shape.size(), dims, origins))
      return status;
  }
  for (int64_t i = 0; i < model.num_inputs; ++i)
    if (!inputs[i].type)
      if (Status status =
              makeRandom(model, model.inputs[i], options, dims, inputs[i]))
        return status;
  return {};
}

std::vector<FulgurTensor>
fulgur::rt::getViews(const std::vector<HostTensor> &tensors) {
  std::vector<FulgurTensor> views;
  for (const HostTensor &tensor : tensors) {
    FulgurTensor view = {};
    view.name = tensor.name.c_str();
    view.type = tensor.type;
    view.rank = static_cast<int32_t>(tensor.shape.size());
    std::copy(tensor.shape.begin(), tensor.shape.end(), view.shape);
    view.data = tensor.data.data();
    view.bytes = tensor.data.size();
    views.push_back(view);
  }
  return views;
}
