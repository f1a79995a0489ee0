//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What kernels call that fulgur-convert-nvvm-to-emulator has made: an operation
// of PTX each. `site` says which operation of the kernel calls. Unless said
// otherwise, addresses may be of any memory, numbers are as in the PTX ISA.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_EMULATOR_CALLS_H
#define FULGUR_LIB_EMULATOR_CALLS_H

#include <cstdint>

extern "C" {
using FulgurSite = const char *;

/// The registers of the running thread.
extern const struct FulgurEmuRegisters *fulgur_emu_registers;

/// Memory. `access`: 0 reads, 1 writes, 2 changes atomically, 3 looks at it
/// atomically, as those do who wait; `alignment` in bytes.
void fulgur_emu_access(FulgurSite site, const void *data, int64_t bytes,
                       int32_t access, int32_t alignment);
/// A static array of `bytes` in shared memory, at `offset` of `staticBytes`,
/// which is a multiple of 1024. Dynamic shared memory lies behind it: 0 bytes,
/// as far as that is known here.
void *fulgur_emu_shared(FulgurSite site, int64_t offset, int64_t bytes,
                        int64_t staticBytes);
void *fulgur_emu_mapa(FulgurSite site, void *data, int32_t rank);

/// mbarriers.
void fulgur_emu_mbarrier_init(FulgurSite site, void *barrier, int32_t count);
void fulgur_emu_mbarrier_inval(FulgurSite site, void *barrier);
int64_t fulgur_emu_mbarrier_arrive(FulgurSite site, void *barrier,
                                   int32_t count, int32_t drop, int64_t bytes);
void fulgur_emu_mbarrier_expect_tx(FulgurSite site, void *barrier,
                                   int64_t bytes);
void fulgur_emu_mbarrier_complete_tx(FulgurSite site, void *barrier,
                                     int64_t bytes);
/// Returns when the phase of this parity, or of this token, is complete: 1.
int32_t fulgur_emu_mbarrier_wait_parity(FulgurSite site, void *barrier,
                                        int32_t parity);
int32_t fulgur_emu_mbarrier_wait_state(FulgurSite site, void *barrier,
                                       int64_t state);
/// Does not wait.
int32_t fulgur_emu_mbarrier_test_parity(FulgurSite site, void *barrier,
                                        int32_t parity);
int32_t fulgur_emu_mbarrier_test_state(FulgurSite site, void *barrier,
                                       int64_t state);

/// Barriers. `threads` 0: all of the block. `operation` of a reduction: 0
/// none, 1 and, 2 or, 3 popc.
int32_t fulgur_emu_barrier(FulgurSite site, int32_t id, int32_t threads,
                           int32_t operation, int32_t predicate);
void fulgur_emu_barrier_arrive(FulgurSite site, int32_t id, int32_t threads);
void fulgur_emu_syncwarp(FulgurSite site, int32_t mask);
void fulgur_emu_cluster_arrive(FulgurSite site, int32_t relaxed,
                               int32_t aligned);
void fulgur_emu_cluster_wait(FulgurSite site, int32_t aligned);
/// Fences between the generic and the asynchronous proxy.
void fulgur_emu_fence_proxy(FulgurSite site);
/// griddepcontrol.wait
void fulgur_emu_grid_wait(FulgurSite site);
/// What all lanes of a warp execute together, and nothing else here.
void fulgur_emu_aligned(FulgurSite site);
void fulgur_emu_setmaxnreg(FulgurSite site, int32_t registers,
                           int32_t increase);

/// Warps. `kind` of a shuffle: 0 idx, 1 up, 2 down, 3 bfly; *valid is the
/// predicate. Votes: 0 all, 1 any, 2 ballot, 3 uni. redux: 0 add, 1 and, 2 max,
/// 3 min, 4 or, 5 umax, 6 umin, 7 xor. match: 0 any, 1 all.
int32_t fulgur_emu_shfl(FulgurSite site, int32_t kind, int32_t mask,
                        int32_t value, int32_t offset, int32_t clamp,
                        int32_t *valid);
int32_t fulgur_emu_vote(FulgurSite site, int32_t kind, int32_t mask,
                        int32_t predicate);
int32_t fulgur_emu_redux(FulgurSite site, int32_t kind, int32_t mask,
                         int32_t value);
int32_t fulgur_emu_match(FulgurSite site, int32_t kind, int32_t mask,
                         int64_t value, int32_t *all);
int32_t fulgur_emu_elect(FulgurSite site, int32_t mask);

/// Matrices of 8 x 8 elements of 16 bits, `count` of them: 1, 2 or 4.
void fulgur_emu_ldmatrix(FulgurSite site, const void *row, int32_t count,
                         int32_t transpose, int32_t *out);
void fulgur_emu_stmatrix(FulgurSite site, void *row, int32_t count,
                         int32_t transpose, const int32_t *in);
/// D[16][8] = A[16][k] B[k][8] + C, fragments as registers; `type` is an
/// Element, a and b have 16k/128 and 8k/128 times its bytes registers.
void fulgur_emu_mma(FulgurSite site, int32_t k, int32_t typeA, int32_t typeB,
                    const int32_t *a, const int32_t *b, const float *c,
                    float *d);
/// D[64][n] of a warpgroup, k of 32 bytes. `a`: four registers, or null: from
/// the descriptor. `accumulators`: n/2 of them, in and out; `scaleD` 0: only
/// out. `negate`: bit 0 A, bit 1 B; `transpose` the same: MN-major.
/// `deferred`: accumulators hold NaN until fulgur_emu_wgmma_result().
void fulgur_emu_wgmma(FulgurSite site, float *accumulators, const int32_t *a,
                      int64_t descA, int64_t descB, int32_t n, int32_t typeA,
                      int32_t typeB, int32_t scaleD, int32_t negate,
                      int32_t transpose, int32_t deferred);
void fulgur_emu_wgmma_fence(FulgurSite site);
void fulgur_emu_wgmma_commit(FulgurSite site);
void fulgur_emu_wgmma_wait(FulgurSite site, int32_t pending);
void fulgur_emu_wgmma_result(FulgurSite site, float *accumulators,
                             int32_t count);

/// Copies of boxes of a tensor, whose coordinates come innermost first.
void fulgur_emu_tma_load(FulgurSite site, void *dst, const void *map,
                         void *barrier, const int32_t *coordinates,
                         int32_t rank, int32_t multicast, int32_t mask);
/// `reduction`: 0 none, 1 add (f32, f16, bf16, i32).
void fulgur_emu_tma_store(FulgurSite site, const void *map, const void *src,
                          const int32_t *coordinates, int32_t rank,
                          int32_t reduction);
void fulgur_emu_bulk_load(FulgurSite site, void *dst, const void *src,
                          int32_t bytes, void *barrier, int32_t multicast,
                          int32_t mask);
void fulgur_emu_bulk_copy_to_cluster(FulgurSite site, void *dst,
                                     const void *src, int32_t bytes,
                                     void *barrier);
void fulgur_emu_bulk_store(FulgurSite site, void *dst, const void *src,
                           int32_t bytes);
void fulgur_emu_bulk_commit(FulgurSite site);
void fulgur_emu_bulk_wait(FulgurSite site, int32_t pending, int32_t read);
void fulgur_emu_cp_async(FulgurSite site, void *dst, const void *src,
                         int32_t bytes, int32_t sourceBytes);
void fulgur_emu_cp_async_commit(FulgurSite site);
void fulgur_emu_cp_async_wait(FulgurSite site, int32_t pending);
void fulgur_emu_cp_async_mbarrier(FulgurSite site, void *barrier,
                                  int32_t noinc);

/// Numbers; the first operand becomes the upper half, as in PTX.
int32_t fulgur_emu_pack_bf16(float high, float low);
int32_t fulgur_emu_pack_f16(float high, float low);
int32_t fulgur_emu_pack_e4m3(float high, float low);
int32_t fulgur_emu_pack_e5m2(float high, float low);
float fulgur_emu_e4m3(int32_t bits);
float fulgur_emu_e5m2(int32_t bits);
int32_t fulgur_emu_tf32(float value);
float fulgur_emu_ex2(float value);
float fulgur_emu_lg2(float value);
float fulgur_emu_rcp(float value);
float fulgur_emu_rsqrt(float value);
float fulgur_emu_sqrt(float value);
float fulgur_emu_sin(float value);
float fulgur_emu_cos(float value);
float fulgur_emu_tanh(float value);
int32_t fulgur_emu_prmt(int32_t a, int32_t b, int32_t selector);
int64_t fulgur_emu_clock();
}

#endif // FULGUR_LIB_EMULATOR_CALLS_H
