"""Runs the example model's executable as a user would: results, exit codes,
one line for every error, and no file left behind by a failure.

Usage: cli.py EXECUTABLE FOLDER (an empty one)
"""
import json
import os
import resource
import shutil
import subprocess
import sys

import ml_dtypes  # noqa: F401  numpy learns bfloat16 from it
import numpy as np

program = shutil.which(sys.argv[1]) or sys.argv[1]
folder = os.path.abspath(sys.argv[2])
os.chdir(folder)
name = os.path.basename(program)
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(code, *arguments, error=None, stdout=subprocess.PIPE, **others):
    """Runs the executable; `error` is a part of its one line on stderr."""
    done = subprocess.run([program, *arguments], stdout=stdout,
                          stderr=subprocess.PIPE, text=True, timeout=60, **others)
    call = " ".join(arguments)
    check(done.returncode == code, f"{call}: exit code {done.returncode}, not {code}: {done.stderr}")
    if code:
        lines = done.stderr.splitlines()
        check(len(lines) == 1 and lines[0].startswith(name + ": error: "), f"{call}: one line, not {lines}")
        check(error is not None and error in done.stderr, f"{call}: {error!r} in {done.stderr!r}")
    else:
        check(done.stderr == "" or "--verbose" in arguments, f"{call}: {done.stderr}")
    return done.stdout


def files():
    return sorted(os.path.join(at, f) for at, _, fs in os.walk(".") for f in fs)


os.mkdir("in")
x = np.arange(12, dtype=np.float32).reshape(3, 4)
np.save("in/x.npy", x)
np.save("in/limit.npy", np.array(3, dtype=np.int64))
m = np.frombuffer(b"????@@@@AAAA" * 4, dtype=np.float32).reshape(4, 3)
files_given = ["--input-dir", "in"]

# Results.
run(0, *files_given, "--output-dir", "out/deep")
check(files() == ["./in/limit.npy", "./in/x.npy", "./out/deep/product.npy",
                  "./out/deep/selected.npy", "./out/deep/y.npy"], files())
check(np.array_equal(np.load("out/deep/y.npy"), 2 * x + [1, 2, 3, 4]), "y")
check(np.allclose(np.load("out/deep/product.npy"), x @ m), "product")
check(np.array_equal(np.load("out/deep/selected.npy"), [1, 2]), "selected")
check(np.load("out/deep/selected.npy").dtype == np.int64, "type of selected")
run(0, "--input", "x=@in/x.npy", "--input=limit=3", "--expect-dir", "out/deep")
check("y: f32[3, 4]  min 1  max 26  mean 13.5" in run(0, *files_given), "text")
result = json.loads(run(0, *files_given, "--json", "--expect-dir", "out/deep"))
check(result["dims"] == {"n": 3} and len(result["outputs"]) == 3, result)
check(all(c["passes"] and c["max_error"] == 0 for c in result["comparisons"]), result)
one = run(0, "--random-inputs", "7", "--dim", "n=500", "--threads", "1")
check(one == run(0, "--random-inputs", "7", "--dim", "n=500", "--threads", "5", "--repeat", "3"), "threads")
check(one != run(0, "--random-inputs", "8", "--dim", "n=500"), "seeds")
np.save("nan.npy", np.full((2, 4), np.nan, np.float32))
check("nan 8" in run(0, "--input", "x=@nan.npy", "--input", "limit=0"), "nan")

# The other commands.
check("--output-dir" in run(0, "--help") and "--dim n=8" in run(0, "help"), "help")
check("x: f32[n, 4]" in run(0, "info"), "info")
information = json.loads(run(0, "info", "--json"))
check(information["inputs"][0] == {"name": "x", "type": "f32", "shape": ["n", 4]}, information)
check(information["weights"] == 2 and information["weight_bytes"] == 64, information)
# Two of the three buffers of 16 bytes a row, at most a million rows.
check("memory:   30.5 MiB for" in run(0, "info"), "memory")
check(information["max_arena_bytes"] == 2 * 16 * 10**6, information)
times = json.loads(run(0, "bench", "--dim", "n=100", "--repeat", "5", "--json"))
check(0 < times["min_seconds"] <= times["median_seconds"] <= times["p90_seconds"], times)
check(times["runs"] == 5 and times["arena_bytes"] >= times["largest_live_set_bytes"], times)
check("median" in run(0, "bench", *files_given, "--verbose"), "bench")

# Wrong use.
for arguments, error in [
        (["walk"], "expected command"), (["run", "bench"], "one command"),
        (["--wrong"], "'--wrong'"), (["--threads"], "a value after '--threads'"),
        (["--threads", "0"], "1 to 1024"), (["--threads", "two"], "'two'"),
        (["--repeat", "-1"], "--repeat"), (["--rtol", "nan"], "--rtol"),
        (["--input", "x"], "NAME=@FILE"), (["--dim", "n"], "NAME=N"),
        (["bench", "--output-dir", "out"], "got 'bench'"),
        (["--output-dir", ""], "--output-dir"), (["--json=1"], "'--json=1'"),
        (["--random-inputs", "99999999999999999999"], "--random-inputs"),
        (["--random-inputs", "1"], "--dim n=N"),
        (["--input", "x=@in/x.npy", "--input", "x=@in/x.npy"], "twice")]:
    run(1, *arguments, error=error)

# Inputs that are not the model's.
np.save("wide.npy", np.zeros((3, 5), np.float32))
np.save("flat.npy", np.zeros(4, np.float32))
np.save("empty.npy", np.zeros((0, 4), np.float32))
np.save("double.npy", np.zeros((3, 4)))
np.save("big.npy", np.zeros((3, 4), ">f4"))
np.save("columns.npy", np.zeros((4, 3), np.float32).T)
np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
with open("in/x.npy", "rb") as whole, open("cut.npy", "wb") as cut:
    cut.write(whole.read()[:-1])
for arguments, error in [
        ([], "expected an input 'x', but got none"),
        (["--input", "x=@in/x.npy"], "expected an input 'limit'"),
        (["--input", "z=@in/x.npy"], "no input 'z'; its inputs are 'x', 'limit'"),
        (["--input-dir", "nowhere"], "nowhere/x.npy"),
        (["--input", "x=@in", *files_given], "regular file"),
        (["--input", "x=@wide.npy", *files_given], "dimension 1 of input 'x' to be 4, but got 5"),
        (["--input", "x=@flat.npy", *files_given], "rank of input 'x' to be 2"),
        (["--input", "x=@empty.npy", *files_given], "to be 1 to 1000000, but got 0"),
        (["--input", "x=@double.npy", *files_given], "to be f32, but got f64"),
        (["--input", "x=@big.npy", *files_given], "little-endian"),
        (["--input", "x=@columns.npy", *files_given], "C order"),
        (["--input", "x=@objects.npy", *files_given], "little-endian"),
        (["--input", "x=@cut.npy", *files_given], "48 bytes of elements, but got 47"),
        (["--input", "x=@" + program, *files_given], "not a valid .npy file"),
        (["--input", "x=1,2,3", *files_given], "multiple of 4, but got 3"),
        (["--input", "limit=1.5", *files_given], "element 0 of input 'limit'"),
        (["--input", "limit=99999999999999999999", *files_given], "'limit'"),
        (["--input", "limit=-1", *files_given], "expected limit to be at least 0"),
        (["--dim", "n=4", *files_given], "to be 4, as --dim says, but got 3"),
        (["--dim", "k=4", *files_given], "no dimension 'k'; its dimensions are 'n'"),
        (["--random-inputs", "1", "--dim", "n=2000000"], "1 to 1000000"),
        (["--weights-dir", "in", *files_given], "in/example.weights"),
        (["--expect-dir", "in", *files_given], "in/y.npy")]:
    run(2, *arguments, error=error)
    run(2, *arguments, "--output-dir", "made/by/failure", error=error) if "--expect-dir" not in arguments else None
check(not os.path.exists("made"), "a failure leaves no folder")
with open("in/example.weights", "wb") as short:
    short.write(b"?" * 47)
run(2, "--weights-dir", "in", *files_given, error="at least 48 bytes for weight 'm', but got 47")
os.remove("in/example.weights")

# Outputs that differ.
shutil.copytree("out/deep", "other")
y = np.load("other/y.npy")
y[1, 1] *= 1.5
np.save("other/y.npy", y)
run(6, *files_given, "--expect-dir", "other", error="1 of 3 outputs differ")
run(0, *files_given, "--expect-dir", "other", "--rtol", "1")
run(0, *files_given, "--expect-dir", "other", "--atol", "100")
different = json.loads(run(6, *files_given, "--expect-dir", "other", "--json", error="differ"))
check([c["passes"] for c in different["comparisons"]] == [False, True, True], different)
np.save("other/y.npy", np.load("out/deep/y.npy").astype(np.float64))
np.save("other/selected.npy", np.array([1, 3]))
run(6, *files_given, "--expect-dir", "other", "--rtol", "1", error="1 of 3")
np.save("other/selected.npy", np.array([1, 2, 3]))
run(6, *files_given, "--expect-dir", "other", error="1 of 3")

# Outputs that can not be written.
before = files()
run(5, *files_given, "--output-dir", "/proc/none", error="/proc/none")
run(5, *files_given, "--output-dir", "in/x.npy", error="in/x.npy")
with open("/dev/full", "w") as full:
    run(5, *files_given, stdout=full, error="standard output")
os.mkdir("half")
many = ["--random-inputs", "1", "--dim", "n=1000"]
# y fits into 100 blocks of 512 bytes, and n = 10000 does not.


def limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (51200, 51200))


run(0, *many, "--output-dir", "fits", preexec_fn=limit)
run(5, "--random-inputs", "1", "--dim", "n=10000", "--output-dir", "half", preexec_fn=limit, error="half/y.npy")
run(5, "--random-inputs", "1", "--dim", "n=10000", "--output-dir", "new", preexec_fn=limit, error="new/y.npy")
shutil.rmtree("fits")


def memory():
    resource.setrlimit(resource.RLIMIT_AS, (150 << 20, 150 << 20))


run(5, "--random-inputs", "1", "--dim", "n=1000000", "--threads", "8", preexec_fn=memory, error="out of memory")
check(not os.path.exists("new"), "a full disk leaves no folder")
check(files() == before, f"a failure leaves no file: {files()}")

sys.exit(1 if failures else 0)
