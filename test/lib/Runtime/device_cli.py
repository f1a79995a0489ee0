"""Runs the executable of a model with GPU variants as a user would: on the
emulator of the test, and with the fake driver.

Usage: device_cli.py EXECUTABLE FOLDER (an empty one) FAKE_DRIVER (its folder)
"""
import json
import os
import shutil
import subprocess
import sys

import numpy as np

program = shutil.which(sys.argv[1]) or sys.argv[1]
os.chdir(sys.argv[2])
fake_driver = sys.argv[3]
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(code, *arguments, error=None, **environment):
    """Runs the executable with these variables; `error` is a part of its one
    line on stderr."""
    variables = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    done = subprocess.run([program, *arguments], capture_output=True, text=True,
                          timeout=60, env={**variables, **environment})
    call = " ".join(arguments)
    check(done.returncode == code, f"{call}: exit code {done.returncode}, not {code}: {done.stderr}")
    if code:
        lines = done.stderr.splitlines()
        check(len(lines) == 1, f"{call}: one line, not {lines}")
        check(error is not None and error in done.stderr, f"{call}: {error!r} in {done.stderr!r}")
    else:
        check(done.stderr == "" or "--verbose" in arguments, f"{call}: {done.stderr}")
    return done


CUDA = {"LD_LIBRARY_PATH": fake_driver}
INPUTS = ["--random-inputs", "3", "--dim", "n=20", "--dim", "past=5"]

# All devices give the same outputs.
run(0, *INPUTS, "--output-dir", "cpu")
for device in ["cpu", "emulator", "emulator:sm_90a", "cuda", "cuda:0"]:
    run(0, *INPUTS, "--expect-dir", "cpu", "--rtol", "1e-6", "--device", device, "--repeat", "3",
        **(CUDA if device.startswith("cuda") else {}))
run(0, *INPUTS, "--expect-dir", "cpu", "--rtol", "1e-6", "--device", "cuda", **CUDA, FAKE_DRIVER_CAPABILITY="86")
check(np.load("cpu/present.npy").shape == (25, 4), "the cache is written")

# What is wrong is told.
run(1, *INPUTS, "--device", "tpu", error="expected --device to be one of cpu, cuda[:N], emulator:sm_90a, but got 'tpu'")
run(1, *INPUTS, "--device", "cuda:4", error="less than 1, the number of GPUs, but got 4", **CUDA)
run(1, *INPUTS, "--emulator-seed", "x", error="--emulator-seed")
run(1, *INPUTS, "--emulator-seed", "3", error="expected --emulator-seed with --device emulator")
run(3, *INPUTS, "--device", "emulator:sm_80", error="--gpu-emulator")
run(5, *INPUTS, "--device", "cuda", error="--device=cpu runs without one", **CUDA, FAKE_DRIVER_DEVICES="0")
run(3, *INPUTS, "--device", "cuda", error="no variant for Fake GPU (cuda:0, sm_70)", **CUDA, FAKE_DRIVER_CAPABILITY="70")
run(4, *INPUTS, "--device", "emulator", error="emulator: kernel 'add', block (0, 0, 0)", FAULTING_KERNEL="add")
run(2, "--random-inputs", "3", "--dim", "n=2", "--dim", "past=1", "--input", "limit=-1", "--device", "emulator",
    error="expected limit to be at least 0")
# A folder without a driver.
os.mkdir("empty")
with open("empty/libcuda.so.1", "w") as file:
    file.write("no library")
run(5, *INPUTS, "--device", "cuda", error="no CUDA driver: can not load libcuda.so.1", LD_LIBRARY_PATH="empty")

# Measurements.
for device, environment in [("emulator", {}), ("cuda", CUDA)]:
    bench = json.loads(run(0, "bench", *INPUTS, "--repeat", "2", "--json", "--device", device, **environment).stdout)
    check(bench["runs"] == 2 and bench["launches"] == 5 and not bench["graph"], f"{device}: {bench}")
    check([kernel["name"] for kernel in bench["kernels"]] == ["scale", "add", "sum", "select", "check"],
          f"{device}: the kernels of {bench}")
    check(all(kernel["launches"] == 1 and kernel["seconds"] > 0 for kernel in bench["kernels"]),
          f"{device}: times of {bench}")
    # Caches stay on the device.
    check(bench["uploaded_bytes"] == 20 * 16 + 8 and bench["copied_bytes"] == 20 * 16, f"{device}: bytes of {bench}")
    text = run(0, "bench", *INPUTS, "--device", device, **environment).stdout
    check("1 launches  sum" in text, f"{device}: {text}")
bench = json.loads(run(0, "bench", *INPUTS, "--json").stdout)
check("kernels" not in bench and "device" not in bench, f"cpu: {bench}")
verbose = run(0, *INPUTS, "--device", "cuda", "--verbose", **CUDA).stderr
check("device: Fake GPU (cuda:0, sm_90)" in verbose and "5 launches" in verbose, verbose)

# What there is.
info = json.loads(run(0, "info", "--json").stdout)
check(info["target"] == "cpu" and info["devices"] == "cpu, cuda[:N], emulator:sm_90a", info)
check([variant["target"] for variant in info["variants"]] == ["sm_80", "sm_90a"], info)
hopper = info["variants"][1]
check(hopper["emulated"] and not info["variants"][0]["emulated"], info)
check(hopper["images"] == [{"arch": "sm_90a", "kind": "cubin", "bytes": 11},
                           {"arch": "sm_90a", "kind": "ptx", "bytes": 27}], hopper["images"])
check(hopper["kernels"][2] == {
    "name": "sum", "block": [2, 1, 1], "cluster": [2, 1, 1], "shared_bytes": 98304, "independent": False,
    "dependent_launch": True, "registers": 168, "local_bytes": 16, "code_bytes": 4096}, hopper["kernels"][2])
check("registers" not in hopper["kernels"][1], hopper["kernels"][1])
text = run(0, "info").stdout
for line in ["devices:  cpu, cuda[:N], emulator:sm_90a",
             "variant:  sm_90a, 5 kernels, weights 16 bytes, cubin sm_90a 11 bytes, ptx sm_90a 27 bytes, "
             "can be emulated",
             "  kernel: sum, block 2 x 1 x 1, cluster 2 x 1 x 1, 98304 bytes shared, 168 registers, "
             "16 bytes local, 4096 bytes of code",
             "  cache:  past, 16 bytes per token, updated in place as present"]:
    check(line in text.splitlines(), f"{line} in {text}")
text = run(0, "--help").stdout
check("--device DEVICE" in text and "\nDevices:\n  cpu, cuda[:N], emulator:sm_90a\n" in text
      and "run --device cuda:0" in text, text)

sys.exit(bool(failures))
