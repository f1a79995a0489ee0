"""Checks what --explain=json says of a decoding step of three layers."""
import json
import sys

remarks = json.load(open(sys.argv[1], encoding="utf-8"))
for remark in remarks:
    assert set(remark) == {"outcome", "pass", "category", "node", "layer", "message", "metrics"}, remark
    assert remark["outcome"] in ("passed", "missed", "failed", "note") and remark["node"] and remark["message"]
    assert all(isinstance(value, (int, float)) for value in remark["metrics"].values() if remark["category"] == "fuse")


def layers(flag):
    return sorted(r["layer"] for r in remarks if r["pass"] == flag and r["outcome"] == "passed")


selections = [r for r in remarks if r["pass"] == "fulgur-fuse-index-select"]
assert layers("fulgur-fuse-index-select") == [0, 1, 2]
assert all(r["category"] == "fuse" and r["metrics"]["BytesSaved"] > 0 for r in selections)
# The first layer is dense, the others have experts; each has four norms, and
# the model's last norm counts to the last layer.
assert layers("fulgur-raise-route") == [1, 2]
assert layers("fulgur-raise-experts") == [1, 2]
assert layers("fulgur-raise-norm") == 4 * [0] + 4 * [1] + 5 * [2], layers("fulgur-raise-norm")
