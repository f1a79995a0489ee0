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
 * A model may have variants for other machines: each is a whole FulgurModel
 * with the same dimensions, inputs, outputs and caches, and with weights,
 * buffers and a step of its own. All that the step of a GPU variant gets
 * (arena, weights, inputs, outputs) are addresses on the device; the step
 * itself runs on the host, and launches kernels by their numbers in `kernels`.
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

#define FULGUR_ABI_VERSION 4
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
  /* {axis, period, begin, end}: of every `period` entries along `axis`, as
   * stored, the step gets the even ones of [begin, end), then the odd ones.
   * Nothing moves when the period is 0. Not with `stored_packed`. */
  int64_t deinterleaved[4];
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
   * it does not. Of the above `input` and `axis` alone count then. */
  const char *copied;
  /* What the model had in its place before it was compiled; null when this is
   * a cache of the model as given. */
  const char *stands_for;
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

/* No thread of the kernel waits for another one. */
#define FULGUR_KERNEL_INDEPENDENT 1
/* The kernel may start before the one in front of it has ended
 * (griddepcontrol): programmatic dependent launch. */
#define FULGUR_KERNEL_DEPENDENT_LAUNCH 2

/* A kernel of a GPU variant. */
typedef struct FulgurKernel {
  const char *name;     /* symbol in the images */
  int32_t block[3];     /* threads of a block */
  int32_t cluster[3];   /* blocks of a cluster; 1, 1, 1: none */
  int64_t shared_bytes; /* dynamic: the most that a launch may ask for */
  int32_t num_params;
  const int32_t *param_bytes; /* 128: a tensor map, passed by value */
  int32_t flags;              /* FULGUR_KERNEL_... */
  /* The kernel for the host's processor, called once for every thread by the
   * emulator; null without --gpu-emulator. */
  void (*emulated)(void *const *args);
  /* What the assembler reports; -1 where it did not run. */
  int32_t registers;   /* of a thread */
  int32_t local_bytes; /* of a thread: spills and arrays */
  int64_t code_bytes;
} FulgurKernel;

typedef enum FulgurImageKind {
  FULGUR_PTX = 1, /* ends with a zero byte, which `bytes` does not count */
  FULGUR_CUBIN = 2
} FulgurImageKind;

/* All kernels of a GPU variant, for one architecture. */
typedef struct FulgurImage {
  const char *arch; /* sm_90a */
  int32_t kind;     /* FulgurImageKind */
  const void *data; /* FULGUR_ALIGNMENT-aligned */
  int64_t bytes;
} FulgurImage;

/* Runs kernels on the host (lib/Emulator). Device addresses are host addresses
 * there. Calls come from one thread at a time. */
typedef struct FulgurEmulator {
  /* Runs the whole grid. 0, or else a fault (a deadlock, a race, an access out
   * of bounds), which `message` then describes in one line that names kernel,
   * block, thread and operation. */
  int (*launch)(const FulgurKernel *kernel, const int64_t grid[3],
                int64_t shared_bytes, void *const *args, char *message,
                int64_t message_bytes);
  /* As fulgur_tensor_map. */
  void (*tensor_map)(void *map, const void *data, int32_t type, int32_t rank,
                     const int64_t *sizes, const int64_t *strides_bytes,
                     const int32_t *box, int32_t swizzle_bytes);
  /* Memory that kernels may use from now on, and no longer. */
  void (*allocated)(const void *data, int64_t bytes);
  void (*released)(const void *data);
  /* Another order of threads and blocks for every seed. */
  void (*set_seed)(uint64_t seed);
} FulgurEmulator;

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
  const char *target; /* "cpu", "sm_90a" */
  /* Of the model for the CPU only. */
  int64_t num_variants;
  const struct FulgurModel *const *variants;
  /* Of a GPU variant only. */
  int64_t num_kernels;
  const FulgurKernel *kernels;
  int64_t num_images;
  const FulgurImage *images;
  int64_t num_failures;
  const char *const *failures;    /* see fulgur_failure_flag */
  const FulgurEmulator *emulator; /* null without --gpu-emulator */
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

/* Memory whose size only the step knows, on the device in a GPU variant.
 * Released before the next step. */
void *fulgur_alloc(int64_t bytes);

/* Reports that the inputs break a condition of the model (an index out of its
 * range), and does not return: the step ends there, and the run fails with this
 * text. In a parallel loop it does return: the loop goes on to its end. The
 * first report counts. */
void fulgur_fail(const char *text);

/* What the step of a GPU variant may call, too. The device does all of it in
 * the order of the calls. */

/* Launches kernel number `kernel` on grid[0] x grid[1] x grid[2] blocks;
 * nothing when one of them is 0. args[i] points to the value of parameter i. */
void fulgur_launch(int64_t kernel, const int64_t grid[3], int64_t shared_bytes,
                   void *const *args);

/* Writes the 128 bytes of a tensor map to `map`, which is 64-byte aligned:
 * boxes of a tensor of FulgurType `type` at the device address `data`.
 * sizes[rank], strides_bytes[rank] and box[rank] have the innermost dimension
 * first; strides_bytes[0] is the size of an element. `swizzle_bytes` is 0, 32,
 * 64 or 128. The map of a tensor without elements is zero, and not to be used.
 */
void fulgur_tensor_map(void *map, const void *data, int32_t type, int32_t rank,
                       const int64_t *sizes, const int64_t *strides_bytes,
                       const int32_t *box, int32_t swizzle_bytes);

void fulgur_device_copy(void *dst, const void *src, int64_t bytes);
void fulgur_device_fill(void *dst, int32_t byte, int64_t bytes);

/* Copies to the host, and waits for it: only for values that the control flow
 * of the step needs. */
void fulgur_device_read(void *host, const void *src, int64_t bytes);

/* The device address of a number that is 0 when a step starts. A kernel that
 * finds a condition of the model broken stores the number of the failure there
 * unless there is one (compare and swap). Failure n is the text failures[n-1],
 * and the run fails with it as after fulgur_fail(). */
int32_t *fulgur_failure_flag(void);

#ifdef __cplusplus
}
#endif

#endif /* FULGUR_RUNTIME_MODEL_H */
