"""Demands that the emulator finds no fault in correct kernels, under several
seeds, and that every small mistake in one is found: by a check, or by a wrong
result. Usage: mutate.py <folder> <build> <root> [-v]"""
import re
import sys
import time

import kernels
import numpy as np
import run
from mutations import MUTATIONS

SEEDS = range(1, 7)


def to_bf16(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def small(rng, *shape):
    """Numbers whose products and sums are exact."""
    return rng.integers(-8, 9, shape).astype(np.float32) / 4


def run_gemm(device, name, cluster, seed):
    m, n, k = 256, 128, 5 * 64
    rng = np.random.default_rng(0)
    a, b = small(rng, m, k), small(rng, n, k)
    on_a, on_b = device.array(to_bf16(a)), device.array(to_bf16(b))
    c = device.array(np.full((m, n), 0x7fff, np.uint16))
    maps = [device.tensor_map(on_a, run.BF16, (64, 128), 128), device.tensor_map(on_b, run.BF16, (64, 64 // cluster), 128),
            device.tensor_map(c, run.BF16, (64, 64), 128)]
    fault = device.launch(name, (m // 128, n // 64, 1), 384, [*maps, k // 64], shared=3 * 24576 + 16384 + 128,
                          cluster=cluster, seed=seed)
    expected = a @ b.T
    return fault, np.abs(from_bf16(c) - expected) <= np.abs(expected) / 128 + 1e-6


def run_gemm_cp_async(device, name, _, seed):
    m, k = 43, 80
    rng = np.random.default_rng(0)
    a, b = small(rng, m, k), small(rng, 8, k)
    on_a, on_b = device.array(a.astype(np.float16)), device.array(b.astype(np.float16))
    c = device.array(np.full((m, 8), np.nan, np.float32))
    fault = device.launch(name, (1, 1, 1), 128, [on_a, on_b, c, m, k, k // 16], shared=4 * 1536, seed=seed)
    return fault, c == a @ b.T


def run_row_sum(device, name, _, seed):
    x = small(np.random.default_rng(0), 5, 200)
    on_x, y = device.array(x), device.array(np.full(5, np.nan, np.float32))
    fault = device.launch(name, (5, 1, 1), 128, [on_x, y, 200], shared=16, seed=seed)
    return fault, y == x.sum(axis=1)


KERNELS = {
    "gemm": (lambda name: kernels.gemm(name, 1), run_gemm, 1),
    "gemm_cluster": (lambda name: kernels.gemm(name, 2), run_gemm, 2),
    "gemm_cp_async": (kernels.gemm_cp_async, run_gemm_cp_async, 1),
    "row_sum": (kernels.row_sum, run_row_sum, 1),
}


def mutate(text, tag, change):
    out, count = [], 0
    for line in text.splitlines(keepends=True):
        if line.rstrip().endswith(f"// {tag}"):
            if change is None:
                count += 1
                continue
            pattern = re.escape(change[0]).replace("%X", r"(%[\w#]+)")
            line, found = re.subn(pattern, change[1], line)
            count += found
        out.append(line)
    if not count:
        raise SystemExit(f"nothing to change at '{tag}'")
    return "".join(out)


def main():
    folder, build, root = sys.argv[1:4]
    verbose = "-v" in sys.argv
    texts = [make(name) for name, (make, _, _) in KERNELS.items()]
    for i, (kernel, _, tag, change) in enumerate(MUTATIONS):
        texts.append(mutate(KERNELS[kernel][0](f"mutant_{i}"), tag, change))
    begin = time.time()
    device = run.Device(run.compile_kernels(kernels.module(texts), build, root, f"{folder}/kernels"))
    if verbose:
        print(f"compiled in {time.time() - begin:.1f} s")
    wrong = []

    def check(symbol, kernel, seed):
        begin = time.time()
        fault, equal = KERNELS[kernel][1](device, symbol, KERNELS[kernel][2], seed)
        result = fault or ("" if equal.all() else f"{np.count_nonzero(~equal)} wrong results")
        device.reset()
        if verbose:
            print(f"  {time.time() - begin:.3f} s, seed {seed}: {result or 'clean'}", flush=True)
        return result

    for kernel in KERNELS:
        for seed in SEEDS:
            if verbose:
                print(kernel)
            if result := check(kernel, kernel, seed):
                wrong.append(f"{kernel}: not clean: {result}")
    for i, (kernel, name, _, _) in enumerate(MUTATIONS):
        if verbose:
            print(f"{kernel}, {name}")
        if not any(check(f"mutant_{i}", kernel, seed) for seed in SEEDS):
            wrong.append(f"{kernel}, {name}: not found")
    if wrong:
        raise SystemExit("\n".join(wrong))
    print(f"{len(KERNELS)} kernels are clean, {len(MUTATIONS)} mistakes are found")


if __name__ == "__main__":
    main()
