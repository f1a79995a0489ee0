//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The C interface. Everything it exports is in this file, so that a link with
// `-u fulgur_create` takes all of it from the archive.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Runtime/Fulgur.h"

#include "lib/Runtime/Session.h"

#include <new>

using namespace fulgur;
using namespace fulgur::rt;

struct fulgur_session {
  Session session{fulgur_model};
};

static thread_local std::string lastError;

const FulgurModel *fulgur_model_info(void) { return &fulgur_model; }

const char *fulgur_last_error(void) { return lastError.c_str(); }

fulgur_session *fulgur_create(const FulgurOptions *options) {
  auto *session = new (std::nothrow) fulgur_session;
  if (!session) {
    lastError = "out of memory: can not get a session";
    return nullptr;
  }
  Status status = session->session.load(options ? *options : FulgurOptions{});
  lastError = status.text;
  if (!status)
    return session;
  delete session;
  return nullptr;
}

int32_t fulgur_run(fulgur_session *session, const FulgurTensor *inputs,
                   int64_t num_inputs, FulgurTensor *outputs,
                   int64_t num_outputs) {
  Status status =
      session->session.run(inputs, num_inputs, outputs, num_outputs);
  lastError = status.text;
  return static_cast<int32_t>(status.code);
}

void fulgur_destroy(fulgur_session *session) { delete session; }
