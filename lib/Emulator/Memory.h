//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Checks of accesses to shared and global memory.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_EMULATOR_MEMORY_H
#define FULGUR_LIB_EMULATOR_MEMORY_H

#include "lib/Emulator/Machine.h"

namespace fulgur::emu {

enum class Access { Read, Write, Atomic };

/// Checks [data, data + bytes) of any memory for the running thread: bounds,
/// races, initialisation.
void checkAccess(Site site, const void *data, size_t bytes, Access access);

/// The same, of an access on behalf of `thread`.
void checkShared(Site site, Thread &thread, Block &block, uint32_t offset,
                 size_t bytes, Access access);

/// Global memory that a whole copy reads or writes.
void checkGlobal(Site site, const void *data, size_t bytes, Access access);
void allocated(const void *data, int64_t bytes);
void released(const void *data);
/// Forgets who wrote what; actors are counted from 1 again.
void forgetActors();

/// [begin, end) of a block's shared memory, in the asynchronous proxy.
/// Read: the bytes are there, and visible to `thread`, from now on they may not
/// be written; endRead: `reader` (an entry of vector clocks) has read them.
void beginAsyncRead(Site site, Thread &thread, Block &block, uint32_t begin,
                    uint32_t end);
void endAsyncRead(Block &block, uint32_t begin, uint32_t end, uint32_t reader,
                  Clock time);
/// Write: `thread` knows that everybody is through with the bytes, from now on
/// nobody may use them; endWrite: who knows `writer` at `time` may.
void beginAsyncWrite(Site site, Thread &thread, Block &block, uint32_t begin,
                     uint32_t end);
void endAsyncWrite(Block &block, uint32_t begin, uint32_t end, uint32_t writer,
                   Clock time);

/// The block of a shared address that has `bytes` bytes there, or a fault.
Block &getBlock(Site site, const void *data, size_t bytes, uint32_t &offset);

/// A thread accesses the shared memory of another block of the cluster.
void noteRemote(Site site, Thread &thread, Block &block);

/// The thread publishes what it did: whoever learns this knows that.
void release(Thread &thread, VectorClock &into);

} // namespace fulgur::emu

#endif // FULGUR_LIB_EMULATOR_MEMORY_H
