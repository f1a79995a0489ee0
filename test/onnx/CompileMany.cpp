//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Compiles many small models to shared libraries. Loading the compiler takes
// longer than compiling one of them, so this process loads it once, and forks
// for each model, whose failure whatever it may be is its own.
//
// Reads lines `MODEL LIBRARY MESSAGES` (paths without spaces); writes the exit
// code of each compilation, negative for a signal, and its stderr to MESSAGES.
//===----------------------------------------------------------------------===//
#include "fulgur/Compiler/Compiler.h"

#include <csignal>
#include <fcntl.h>
#include <iostream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/// A hundred times what the slowest of the node tests needs.
static constexpr unsigned maxSeconds = 60;
static constexpr rlim_t maxBytes = rlim_t(8) << 30;

[[noreturn]] static void compile(const fulgur::CompileOptions &options,
                                 const std::string &messages) {
  int file = open(messages.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0666);
  int null = open("/dev/null", O_RDWR);
  if (file < 0 || null < 0)
    _exit(127);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  rlimit memory = {maxBytes, maxBytes}, core = {0, 0};
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_CORE, &core);
  alarm(maxSeconds);
  _exit(static_cast<int>(fulgur::compileModel(options)));
}

int main(int argc, char **argv) {
  fulgur::CompileOptions options;
  options.emit = fulgur::Stage::SharedLibrary;
  for (int i = 1; i < argc; ++i)
    if (std::string(argv[i]) == "--raise=none")
      options.raise.recognise = false;
  std::string messages;
  while (std::cin >> options.input >> options.output >> messages) {
    pid_t child = fork();
    if (child == 0)
      compile(options, messages);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0)
      return 1;
    std::cout << (WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status))
              << std::endl;
  }
}
