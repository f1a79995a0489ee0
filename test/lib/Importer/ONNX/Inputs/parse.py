"""Writes an ONNX model beside each of a folder's texts: parse.py FOLDER."""
import pathlib
import sys

import onnx

for path in pathlib.Path(sys.argv[1]).glob("*.txt"):
    onnx.save(onnx.parser.parse_model(path.read_text()), path.with_suffix(".onnx"))
