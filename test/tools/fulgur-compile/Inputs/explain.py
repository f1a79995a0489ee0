"""Checks what --explain=json says of a decoding step of three layers."""
import json
import sys

explained = json.load(open(sys.argv[1], encoding="utf-8"))
remarks = explained["remarks"]
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

# The fusions save what the totals differ by, and no more than there is.
totals = explained["totals"]
before, after = totals["before"], totals["after"]
assert totals["machine"] == "x86-64", totals
for key, metric in (("bytes", "BytesSaved"), ("flops", "FlopsSaved")):
    saved = sum(r["metrics"].get(metric, 0) for r in remarks if r["outcome"] == "passed" and r["category"] == "fuse")
    assert abs(before[key] - after[key] - saved) <= 1e-6 * before[key], (key, before, after, saved)
for key in ("bytes", "flops", "seconds"):
    assert 0 < after[key] <= before[key], (key, before, after)
