r"""Small mistakes in the kernels of kernels.py, each of which must be found.

(kernel, name, tag, change): `change` makes the new text of every line that has
the tag, None drops it; a pair replaces the first, where %X is any value, by the
second, where \1 is the first of these values.
"""
DROP = None
DESCRIPTOR = 1 << 62 | 64 << 32 | 1 << 16

MUTATIONS = [
    # Mbarriers.
    ("gemm", "full wait missing", "full_wait", ("nvvm.mbarrier.try_wait %X, %f : !llvm.ptr<3>, i32 -> i1", "arith.constant true")),
    ("gemm", "empty wait missing", "empty_wait", ("nvvm.mbarrier.try_wait %X, %f : !llvm.ptr<3>, i32 -> i1", "arith.constant true")),
    ("gemm", "producer starts with parity 0", "start_parity", ("constant 1", "constant 0")),
    ("gemm", "producer's phase does not turn", "load_phase", ("arith.xori", "arith.ori")),
    ("gemm", "consumer's phase does not turn", "use_phase", ("arith.xori", "arith.andi")),
    ("gemm", "stage released too early", "stage_yield", ("yield %X, %X, %s, ", r"yield \1, \2, \1, ")),
    ("gemm", "stage released before wgmma is through", "wait_group", ("aligned 1", "aligned 2")),
    ("gemm", "stage never released", "release", DROP),
    ("gemm", "expects too many bytes", "expect_tx", ("24576", "24592")),
    ("gemm", "expects too few bytes", "expect_tx", ("24576", "24560")),
    ("gemm", "expects half the bytes", "expect_tx", ("24576", "8192")),
    ("gemm", "full barrier for 2 arrivals", "full_count", ("constant 1", "constant 2")),
    ("gemm", "empty barrier for 1 arrival", "empty_count", ("constant 2", "constant 1")),
    ("gemm", "empty barrier for 3 arrivals", "empty_count", ("constant 2", "constant 3")),
    ("gemm", "barriers not initialised", "init", DROP),
    ("gemm", "initialisation not fenced", "init_fence", DROP),
    ("gemm", "no barrier after initialisation", "init_barrier", DROP),
    ("gemm", "all lanes load", "elect", ("nvvm.elect.sync -> i1", "arith.constant true")),
    # wgmma.
    ("gemm", "wgmma fence missing", "wgmma_fence", DROP),
    ("gemm", "commit missing", "commit", DROP),
    ("gemm", "last wait missing", "wait_last", DROP),
    ("gemm", "last wait off by one", "wait_last", ("aligned 0", "aligned 1")),
    ("gemm", "descriptors advance by half of k", "k_offset", ("constant 64", "constant 48")),
    ("gemm", "descriptors stay", "k_offset", ("constant 96", "constant 0")),
    ("gemm", "descriptor's stride", "descriptor", (str(DESCRIPTOR), str(DESCRIPTOR - (32 << 32)))),
    ("gemm", "descriptor's swizzle is 64 bytes", "descriptor", (str(DESCRIPTOR), str(DESCRIPTOR - (3 << 62)))),
    ("gemm", "stage stride of A", "stage_stride", ("16384", "8192")),
    ("gemm", "stage stride of the load", "load_stride", ("16384", "8192")),
    ("gemm", "warpgroups share rows of A", "consumer_stride", ("8192", "0")),
    ("gemm", "registers exceed the file", "increase", ("232", "240")),
    ("gemm", "loading warpgroup keeps its registers", "decrease", DROP),
    # Loads.
    ("gemm", "k off by one", "load_k", ("constant 64", "constant 63")),
    ("gemm", "load of A missing", "load_a", DROP),
    # The epilogue.
    ("gemm", "wrong swizzle", "c_swizzle", ("constant 7", "constant 3")),
    ("gemm", "proxy fence missing", "proxy_fence", DROP),
    ("gemm", "barrier before the store missing", "c_barrier", DROP),
    ("gemm", "barrier for too many threads", "c_threads", ("128", "256")),
    ("gemm", "store lies over a stage", "tile_c", ("73728", "24576")),
    ("gemm", "store lies over the barriers", "tile_c", ("73728", "81920")),
    ("gemm", "row of the store off by one", "c_row", ("addi", "subi")),
    ("gemm", "bulk commit missing", "bulk_commit", DROP),
    ("gemm", "bulk wait missing", "bulk_wait", DROP),
    ("gemm", "bulk wait off by one", "bulk_wait", ("wait_group 0", "wait_group 1")),
    ("gemm", "one stmatrix missing", "stmatrix", DROP),
    # Clusters.
    ("gemm_cluster", "last cluster barrier missing", "final_barrier", DROP),
    ("gemm_cluster", "first cluster barrier missing", "init_barrier", DROP),
    ("gemm_cluster", "other block not told", "release_1", DROP),
    ("gemm_cluster", "multicast to one block", "multicast", ("constant 3", "constant 1")),
    ("gemm_cluster", "multicast beyond the cluster", "multicast", ("constant 3", "constant 7")),
    ("gemm_cluster", "halves in one place", "part", ("4096", "0")),
    ("gemm_cluster", "empty barrier counts one block", "empty_count", ("constant 4", "constant 2")),
    ("gemm_cluster", "accumulators read before the wait", "read", ("extractelement %X", "extractelement %c#3")),
    ("gemm_cluster", "tied wait off by one", "wait_last", ("wait 0", "wait 1")),
    ("gemm_cluster", "fence missing", "wgmma_fence", DROP),
    # cp.async.
    ("gemm_cp_async", "wait missing", "wait", DROP),
    ("gemm_cp_async", "wait off by one", "wait", ("group 1", "group 2")),
    ("gemm_cp_async", "commit missing", "commit", DROP),
    ("gemm_cp_async", "first commit missing", "commit_first", DROP),
    ("gemm_cp_async", "no barrier after the wait", "filled", DROP),
    ("gemm_cp_async", "no barrier before the next load", "consumed", DROP),
    ("gemm_cp_async", "zero fill missing", "zero_fill", ("arith.select %X, %X, %X", "arith.constant 16")),
    ("gemm_cp_async", "one stage", "stage_bytes", ("768", "0")),
    ("gemm_cp_async", "write and read swizzles differ", "read_swizzle", ("arith.xori", "arith.ori")),
    ("gemm_cp_async", "stride of rows", "row_stride", ("constant 32", "constant 16")),
    ("gemm_cp_async", "matrices transposed", "ldmatrix", ("<row>", "<col>")),
    ("gemm_cp_async", "loads one step too many", "more", ("slt", "sle")),
    ("gemm_cp_async", "rows stored beyond the end", "store_guard", ("slt", "sle")),
    # Blocks.
    ("row_sum", "barrier missing", "barrier", DROP),
    ("row_sum", "one shuffle missing", "distance_4", ("constant 4", "constant 0")),
    ("row_sum", "shuffle by lanes of one half", "shuffle_8", ("bfly", "up")),
    ("row_sum", "warps share a word", "warp_bytes", ("constant 4", "constant 0")),
    ("row_sum", "source off by one", "source", ("%i", "%n")),
]
