//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One run: check the inputs, find the dimensions, prepare memory for them, call
// the step, check what it gave.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Session.h"

#include "fulgur/Runtime/ArenaPlan.h"

#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

static long long ll(int64_t value) { return value; }

Status fulgur::rt::matchShape(const FulgurModel &model,
                              const FulgurTensorInfo &info,
                              const int64_t *shape, int64_t rank, Shape &dims,
                              std::vector<const char *> &origins) {
  std::string name = quoted(info.name);
  if (rank != info.rank)
    return fail(ExitCode::InvalidInput,
                "expected rank of input %s to be %d (shape %s), but got %lld "
                "(shape %s)",
                name.c_str(), info.rank, describeShape(model, info).c_str(),
                ll(rank), describeShape(shape, rank).c_str());
  for (int64_t i = 0; i < rank; ++i) {
    int64_t wanted = info.shape[i], got = shape[i];
    if (wanted >= 0) {
      if (got != wanted)
        return fail(ExitCode::InvalidInput,
                    "expected dimension %lld of input %s to be %lld, but got "
                    "%lld",
                    ll(i), name.c_str(), ll(wanted), ll(got));
      continue;
    }
    int64_t k = -1 - wanted;
    const FulgurDim &dim = model.dims[k];
    if (dims[k] < 0) {
      if (got < dim.min || (dim.max > 0 && got > dim.max)) {
        std::string range =
            dim.max > 0 ? format("%lld to %lld", ll(dim.min), ll(dim.max))
                        : format("at least %lld", ll(dim.min));
        return fail(ExitCode::InvalidInput,
                    "expected dimension %lld (%s) of input %s to be %s, but "
                    "got %lld",
                    ll(i), quoted(dim.name).c_str(), name.c_str(),
                    range.c_str(), ll(got));
      }
      dims[k] = got;
      origins[k] = info.name;
    } else if (dims[k] != got) {
      return fail(ExitCode::InvalidInput,
                  "expected dimension %lld (%s) of input %s to be %lld, as %s "
                  "says, but got %lld",
                  ll(i), quoted(dim.name).c_str(), name.c_str(), ll(dims[k]),
                  origins[k] ? ("input " + quoted(origins[k])).c_str()
                             : "--dim",
                  ll(got));
    }
  }
  return {};
}

/// Whether the numbers of a descriptor are in range: it may be of another
/// version, or damaged.
static Status checkModel(const FulgurModel &model) {
  if (model.abi_version != FULGUR_ABI_VERSION)
    return fail(ExitCode::InternalFailure,
                "expected interface version of the model to be %d, but got "
                "%lld",
                FULGUR_ABI_VERSION, ll(model.abi_version));
  auto isValid = [&](const FulgurTensorInfo &info, bool isOutput) {
    if (getElementBytes(info.type) == 0 || info.rank < 0 ||
        info.rank > FULGUR_MAX_RANK)
      return false;
    for (int32_t i = 0; i < info.rank; ++i) {
      int64_t extent = info.shape[i];
      bool unknown = isOutput && extent == FULGUR_UNKNOWN_EXTENT;
      if (extent < -model.num_dims && !unknown)
        return false;
    }
    return true;
  };
  for (int64_t i = 0; i < model.num_inputs + model.num_outputs; ++i) {
    bool isOutput = i >= model.num_inputs;
    const FulgurTensorInfo &info =
        isOutput ? model.outputs[i - model.num_inputs] : model.inputs[i];
    if (!isValid(info, isOutput))
      return fail(ExitCode::InternalFailure,
                  "%s %s of the compiled model is not consistent",
                  isOutput ? "output" : "input", quoted(info.name).c_str());
  }
  for (int64_t c = 0; c < model.num_caches; ++c) {
    const FulgurCache &cache = model.caches[c];
    if (cache.input < 0 || cache.input >= model.num_inputs || cache.axis < 0 ||
        cache.axis >= model.inputs[cache.input].rank ||
        (!cache.copied &&
         (cache.output < 0 || cache.output >= model.num_outputs ||
          model.outputs[cache.output].rank != model.inputs[cache.input].rank ||
          model.outputs[cache.output].type != model.inputs[cache.input].type ||
          cache.new_rows < -model.num_dims)))
      return fail(ExitCode::InternalFailure,
                  "cache %lld of the compiled model is not consistent", ll(c));
  }
  return {};
}

/// Loads the weights, here or on a device.
Status Session::load(const FulgurOptions &options, const Progress &progress) {
  if (Status status = checkModel(mainModel))
    return status;
  for (int64_t i = 0; i < mainModel.num_variants; ++i)
    if (Status status = checkModel(*mainModel.variants[i]))
      return status;
  if (Status status = openDevice(mainModel, options.device,
                                 options.emulator_seed, model, device))
    return status;
  DeviceScope scope(device.get());
  if (scope.getStatus())
    return scope.getStatus();
  // The host's part of a step on a device has no loops.
  int threads = device ? 1 : ThreadPool::countAllowedCPUs();
  context.pool.start(options.threads > 0 ? options.threads : threads, &context);
  stats.threads = context.pool.getNumThreads();
  if (Status status =
          weights.load(*model, getWeightFolders(mainModel, options.weights_dir),
                       context.pool))
    return status;
  stats.weightBytes = weights.getStoredBytes();
  stats.packedBytes = weights.getPackedBytes();
  if (device) {
    stats.device = device->getName();
    deviceStep.emplace(*device, *model);
    context.deviceStep = &*deviceStep;
    if (Status status = deviceStep->prepare())
      return status;
    if (Status status =
            deviceWeights.upload(*device, *model, weights, progress))
      return status;
    weights.release();
  }
  caches.emplace(*model, device.get());
  boundInputs.resize(model->num_inputs);
  inputPointers.resize(model->num_inputs);
  inputRooms.resize(model->num_inputs);
  outputRooms.resize(model->num_outputs);
  hostOutputs.resize(model->num_outputs);
  outputBuffers.resize(model->num_outputs);
  outputBytes.resize(model->num_outputs);
  return {};
}

Status Session::bindInputs(const FulgurTensor *inputs, int64_t numInputs,
                           Shape &newDims) {
  for (int64_t i = 0; i < numInputs; ++i) {
    bool known = false;
    for (int64_t k = 0; k < model->num_inputs && inputs[i].name; ++k)
      known |= strcmp(model->inputs[k].name, inputs[i].name) == 0;
    if (!known)
      return fail(ExitCode::InvalidInput, "the model has no input %s",
                  quoted(inputs[i].name ? inputs[i].name : "").c_str());
  }
  newDims.assign(model->num_dims, -1);
  std::vector<const char *> origins(model->num_dims, nullptr);
  for (int64_t k = 0; k < model->num_inputs; ++k) {
    const FulgurTensorInfo &info = model->inputs[k];
    const FulgurTensor *input = nullptr;
    for (int64_t i = 0; i < numInputs && !input; ++i)
      if (strcmp(info.name, inputs[i].name) == 0)
        input = &inputs[i];
    if (!input)
      return fail(ExitCode::InvalidInput, "expected an input %s, but got none",
                  quoted(info.name).c_str());
    if (input->type != info.type)
      return fail(ExitCode::InvalidInput,
                  "expected type of input %s to be %s, but got %s",
                  quoted(info.name).c_str(), getTypeName(info.type),
                  getTypeName(input->type));
    if (input->rank < 0 || input->rank > FULGUR_MAX_RANK)
      return fail(ExitCode::InvalidInput,
                  "expected rank of input %s to be %d, but got %d",
                  quoted(info.name).c_str(), info.rank, input->rank);
    if (Status status = matchShape(*model, info, input->shape, input->rank,
                                   newDims, origins))
      return status;
    int64_t bytes, element = getElementBytes(info.type);
    if (!computeBytes(input->shape, input->rank, element, bytes))
      return fail(ExitCode::InvalidInput, "input %s is too large",
                  quoted(info.name).c_str());
    int64_t cache = caches->findInput(k);
    if (cache >= 0 && bytes > 0 && !input->data &&
        !caches->keeps(cache, *input))
      return fail(ExitCode::InvalidInput,
                  "expected data of input %s, as the last run left no %s of "
                  "it, but got none",
                  quoted(info.name).c_str(),
                  describeShape(input->shape, input->rank).c_str());
    if ((bytes > 0 && !input->data && cache < 0) ||
        reinterpret_cast<uintptr_t>(input->data) % element != 0)
      return fail(ExitCode::InvalidInput,
                  "expected data of input %s to be aligned to %lld bytes, but "
                  "got %p",
                  quoted(info.name).c_str(), ll(element), input->data);
    boundInputs[k] = input;
    inputPointers[k] = input->data;
  }
  for (int64_t k = 0; k < model->num_dims; ++k)
    if (newDims[k] < 0)
      return fail(ExitCode::InternalFailure,
                  "expected dimension %s to be in the shape of an input",
                  quoted(model->dims[k].name).c_str());
  return {};
}

/// The extents of an output as far as the dimensions determine them.
Shape Session::resolve(const FulgurTensorInfo &info) const {
  Shape shape(info.shape, info.shape + info.rank);
  for (int64_t &extent : shape)
    if (extent < 0 && extent != FULGUR_UNKNOWN_EXTENT)
      extent = dims[-1 - extent];
  return shape;
}

Status fulgur::rt::planMemory(const FulgurModel &model, const Shape &dims,
                              MemoryPlan &plan) {
  int64_t count = model.num_buffers;
  std::vector<int64_t> bytes(count, 0);
  if (count > 0 && model.buffer_sizes)
    model.buffer_sizes(dims.data(), bytes.data());
  plan.offsets.assign(count, 0);
  plan.arenaBytes =
      planArena(model.buffers, bytes.data(), count, plan.offsets.data());
  if (plan.arenaBytes < 0)
    return fail(ExitCode::InvalidInput,
                "the inputs are too large: the model would need more memory "
                "than any machine has");
  plan.largestLiveSet = largestLiveSet(model.buffers, bytes.data(), count);
  return {};
}

Status Session::prepare(const Shape &newDims) {
  if (prepared && dims == newDims)
    return {};
  prepared = false;
  dims = newDims;
  if (Status status = planMemory(*model, dims, plan))
    return status;
  stats.arenaBytes = plan.arenaBytes;
  stats.largestLiveSet = plan.largestLiveSet;
  // Sequences grow and shrink; memory that is large enough is kept.
  if (Status status = arena.reserve(device.get(), plan.arenaBytes,
                                    "the intermediate results"))
    return status;

  for (int64_t i = 0; i < model->num_outputs; ++i) {
    const FulgurTensorInfo &info = model->outputs[i];
    if (caches->findOutput(i) >= 0)
      continue;
    Shape shape = resolve(info);
    bool determined = true;
    for (int64_t extent : shape)
      determined &= extent != FULGUR_UNKNOWN_EXTENT;
    if (!determined) {
      outputRooms[i].reset();
      continue;
    }
    int64_t room;
    std::string purpose = "output " + quoted(info.name);
    if (!computeBytes(shape.data(), info.rank, getElementBytes(info.type),
                      room))
      return fail(ExitCode::InvalidInput,
                  "the inputs are too large: %s does not fit into memory",
                  purpose.c_str());
    if (Status status =
            outputRooms[i].reserve(device.get(), room, purpose.c_str()))
      return status;
  }
  prepared = true;
  return {};
}

Status Session::checkOutputs() {
  for (int64_t i = 0; i < model->num_outputs; ++i) {
    const FulgurTensorInfo &info = model->outputs[i];
    FulgurBuffer &buffer = outputBuffers[i];
    if (int64_t c = caches->findOutput(i); c >= 0) {
      if (buffer.data != caches->getBuffer(c))
        return fail(ExitCode::InternalFailure,
                    "expected output %s to be updated in place, but got a copy",
                    quoted(info.name).c_str());
      const Shape &shape = caches->getShape(c);
      std::copy(shape.begin(), shape.end(), buffer.shape);
    }
    Shape wanted = resolve(info);
    bool agrees = computeBytes(buffer.shape, info.rank,
                               getElementBytes(info.type), outputBytes[i]);
    for (int32_t d = 0; d < info.rank; ++d)
      agrees &=
          wanted[d] == FULGUR_UNKNOWN_EXTENT || wanted[d] == buffer.shape[d];
    if (!agrees || (outputBytes[i] > 0 && !buffer.data))
      return fail(ExitCode::InternalFailure,
                  "expected shape of output %s to be %s, but got %s",
                  quoted(info.name).c_str(),
                  describeShape(*model, info).c_str(),
                  describeShape(buffer.shape, info.rank).c_str());
  }
  return {};
}

/// Sets where output `k` is, or copies it there.
Status Session::giveOutput(int64_t k, FulgurTensor &output) {
  int64_t cache = caches->findOutput(k), bytes = outputBytes[k];
  stats.downloadedBytes += device ? bytes : 0;
  if (cache >= 0)
    return output.data ? caches->copyDense(cache, output.data)
                       : caches->getDense(cache, output.data);
  const void *result = outputBuffers[k].data;
  if (!device) {
    if (!output.data)
      output.data = outputBuffers[k].data;
    else if (bytes > 0)
      memcpy(output.data, result, bytes);
    return {};
  }
  if (!output.data) {
    Block &room = hostOutputs[k];
    std::string purpose = "output " + quoted(model->outputs[k].name);
    if (!room.data() || room.size() < bytes)
      if (Status status = room.allocate(bytes, purpose.c_str()))
        return status;
    output.data = room.data();
  }
  return device->downloadAsync(output.data, result, bytes);
}

Status Session::giveOutputs(FulgurTensor *outputs, int64_t numOutputs) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < numOutputs; ++i) {
    const char *name = outputs[i].name ? outputs[i].name : "";
    int64_t k = 0;
    while (k < model->num_outputs && strcmp(model->outputs[k].name, name) != 0)
      ++k;
    if (k == model->num_outputs)
      return fail(ExitCode::InvalidInput, "the model has no output %s",
                  quoted(name).c_str());
    if (outputs[i].data && outputs[i].bytes < outputBytes[k])
      return fail(ExitCode::InvalidInput,
                  "expected room for output %s to be at least %lld bytes, but "
                  "got %lld",
                  quoted(name).c_str(), ll(outputBytes[k]),
                  ll(outputs[i].bytes));
    indices.push_back(k);
  }
  std::vector<void *> places;
  for (int64_t i = 0; i < numOutputs; ++i)
    places.push_back(outputs[i].data);
  Status status;
  for (int64_t i = 0; i < numOutputs && !status; ++i)
    status = giveOutput(indices[i], outputs[i]);
  if (device && !status)
    status = device->synchronize();
  if (status) {
    for (int64_t i = 0; i < numOutputs; ++i)
      outputs[i].data = places[i];
    return status;
  }
  for (int64_t i = 0; i < numOutputs; ++i) {
    FulgurTensor &output = outputs[i];
    int64_t k = indices[i];
    output.type = model->outputs[k].type;
    output.rank = model->outputs[k].rank;
    memcpy(output.shape, outputBuffers[k].shape, sizeof(output.shape));
    output.bytes = outputBytes[k];
  }
  return {};
}

/// Puts the inputs where the device finds them. Those that are caches are in
/// their buffers already.
Status Session::uploadInputs() {
  for (int64_t k = 0; k < model->num_inputs; ++k) {
    const FulgurTensorInfo &info = model->inputs[k];
    const FulgurTensor &input = *boundInputs[k];
    int64_t bytes;
    (void)computeBytes(input.shape, input.rank, getElementBytes(info.type),
                       bytes);
    if (caches->findInput(k) >= 0)
      continue;
    std::string purpose = "input " + quoted(info.name);
    if (Status status =
            inputRooms[k].reserve(device.get(), bytes, purpose.c_str()))
      return status;
    inputPointers[k] = inputRooms[k].data();
    if (Status status =
            device->uploadAsync(inputPointers[k], input.data, bytes))
      return status;
    stats.uploadedBytes += bytes;
  }
  return {};
}

Status Session::runBound(FulgurTensor *outputs, int64_t numOutputs) {
  stats.downloadedBytes = 0;
  if (Status status = caches->bind(boundInputs, dims, inputPointers))
    return status;
  stats.cacheBytes = caches->getBytes();
  stats.uploadedBytes = caches->getUploadedBytes();
  if (device)
    if (Status status = uploadInputs())
      return status;
  for (int64_t i = 0; i < model->num_outputs; ++i) {
    outputBuffers[i] = {outputRooms[i].data(), {}};
    Shape shape = resolve(model->outputs[i]);
    std::copy(shape.begin(), shape.end(), outputBuffers[i].shape);
  }
  FulgurStep step = {dims.data(),
                     arena.data(),
                     plan.offsets.data(),
                     device ? deviceWeights.getPointers()
                            : weights.getPointers(),
                     inputPointers.data(),
                     outputBuffers.data(),
                     caches->getCapacities()};
  if (!device)
    context.run(model->step, step);
  else if (Status status = deviceStep->run(context, step))
    return status;
  if (const Status *failure = context.getFailure())
    return *failure;
  caches->commit(dims);
  if (Status status = checkOutputs())
    return status;
  return giveOutputs(outputs, numOutputs);
}

Status Session::run(const FulgurTensor *inputs, int64_t numInputs,
                    FulgurTensor *outputs, int64_t numOutputs) {
  DeviceScope scope(device.get());
  if (scope.getStatus())
    return scope.getStatus();
  Shape newDims;
  if (Status status = bindInputs(inputs, numInputs, newDims))
    return status;
  if (Status status = prepare(newDims))
    return status;
  Status status = runBound(outputs, numOutputs);
  // The caller's memory is not used any more once this returns.
  if (status && device)
    (void)device->synchronize();
  return status;
}
