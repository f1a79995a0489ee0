"""The ONNX project's node tests as a ratchet: passing.txt lists those that
pass, and may only grow.

Each test is a small model with inputs and expected outputs. It passes when
fulgur-compile makes native code of it, and the code's outputs have the
expected types, shapes and values (with the tolerance of the test, as the
project's own runner compares them). A test that the compiler does not support
has to be refused with exit code 3 and one line: anything else is an error,
listed or not.

Usage: node_tests.py FOLDER [--update] [--filter=REGEX] [--failures] [--raise=none]
  FOLDER         an empty one, for models and libraries
  --update       rewrite passing.txt
  --filter       run only the tests whose names match
  --failures     print why tests do not pass, most frequent reason first
  --raise=none   compile without recognising anything
"""
import argparse
import collections
import multiprocessing
import os
import pathlib
import re
import signal
import subprocess
import sys
import warnings

import numpy as np
import onnx
from onnx.backend.test.loader import load_model_tests

import compiled

LIST = pathlib.Path(__file__).with_name("passing.txt")
RUN_SECONDS = 20  # a hundred times what the slowest test needs


def start_compiler():
    """One compiler for each worker; fork inherits it."""
    global compiler
    compiler = subprocess.Popen(["fulgur-compile-many", *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True, bufsize=1)


def compile_model(case):
    """None, or why there is no library: (text, is an error)."""
    path = folder / case.name
    files = [path.with_suffix(ending) for ending in (".onnx", ".so", ".err")]
    files[0].write_bytes(case.model.SerializeToString())
    print(*files, file=compiler.stdin, flush=True)
    code = int(compiler.stdout.readline())
    text = files[2].read_text(errors="replace").strip()
    if code == 0:
        return None
    is_refusal = code == 3 and len(text.split("\n")) == 1
    if is_refusal:
        files[0].unlink()
        files[2].unlink()
    return f"exit code {code}: {text.replace(str(path), '')[:2000]}", not is_refusal


def to_array(value):
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    if isinstance(value, (list, tuple)) or value is None:
        raise TypeError("sequences and optional values have no array")
    return np.asarray(value)


def compare(case, outputs, expected):
    """None, or how the outputs differ, by the rules of onnx.backend.test.runner."""
    for info, output, value in zip(case.model.graph.output, outputs, expected):
        if output.dtype != value.dtype or output.shape != value.shape:
            return f"'{info.name}' is {output.dtype}{list(output.shape)}, not {value.dtype}{list(value.shape)}"
        # numpy has no tolerance for the small float types.
        wide = [a if a.dtype.kind in "iubf" and a.dtype.type.__module__ == "numpy" else a.astype(np.float64)
                for a in (output, value)]
        try:
            np.testing.assert_allclose(*wide, rtol=case.rtol, atol=case.atol)
        except AssertionError as error:
            return f"'{info.name}' has other values: {' '.join(str(error).split())[:300]}"
    return None


def run_model(case):
    """None, or why the library's results are wrong."""
    graph = case.model.graph
    for inputs, expected in case.data_sets:
        named = {info.name: to_array(value) for info, value in zip(graph.input, inputs)}
        outputs = compiled.run(str(folder / (case.name + ".so")), named, [info.name for info in graph.output])
        if difference := compare(case, outputs, [to_array(value) for value in expected]):
            return difference
    return None


def run_apart(case):
    """run_model in a process of its own, which can crash or hang."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(RUN_SECONDS)
        try:
            reason = run_model(case)
        except Exception as error:  # pylint: disable=broad-except
            reason = f"{type(error).__name__}: {error}"
        os.write(writer, ("" if reason is None else reason).encode()[:4000])
        os._exit(0 if reason is None else 1)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        reason = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        return None
    return reason or f"the run ends with {signal.Signals(-status).name}"


def run_case(index):
    """(None if the test passes or else why not, whether that is an error)."""
    case = cases[index]
    refusal = compile_model(case)
    if refusal:
        return refusal
    reason = run_apart(case)
    for ending in (".onnx", ".so", ".err"):
        (folder / (case.name + ending)).unlink()
    return reason, False


def generalise(reason):
    """A reason without what is special about one test."""
    return re.sub(r"'[^']*[a-z0-9_][^']*'|\d+", "…", reason)[:140]


parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--update", action="store_true")
parser.add_argument("--filter", default="")
parser.add_argument("--failures", action="store_true")
parser.add_argument("--raise", dest="recognise", default="all")
arguments = parser.parse_args()
flags = ["--raise=" + arguments.recognise]
folder = arguments.folder
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    cases = [case for case in load_model_tests(kind="node") if re.search(arguments.filter, case.name)]
# Children of these are made by fork, and inherit the cases.
with multiprocessing.get_context("fork").Pool(len(os.sched_getaffinity(0)), start_compiler) as pool:
    results = dict(zip((case.name for case in cases), pool.map(run_case, range(len(cases)), chunksize=4)))

passing = {name for name, (reason, _) in results.items() if reason is None}
listed = set(LIST.read_text().split()) & results.keys() if LIST.exists() else set()
problems = [f"{name}: {reason}" for name, (reason, is_error) in results.items() if is_error]
if arguments.failures:
    by_reason = collections.defaultdict(list)
    for name, (reason, _) in results.items():
        if reason is not None:
            by_reason[generalise(reason)].append(name)
    for names in sorted(by_reason.values(), key=len, reverse=True):
        print(f"{len(names):4} {results[names[0]][0][:300]}\n     {' '.join(names)[:300]}")
if arguments.update:
    LIST.write_text("".join(name + "\n" for name in sorted(passing | (set(LIST.read_text().split()) - results.keys()
                                                                     if LIST.exists() else set()))))
else:
    problems += [f"{name}: is listed, but fails: {results[name][0]}" for name in sorted(listed - passing)]
    problems += [f"{name}: passes, but is not listed (--update lists it)" for name in sorted(passing - listed)]
    if not arguments.filter:
        problems += [f"{name}: is listed, but there is no such test"
                     for name in sorted(set(LIST.read_text().split()) - results.keys() if LIST.exists() else ())]
print("\n".join(problems), end="\n" if problems else "")
print(f"{len(passing)} of {len(cases)} pass ({100 * len(passing) / max(1, len(cases)):.1f} %)")
sys.exit(1 if problems else 0)
