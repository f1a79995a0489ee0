"""Plants mistakes in the kernels that the compiler writes, and demands that the
emulator finds each, by a check or by a wrong result, while the kernels as they
are give right results under several seeds.
Usage: mutate_shipped.py <folder> <build> <root> [-v] <case>…"""
import os
import re
import sys
import time

import operators
import run
import shipped
from shipped_cases import CASES, EQUIVALENT

SEEDS = range(1, 4)


def change_line(lines, i, match, change):
    """The lines with one changed; nothing if the change is none."""
    line = lines[i]
    if change in (operators.DROP, operators.FORWARD):
        rest = lines[i + 1:]
        result = re.match(r" *(%\w+)(?:, %\w+)* = (.*)", line)
        if change == operators.FORWARD:
            operand = re.search(r"%[\w#-]+", result[2])[0]
            # Names count to the end of the region.
            indent = len(line) - len(line.lstrip())
            end = next(k for k, other in enumerate(rest) if len(other) - len(other.lstrip()) < indent)
            rest = [re.sub(rf"{result[1]}(?![\w#])", operand, other) for other in rest[:end]] + rest[end:]
        return lines[:i] + rest
    start = line[:match.start()]
    new = change(match, lines[:i]) if callable(change) else start + match.expand(change) + line[match.end():]
    return None if new in (None, line) else lines[:i] + new.splitlines() + lines[i + 1:]


def find_places(pattern, lines):
    """The matches that are changed together, by their lines."""
    groups = {}
    for i, line in enumerate(lines):
        if match := re.search(pattern, line):
            groups.setdefault(match.groupdict().get("same", i), []).append((i, match))
    places = list(groups.values())
    few = min(len(places), operators.MAX_PLACES)
    numbers = [k * len(places) // few for k in range(few)]
    return [(f" ({k + 1} of {len(places)})" if len(places) > 1 else "", places[k]) for k in numbers]


def plant(level, functions):
    """(name, kernel, lines) of each mistake in kernels of one level."""
    found = []
    for kernel, lines in functions.items():
        several = f" in {kernel}" if len(functions) > 1 else ""
        for name, at, pattern, change in operators.OPERATORS:
            for number, places in find_places(pattern, lines) if at == level else []:
                changed = lines
                for i, match in reversed(places):
                    changed = changed and change_line(changed, i, match, change)
                if changed:
                    found.append((name + number + several, kernel, changed))
    return found


def rename(lines, kernel, suffix):
    return [re.sub(rf"@{kernel}\b", f"@{kernel}{suffix}", line) for line in lines]


class Mutants:
    """A case, compiled with all its mistakes."""

    def __init__(self, name, folder, build, root):
        self.program = shipped.Program(CASES[name])
        base = self.program.kernels
        planted = plant("kernel", base)
        texts = dict(base)
        for i, (_, kernel, lines) in enumerate(planted):
            texts[f"{kernel}_k{i}"] = rename(lines, kernel, f"_k{i}")
        header, globals_, functions = self.program.lower(texts)
        # Mistakes have the shared memory of the kernel itself.
        shared = {re.search(r"@([\w.]+)", line)[1] for line in globals_}
        own = {symbol: re.sub(r"_k\d+(_\d+)$", r"\1", symbol) for symbol in shared}
        globals_ = [line for line in globals_ if own[symbol := re.search(r"@([\w.]+)", line)[1]] == symbol]
        functions = {symbol: [re.sub(r"@(__wg_\w+)", lambda match: "@" + own[match[1]], line) for line in lines]
                     for symbol, lines in functions.items()}
        low = plant("nvvm", {symbol: functions[symbol] for symbol in base})
        for i, (_, kernel, lines) in enumerate(low):
            functions[f"{kernel}_n{i}"] = rename(lines, kernel, f"_n{i}")
        self.mistakes = [(mistake, kernel, f"_k{i}") for i, (mistake, kernel, _) in enumerate(planted)]
        self.mistakes += [(mistake, kernel, f"_n{i}") for i, (mistake, kernel, _) in enumerate(low)]
        body = "\n".join(globals_ + [line for lines in functions.values() for line in lines])
        text = "\n".join(header) + f"\nmodule attributes {{gpu.container_module}} {{\ngpu.module @kernels {{\n{body}\n}}\n}}\n"
        self.device = run.Device(run.compile_kernels(text, build, root, f"{folder}/{name}",
                                                     passes="builtin.module(fulgur-convert-nvvm-to-emulator)", level="-O0"))

    def check(self, kernel, suffix, seed):
        message = self.program.launch(self.device, {kernel: suffix}, seed)
        self.device.reset()
        return message


def main():
    folder, build, root = sys.argv[1:4]
    verbose = "-v" in sys.argv
    problems, count = [], 0
    names = [name for name in sys.argv[4:] if name != "-v"] or list(CASES)
    for name in names:
        begin = time.time()
        mutants = Mutants(name, folder, build, root)
        if verbose:
            print(f"{name}: compiled in {time.time() - begin:.1f} s")
        for seed in SEEDS:
            if message := mutants.check("", "", seed):
                problems.append(f"{name}, seed {seed}: not clean: {message}")
        known = dict(EQUIVALENT.get(name, {}))
        for mistake, kernel, suffix in mutants.mistakes:
            begin = time.time()
            message = next(filter(None, (mutants.check(kernel, suffix, seed) for seed in SEEDS)), "")
            if verbose:
                print(f"  {time.time() - begin:.3f} s {mistake}: {message or 'NOT FOUND'}", flush=True)
            reason = known.pop(mistake, None)
            count += reason is None
            if bool(message) == bool(reason):
                problems.append(f"{name}, {mistake}: {f'found: {message}, though {reason}' if reason else 'not found'}")
        problems += [f"{name}, {mistake}: there is no such mistake" for mistake in known]
    if problems:
        raise SystemExit("\n".join(problems))
    print(f"{count} mistakes in {len(names)} kernels are found")


if __name__ == "__main__":
    main()
