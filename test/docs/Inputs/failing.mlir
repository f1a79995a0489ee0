// A script that fails when it runs.
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%model: !transform.any_op {transform.readonly}) {
    %function = transform.structured.match ops{["func.func"]} in %model
        : (!transform.any_op) -> !transform.any_op
    transform.match.operation_name %function ["linalg.matmul"] : !transform.any_op
    transform.yield
  }
}
