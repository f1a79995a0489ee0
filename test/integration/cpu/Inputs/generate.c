/*===----------------------------------------------------------------------===*\
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/*
 * Greedy generation with a decode model that was compiled to a shared library:
 * every step's present caches are the next step's past ones.
 *
 *   generate FOLDER STEPS HOW   FOLDER/NAME.npy: the inputs of the first step
 *
 * HOW is one of the ways to hand a cache on: `copy` makes a copy of every
 * output, `give` gives the memory of the session back, and `keep` leaves what
 * it can in the session.
 *
 * Prints a line a step: the tokens, one for each row of the batch.
 */
#include "fulgur/Runtime/Fulgur.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TENSORS 64

static void fail(const char *what, const char *why) {
  fprintf(stderr, "generate: error: %s: %s\n", what, why);
  exit(1);
}

/* Reads the shape and the elements of an .npy file of format 1. */
static void read_npy(const char *folder, const FulgurTensorInfo *info,
                     FulgurTensor *tensor) {
  char path[4096], header[65536];
  unsigned char start[10];
  snprintf(path, sizeof(path), "%s/%s.npy", folder, info->name);
  FILE *file = fopen(path, "rb");
  if (!file || fread(start, 1, 10, file) != 10)
    fail(path, "can not be read");
  size_t length = start[8] + 256 * start[9];
  if (fread(header, 1, length, file) != length)
    fail(path, "is cut short");
  header[length] = 0;
  char *at = strstr(header, "'shape': (");
  if (!at)
    fail(path, "has no shape");
  at += strlen("'shape': (");
  int64_t count = 1;
  memset(tensor, 0, sizeof(*tensor));
  for (; *at != ')'; at += strspn(at, ", ")) {
    tensor->shape[tensor->rank] = strtoll(at, &at, 10);
    count *= tensor->shape[tensor->rank++];
  }
  tensor->name = info->name;
  tensor->type = info->type;
  tensor->bytes = count * (info->type == FULGUR_I64 ? 8 : 4);
  tensor->data = malloc(tensor->bytes);
  if (fread(tensor->data, 1, tensor->bytes, file) != (size_t)tensor->bytes)
    fail(path, "is cut short");
  fclose(file);
}

/* The most probable token after the last position of each row. */
static void choose_tokens(const FulgurTensor *logits, FulgurTensor *tokens) {
  int64_t batch = logits->shape[0], seq = logits->shape[1],
          vocab = logits->shape[2];
  for (int64_t b = 0; b < batch; ++b) {
    const float *row =
        (const float *)logits->data + (b * seq + seq - 1) * vocab;
    int64_t best = 0;
    for (int64_t i = 1; i < vocab; ++i)
      if (row[i] > row[best])
        best = i;
    ((int64_t *)tokens->data)[b] = best;
    printf("%lld%c", (long long)best, b + 1 < batch ? ' ' : '\n');
  }
}

/* Copies what the session owns: present_X becomes past_X. */
static void copy_cache(const FulgurTensor *present, FulgurTensor *past) {
  past->data = realloc(past->data, present->bytes);
  past->bytes = present->bytes;
  memcpy(past->data, present->data, present->bytes);
  memcpy(past->shape, present->shape, sizeof(past->shape));
}

static FulgurTensor *find(FulgurTensor *tensors, int64_t count,
                          const char *prefix, const char *name) {
  size_t length = strlen(prefix);
  for (int64_t i = 0; i < count; ++i)
    if (!strncmp(tensors[i].name, prefix, length) &&
        !strcmp(tensors[i].name + length, name))
      return &tensors[i];
  return NULL;
}

/* The outputs that are asked for: without the caches that stay. */
static int64_t name_outputs(const FulgurModel *model, int keeps,
                            FulgurTensor *outputs) {
  int64_t count = 0;
  for (int64_t i = 0; i < model->num_outputs; ++i) {
    int stays = 0;
    for (int64_t c = 0; keeps && c < model->num_caches; ++c)
      stays |= !model->caches[c].copied && model->caches[c].output == i;
    memset(&outputs[count], 0, sizeof(outputs[count]));
    outputs[count].name = model->outputs[i].name;
    count += !stays;
  }
  return count;
}

int main(int argc, char **argv) {
  if (argc != 4)
    fail("usage", "generate FOLDER STEPS copy|give|keep");
  int keeps = !strcmp(argv[3], "keep"), gives = !strcmp(argv[3], "give");
  const FulgurModel *model = fulgur_model_info();
  fulgur_session *session = fulgur_create(NULL);
  if (!session)
    fail(model->name, fulgur_last_error());
  FulgurTensor inputs[MAX_TENSORS], outputs[MAX_TENSORS];
  void *owned[MAX_TENSORS];
  FulgurTensor *tokens = NULL;
  for (int64_t i = 0; i < model->num_inputs; ++i) {
    read_npy(argv[1], &model->inputs[i], &inputs[i]);
    owned[i] = inputs[i].data;
    if (!strcmp(inputs[i].name, "input_ids"))
      tokens = &inputs[i];
  }
  if (!tokens)
    fail(model->name, "has no input_ids");
  for (int step = atoi(argv[2]); step > 0; --step) {
    int64_t count = name_outputs(model, keeps, outputs);
    if (fulgur_run(session, inputs, model->num_inputs, outputs, count))
      fail(model->name, fulgur_last_error());
    choose_tokens(find(outputs, count, "", "logits"), tokens);
    for (int64_t c = 0; c < model->num_caches; ++c) {
      const FulgurCache *cache = &model->caches[c];
      FulgurTensor *past = &inputs[cache->input];
      if (cache->copied || (!keeps && !gives))
        continue;
      past->shape[cache->axis] += tokens->shape[1];
      past->data = keeps ? NULL : outputs[cache->output].data;
    }
    for (int64_t i = 0; i < model->num_inputs; ++i) {
      FulgurTensor *present =
          strncmp(inputs[i].name, "past_", 5)
              ? NULL
              : find(outputs, count, "present_", inputs[i].name + 5);
      if (!present || inputs[i].data == present->data)
        continue;
      copy_cache(present, &inputs[i]);
      owned[i] = inputs[i].data;
    }
  }
  for (int64_t i = 0; i < model->num_inputs; ++i)
    free(owned[i]);
  fulgur_destroy(session);
  return 0;
}
