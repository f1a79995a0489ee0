//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reading and writing .npy files. A header is text that anyone may have
// written: every claim in it is checked against the size of the file.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Npy.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

struct Header {
  std::string descr;
  bool hasDescr = false;
  bool hasOrder = false;
  bool hasShape = false;
  bool fortranOrder = false;
  Shape shape;
};

/// Parses the Python dictionary of a header, e.g.
/// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderParser {
public:
  HeaderParser(const char *begin, const char *end) : at(begin), end(end) {}

  bool parse(Header &header) {
    if (!take('{'))
      return false;
    while (!take('}')) {
      std::string key;
      if (!parseString(key) || !take(':'))
        return false;
      bool valid = false, *seen = nullptr;
      if (key == "descr") {
        seen = &header.hasDescr;
        valid = parseString(header.descr);
      } else if (key == "fortran_order") {
        seen = &header.hasOrder;
        valid = parseBool(header.fortranOrder);
      } else if (key == "shape") {
        seen = &header.hasShape;
        valid = parseShape(header.shape);
      }
      if (!valid || *seen)
        return false;
      *seen = true;
      if (!take(',') && !peek('}'))
        return false;
    }
    skipSpace();
    return at == end && header.hasDescr && header.hasOrder && header.hasShape;
  }

private:
  void skipSpace() {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\t'))
      ++at;
  }
  bool peek(char c) {
    skipSpace();
    return at != end && *at == c;
  }
  bool take(char c) {
    if (!peek(c))
      return false;
    ++at;
    return true;
  }
  bool parseString(std::string &text) {
    skipSpace();
    if (at == end || (*at != '\'' && *at != '"'))
      return false;
    char quote = *at++;
    text.clear();
    while (at != end && *at != quote && *at != '\\')
      text += *at++;
    return at != end && *at++ == quote;
  }
  bool parseBool(bool &value) {
    skipSpace();
    for (bool candidate : {false, true}) {
      const char *word = candidate ? "True" : "False";
      size_t length = strlen(word);
      if (static_cast<size_t>(end - at) >= length &&
          memcmp(at, word, length) == 0) {
        at += length;
        value = candidate;
        return true;
      }
    }
    return false;
  }
  bool parseShape(Shape &shape) {
    if (!take('('))
      return false;
    while (!take(')')) {
      skipSpace();
      int64_t extent = 0;
      const char *digits = at;
      for (; at != end && *at >= '0' && *at <= '9'; ++at)
        if (__builtin_mul_overflow(extent, 10, &extent) ||
            __builtin_add_overflow(extent, *at - '0', &extent))
          return false;
      if (at == digits)
        return false;
      if (at != end && *at == 'L') // Python 2
        ++at;
      shape.push_back(extent);
      if (!take(',') && !peek(')'))
        return false;
    }
    return true;
  }

  const char *at;
  const char *end;
};

class Descriptor {
public:
  explicit Descriptor(int value) : value(value) {}
  Descriptor(const Descriptor &) = delete;
  ~Descriptor() {
    if (value >= 0)
      close(value);
  }
  const int value;
};

} // namespace

static bool readFully(int descriptor, void *data, int64_t bytes) {
  char *at = static_cast<char *>(data);
  while (bytes > 0) {
    ssize_t got = read(descriptor, at, std::min<int64_t>(bytes, 1 << 30));
    if (got < 0 && errno == EINTR)
      continue;
    if (got == 0)
      errno = EIO; // it shrank while it was read
    if (got <= 0)
      return false;
    at += got;
    bytes -= got;
  }
  return true;
}

static bool writeFully(int descriptor, const void *data, int64_t bytes) {
  const char *at = static_cast<const char *>(data);
  while (bytes > 0) {
    ssize_t put = write(descriptor, at, std::min<int64_t>(bytes, 1 << 30));
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return false;
    at += put;
    bytes -= put;
  }
  return true;
}

int64_t HostTensor::getNumElements() const {
  int64_t count = 0;
  computeBytes(shape.data(), shape.size(), 1, count);
  return count;
}

static const char *getDescr(int32_t type) {
  switch (type) {
  case FULGUR_F32:
    return "<f4";
  case FULGUR_F16:
    return "<f2";
  case FULGUR_BF16:
    return "<V2";
  case FULGUR_F64:
    return "<f8";
  case FULGUR_F8E4M3FN:
  case FULGUR_F8E5M2:
    return "|V1";
  case FULGUR_BOOL:
    return "|b1";
  case FULGUR_I8:
    return "|i1";
  case FULGUR_I16:
    return "<i2";
  case FULGUR_I32:
    return "<i4";
  case FULGUR_I64:
    return "<i8";
  case FULGUR_U8:
    return "|u1";
  case FULGUR_U16:
    return "<u2";
  case FULGUR_U32:
    return "<u4";
  case FULGUR_U64:
    return "<u8";
  }
  return "?";
}

/// The type of a file; 0 when it is none of ours.
static int32_t getFileType(const std::string &descr, int32_t wanted) {
  if (descr.size() != 3)
    return 0;
  char order = descr[0];
  std::string kind = descr.substr(1);
  bool byte = kind[1] == '1';
  if (order != '<' && order != '=' && !(order == '|' && (byte || kind == "V2")))
    return 0;
  bool smallFloat = wanted == FULGUR_BF16 || wanted == FULGUR_F8E4M3FN ||
                    wanted == FULGUR_F8E5M2;
  if (smallFloat && kind[1] - '0' == getElementBytes(wanted) &&
      (kind[0] == 'V' || kind[0] == 'u'))
    return wanted;
  // ml_dtypes names its 8-bit floats so in some versions.
  if (kind == "f1" && smallFloat && byte)
    return wanted;
  for (int32_t type = FULGUR_F32; type <= FULGUR_U64; ++type)
    if (kind[0] != 'V' && kind == getDescr(type) + 1)
      return type;
  return 0;
}

Status fulgur::rt::readNpy(const std::string &path, int32_t wanted,
                           HostTensor &tensor) {
  std::string name = quoted(path);
  auto damaged = [&](const std::string &reason) {
    return fail(ExitCode::InvalidInput, "%s is not a valid .npy file: %s",
                name.c_str(), reason.c_str());
  };
  // Opening a pipe would wait for its writer.
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (file.value < 0 || fstat(file.value, &info) != 0)
    return failFile(ExitCode::InvalidInput, "can not read", path);
  if (!S_ISREG(info.st_mode))
    return fail(ExitCode::InvalidInput, "expected %s to be a regular file",
                name.c_str());

  unsigned char start[12] = {};
  int64_t prefix = 10;
  if (info.st_size < prefix)
    return damaged("it ends in its header");
  if (!readFully(file.value, start, prefix))
    return failFile(ExitCode::InvalidInput, "can not read", path);
  if (memcmp(start, "\x93NUMPY", 6) != 0)
    return damaged("it does not start as one");
  if (start[6] < 1 || start[6] > 3)
    return damaged(
        format("expected its version to be 1 to 3, but got %d", start[6]));
  int64_t length = start[8] | start[9] << 8;
  if (start[6] > 1) {
    prefix = 12;
    if (info.st_size < prefix)
      return damaged("it ends in its header");
    if (!readFully(file.value, start + 10, 2))
      return failFile(ExitCode::InvalidInput, "can not read", path);
    length |= int64_t(start[10]) << 16 | int64_t(start[11]) << 24;
  }
  // The largest header of a known type is far smaller; numpy refuses more than
  // 10,000 bytes, too.
  constexpr int64_t longestHeader = 1 << 20;
  if (length > info.st_size - prefix || length > longestHeader)
    return damaged("it ends in its header");
  std::string text(length, '\0');
  if (!readFully(file.value, text.data(), length))
    return failFile(ExitCode::InvalidInput, "can not read", path);
  Header header;
  if (!HeaderParser(text.data(), text.data() + length).parse(header))
    return damaged("its header is damaged or of a type with fields");

  tensor.type = getFileType(header.descr, wanted);
  if (!tensor.type)
    return fail(ExitCode::InvalidInput,
                "expected type of %s to be a little-endian number%s, but got "
                "%s",
                name.c_str(),
                wanted ? format(" (%s)", getDescr(wanted)).c_str() : "",
                quoted(header.descr).c_str());
  if (header.fortranOrder && header.shape.size() > 1)
    return fail(ExitCode::InvalidInput,
                "expected %s to be in C order, but got Fortran order",
                name.c_str());
  if (header.shape.size() > FULGUR_MAX_RANK)
    return fail(ExitCode::InvalidInput,
                "expected rank of %s to be at most %d, but got %zu",
                name.c_str(), FULGUR_MAX_RANK, header.shape.size());
  tensor.shape = header.shape;
  int64_t bytes, present = info.st_size - prefix - length;
  if (!computeBytes(tensor.shape.data(), tensor.shape.size(),
                    getElementBytes(tensor.type), bytes))
    return damaged("its shape is too large");
  if (bytes != present)
    return damaged(format("expected %lld bytes of elements, but got %lld",
                          static_cast<long long>(bytes),
                          static_cast<long long>(present)));
  if (Status status = tensor.data.allocate(bytes, name.c_str()))
    return status;
  if (!readFully(file.value, tensor.data.data(), bytes))
    return failFile(ExitCode::InvalidInput, "can not read", path);
  // The step may use a bool as a number.
  if (tensor.type == FULGUR_BOOL)
    for (int64_t i = 0; i < bytes; ++i)
      if (static_cast<unsigned char>(tensor.data.data()[i]) > 1)
        return damaged("a bool is neither 0 nor 1");
  return {};
}

std::string fulgur::rt::getNpyName(const std::string &name) {
  std::string file = name;
  for (char &c : file)
    if (c == '/')
      c = '_';
  if (file.empty() || file[0] == '.')
    file.insert(0, "_");
  return file + ".npy";
}

std::string fulgur::rt::getNpyPath(const std::string &folder,
                                   const std::string &name) {
  std::string path = folder.empty() ? "." : folder;
  return path + (path.back() == '/' ? "" : "/") + getNpyName(name);
}

NpyWriter::~NpyWriter() {
  for (auto &file : files)
    unlink(file.first.c_str());
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
    rmdir(folder->c_str());
  if (signalsWait)
    pthread_sigmask(SIG_SETMASK, &signalsBefore, nullptr);
}

Status NpyWriter::createFolder(const std::string &folder) {
  struct stat info;
  for (size_t end = 1; end <= folder.size(); ++end) {
    if (end != folder.size() && folder[end] != '/')
      continue;
    std::string part = folder.substr(0, end);
    if (part.back() == '/')
      continue;
    if (mkdir(part.c_str(), 0777) == 0)
      folders.push_back(part);
    else if (errno != EEXIST && stat(part.c_str(), &info) != 0)
      return failFile(ExitCode::ToolFailed, "can not create folder", part);
  }
  if (stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    errno = ENOTDIR;
    return failFile(ExitCode::ToolFailed, "can not write to", folder);
  }
  return {};
}

/// The bytes before the elements, a multiple of 64 as numpy asks for.
static std::string makeHeader(int32_t type, const int64_t *shape,
                              int64_t rank) {
  std::string text = format(
      "{'descr': '%s', 'fortran_order': False, 'shape': (", getDescr(type));
  for (int64_t i = 0; i < rank; ++i)
    text += std::to_string(shape[i]) + (i + 1 < rank ? ", " : "");
  text += rank == 1 ? ",), }" : "), }";
  constexpr size_t prefix = 10;
  text.append((64 - (prefix + text.size() + 1) % 64) % 64, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

Status NpyWriter::write(const std::string &path, int32_t type,
                        const int64_t *shape, int64_t rank, const void *data,
                        int64_t bytes) {
  for (auto &file : files)
    if (file.second == path)
      return fail(ExitCode::InvalidInput, "two outputs would be written to %s",
                  quoted(path).c_str());
  if (!signalsWait) {
    sigset_t ending;
    sigemptyset(&ending);
    for (int signal : {SIGINT, SIGTERM, SIGHUP})
      sigaddset(&ending, signal);
    pthread_sigmask(SIG_BLOCK, &ending, &signalsBefore);
    signalsWait = true;
  }
  std::string temporary = path + "." + std::to_string(getpid()) + ".tmp";
  // A leftover of the same name can only be of a process that is gone.
  unlink(temporary.c_str());
  int descriptor =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return failFile(ExitCode::ToolFailed, "can not write", path);
  files.push_back({temporary, path});
  std::string header = makeHeader(type, shape, rank);
  bool written = writeFully(descriptor, header.data(), header.size()) &&
                 writeFully(descriptor, data, bytes);
  int reason = errno;
  if (close(descriptor) != 0 && written) {
    written = false;
    reason = errno;
  }
  errno = reason;
  if (!written)
    return failFile(ExitCode::ToolFailed, "can not write", path);
  return {};
}

Status NpyWriter::commit() {
  while (!files.empty()) {
    if (rename(files.back().first.c_str(), files.back().second.c_str()) != 0)
      return failFile(ExitCode::ToolFailed, "can not write",
                      files.back().second);
    files.pop_back();
  }
  folders.clear();
  return {};
}
