/*===----------------------------------------------------------------------===*\
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/*
 * A model as the compiler would write it, by hand: the runtime's tests need no
 * compiler. Over x: f32[n, 4] and limit: i64[], with n from 1 to 1000000,
 *
 *   y        = 2 x + w          f32[n, 4]   w embedded; through the arena
 *   product  = x m              f32[n, 3]   m from a file, in panels of 2
 *   selected = rows whose x[row][0] exceeds limit: i64[?], from fulgur_alloc
 *
 * A negative limit is a broken condition of the model.
 */
#include "fulgur/Runtime/Model.h"

#include <stdlib.h>

static const FulgurDim dims[] = {{"n", 1, 1000000}};

static const FulgurTensorInfo inputs[] = {
    {"x", FULGUR_F32, 2, {FULGUR_NAMED_EXTENT(0), 4}},
    {"limit", FULGUR_I64, 0, {0}}};

static const FulgurTensorInfo outputs[] = {
    {"y", FULGUR_F32, 2, {FULGUR_NAMED_EXTENT(0), 4}},
    {"product", FULGUR_F32, 2, {FULGUR_NAMED_EXTENT(0), 3}},
    {"selected", FULGUR_I64, 1, {FULGUR_UNKNOWN_EXTENT}}};

static const _Alignas(FULGUR_ALIGNMENT) float embedded[] = {1, 2, 3, 4};

static const FulgurWeight weights[] = {
    {"w", 0, 0, 16, FULGUR_F32, 1, {4}, 0, 0, 0, 0, {0}},
    {"m", "example.weights", 0, 48, FULGUR_F32, 2, {4, 3}, 2, 1, 0, 0, {0}}};

/* The third buffer lives after the first. */
static const FulgurSpan spans[] = {{0, 1}, {1, 2}, {2, 3}};
static const FulgurLifetime buffers[] = {
    {1, &spans[0]}, {1, &spans[1]}, {1, &spans[2]}};

static void bufferSizes(const int64_t *dims, int64_t *bytes) {
  for (int i = 0; i < 3; ++i)
    bytes[i] = dims[0] * 16;
}

struct Loop {
  const FulgurStep *step;
};

static void scaleRows(void *ctx, int64_t begin, int64_t end) {
  const FulgurStep *step = ((struct Loop *)ctx)->step;
  const float *x = step->inputs[0];
  float *twice = (float *)(step->arena + step->offsets[0]);
  for (int64_t i = begin * 4; i < end * 4; ++i)
    twice[i] = 2 * x[i];
}

static void addRows(void *ctx, int64_t begin, int64_t end) {
  const FulgurStep *step = ((struct Loop *)ctx)->step;
  const float *w = step->weights[0];
  const float *m = step->weights[1];
  const float *x = step->inputs[0];
  const float *twice = (const float *)(step->arena + step->offsets[0]);
  float *y = step->outputs[0].data;
  float *product = step->outputs[1].data;
  for (int64_t row = begin; row < end; ++row) {
    for (int i = 0; i < 4; ++i)
      y[row * 4 + i] = twice[row * 4 + i] + w[i];
    for (int n = 0; n < 3; ++n) {
      float sum = 0;
      for (int k = 0; k < 4; ++k)
        sum += x[row * 4 + k] * m[(n / 2 * 4 + k) * 2 + n % 2];
      product[row * 3 + n] = sum;
    }
  }
}

static void runStep(const FulgurStep *step) {
  struct Loop loop = {step};
  const int64_t n = step->dims[0];
  const float *x = step->inputs[0];
  const int64_t limit = *(const int64_t *)step->inputs[1];
  if (limit < 0) {
    fulgur_fail("expected limit to be at least 0");
    abort(); /* a failure ends the step */
  }
  fulgur_parallel_for(scaleRows, &loop, n, 16);
  fulgur_parallel_for(addRows, &loop, n, 16);
  int64_t *selected = fulgur_alloc(n * 8), count = 0;
  for (int64_t row = 0; row < n; ++row)
    if (x[row * 4] > (float)limit)
      selected[count++] = row;
  step->outputs[2].data = selected;
  step->outputs[2].shape[0] = count;
}

const FulgurModel fulgur_model = {FULGUR_ABI_VERSION,
                                  "example",
                                  "by hand",
                                  0,
                                  1,
                                  dims,
                                  2,
                                  inputs,
                                  3,
                                  outputs,
                                  2,
                                  weights,
                                  3,
                                  buffers,
                                  embedded,
                                  sizeof(embedded),
                                  bufferSizes,
                                  runStep,
                                  0,
                                  0,
                                  "cpu",
                                  0,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0};
