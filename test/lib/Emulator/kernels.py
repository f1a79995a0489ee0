"""Kernels at the level of NVVM, written by hand, that use what a GPU has.

Each is a function that returns MLIR text. Lines that a mutation (mutations.py)
changes end with a tag: a comment `// <tag>`.
"""
SMEM = """
  llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
"""
MAP = "!llvm.ptr {llvm.byval = !llvm.array<128 x i8>, llvm.align = 64 : i64, nvvm.grid_constant}"
STMATRIX = ("{layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, "
            "eltType = #nvvm.ld_st_matrix_elt_type<b16>}")


class Kernel:
    """The text of one kernel, line by line."""

    def __init__(self):
        self.lines, self.values = [], 0

    def op(self, text, tag=None):
        self.lines.append(f"    {text}" + (f" // {tag}" if tag else ""))

    def value(self, text, tag=None):
        self.values += 1
        self.op(f"%v{self.values} = {text}", tag)
        return f"%v{self.values}"

    def i32(self, number, tag=None):
        return self.value(f"arith.constant {number} : i32", tag)

    def binary(self, name, left, right, tag=None):
        """The tag is that of the constant, if there is one."""
        if isinstance(right, int):
            right, tag = self.i32(right, tag), None
        return self.value(f"arith.{name} {left}, {right} : i32", tag)

    def add(self, left, right, tag=None):
        return self.binary("addi", left, right, tag)

    def mul(self, left, right, tag=None):
        return self.binary("muli", left, right, tag)

    def equal(self, left, right):
        return self.value(f"arith.cmpi eq, {left}, {self.i32(right)} : i32")

    def shared(self, offset, base="%base"):
        if isinstance(offset, int):
            offset = self.i32(offset)
        return self.value(f"llvm.getelementptr {base}[{offset}] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8")

    def wait(self, barrier, parity, tag):
        """Until the phase of this parity is complete."""
        self.op("scf.while : () -> () {")
        done = self.value(f"nvvm.mbarrier.try_wait {barrier}, {parity} : !llvm.ptr<3>, i32 -> i1", tag)
        true = self.value("arith.constant true")
        self.op(f"scf.condition({self.value(f'arith.xori {done}, {true} : i1')})")
        self.op("} do { scf.yield }")

    def text(self, name, parameters):
        return (f"  llvm.func @{name}({parameters}) attributes {{gpu.kernel, nvvm.kernel}} {{\n"
                + "\n".join(self.lines) + "\n    llvm.return\n  }\n")


def advance(k, stage, phase, stages, tag):
    """The next stage, and the phase, which turns at the last stage."""
    following = k.add(stage, 1)
    wraps = k.equal(following, stages)
    new_stage = k.value(f"arith.select {wraps}, {k.i32(0)}, {following} : i32")
    turn = k.value(f"arith.extui {wraps} : i1 to i32")
    new_phase = k.value(f"arith.xori {phase}, {turn} : i32", tag)
    return new_stage, new_phase


def gemm(name, cluster):
    """C[m][n] = A[m][k] B[n][k]: bf16, tiles of 128 x 64, a warpgroup that loads
    with TMA and two that multiply with wgmma, 3 stages of 64 of k. Two blocks of
    a cluster share B; there, accumulators are tied to the waits."""
    k, stages, rows_b = Kernel(), 3, 64 // cluster
    at_b, at_c = stages * 16384, stages * 24576
    full, empty = at_c + 16384, at_c + 16384 + 64
    tied = cluster > 1
    struct = "vector<32xf32>" if tied else f"!llvm.struct<({', '.join(['f32'] * 32)})>"
    k.op("%base = llvm.mlir.addressof @smem : !llvm.ptr<3>")
    tid = k.value("nvvm.read.ptx.sreg.tid.x : i32")
    block_m = k.value("nvvm.read.ptx.sreg.ctaid.x : i32")
    block_n = k.value("nvvm.read.ptx.sreg.ctaid.y : i32")
    rank = k.value("nvvm.read.ptx.sreg.cluster.ctarank : i32")
    row, column = k.mul(block_m, 128), k.mul(block_n, 64)
    group = k.binary("shrui", tid, 7)
    in_group = k.binary("andi", tid, 127)
    k.op(f"scf.if {k.equal(tid, 0)} {{")
    for stage in range(stages):
        one = k.i32(1, "full_count")
        k.op(f"nvvm.mbarrier.init {k.shared(full + 8 * stage)}, {one} : !llvm.ptr<3>, i32")
        count = k.i32(2 * cluster, "empty_count")
        k.op(f"nvvm.mbarrier.init {k.shared(empty + 8 * stage)}, {count} : !llvm.ptr<3>, i32", "init")
    k.op("nvvm.fence.mbarrier.init", "init_fence")
    k.op("}")
    if cluster > 1:
        k.op("nvvm.cluster.arrive {aligned}", "init_barrier")
        k.op("nvvm.cluster.wait {aligned}", "init_barrier")
    else:
        k.op("nvvm.barrier", "init_barrier")
    zero, one = k.i32(0), k.i32(1)
    k.op(f"scf.if {k.equal(group, 0)} {{")
    # Loads.
    k.op("nvvm.setmaxregister decrease 40", "decrease")
    k.op(f"scf.if {k.equal(k.binary('shrui', tid, 5), 0)} {{")
    elected = k.value("nvvm.elect.sync -> i1", "elect")
    k.op(f"scf.if {elected} {{")
    start = k.i32(1, "start_parity")
    k.op(f"%p:2 = scf.for %i = {zero} to %steps step {one} iter_args(%s = {zero}, %f = {start}) -> (i32, i32) : i32 {{")
    at = k.mul("%s", 8)
    k.wait(k.shared(k.add(at, empty)), "%f", "empty_wait")
    barrier = k.shared(k.add(at, full))
    size = k.i32(16384 + 8192, "expect_tx")
    k.op(f"nvvm.mbarrier.arrive.expect_tx {barrier}, {size} : !llvm.ptr<3>, i32", "expect")
    depth = k.mul("%i", 64, "load_k")
    load = "nvvm.cp.async.bulk.tensor.shared.cluster.global"
    to_a = k.shared(k.mul("%s", 16384, "load_stride"))
    remote = k.value(f"llvm.addrspacecast {to_a} : !llvm.ptr<3> to !llvm.ptr<7>")
    k.op(f"{load} {remote}, %a, {barrier}, box[{depth}, {row}] : !llvm.ptr<7>, !llvm.ptr", "load_a")
    part = k.mul(rank, rows_b * 128, "part")
    to_b = k.shared(k.add(k.add(k.mul("%s", 8192), at_b), part))
    remote = k.value(f"llvm.addrspacecast {to_b} : !llvm.ptr<3> to !llvm.ptr<7>")
    row_b = k.add(column, k.mul(rank, rows_b))
    mask = ""
    if cluster > 1:
        mask = f" multicast_mask = {k.value('arith.constant 3 : i16', 'multicast')}"
    k.op(f"{load} {remote}, %b, {barrier}, box[{depth}, {row_b}]{mask} : !llvm.ptr<7>, !llvm.ptr", "load_b")
    following = advance(k, "%s", "%f", stages, "load_phase")
    k.op(f"scf.yield {following[0]}, {following[1]} : i32, i32")
    for _ in range(3):
        k.op("}")
    k.op("} else {")
    # Products.
    k.op("nvvm.setmaxregister increase 232", "increase")
    consumer = k.add(group, -1)
    number = k.value("llvm.ptrtoint %base : !llvm.ptr<3> to i32")
    if tied:
        undefined = k.value(f"arith.constant dense<0.0> : {struct}")
    else:
        undefined = k.value(f"llvm.mlir.undef : {struct}")
        nothing = k.value("arith.constant 0.0 : f32")
        for i in range(32):
            undefined = k.value(f"llvm.insertvalue {nothing}, {undefined}[{i}] : {struct}")
    high = k.value(f"arith.constant {1 << 62 | 64 << 32 | 1 << 16} : i64", "descriptor")
    leader = k.equal(in_group, 0)

    def descriptor(offset):
        low = k.binary("shrui", k.binary("andi", k.add(number, offset), 0x3ffff), 4)
        return k.value(f"arith.ori {k.value(f'arith.extui {low} : i32 to i64')}, {high} : i64")

    def release(stage):
        k.op(f"scf.if {leader} {{")
        barrier = k.shared(k.add(k.mul(stage, 8), empty))
        if cluster == 1:
            k.value(f"nvvm.mbarrier.arrive {barrier} : !llvm.ptr<3> -> i64", "release")
        else:
            for peer in range(cluster):
                mapped = k.value(f"nvvm.mapa {barrier}, {k.i32(peer)} : !llvm.ptr<3> -> !llvm.ptr<7>")
                k.op(f"nvvm.mbarrier.arrive {mapped} {{scope = #nvvm.mem_scope<cluster>}} : !llvm.ptr<7>",
                     f"release_{peer}")
        k.op("}")

    k.op(f"%c:4 = scf.for %i = {zero} to %steps step {one} iter_args(%s = {zero}, %f = {zero}, %old = {zero}, "
         f"%acc = {undefined}) -> (i32, i32, i32, {struct}) : i32 {{")
    k.wait(k.shared(k.add(k.mul("%s", 8), full)), "%f", "full_wait")
    tile_a = k.add(k.mul("%s", 16384, "stage_stride"), k.mul(consumer, 8192, "consumer_stride"))
    tile_b = k.add(k.mul("%s", 8192), at_b)
    k.op("nvvm.wgmma.fence.aligned", "wgmma_fence")
    acc = "%acc"
    for step in range(4):
        inner = k.i32(step * 32, "k_offset")
        da, db = descriptor(k.add(tile_a, inner)), descriptor(k.add(tile_b, inner))
        if tied:
            acc = k.value(f"kernel.wgmma_issue {acc}, {da}, {db} element bf16 : {struct}, i64", "wgmma")
            continue
        acc = k.value(
            f"nvvm.wgmma.mma_async {da}, {db}, {acc}, #nvvm.shape<m = 64, n = 64, k = 16>, "
            "D[<f32>, #nvvm.wgmma_scale_out<one>], A[<bf16>, #nvvm.wgmma_scale_in<one>, <row>], "
            f"B[<bf16>, #nvvm.wgmma_scale_in<one>, <col>] : {struct} -> {struct}", "wgmma")
    k.op("nvvm.wgmma.commit.group.sync.aligned", "commit")
    if tied:
        acc = k.value(f"kernel.wgmma_wait 1, {acc} : {struct}", "wait_group")
    else:
        k.op("nvvm.wgmma.wait.group.sync.aligned 1", "wait_group")
    later = k.value(f"arith.cmpi sgt, %i, {zero} : i32")
    k.op(f"scf.if {later} {{", "release_late")
    release("%old")
    k.op("}")
    following = advance(k, "%s", "%f", stages, "use_phase")
    k.op(f"scf.yield {following[0]}, {following[1]}, %s, {acc} : i32, i32, i32, {struct}", "stage_yield")
    k.op("}")
    if tied:
        result = k.value(f"kernel.wgmma_wait 0, %c#3 : {struct}", "wait_last")
    else:
        result = "%c#3"
        k.op("nvvm.wgmma.wait.group.sync.aligned 0", "wait_last")
    extract = "llvm.extractelement {0}[{1} : i32] : {2}" if tied else "llvm.extractvalue {0}[{1}] : {2}"
    # The tile goes through shared memory.
    lane, warp = k.binary("andi", tid, 31), k.binary("shrui", in_group, 5)
    line = k.add(k.mul(warp, 16), k.binary("andi", lane, 15))
    half = k.binary("shrui", lane, 4)
    tile_c = k.add(k.mul(consumer, 8192), at_c, "tile_c")
    start = k.add(tile_c, k.mul(line, 128))
    for j in range(4):
        registers = []
        for h in range(4):
            first = 4 * (2 * j + h // 2) + 2 * (h % 2)
            ends = [k.i32(first + x) if tied else first + x for x in range(2)]
            low, up = (k.value(extract.format(result, end, struct), "read") for end in ends)
            both = k.value(f"nvvm.convert.f32x2.to.bf16x2 {up}, {low} {{rnd = #nvvm.fp_rnd_mode<rn>}} : vector<2xbf16>")
            registers.append(k.value(f"llvm.bitcast {both} : vector<2xbf16> to i32"))
        unit = k.add(half, 2 * j)
        unit = k.value(f"arith.xori {unit}, {k.binary('andi', line, 7, 'c_swizzle')} : i32")
        to = k.shared(k.add(start, k.mul(unit, 16)))
        k.op(f"nvvm.stmatrix {to}, {', '.join(registers)} {STMATRIX} : !llvm.ptr<3>, i32, i32, i32, i32", "stmatrix")
    k.op("nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}", "proxy_fence")
    threads = k.i32(128, "c_threads")
    k.op(f"nvvm.barrier id = {k.add(consumer, 1)} number_of_threads = {threads}", "c_barrier")
    k.op(f"scf.if {leader} {{")
    box_row = k.add(row, k.mul(consumer, 64), "c_row")
    k.op(f"nvvm.cp.async.bulk.tensor.global.shared.cta %c_map, {k.shared(tile_c)}, box[{column}, {box_row}] "
         ": !llvm.ptr, !llvm.ptr<3>", "store")
    k.op("nvvm.cp.async.bulk.commit.group", "bulk_commit")
    k.op("nvvm.cp.async.bulk.wait_group 0", "bulk_wait")
    k.op("}")
    k.op("}")
    if cluster > 1:
        k.op("nvvm.cluster.arrive {aligned}", "final_barrier")
        k.op("nvvm.cluster.wait {aligned}", "final_barrier")
    return k.text(name, f"%a: {MAP}, %b: {MAP}, %c_map: {MAP}, %steps: i32")


def gemm_cp_async(name):
    """C[m][8] = A[m][k] B[8][k]: f16 to f32, a warp for 16 rows, cp.async in two
    stages of 16 of k, ldmatrix and mma.sync; rows from m on are zero."""
    k = Kernel()
    k.op("%base = llvm.mlir.addressof @smem : !llvm.ptr<3>")
    tid = k.value("nvvm.read.ptx.sreg.tid.x : i32")
    lane, warp = k.binary("andi", tid, 31), k.binary("shrui", tid, 5)
    zero, one = k.i32(0), k.i32(1)
    row, half = k.binary("shrui", lane, 1), k.binary("andi", lane, 1)
    global_row = k.add(k.mul(warp, 16), row)
    inside = k.value(f"arith.cmpi slt, {global_row}, %m : i32")
    full = k.i32(16)
    # A row's two units of 16 bytes change places in every other group of four.
    swizzled = k.value(f"arith.xori {half}, {k.binary('andi', k.binary('shrui', row, 2), 1)} : i32", "swizzle")
    mine = k.mul(warp, 1536)
    pointer = "(!llvm.ptr, i32) -> !llvm.ptr, f16"
    line = k.mul(global_row, "%k")

    def load(step):
        stage = k.mul(k.binary("andi", step, 1), 768, "stage_bytes")
        column = k.add(k.mul(step, 16), k.mul(half, 8))
        to = k.add(k.add(mine, stage), k.add(k.mul(row, 32), k.mul(swizzled, 16)))
        index = k.add(line, column)
        # Nothing is read where there is no row.
        source = k.value(f"llvm.getelementptr %a[{index}] : {pointer}")
        source = k.value(f"llvm.addrspacecast {source} : !llvm.ptr to !llvm.ptr<1>")
        size = k.value(f"arith.select {inside}, {full}, {zero} : i32", "zero_fill")
        k.op(f"nvvm.cp.async.shared.global {k.shared(to)}, {source}, 16, cache = cg, {size} : !llvm.ptr<3>, !llvm.ptr<1>, i32",
             "cp_async")
        # B: 8 rows of 32 bytes behind A's 16; the first 16 lanes.
        few = k.value(f"arith.cmpi slt, {lane}, {k.i32(16)} : i32")
        k.op(f"scf.if {few} {{")
        to = k.add(k.add(k.add(mine, stage), 512), k.mul(lane, 16))
        index = k.add(k.mul(row, "%k"), column)
        source = k.value(f"llvm.getelementptr %b[{index}] : {pointer}")
        source = k.value(f"llvm.addrspacecast {source} : !llvm.ptr to !llvm.ptr<1>")
        k.op(f"nvvm.cp.async.shared.global {k.shared(to)}, {source}, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>")
        k.op("}")

    load(zero)
    k.op("nvvm.cp.async.commit.group", "commit_first")
    nothing = k.value("arith.constant 0.0 : f32")
    k.op(f"%r:4 = scf.for %i = {zero} to %steps step {one} iter_args(%c0 = {nothing}, %c1 = {nothing}, %c2 = {nothing}, "
         f"%c3 = {nothing}) -> (f32, f32, f32, f32) : i32 {{")
    following = k.add("%i", 1)
    more = k.value(f"arith.cmpi slt, {following}, %steps : i32", "more")
    k.op(f"scf.if {more} {{")
    load(following)
    k.op("}")
    k.op("nvvm.cp.async.commit.group", "commit")
    k.op("nvvm.cp.async.wait.group 1", "wait")
    minus = k.i32(-1)
    k.op(f"nvvm.bar.warp.sync {minus} : i32", "filled")
    stage = k.mul(k.binary("andi", "%i", 1), 768)
    at = k.add(mine, stage)
    # Lanes 0..15 name the rows of the first unit, the others of the second.
    line_a, unit = k.binary("andi", lane, 15), k.binary("shrui", lane, 4)
    unit = k.value(f"arith.xori {unit}, {k.binary('andi', k.binary('shrui', line_a, 2), 1)} : i32", "read_swizzle")
    to = k.shared(k.add(at, k.add(k.mul(line_a, 32, "row_stride"), k.mul(unit, 16))))
    four = "!llvm.struct<(i32, i32, i32, i32)>"
    a = k.value(f"nvvm.ldmatrix {to} {{num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, "
                f"eltType = #nvvm.ld_st_matrix_elt_type<b16>}} : (!llvm.ptr<3>) -> {four}", "ldmatrix")
    row_b, half_b = k.binary("andi", lane, 7), k.binary("andi", k.binary("shrui", lane, 3), 1)
    to = k.shared(k.add(k.add(at, 512), k.add(k.mul(row_b, 32), k.mul(half_b, 16))))
    two = "!llvm.struct<(i32, i32)>"
    b = k.value(f"nvvm.ldmatrix {to} {{num = 2 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, "
                f"eltType = #nvvm.ld_st_matrix_elt_type<b16>}} : (!llvm.ptr<3>) -> {two}", "ldmatrix_b")
    pair = "vector<2xf16>"
    fragments = []
    for value, count, struct in ((a, 4, four), (b, 2, two)):
        for i in range(count):
            fragments.append(k.value(f"llvm.bitcast {k.value(f'llvm.extractvalue {value}[{i}] : {struct}')} : i32 to {pair}"))
    result = "!llvm.struct<(f32, f32, f32, f32)>"
    d = k.value(f"nvvm.mma.sync A[{', '.join(fragments[:4])}] B[{', '.join(fragments[4:])}] C[%c0, %c1, %c2, %c3] "
                "{layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, shape = #nvvm.shape<m = 16, n = 8, k = 16>} "
                f": ({pair}, {pair}, f32) -> {result}")
    k.op(f"nvvm.bar.warp.sync {minus} : i32", "consumed")
    parts = [k.value(f"llvm.extractvalue {d}[{i}] : {result}") for i in range(4)]
    k.op(f"scf.yield {', '.join(parts)} : f32, f32, f32, f32")
    k.op("}")
    k.op("nvvm.cp.async.wait.group 0", "wait_last")
    for i in range(2):
        at = k.add(k.add(k.mul(warp, 16), k.binary("shrui", lane, 2)), 8 * i)
        store = k.value(f"arith.cmpi slt, {at}, %m : i32", "store_guard")
        k.op(f"scf.if {store} {{")
        column = k.mul(k.binary("andi", lane, 3), 2)
        for x in range(2):
            index = k.add(k.add(k.mul(at, 8), column), x, "store_column")
            to = k.value(f"llvm.getelementptr %c[{index}] : (!llvm.ptr, i32) -> !llvm.ptr, f32")
            k.op(f"llvm.store %r#{2 * i + x}, {to} : f32, !llvm.ptr")
        k.op("}")
    return k.text(name, "%a: !llvm.ptr, %b: !llvm.ptr, %c: !llvm.ptr, %m: i32, %k: i32, %steps: i32")


def row_sum(name):
    """y[i] = sum of x[i][..n]: a block of 128 threads for a row, shuffles in
    warps, then shared memory."""
    k = Kernel()
    k.op("%base = llvm.mlir.addressof @smem : !llvm.ptr<3>")
    tid = k.value("nvvm.read.ptx.sreg.tid.x : i32")
    row = k.value("nvvm.read.ptx.sreg.ctaid.x : i32")
    zero, step = k.i32(0), k.i32(128)
    nothing = k.value("arith.constant 0.0 : f32")
    start = k.mul(row, "%n")
    k.op(f"%own = scf.for %i = {tid} to %n step {step} iter_args(%s = {nothing}) -> (f32) : i32 {{")
    index = k.add(start, "%i", "source")
    at = k.value(f"llvm.getelementptr %x[{index}] : (!llvm.ptr, i32) -> !llvm.ptr, f32")
    value = k.value(f"llvm.load {at} : !llvm.ptr -> f32")
    k.op(f"scf.yield {k.value(f'arith.addf %s, {value} : f32')} : f32")
    k.op("}")
    total, minus, clamp = "%own", k.i32(-1), k.i32(31)
    for distance in (16, 8, 4, 2, 1):
        by = k.i32(distance, f"distance_{distance}")
        other = k.value(f"nvvm.shfl.sync bfly {minus}, {total}, {by}, {clamp} : f32 -> f32", f"shuffle_{distance}")
        total = k.value(f"arith.addf {total}, {other} : f32")
    lane, warp = k.binary("andi", tid, 31), k.binary("shrui", tid, 5)
    k.op(f"scf.if {k.equal(lane, 0)} {{")
    to = k.shared(k.mul(warp, 4, "warp_bytes"))
    k.op(f"llvm.store {total}, {to} : f32, !llvm.ptr<3>")
    k.op("}")
    k.op("nvvm.barrier", "barrier")
    k.op(f"scf.if {k.equal(tid, 0)} {{", "first")
    total = nothing
    for i in range(4):
        part = k.value(f"llvm.load {k.shared(4 * i)} : !llvm.ptr<3> -> f32")
        total = k.value(f"arith.addf {total}, {part} : f32")
    to = k.value(f"llvm.getelementptr %y[{row}] : (!llvm.ptr, i32) -> !llvm.ptr, f32", "target")
    k.op(f"llvm.store {total}, {to} : f32, !llvm.ptr")
    k.op("}")
    return k.text(name, "%x: !llvm.ptr, %y: !llvm.ptr, %n: i32")


def module(kernels):
    return "module attributes {gpu.container_module} {\n  gpu.module @kernels {" + SMEM + "".join(kernels) + "  }\n}\n"
