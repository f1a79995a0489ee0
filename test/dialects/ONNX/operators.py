"""Compares Operators.td with the operators of the installed onnx release.

Usage: operators.py Operators.td
"""
import pathlib
import re
import sys

import onnx.defs

# What a compiler of tensors leaves out, by what the standard says of it.
CONTROL_FLOW = {"If", "Loop", "Scan"}
# Of optionals though the types do not say so; of words; of compressed files.
OTHERS = {"OptionalGetElement", "OptionalHasElement", "TfIdfVectorizer", "ImageDecoder"}
LEFT_OUT_TYPES = ("seq(", "optional(", "map(", "tensor(string)")


def is_mirrored(schema):
    if schema.domain or schema.deprecated or schema.name in CONTROL_FLOW | OTHERS:
        return False
    values = [*schema.inputs, *schema.outputs]
    # Operators of nothing but strings, sequences and optionals.
    return not any(value.types and all(t.startswith(LEFT_OUT_TYPES) for t in value.types) for value in values)


newest = {}
for schema in onnx.defs.get_all_schemas_with_history():
    if schema.domain == "" and schema.since_version >= newest.get(schema.name, schema).since_version:
        newest[schema.name] = schema
wanted = sorted(name for name, schema in newest.items() if is_mirrored(schema))
listed = [n for n in re.findall(r'ONNX_Op<"(\w+)">', pathlib.Path(sys.argv[1]).read_text())]
for name in sorted(set(wanted) - set(listed)):
    print(f"missing: {name}")
for name in sorted(set(listed) - set(wanted)):
    print(f"not in the standard, or not of tensors: {name}")
if listed != sorted(listed):
    print("not sorted")
sys.exit(wanted != listed)
