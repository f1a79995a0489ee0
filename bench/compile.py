#!/usr/bin/env python3
"""Times the compilation of full-size graphs against their depth.

usage: compile.py [--model NAME] [--layers N[,N…]] [--rounds N] [-- OPTION…]

Each graph is that of a released model with its first N layers, prefill and
decode in one, with matrices that nobody reads (models/full_size.py). The depths
take turns, so that other work on the machine meets all of them. For each the
round that took the processor least: the time of every stage and the peak of
resident memory; then the last depth over the first. Behind -- are options of
fulgur-compile."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
STAGES = ["import", "raise", "fuse", "bufferize", "lower", "link"]
# The wall time of a top level timer: "0.1 ( 1.0%)  0.1 ( 2.0%)  name".
TIMER = re.compile(r"([\d.]+) \( *[\d.]+%\)  (\w+)$", re.M)


def compile_graph(graph, output, options):
    """Seconds of each stage, seconds in all, of the processor, and peak MB."""
    start = time.monotonic()
    process = subprocess.Popen(["fulgur-compile", graph, "-o", output, "--weights=reference",
                                "--timing", *options], stderr=subprocess.PIPE, text=True)
    report = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{report}fulgur-compile failed with {process.returncode}")
    stages = {name: float(seconds) for seconds, name in TIMER.findall(report)}
    return ([stages.get(stage, 0.0) for stage in STAGES], time.monotonic() - start,
            usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="deepseek_v32")
    parser.add_argument("--layers", default="4,16,61")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("options", nargs="*", help="of fulgur-compile, behind --")
    arguments = parser.parse_args()
    depths = [int(layers) for layers in arguments.layers.split(",")]
    best = {}
    with tempfile.TemporaryDirectory() as name:
        graphs = {layers: pathlib.Path(name) / f"{layers}.onnx" for layers in depths}
        for layers, graph in graphs.items():
            subprocess.run([sys.executable, ROOT / "models/full_size.py", arguments.model, graph,
                            "--layers", str(layers)], check=True, stdout=subprocess.DEVNULL)
        for _ in range(arguments.rounds):
            for layers, graph in graphs.items():
                times = compile_graph(graph, graph.with_suffix(""), arguments.options)
                best[layers] = min(best.get(layers, times), times, key=lambda times: times[2])
    print(f"{'layers':>6}", *(f"{stage:>9}" for stage in STAGES), f"{'all s':>8} {'cpu s':>8} {'peak MB':>8}")
    for layers, (stages, wall, processor, peak) in best.items():
        print(f"{layers:6}", *(f"{seconds:9.2f}" for seconds in stages),
              f"{wall:8.2f} {processor:8.2f} {peak:8.0f}")
    first, last = best[depths[0]], best[depths[-1]]
    print(f"the last over the first: {last[1] / first[1]:.2f}, "
          f"of the processor {last[2] / first[2]:.2f}")


if __name__ == "__main__":
    main()
