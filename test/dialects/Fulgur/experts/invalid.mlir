// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

func.func @route_c1(%x: tensor<1x?x16xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{expected rank of 'logits' to be 2, but got 3}}
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 4 top_groups 2 top2 : tensor<1x?x16xf32>, tensor<16xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @route_c2(%x: tensor<?x?xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{expected the number of experts to be static}}
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 4 top_groups 2 top2 : tensor<?x?xf32>, tensor<16xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @route_c2_bias(%x: tensor<?x16xf32>, %b: tensor<15xf32>) {
  // expected-error @below {{expected dimension 0 of 'bias' to be 16, but got 15}}
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 4 top_groups 2 top2 : tensor<?x16xf32>, tensor<15xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @route_c3(%x: tensor<?x16xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{expected 'groups' to divide the number of experts (16), but got 3}}
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 3 top_groups 2 top2 : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @route_c3_top_groups(%x: tensor<?x16xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{expected 'top_groups' to be in [1, 4], but got 5}}
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 4 top_groups 5 top2 : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @route_c4(%x: tensor<?x16xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{expected groups of at least two experts for 'top2', but got 1}}
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 16 top_groups 2 top2 : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @route_c5(%x: tensor<?x16xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{expected 'k' to be in [1, 8], but got 9}}
  %e, %w = fulgur.route %x bias %b sigmoid k 9 groups 4 top_groups 2 top2 : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x9xi32>, tensor<?x9xf32>
  return
}

// -----

func.func @route_c6(%x: tensor<?x16xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{expected dimension 1 of 'weights' to be 2, but got 3}}
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 4 top_groups 2 top2 : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x2xi32>, tensor<?x3xf32>
  return
}

// -----

func.func @route_c7(%x: tensor<?x16xf32>, %b: tensor<16xf16>) {
  // expected-error @below {{expected element type of 'bias' to be that of 'logits' ('f32'), but got 'f16'}}
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 4 top_groups 2 top2 : tensor<?x16xf32>, tensor<16xf16> -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @route_c8(%x: tensor<?x16xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{expected 'scale' to be finite, but got +Inf}}
  %e, %w = "fulgur.route"(%x) <{score = 0 : i32, k = 2 : i64, scale = 0x7FF0000000000000 : f64}> : (tensor<?x16xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @dispatch_c1(%x: tensor<3x16xf32>, %e: tensor<6xi32>) {
  // expected-error @below {{expected rank of 'experts' to be 2, but got 1}}
  %r, %s, %o = fulgur.dispatch %x to %e of 8 : tensor<3x16xf32>, tensor<6xi32> -> tensor<6x16xf32>, tensor<6xi32>, tensor<9xi32>
  return
}

// -----

func.func @dispatch_c2(%x: tensor<3x16xf32>, %e: tensor<4x2xi32>) {
  // expected-error @below {{expected dimension 0 of 'experts' to be dimension 0 of 'input' (3), but got 4}}
  %r, %s, %o = fulgur.dispatch %x to %e of 8 : tensor<3x16xf32>, tensor<4x2xi32> -> tensor<6x16xf32>, tensor<6xi32>, tensor<9xi32>
  return
}

// -----

func.func @dispatch_c2_rows(%x: tensor<3x16xf32>, %e: tensor<3x2xi32>) {
  // expected-error @below {{expected dimension 0 of 'rows' to be 6, but got 5}}
  %r, %s, %o = fulgur.dispatch %x to %e of 8 : tensor<3x16xf32>, tensor<3x2xi32> -> tensor<5x16xf32>, tensor<?xi32>, tensor<9xi32>
  return
}

// -----

func.func @dispatch_c3(%x: tensor<3x16xf32>, %e: tensor<3x2xi32>) {
  // expected-error @below {{expected 'num_experts' to be positive, but got 0}}
  %r, %s, %o = fulgur.dispatch %x to %e of 0 : tensor<3x16xf32>, tensor<3x2xi32> -> tensor<6x16xf32>, tensor<6xi32>, tensor<1xi32>
  return
}

// -----

func.func @dispatch_c4(%x: tensor<3x16xf32>, %e: tensor<3x2xi32>) {
  // expected-error @below {{expected dimension 0 of 'offsets' to be 9, but got 8}}
  %r, %s, %o = fulgur.dispatch %x to %e of 8 : tensor<3x16xf32>, tensor<3x2xi32> -> tensor<6x16xf32>, tensor<6xi32>, tensor<8xi32>
  return
}

// -----

func.func @dispatch_c5(%x: tensor<3x16xf32>, %e: tensor<3x2xi32>) {
  // expected-error @below {{expected element type of 'rows' to be that of 'input' ('f32'), but got 'f16'}}
  %r, %s, %o = fulgur.dispatch %x to %e of 8 : tensor<3x16xf32>, tensor<3x2xi32> -> tensor<6x16xf16>, tensor<6xi32>, tensor<9xi32>
  return
}

// -----

func.func @grouped_matmul_c1(%x: tensor<?x16xf32>, %w: tensor<16x4xf32>, %o: tensor<9xi32>) {
  // expected-error @below {{expected rank of 'weights' to be 3, but got 2}}
  %y = fulgur.grouped_matmul %x, %w offsets %o : tensor<?x16xf32>, tensor<16x4xf32>, tensor<9xi32> -> tensor<?x4xf32>
  return
}

// -----

func.func @grouped_matmul_c2(%x: tensor<?x16xf32>, %w: tensor<8x15x4xf32>, %o: tensor<9xi32>) {
  // expected-error @below {{expected dimension 1 of 'weights' to be dimension 1 of 'rows' (16), but got 15}}
  %y = fulgur.grouped_matmul %x, %w offsets %o : tensor<?x16xf32>, tensor<8x15x4xf32>, tensor<9xi32> -> tensor<?x4xf32>
  return
}

// -----

func.func @grouped_matmul_c2_transposed(%x: tensor<?x16xf32>, %w: tensor<8x16x4xf32>, %o: tensor<9xi32>) {
  // expected-error @below {{expected dimension 2 of 'weights' to be dimension 1 of 'rows' (16), but got 4}}
  %y = fulgur.grouped_matmul %x, %w transposed offsets %o : tensor<?x16xf32>, tensor<8x16x4xf32>, tensor<9xi32> -> tensor<?x4xf32>
  return
}

// -----

func.func @grouped_matmul_c2_offsets(%x: tensor<?x16xf32>, %w: tensor<8x16x4xf32>, %o: tensor<8xi32>) {
  // expected-error @below {{expected dimension 0 of 'offsets' to be 9, but got 8}}
  %y = fulgur.grouped_matmul %x, %w offsets %o : tensor<?x16xf32>, tensor<8x16x4xf32>, tensor<8xi32> -> tensor<?x4xf32>
  return
}

// -----

func.func @grouped_matmul_c3(%x: tensor<?x16xf32>, %w: tensor<8x16x4xbf16>, %o: tensor<9xi32>) {
  // expected-error @below {{expected element type of 'weights' to be that of 'rows' ('f32'), but got 'bf16'}}
  %y = fulgur.grouped_matmul %x, %w offsets %o : tensor<?x16xf32>, tensor<8x16x4xbf16>, tensor<9xi32> -> tensor<?x4xf32>
  return
}

// -----

func.func @combine_c1(%x: tensor<6x16xf32>, %s: tensor<3x2xi32>, %w: tensor<3x2xf32>) {
  // expected-error @below {{expected rank of 'sources' to be 1, but got 2}}
  %y = fulgur.combine %x from %s weights %w : tensor<6x16xf32>, tensor<3x2xi32>, tensor<3x2xf32> -> tensor<3x16xf32>
  return
}

// -----

func.func @combine_c2(%x: tensor<6x16xf32>, %s: tensor<5xi32>, %w: tensor<3x2xf32>) {
  // expected-error @below {{expected dimension 0 of 'sources' to be dimension 0 of 'rows' (6), but got 5}}
  %y = fulgur.combine %x from %s weights %w : tensor<6x16xf32>, tensor<5xi32>, tensor<3x2xf32> -> tensor<3x16xf32>
  return
}

// -----

func.func @combine_c2_pairs(%x: tensor<6x16xf32>, %s: tensor<6xi32>, %w: tensor<4x2xf32>) {
  // expected-error @below {{expected dimension 0 of 'rows' to be 8, but got 6}}
  %y = fulgur.combine %x from %s weights %w : tensor<6x16xf32>, tensor<6xi32>, tensor<4x2xf32> -> tensor<4x16xf32>
  return
}

// -----

func.func @combine_c3(%x: tensor<6x16xf32>, %s: tensor<6xi32>, %w: tensor<3x2xf32>) {
  // expected-error @below {{expected element type of 'result' to be that of 'rows' ('f32'), but got 'f16'}}
  %y = fulgur.combine %x from %s weights %w : tensor<6x16xf32>, tensor<6xi32>, tensor<3x2xf32> -> tensor<3x16xf16>
  return
}

// -----

func.func @experts_c1(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected 'gate_up' to be one stack or two, but got 3}}
  %y = fulgur.experts %x to %e weights %w gate_up [%g, %g, %g] down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, [tensor<4x6x5xf32>, tensor<4x6x5xf32>, tensor<4x6x5xf32>], tensor<4x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c2(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected rank of 'weights' to be 2, but got 1}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3xf32>, tensor<4x6x10xf32>, tensor<4x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c3_tokens(%x: tensor<3x6xf32>, %e: tensor<4x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected dimension 0 of 'experts' to be dimension 0 of 'input' (3), but got 4}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<4x2xi32>, tensor<3x2xf32>, tensor<4x6x10xf32>, tensor<4x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c3_places(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x1xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected dimension 1 of 'weights' to be dimension 1 of 'experts' (2), but got 1}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x1xf32>, tensor<4x6x10xf32>, tensor<4x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c3_width(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x7x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected dimension 1 of 'gate_up' to be dimension 1 of 'input' (6), but got 7}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<4x7x10xf32>, tensor<4x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c3_count(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<3x5x8xf32>) {
  // expected-error @below {{expected dimension 0 of 'down' to be dimension 0 of 'gate_up' (4), but got 3}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<4x6x10xf32>, tensor<3x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c3_inner(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x6x8xf32>) {
  // expected-error @below {{expected dimension 1 of 'down' to be 5, but got 6}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<4x6x10xf32>, tensor<4x6x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c3_stacks(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected dimension 2 of 'up' to be dimension 2 of 'gate' (5), but got 4}}
  %y = fulgur.experts %x to %e weights %w gate_up [%g, %h] down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, [tensor<4x6x5xf32>, tensor<4x6x4xf32>], tensor<4x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c3_result(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected dimension 1 of 'result' to be dimension 2 of 'down' (8), but got 7}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<4x6x10xf32>, tensor<4x5x8xf32> -> tensor<3x7xf32>
  return
}

// -----

func.func @experts_c4(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x9xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected 'gate_up' to have an even number of columns, but got 9}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<4x6x9xf32>, tensor<4x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c5(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf32>) {
  // expected-error @below {{expected one stack of gate and up for 'up_first', but got 2}}
  %y = fulgur.experts %x to %e weights %w gate_up [%g, %g] up_first down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, [tensor<4x6x5xf32>, tensor<4x6x5xf32>], tensor<4x5x8xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @experts_c6(%x: tensor<3x6xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, %gu: tensor<4x6x10xf32>, %g: tensor<4x6x5xf32>, %h: tensor<4x6x4xf32>, %d: tensor<4x5x8xf16>) {
  // expected-error @below {{expected element type of 'down' to be that of 'input' ('f32'), but got 'f16'}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d : tensor<3x6xf32>, tensor<3x2xi32>, tensor<3x2xf32>, tensor<4x6x10xf32>, tensor<4x5x8xf16> -> tensor<3x8xf32>
  return
}
