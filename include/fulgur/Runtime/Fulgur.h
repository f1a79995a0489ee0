/*===----------------------------------------------------------------------===*\
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/*
 * The C interface of a compiled model: what a shared library made with
 * `--emit=shared-lib` exports (its executable runs the same code).
 *
 *   FulgurOptions options = {0};
 *   fulgur_session *session = fulgur_create(&options);
 *   FulgurTensor input = {"x", FULGUR_F32, 1, {3}, values};
 *   FulgurTensor output = {"y"};
 *   if (!session || fulgur_run(session, &input, 1, &output, 1) != 0)
 *     fprintf(stderr, "%s\n", fulgur_last_error());
 *   fulgur_destroy(session);
 *
 * Threads: sessions are independent of each other. Calls with the same session
 * must not overlap. A session has its own threads; they end in
 * fulgur_destroy(), which must come before the library is unloaded.
 *
 * Errors: a function that fails says why in fulgur_last_error(). Numbers are
 * those of the exit codes of the executable (`--help` lists them); 0 is
 * success. Only a step that runs out of memory halfway ends the process.
 */
#ifndef FULGUR_RUNTIME_FULGUR_H
#define FULGUR_RUNTIME_FULGUR_H

#include "fulgur/Runtime/Model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FULGUR_API __attribute__((visibility("default")))

typedef struct fulgur_session fulgur_session;

typedef struct FulgurOptions {
  /* Threads of a step, the calling one included; 0: the allowed processors. */
  int32_t threads;
  /* Where the weight files are. Null: where the model was compiled from, else
   * next to the library or executable. */
  const char *weights_dir;
  /* Where steps run: "cpu" (also when null), "cuda", "cuda:N" or, for tests of
   * a model made with --gpu-emulator, "emulator", "emulator:sm_90a". Inputs and
   * outputs are memory of the host in any case. */
  const char *device;
  /* Another order of threads in the emulator for every number. */
  uint64_t emulator_seed;
} FulgurOptions;

/* A dense, row-major tensor, aligned to its element. */
typedef struct FulgurTensor {
  const char *name;
  int32_t type; /* FulgurType */
  int32_t rank;
  int64_t shape[FULGUR_MAX_RANK];
  void *data;    /* null: see fulgur_run */
  int64_t bytes; /* inputs: ignored; outputs: see fulgur_run */
} FulgurTensor;

/* What the model takes and gives. Valid as long as the library is loaded. */
FULGUR_API const FulgurModel *fulgur_model_info(void);

/* Loads the weights. `options` may be null, and is not kept. Null on failure.
 */
FULGUR_API fulgur_session *fulgur_create(const FulgurOptions *options);

/* Runs the model once. Inputs and outputs are found by their names, in any
 * order; every input of the model has to be there, outputs may be left out.
 * Inputs are only read, and only during the call.
 *
 * An output with null `data` gets memory of the session, which is valid until
 * the next fulgur_run or fulgur_destroy, and is not to be written to; copy it
 * before giving it back as an input. With other `data`, the result is copied
 * there, and `bytes` has to say how much room there is. `type`, `rank`, `shape`
 * and `bytes` are set in both cases; after a failure they are not.
 *
 * Caches: an input and an output that fulgur_model_info()->caches pairs without
 * a reason to copy are one buffer of the session. It keeps the rows that a run
 * left, and the next run adds to them where they are. To go on,
 *
 *   - give the output's memory back as the input's, with the output's shape; or
 *   - leave the output out, and give the input null `data` and a shape of at
 *     most as many rows as are kept: it is the first ones of them. Fewer rows
 *     than were left take tokens back.
 *
 * Neither copies, with one exception: an output that is asked for is dense and
 * on the host; where a batch has several sequences, and on a device, that is a
 * copy, which the second way avoids.
 * Any other `data` starts the cache anew, and is copied into the buffer. After
 * a run that fails the cache keeps the rows that the run was given at most. */
FULGUR_API int32_t fulgur_run(fulgur_session *session,
                              const FulgurTensor *inputs, int64_t num_inputs,
                              FulgurTensor *outputs, int64_t num_outputs);

/* Why the last call in this thread failed: one line, valid until the next call
 * in this thread. */
FULGUR_API const char *fulgur_last_error(void);

/* Ends the threads and releases the memory. Null is fine. */
FULGUR_API void fulgur_destroy(fulgur_session *session);

#ifdef __cplusplus
}
#endif

#endif /* FULGUR_RUNTIME_FULGUR_H */
