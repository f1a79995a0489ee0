"""An editor opens a file with two errors and a correct one; the language
server answers with diagnostics at their places, and with a hover text."""
import json
import subprocess

BROKEN = """func.func @broken(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = fulgur.swiglu %x
  return %y : tensor<2xf32>
}
"""
GOOD = """func.func @good(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = onnx.Neg(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}
"""


def frame(method, number=None, **parameters):
    message = {"jsonrpc": "2.0", "method": method, "params": parameters}
    if number is not None:
        message["id"] = number
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def opened(uri, text):
    return frame("textDocument/didOpen",
                 textDocument={"uri": uri, "languageId": "mlir", "version": 1, "text": text})


def answers(data):
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        yield json.loads(data[:length])
        data = data[length:]


session = b"".join([
    frame("initialize", 1, processId=None, rootUri=None, capabilities={}),
    opened("test:///broken.mlir", BROKEN), opened("test:///good.mlir", GOOD),
    frame("textDocument/hover", 2, textDocument={"uri": "test:///good.mlir"}, position={"line": 1, "character": 9}),
    frame("shutdown", 3), frame("exit")])
done = subprocess.run(["fulgur-lsp-server"], input=session, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                      timeout=60)
assert done.returncode == 0, done.returncode
replies = list(answers(done.stdout))
by_id = {reply["id"]: reply["result"] for reply in replies if "id" in reply}
published = {reply["params"]["uri"]: reply["params"]["diagnostics"] for reply in replies
             if reply.get("method") == "textDocument/publishDiagnostics"}
assert by_id[1]["capabilities"]["hoverProvider"], by_id[1]
assert published["test:///good.mlir"] == [], published
broken = published["test:///broken.mlir"]
assert broken and broken[0]["severity"] == 1 and broken[0]["range"]["start"]["line"] in (1, 2), broken
assert "onnx.Neg" in by_id[2]["contents"]["value"], by_id[2]
