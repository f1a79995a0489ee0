#!/usr/bin/env python3
"""Runs the commands of the README's section about fusions.

usage: walkthrough.py BUILD FOLDER"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
build, folder = map(pathlib.Path, sys.argv[1:])
section = (ROOT / "README.md").read_text().split("## A laboratory for fusions")[1].split("\n## ")[0]
blocks = re.findall(r"```sh\n(.*?)```", section, re.S)
assert blocks, "the section has no commands"

# The root of the tree as the commands see it; what they write stays here.
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
for name in "docs", "models":
    os.symlink(ROOT / name, folder / name)
os.symlink(build, folder / "build")
script = "".join(blocks).replace("-B plugin ", f"-B plugin -DFULGUR_BUILD={build} ")
sys.exit(subprocess.run(["bash", "-euxo", "pipefail", "-c", script], cwd=folder, check=False).returncode)
