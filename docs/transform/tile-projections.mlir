// A schedule as a script: fulgur-compile model.onnx --transform-script=FILE
//
// It runs one fusion and no other, decomposes what is left, and computes every
// product in blocks of 32 along its sum. Whatever it leaves, the stage goes on
// as without it, so that a script can do as little or as much as it likes.
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%model: !transform.any_op {transform.consumed}) {
    %fused = transform.apply_registered_pass "fulgur-fuse-index-select" to %model
        : (!transform.any_op) -> !transform.any_op
    %plain = transform.apply_registered_pass "fulgur-decompose" to %fused
        : (!transform.any_op) -> !transform.any_op
    %products = transform.structured.match ops{["linalg.matmul"]} in %plain
        : (!transform.any_op) -> !transform.any_op
    %blocks, %loops = transform.structured.tile_using_for %products tile_sizes [0, 0, 32]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
