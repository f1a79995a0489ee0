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

Weights::~Weights() {
  for (auto &entry : files)
    if (entry.second.data)
      munmap(entry.second.data, entry.second.size);
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
    if (descriptor >= 0 || errno != ENOENT)
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

/// The last two extents as a matrix [k][n], and how many of them there are.
static bool getMatrix(const FulgurWeight &weight, int64_t &batch, int64_t &k,
                      int64_t &n) {
  if (weight.rank < 2 || weight.rank > FULGUR_MAX_RANK || weight.packed < 1 ||
      weight.interleave < 1)
    return false;
  k = weight.shape[weight.rank - 2];
  n = weight.shape[weight.rank - 1];
  if (weight.transposed)
    std::swap(k, n);
  return computeBytes(weight.shape, weight.rank - 2, 1, batch);
}

static int64_t ceilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0); }

bool fulgur::rt::computePackedBytes(const FulgurWeight &weight,
                                    int64_t &bytes) {
  int64_t batch, k, n;
  if (!getMatrix(weight, batch, k, n) || k < 0 || n < 0)
    return false;
  int64_t shape[] = {batch, ceilDiv(n, weight.packed),
                     ceilDiv(k, weight.interleave), weight.packed,
                     weight.interleave};
  return computeBytes(shape, 5, getElementBytes(weight.type), bytes);
}

namespace {

struct Packing {
  const char *stored;
  char *packed;
  int64_t k, n, nr, ki, panels;
  bool transposed;
};

} // namespace

/// Writes the panels [begin, end) of all matrices, counted together.
template <typename T>
static void packPanels(void *context, int64_t begin, int64_t end) {
  const Packing &p = *static_cast<const Packing *>(context);
  const int64_t groups = ceilDiv(p.k, p.ki);
  const int64_t size = sizeof(T);
  const int64_t panelSize = groups * p.nr * p.ki;
  for (int64_t panel = begin; panel < end; ++panel) {
    // In bytes: what is stored need not be aligned to its elements.
    const char *matrix = p.stored + panel / p.panels * p.k * p.n * size;
    const int64_t column = panel % p.panels * p.nr;
    const int64_t columns = std::min(p.nr, p.n - column);
    T *target = reinterpret_cast<T *>(p.packed) + panel * panelSize;
    if (columns < p.nr || p.k % p.ki != 0)
      memset(target, 0, panelSize * size);
    if (p.transposed) {
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t row = group * p.ki;
        const int64_t rows = std::min(p.ki, p.k - row);
        for (int64_t r = 0; r < columns; ++r)
          memcpy(target + (group * p.nr + r) * p.ki,
                 matrix + ((column + r) * p.k + row) * size, rows * size);
      }
    } else if (p.ki == 1) {
      for (int64_t row = 0; row < p.k; ++row)
        memcpy(target + row * p.nr, matrix + (row * p.n + column) * size,
               columns * size);
    } else {
      for (int64_t row = 0; row < p.k; ++row)
        for (int64_t r = 0; r < columns; ++r)
          memcpy(target + (row / p.ki * p.nr + r) * p.ki + row % p.ki,
                 matrix + (row * p.n + column + r) * size, sizeof(T));
    }
  }
}

void fulgur::rt::packWeight(const FulgurWeight &weight, const char *stored,
                            char *packed, ThreadPool &pool) {
  int64_t batch, k, n;
  if (!getMatrix(weight, batch, k, n) || batch == 0 || k == 0 || n == 0)
    return;
  Packing packing = {stored,
                     packed,
                     k,
                     n,
                     weight.packed,
                     weight.interleave,
                     ceilDiv(n, weight.packed),
                     weight.transposed != 0};
  ThreadPool::Function function = nullptr;
  switch (getElementBytes(weight.type)) {
  case 1:
    function = packPanels<uint8_t>;
    break;
  case 2:
    function = packPanels<uint16_t>;
    break;
  case 4:
    function = packPanels<uint32_t>;
    break;
  case 8:
    function = packPanels<uint64_t>;
    break;
  }
  if (function)
    pool.run(function, &packing, batch * packing.panels, 1);
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
               (weight.packed == 0 || computePackedBytes(weight, packed)) &&
               weight.bytes == (weight.stored_packed ? packed : stored);
  if (!valid)
    return fail(ExitCode::InternalFailure,
                "weight %s of the compiled model is not consistent",
                quoted(weight.name).c_str());

  char *data = file.data ? file.data + weight.offset : nullptr;
  storedBytes += weight.bytes;
  bool repack = weight.packed != 0 && !weight.stored_packed;
  int64_t alignment = weight.packed ? FULGUR_ALIGNMENT : element;
  bool aligned = reinterpret_cast<uintptr_t>(data) % alignment == 0;
  if (data && !repack && aligned) {
    pointers.push_back(data);
    return {};
  }
  Block block;
  std::string purpose = "weight " + quoted(weight.name);
  int64_t bytes = repack ? packed : weight.bytes;
  if (Status status = block.allocate(bytes, purpose.c_str()))
    return status;
  if (repack)
    packWeight(weight, data, block.data(), pool);
  else if (bytes)
    memcpy(block.data(), data, bytes);
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
