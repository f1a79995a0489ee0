//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loading of weights. Files are mapped, so that weights which the step takes as
// they are stored cost no time here and are shared between processes.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Weights.h"

#include "lib/Runtime/Types.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fulgur;
using namespace fulgur::rt;

/// The folder of the executable or of the shared library that holds the model.
static std::string getOwnFolder(const FulgurModel &model) {
  Dl_info info;
  char path[PATH_MAX];
  // The loader knows an executable by argv[0], which may have come from PATH.
  bool found = dladdr(&model, &info) && info.dli_fname &&
               strchr(info.dli_fname, '/') && realpath(info.dli_fname, path);
  if (!found) {
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length <= 0)
      return ".";
    path[length] = '\0';
  }
  std::string folder = path;
  return folder.substr(0, folder.rfind('/') + 1);
}

std::vector<std::string> fulgur::rt::getWeightFolders(const FulgurModel &model,
                                                      const char *chosen) {
  if (chosen)
    return {chosen};
  std::vector<std::string> folders;
  if (model.model_folder && *model.model_folder)
    folders.push_back(model.model_folder);
  folders.push_back(getOwnFolder(model));
  return folders;
}

/// Whether a name can lead out of the folder that it is looked for in.
static bool leavesFolder(const std::string &name) {
  if (name.empty() || name.front() == '/')
    return true;
  for (size_t begin = 0; begin <= name.size();) {
    size_t end = name.find('/', begin);
    if (end == std::string::npos)
      end = name.size();
    if (name.compare(begin, end - begin, "..") == 0)
      return true;
    begin = end + 1;
  }
  return false;
}

Weights::~Weights() { release(); }

void Weights::release() {
  for (auto &entry : files)
    if (entry.second.data)
      munmap(entry.second.data, entry.second.size);
  files.clear();
  blocks.clear();
  pointers.clear();
}

Status Weights::map(const std::string &name,
                    const std::vector<std::string> &folders, File &file) {
  auto known = files.find(name);
  if (known != files.end()) {
    file = known->second;
    return {};
  }
  if (leavesFolder(name))
    return fail(ExitCode::InvalidInput,
                "expected weight file %s to be inside of the model's folder",
                quoted(name).c_str());
  int descriptor = -1;
  std::string path;
  for (const std::string &folder : folders) {
    path = folder + (folder.empty() || folder.back() != '/' ? "/" : "") + name;
    descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor >= 0)
      break;
  }
  if (descriptor < 0) {
    Status status =
        failFile(ExitCode::InvalidInput, "can not read weight file", path);
    if (errno == ENOENT || errno == ENOTDIR)
      status.text += " (--weights-dir names its folder)";
    return status;
  }
  struct stat info;
  Status status;
  if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    status = fail(ExitCode::InvalidInput,
                  "expected weight file %s to be a regular file",
                  quoted(path).c_str());
  } else {
    file = {nullptr, info.st_size};
    if (file.size > 0) {
      void *data =
          mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, descriptor, 0);
      if (data == MAP_FAILED)
        status =
            failFile(ExitCode::ToolFailed, "can not map weight file", path);
      else
        file.data = static_cast<char *>(data);
    }
  }
  close(descriptor);
  if (!status)
    files[name] = file;
  return status;
}

/// The process does not need these bytes of a file any more: without this,
/// packing would hold every weight twice.
static void forget(char *data, int64_t bytes) {
  const uintptr_t page = sysconf(_SC_PAGESIZE);
  uintptr_t begin =
      (reinterpret_cast<uintptr_t>(data) + page - 1) / page * page;
  uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) / page * page;
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

Status Weights::load(const FulgurModel &model, const FulgurWeight &weight,
                     const std::vector<std::string> &folders,
                     ThreadPool &pool) {
  File file = {static_cast<char *>(const_cast<void *>(model.embedded)),
               model.embedded_bytes};
  if (weight.file)
    if (Status status = map(weight.file, folders, file))
      return status;
  int64_t end;
  if (weight.offset < 0 || weight.bytes < 0 ||
      __builtin_add_overflow(weight.offset, weight.bytes, &end) ||
      end > file.size)
    return fail(ExitCode::InvalidInput,
                "expected weight file %s to have at least %lld bytes for "
                "weight %s, but got %lld",
                quoted(weight.file ? weight.file : "(embedded)").c_str(),
                static_cast<long long>(weight.offset + uint64_t(weight.bytes)),
                quoted(weight.name).c_str(), static_cast<long long>(file.size));
  int64_t element = getElementBytes(weight.type), stored = 0, packed = 0;
  bool valid = element > 0 && weight.rank >= 0 &&
               weight.rank <= FULGUR_MAX_RANK &&
               computeBytes(weight.shape, weight.rank, element, stored) &&
               isValidDeinterleaving(weight) &&
               (weight.packed == 0 || computePackedBytes(weight, packed)) &&
               weight.bytes == (weight.stored_packed ? packed : stored);
  if (!valid)
    return fail(ExitCode::InternalFailure,
                "weight %s of the compiled model is not consistent",
                quoted(weight.name).c_str());

  char *data = file.data ? file.data + weight.offset : nullptr;
  storedBytes += weight.bytes;
  sizes.push_back(weight.packed ? packed : weight.bytes);
  bool repack = weight.packed != 0 && !weight.stored_packed;
  int64_t alignment = weight.packed ? FULGUR_ALIGNMENT : element;
  bool aligned = reinterpret_cast<uintptr_t>(data) % alignment == 0;
  bool moves = weight.deinterleaved[1] != 0;
  if (data && !repack && !moves && aligned) {
    pointers.push_back(data);
    return {};
  }
  Block block, moved;
  std::string purpose = "weight " + quoted(weight.name);
  int64_t bytes = repack ? packed : weight.bytes;
  if (Status status = block.allocate(bytes, purpose.c_str()))
    return status;
  const char *source = data;
  if (moves) {
    // Panels are made of what has moved; it goes when they are done.
    if (repack)
      if (Status status = moved.allocate(weight.bytes, purpose.c_str()))
        return status;
    char *target = repack ? moved.data() : block.data();
    deinterleaveWeight(weight, data, target, pool);
    source = target;
  }
  if (repack)
    packWeight(weight, source, block.data(), pool);
  else if (bytes && !moves)
    memcpy(block.data(), data, bytes);
  if ((repack || moves) && weight.file)
    forget(data, weight.bytes);
  packedBytes += bytes;
  pointers.push_back(block.data());
  blocks.push_back(std::move(block));
  return {};
}

Status Weights::load(const FulgurModel &model,
                     const std::vector<std::string> &folders,
                     ThreadPool &pool) {
  for (int64_t i = 0; i < model.num_weights; ++i)
    if (Status status = load(model, model.weights[i], folders, pool))
      return status;
  return {};
}
