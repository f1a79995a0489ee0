/*===----------------------------------------------------------------------===*\
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/*
 * What the machine can do at most, for bench/gemm.py: multiply-adds of f32 in
 * registers, and reading of memory. Both as the fastest of several runs.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int64_t Words __attribute__((vector_size(64)));

enum { SUMS = 12, MAX_THREADS = 256 };

typedef struct {
  int64_t turns;
  const char *data;
  int64_t bytes;
  double result;
} Work;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void *multiplyAdd(void *context) {
  Work *work = context;
  Floats sums[SUMS];
  Floats factor, term;
  for (int j = 0; j < LANES; ++j) {
    factor[j] = 0.999f;
    term[j] = 0.001f * (float)j;
  }
  for (int i = 0; i < SUMS; ++i)
    sums[i] = term;
  for (int64_t turn = 0; turn < work->turns; ++turn) {
#pragma clang loop unroll(full)
    for (int i = 0; i < SUMS; ++i)
      sums[i] = __builtin_elementwise_fma(sums[i], factor, term);
    /* The sums are needed: the loop can not be thrown away. */
    asm volatile("" : "+v"(sums[0]), "+v"(sums[1]));
  }
  for (int i = 0; i < SUMS; ++i)
    work->result += sums[i][0];
  return NULL;
}

static void *readAll(void *context) {
  Work *work = context;
  Words sums[4] = {{0}, {0}, {0}, {0}};
  for (int64_t at = 0; at + 256 <= work->bytes; at += 256)
    for (int i = 0; i < 4; ++i)
      sums[i] ^= *(const Words *)(work->data + at + 64 * i);
  work->result = (double)(sums[0] ^ sums[1] ^ sums[2] ^ sums[3])[0];
  return NULL;
}

/* The shortest time of `runs` runs in which every thread has done its work. */
static double fastest(void *(*function)(void *), Work *works, int threads,
                      int runs) {
  double best = 1e30;
  for (int run = 0; run < runs; ++run) {
    pthread_t others[MAX_THREADS];
    double start = now();
    for (int i = 1; i < threads; ++i)
      pthread_create(&others[i], NULL, function, &works[i]);
    function(&works[0]);
    for (int i = 1; i < threads; ++i)
      pthread_join(others[i], NULL);
    double time = now() - start;
    best = time < best ? time : best;
  }
  return best;
}

/* Floating-point operations a second of `threads` threads; 2 a multiply-add. */
double peak(int threads) {
  Work works[MAX_THREADS];
  memset(works, 0, sizeof(works));
  for (int i = 0; i < threads; ++i)
    works[i].turns = 2000000;
  double time = fastest(multiplyAdd, works, threads, 20);
  return 2.0 * LANES * SUMS * 2000000 * threads / time;
}

/* Bytes read a second by `threads` threads out of `bytes` beyond any cache. */
double bandwidth(int threads, int64_t bytes) {
  bytes = bytes / (4096 * threads) * (4096 * threads);
  char *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED)
    return 0;
  madvise(data, bytes, MADV_HUGEPAGE);
  memset(data, 1, bytes);
  Work works[MAX_THREADS];
  memset(works, 0, sizeof(works));
  for (int i = 0; i < threads; ++i) {
    works[i].data = data + i * (bytes / threads);
    works[i].bytes = bytes / threads;
  }
  double time = fastest(readAll, works, threads, 10);
  munmap(data, bytes);
  return bytes / time;
}
