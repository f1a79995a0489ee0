r"""Mistakes that can be made in any kernel, one for each place where an operation
is; of many such places, for some.

(name, level, pattern, change): every line of a kernel that `pattern` matches is a
place. `level` says in which form the kernel is: "kernel" as it is written, "nvvm"
as the emulator (and PTX) takes it. `change` makes the new lines: DROP takes the
operation away, FORWARD also, and its first operand takes the place of its
result, a text may use the groups of the pattern, and a function makes it of the
match and of all lines before it, or nothing. Places that are equal in the group
`same` are changed together: loops are unrolled.
"""
import re

DROP, FORWARD = "DROP", "FORWARD"
MAX_PLACES = 6


def add(delta):
    """Adds to the number that is the second group."""
    def change(match, _):
        text, (begin, end) = match.string, match.span(2)
        return text[:begin] + str(int(match[2]) + delta) + text[end:]
    return change


def combine(number, operation="add", kind="i32"):
    """Combines the operand of the llvm dialect that is the second group with a
    number."""
    return (f"%change = llvm.mlir.constant({number} : {kind}) : {kind}\n%changed = llvm.{operation} \\2, %change : {kind}\n"
            r"\1%changed\3")


def add_one(match, _):
    """Adds 1 to the operand of the arith dialect that is the second group."""
    kind = "i32" if re.search(r"tma_load|tma_store|: i32 {$", match.string) else "index"
    return (f"%one = arith.constant 1 : {kind}\n%changed = arith.addi {match[2]}, %one : {kind}\n"
            f"{match[1]}%changed{match[3]}")


def release_early(match, before):
    """Releases the stage that the last wait was for."""
    indent = len(match.string)
    for line in [match.string, *reversed(before)]:
        indent = min(indent, len(line) - len(line.lstrip()))
        wait = re.match(rf" {{{indent}}}%\w+ = kernel\.pipeline_wait %\w+, (%\w+)", line)
        if wait and wait[1] != match[2]:
            return f"{match[1]}{wait[1]}{match[3]}"
    return None


EXPECT = r"(.*nvvm\.mbarrier\.arrive\.expect_tx %[\w]+, )(%[\w]+)( .*)"

ISSUE_A = r"(.*kernel\.wgmma_issue %\w+, )(%\w+)(.*)"
ISSUE_B = r"(.*kernel\.wgmma_issue %\w+, %\w+, )(%\w+)(.*)"

OPERATORS = [
    # Barriers of blocks, and of a part of one.
    ("barrier missing", "kernel", r"(gpu|nvvm)\.barrier\b", DROP),
    ("barrier of warps missing", "kernel", r"nvvm\.bar\.warp\.sync", DROP),
    ("cluster arrival or wait missing", "kernel", r"nvvm\.cluster\.(arrive|wait)", DROP),
    # Pipelines.
    ("wait for the phase missing", "nvvm", r"(%\w+) = nvvm\.mbarrier\.try_wait .*", r"\1 = llvm.mlir.constant(true) : i1"),
    ("stage never released", "kernel", r"kernel\.pipeline_release", DROP),
    ("stage released early", "kernel", r"(.*kernel\.pipeline_release %\w+, )(%[\w#]+)( .*)", release_early),
    ("stage never filled", "kernel", r"kernel\.pipeline_commit", DROP),
    ("state does not advance", "kernel", r"kernel\.pipeline_advance", FORWARD),
    ("16 bytes too many expected", "nvvm", EXPECT, combine(16)),
    ("16 bytes too few expected", "nvvm", EXPECT, combine(-16)),
    ("other phase awaited", "nvvm", r"(.*mbarrier\.try_wait %[\w]+, )(%[\w]+)( .*)", combine(1, "xor")),
    ("one producer more", "kernel", r"(kernel\.pipeline_create.* producers )(\d+)", add(1)),
    ("one consumer more", "kernel", r"(kernel\.pipeline_create.* consumers )(\d+)", add(1)),
    ("one consumer less", "kernel", r"(kernel\.pipeline_create.* consumers )(\d+)", add(-1)),
    ("barriers over a stage", "kernel", r"(kernel\.pipeline_create at )(\d+)", add(-1024)),
    ("initialisation not fenced", "nvvm", r"nvvm\.fence\.mbarrier\.init", DROP),
    # Wgmma.
    ("wgmma fence missing", "kernel", r"nvvm\.wgmma\.fence", DROP),
    ("wgmma commit missing", "kernel", r"nvvm\.wgmma\.commit", DROP),
    ("wgmma wait missing", "kernel", r"kernel\.wgmma_wait ()", FORWARD),
    ("wgmma wait off by one", "kernel", r"(kernel\.wgmma_wait )(\d+)", add(1)),
    ("descriptor's swizzle", "nvvm", ISSUE_A, combine(3 << 62, "xor", "i64")),
    ("descriptor's swizzle", "nvvm", ISSUE_B, combine(3 << 62, "xor", "i64")),
    ("descriptor's stride", "nvvm", ISSUE_A, combine(96 << 32, "xor", "i64")),
    ("descriptor's stride", "nvvm", ISSUE_B, combine(96 << 32, "xor", "i64")),
    ("registers exceed the file", "nvvm", r"(nvvm\.setmaxregister increase )(\d+)", add(8)),
    ("registers not given back", "nvvm", r"nvvm\.setmaxregister decrease", DROP),
    # Clusters.
    ("other block not told", "nvvm", r"(.*nvvm\.mapa %\w+, )(%\w+)( .*)", combine(0, "and")),
    ("copy to one block", "kernel", r"(.*kernel\.tma_load.* multicast )(%\w+)( .*)", r"%change = arith.constant 1 : i16\n\1%change\3"),
    # Copies.
    ("load missing", "nvvm", r"nvvm\.cp\.async\.bulk\.tensor\.shared", DROP),
    ("store missing", "kernel", r"kernel\.tma_store", DROP),
    ("proxy fence missing", "kernel", r"nvvm\.fence\.proxy", DROP),
    ("bulk commit missing", "kernel", r"nvvm\.cp\.async\.bulk\.commit", DROP),
    ("bulk wait missing", "kernel", r"nvvm\.cp\.async\.bulk\.wait_group", DROP),
    ("bulk wait off by one", "kernel", r"(nvvm\.cp\.async\.bulk\.wait_group )(\d+)", add(1)),
    ("commit of copies missing", "kernel", r"nvvm\.cp\.async\.commit", DROP),
    ("wait for copies missing", "kernel", r"nvvm\.cp\.async\.wait", DROP),
    ("wait for copies off by one", "kernel", r"(nvvm\.cp\.async\.wait\.group )(\d+)", add(1)),
    ("copy missing", "kernel", r"nvvm\.cp\.async\.shared\.global", DROP),
    ("matrices transposed", "kernel", r"(.*nvvm\.ldmatrix.*mma_layout<)row(.*)", r"\1col\2"),
    ("matrices not transposed", "kernel", r"(.*nvvm\.ldmatrix.*mma_layout<)col(.*)", r"\1row\2"),
    ("column off by one", "kernel", r"(.*kernel\.tma_load %\w+\[.*, )(%\w+)(\] to .*)", add_one),
    ("column off by one", "kernel", r"(.*kernel\.tma_store.*\[.*, )(%\w+)(\] : .*)", add_one),
    # Warps.
    ("shuffle missing", "kernel", r"gpu\.shuffle", FORWARD),
    ("all lanes do it", "kernel", r"(.*%\w+ = )nvvm\.elect\.sync.*", r"\1arith.constant true"),
    # Numbers of places.
    ("exclusive or missing", "kernel", r"arith\.xori .* : (i32|index)$", FORWARD),
    ("bound off by one", "kernel", r"(.*arith\.cmpi [su]l)t(, %\w+, (?P<same>%\w+) : (?:i32|index))$", r"\1e\2"),
    ("index off by one", "kernel", r"(.*(?:memref|vector)\.load %\w+\[(?:.*, )?)(%\w+)(\].*)", add_one),
    ("index off by one", "kernel", r"(.*(?:memref|vector)\.store %\w+, %\w+\[(?:.*, )?)(%\w+)(\].*)", add_one),
    ("loop's bound off by one", "kernel", r"(.*scf\.for .* to )(%[\w#]+)( .*)", add_one),
    ("atomic addition missing", "kernel", r"memref\.atomic_rmw", FORWARD),
]
