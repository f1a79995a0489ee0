"""usage: exit_code.py CODE COMMAND…

Runs the command, which has to end with CODE and write one line to stderr, and
prints that."""
import subprocess
import sys

done = subprocess.run(sys.argv[2:], capture_output=True, text=True)
print(done.stderr, end="")
if done.returncode != int(sys.argv[1]) or done.stderr.count("\n") != 1:
    sys.exit(f"expected exit code {sys.argv[1]} and one line, but got {done.returncode}")
