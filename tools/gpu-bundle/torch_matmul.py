"""Times bf16 products by PyTorch, on the GPU of this number. Lines `NAME DIMS ROWS K N` come in, lines
`NAME DIMS SECONDS` go out: of the fastest of five rounds of ten products."""
import sys

import torch


def seconds_of(rows, k, n):
    x = torch.randn(rows, k, dtype=torch.bfloat16, device="cuda")
    w = torch.randn(k, n, dtype=torch.bfloat16, device="cuda")
    for _ in range(3):
        torch.matmul(x, w)
    best = float("inf")
    for _ in range(5):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(10):
            torch.matmul(x, w)
        end.record()
        torch.cuda.synchronize()
        best = min(best, begin.elapsed_time(end) / 1e3 / 10)
    return best


def main():
    if not torch.cuda.is_available():
        sys.exit("PyTorch has no GPU")
    torch.cuda.set_device(int(sys.argv[1]))
    for line in sys.stdin:
        name, dims, *sizes = line.split()
        print(name, dims, f"{seconds_of(*map(int, sizes)):.6g}", flush=True)


if __name__ == "__main__":
    main()
