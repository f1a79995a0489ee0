"""Checks the data of a report: report.json or report.html, what --explain
printed, and what `bench --json` measured for the first plan."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Objects whose keys are names of the model or of operations.
OPEN = {"operations", "arguments", "decomposition", "steps", "sizes"}


def read(path):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    if path.endswith(".json"):
        return json.loads(text)
    assert not re.search(r"https?://", text), "the page refers to the network"
    assert not re.search(r"<link[^>]+href=\"(?!data:)|<script[^>]+src|@import|url\(", text), "the page refers to other files"
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found, "the page has no data"
    assert "<" not in found[1], "the data has markup"
    return json.loads(found[1])


def keys(value, inside=""):
    if isinstance(value, list):
        for element in value:
            yield from keys(element, inside)
    elif isinstance(value, dict) and inside not in OPEN:
        for key, element in value.items():
            yield key
            yield from keys(element, key)


def check_documented(data):
    text = (ROOT / "lib/Report/README.md").read_text()
    table = text.split("<!-- keys: begin -->")[1].split("<!-- keys: end -->")[0]
    written = {word.removesuffix("[]") for word in re.findall(r"`([\w\[\]]+)`", table)}
    missing = set(keys(data)) - written
    assert not missing, f"lib/Report/README.md does not tell of {sorted(missing)}"


def check_graphs(data):
    for name in ("raised", "fused"):
        nodes, layers = data[name]["nodes"], data[name]["layers"]
        for i, node in enumerate(nodes):
            assert all(0 <= source < i for source in node["inputs"]), f"{name}: node {i} reads what is not ahead of it"
        inside = [node for layer in layers for node in layer["nodes"]]
        assert len(inside) == len(set(inside)), f"{name}: layers share nodes"
        for kind in {layer["kind"] for layer in layers}:
            shapes = {tuple((nodes[n]["op"], *nodes[n]["types"]) for n in layer["nodes"])
                      for layer in layers if layer["kind"] == kind}
            assert len(shapes) == 1, f"{name}: layers of kind {kind} differ"


def check_fusions(data):
    """Every fusion has its remark and its nodes."""
    fused = [i for i, remark in enumerate(data["remarks"]) if remark["category"] == "fuse" and remark["outcome"] == "passed"
             # It changes no operation.
             and remark["pass"] != "fulgur-outline-layers"]
    assert [group["remark"] for group in data["groups"]] == fused, "groups and remarks of fusions differ"
    for group in data["groups"]:
        assert group["before"] and group["after"], f"{group['fusion']}: nothing before or after"
        remark = data["remarks"][group["remark"]]
        assert remark["pass"] == group["fusion"]
        for side, graph in (("before", "raised"), ("after", "fused")):
            nodes = [data[graph]["nodes"][i] for i in group[side]]
            assert any(set(node["names"]) & set(remark["names"]) for node in nodes), f"{group['fusion']}: its remark is elsewhere"
    # Of merged projections all are there, not the named one alone.
    for group in (group for group in data["groups"] if group["fusion"] == "fulgur-merge-projections"):
        count = int(re.search(r"of (\d+) projections", data["remarks"][group["remark"]]["text"])[1])
        before = [data["raised"]["nodes"][i]["op"] for i in group["before"]]
        assert before == ["fulgur.linear"] * count, f"expected {count} projections, but got {before}"
    select = [group for group in data["groups"] if group["fusion"] == "fulgur-fuse-index-select"]
    layers = sum("fulgur.lightning_indexer" == node["op"] for node in data["raised"]["nodes"])
    assert len(select) == layers > 0, f"expected a group for each of {layers} indexers, but got {len(select)}"
    for group in select:
        before = sorted(data["raised"]["nodes"][i]["op"] for i in group["before"])
        after = [data["fused"]["nodes"][i]["op"] for i in group["after"]]
        assert before == ["fulgur.lightning_indexer", "fulgur.select_tokens"] and after == ["fulgur.index_select"], (before, after)


def check_costs(data):
    """A product costs two operations an element of rows, sums and columns."""
    assert data["costs"]["sizes"] == {"batch": 2, "seq": 11}, data["costs"]
    assert data["costs"]["machine"] == "x86-64"
    for node in data["raised"]["nodes"]:
        sides = re.search(r": tensor<\?x\?x(\d+)xf32>, tensor<\1x(\d+)xf32> -> ", node["text"])
        if node["op"] == "fulgur.linear" and sides:
            wanted = 2 * 2 * 11 * int(sides[1]) * int(sides[2])
            assert node["flops"] == wanted and node["seconds"] > 0, f"{node['text']}: {node['flops']}, not {wanted}"


def check_memory(memory):
    buffers = memory["buffers"]
    assert buffers and memory["plans"], "no memory plan"
    assert all(buffer["type"].startswith("memref<") for buffer in buffers), "a buffer without a type"
    for plan in memory["plans"]:
        places = list(zip(buffers, plan["offsets"], plan["bytes"]))
        for i, (one, start, size) in enumerate(places):
            assert start % 64 == 0 and start + size <= plan["arena"], f"buffer {i} is not in the arena"
            for k, (other, begin, length) in enumerate(places[:i]):
                in_time = any(a <= d and c <= b for a, b in one["spans"] for c, d in other["spans"])
                in_space = start < begin + length and begin < start + size
                assert not (in_time and in_space), f"buffers {i} and {k} are in one place"
        live = {step: sum(-(-size // 64) * 64 for buffer, _, size in places if any(a <= step <= b for a, b in buffer["spans"]))
                for step in {a for buffer in buffers for a, _ in buffer["spans"]}}
        assert plan["largestLiveSet"] == max(live.values()) == live[plan["largestStep"]], "the largest live set is another"


def main(report, explained, measured):
    data = read(report)
    check_documented(data)
    check_graphs(data)
    check_fusions(data)
    check_costs(data)
    check_memory(data["memory"])
    told = json.loads(pathlib.Path(explained).read_text())["remarks"]
    assert len(told) == len(data["remarks"]), f"--explain tells of {len(told)}, the report of {len(data['remarks'])}"
    for one, remark in zip(told, data["remarks"]):
        assert (one["outcome"], one["pass"], one["message"]) == (remark["outcome"], remark["pass"], remark["text"])
    bench = json.loads(pathlib.Path(measured).read_text())
    plan = data["memory"]["plans"][0]
    dims = dict(zip([dim["name"] for dim in data["memory"]["dims"]], plan["dims"]))
    assert dims == bench["dims"], (dims, bench["dims"])
    for ours, theirs in (("arena", "arena_bytes"), ("largestLiveSet", "largest_live_set_bytes")):
        assert plan[ours] == bench[theirs], f"{ours}: the report says {plan[ours]}, the executable {bench[theirs]}"


main(*sys.argv[1:])
