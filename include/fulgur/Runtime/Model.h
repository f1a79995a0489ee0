/*===----------------------------------------------------------------------===*\
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/*
 * What a compiled model and the runtime say to each other (C, no other header).
 *
 * The object file of a model defines one constant, `fulgur_model`. It names
 * everything that the runtime must provide, in numbered lists: dimensions,
 * inputs, outputs, weights, buffers. The same numbers index the arrays of a
 * FulgurStep. The runtime, for every run:
 *
 *   1. reads the inputs, and from their shapes the named dimensions;
 *   2. asks buffer_sizes() for the bytes of every buffer under these
 *      dimensions, and places the buffers in one arena by their lifetimes;
 *   3. sees to the room of the caches;
 *   4. calls step().
 *
 * The compiler writes these structures field by field: a change here changes
 * FULGUR_ABI_VERSION and lib/Target/ModelDescriptor.cpp.
 */
#ifndef FULGUR_RUNTIME_MODEL_H
#define FULGUR_RUNTIME_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FULGUR_ABI_VERSION 2
#define FULGUR_MAX_RANK 8
/* Alignment in bytes of the arena, of every buffer in it, of fulgur_alloc and
 * of packed weights. Inputs, outputs and other weights are aligned to their
 * element. */
#define FULGUR_ALIGNMENT 64

/* Element types. The numbers are part of the ABI. */
typedef enum FulgurType {
  FULGUR_F32 = 1,
  FULGUR_F16 = 2,
  FULGUR_BF16 = 3,
  FULGUR_F64 = 4,
  FULGUR_F8E4M3FN = 5,
  FULGUR_F8E5M2 = 6,
  FULGUR_BOOL = 7, /* i1: one byte, 0 or 1 */
  FULGUR_I8 = 8,
  FULGUR_I16 = 9,
  FULGUR_I32 = 10,
  FULGUR_I64 = 11,
  FULGUR_U8 = 12,
  FULGUR_U16 = 13,
  FULGUR_U32 = 14,
  FULGUR_U64 = 15
} FulgurType;

/* The extent of an output that only the step finds out. */
#define FULGUR_UNKNOWN_EXTENT (-1000)
/* An extent that is the k-th named dimension is stored as -1-k. */
#define FULGUR_NAMED_EXTENT(k) (-1 - (k))

/* A named dimension. Every one occurs in the shape of an input. */
typedef struct FulgurDim {
  const char *name;
  int64_t min; /* 0 when the compiler knows no bound */
  int64_t max; /* 0 = unbounded */
} FulgurDim;

/* An input or an output. Dense, row-major. */
typedef struct FulgurTensorInfo {
  const char *name;
  int32_t type; /* FulgurType */
  int32_t rank;
  /* >= 0 static, -1-k the k-th dimension, FULGUR_UNKNOWN_EXTENT (outputs). */
  int64_t shape[FULGUR_MAX_RANK];
} FulgurTensorInfo;

/* A weight: bytes in a file, or in fulgur_model.embedded. */
typedef struct FulgurWeight {
  const char *name;
  const char *file; /* as the model names it; null when embedded */
  int64_t offset;   /* of the first byte in the file or in the blob */
  int64_t bytes;    /* that are stored there */
  int32_t type;     /* FulgurType */
  int32_t rank;
  int64_t shape[FULGUR_MAX_RANK]; /* as stored: static, dense, row-major */
  /* 0: the step gets the bytes as stored. NR > 0: the step gets each matrix
   * [K][N] of the last two extents as panels [ceil(N/NR)][ceil(K/KI)][NR][KI],
   * zero padded, where KI is `interleave` (1: plain [ceil(N/NR)][K][NR]). */
  int32_t packed;
  int32_t interleave;
  /* The stored matrices are [N][K]; only asked when `packed` is not 0. */
  int32_t transposed;
  /* The bytes are stored as panels already (a packed weight file). */
  int32_t stored_packed;
} FulgurWeight;

/* An input whose rows come out again, with new ones behind them. The runtime
 * owns the buffer of such a cache: it holds the rows of the input and has room
 * along `axis`; the step writes the new rows there, and that is the output. */
typedef struct FulgurCache {
  int32_t input;
  int32_t output; /* -1 when it is copied */
  int32_t axis;
  int32_t reserved;
  /* How many rows a step adds: >= 0 so many, -1-k the k-th dimension. */
  int64_t new_rows;
  /* Why the step copies the past rows into an output like any other; null when
   * it does not. Nothing but `input` and `axis` counts then. */
  const char *copied;
} FulgurCache;

/* The steps between which a buffer holds something (both included). */
typedef struct FulgurSpan {
  int64_t first;
  int64_t last;
} FulgurSpan;

/* All of them, in order: a layer's buffer holds something whenever the layer
 * runs. Two buffers whose spans do not meet may share memory. */
typedef struct FulgurLifetime {
  int64_t num_spans;
  const FulgurSpan *spans;
} FulgurLifetime;

/* Where an output is. */
typedef struct FulgurBuffer {
  void *data;
  int64_t shape[FULGUR_MAX_RANK];
} FulgurBuffer;

/* One call of the model. */
typedef struct FulgurStep {
  const int64_t *dims;    /* fulgur_model.dims, in that order */
  char *arena;            /* buffer b starts at arena + offsets[b] */
  const int64_t *offsets; /* multiples of FULGUR_ALIGNMENT */
  void *const *weights;
  /* A cache that is updated in place: its buffer, as large along the axis as
   * capacities[] says, otherwise as the input. */
  void *const *inputs;
  /* On entry: the extents that the dimensions determine, the others -1000;
   * `data` is room for the whole output when all extents are determined, else
   * null. On return: all extents, and `data` at the result, which is that room
   * or anything that lives as long: a place in the arena, an input, a weight,
   * or memory from fulgur_alloc. For a cache that is updated in place `data` is
   * its buffer in the end, and the extents are not looked at. */
  FulgurBuffer *outputs;
  const int64_t *capacities; /* rows of the buffer of every cache */
} FulgurStep;

typedef struct FulgurModel {
  int64_t abi_version; /* FULGUR_ABI_VERSION */
  const char *name;
  const char *compiler; /* name and version of what made it, and the target */
  /* Where the model was compiled from: weight files are looked for there, then
   * next to the executable, unless the user names a folder. May be null. */
  const char *model_folder;
  int64_t num_dims;
  const FulgurDim *dims;
  int64_t num_inputs;
  const FulgurTensorInfo *inputs;
  int64_t num_outputs;
  const FulgurTensorInfo *outputs;
  int64_t num_weights;
  const FulgurWeight *weights;
  int64_t num_buffers;
  const FulgurLifetime *buffers;
  /* The embedded weights, FULGUR_ALIGNMENT-aligned; null when none are. */
  const void *embedded;
  int64_t embedded_bytes;
  /* Writes the size of every buffer; null when there are no buffers. */
  void (*buffer_sizes)(const int64_t *dims, int64_t *bytes);
  void (*step)(const FulgurStep *step);
  int64_t num_caches;
  const FulgurCache *caches;
} FulgurModel;

extern const FulgurModel fulgur_model;

/* What generated code may call. None of them fails: a step that can not go on
 * (no memory) ends the process with a message. */

/* Calls fn(ctx, begin, end) on ranges that cover [0, n) once each, in several
 * threads, and returns when all have returned. Ranges start at multiples of
 * `grain` (>= 1); the last one may be shorter. Not to be nested: an inner call
 * runs in its own thread alone. */
void fulgur_parallel_for(void (*fn)(void *ctx, int64_t begin, int64_t end),
                         void *ctx, int64_t n, int64_t grain);

/* Memory whose size only the step knows. Released before the next step. */
void *fulgur_alloc(int64_t bytes);

/* Reports that the inputs break a condition of the model (an index out of its
 * range), and does not return: the step ends there, and the run fails with this
 * text. In a parallel loop it does return: the loop goes on to its end. The
 * first report counts. */
void fulgur_fail(const char *text);

#ifdef __cplusplus
}
#endif

#endif /* FULGUR_RUNTIME_MODEL_H */
