# ===----------------------------------------------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The operators of the domain `fulgur` as ONNX functions: what each means, in
# standard operators, so that any runtime can run a graph that uses them.
# README.md documents them.
#
# ===----------------------------------------------------------------------===#

import onnx

DOMAIN = "fulgur"
VERSION = 1

RMS_NORM = """
RMSNorm <epsilon> (input, scale) => (result) {
  two = Constant <value_float = 2.0> ()
  axis = Constant <value_ints = [-1]> ()
  eps = Constant <value_float: float = @epsilon> ()
  square = Pow (input, two)
  mean = ReduceMean <keepdims = 1> (square, axis)
  variance = Add (mean, eps)
  deviation = Sqrt (variance)
  normal = Div (input, deviation)
  result = Mul (normal, scale)
}"""

SWIGLU = """
SwiGLU (gate, up) => (result) {
  sigmoid = Sigmoid (gate)
  silu = Mul (gate, sigmoid)
  result = Mul (silu, up)
}"""

ROTARY_TABLE = """
RotaryTable <scale> (positions, inv_freq) => (cos, sin) {
  axis = Constant <value_ints = [-1]> ()
  factor = Constant <value_float: float = @scale> ()
  position = Cast <to = 1> (positions)
  column = Unsqueeze (position, axis)
  angle = Mul (column, inv_freq)
  plain_cos = Cos (angle)
  plain_sin = Sin (angle)
  cos = Mul (plain_cos, factor)
  sin = Mul (plain_sin, factor)
}"""

# A function cannot branch on a string, but it can compare strings and choose
# the positions that it reads and writes.
ROTARY_EMBEDDING = """
RotaryEmbedding <layout, placement> (input, cos, sin) => (result) {
  zero = Constant <value_int = 0> ()
  one = Constant <value_int = 1> ()
  two = Constant <value_int = 2> ()
  last = Constant <value_ints = [-1]> ()
  given_layout = Constant <value_string: string = @layout> ()
  given_placement = Constant <value_string: string = @placement> ()
  half_split = Constant <value_string = "half_split"> ()
  interleaved = Constant <value_string = "interleaved"> ()
  leading = Constant <value_string = "leading"> ()
  reads_halves = Equal (given_layout, half_split)
  writes_pairs = Equal (given_layout, interleaved)
  is_leading = Equal (given_placement, leading)

  cos_shape = Shape (cos)
  pairs = Gather (cos_shape, last)
  rotated = Mul (pairs, two)
  input_shape = Shape (input)
  width = Gather (input_shape, last)
  unrotated = Sub (width, rotated)
  begin = Where (is_leading, zero, unrotated)
  end = Add (begin, rotated)

  pair_count = Squeeze (pairs)
  i = Range (zero, pair_count, one)
  even = Mul (i, two)
  odd = Add (even, one)
  upper = Add (i, pairs)
  a_local = Where (reads_halves, i, even)
  b_local = Where (reads_halves, upper, odd)
  a_index = Add (a_local, begin)
  b_index = Add (b_local, begin)
  a = Gather <axis = -1> (input, a_index)
  b = Gather <axis = -1> (input, b_index)

  batch_and_seq = Shape <end = 2> (cos)
  rank = Shape (input_shape)
  three = Constant <value_ints = [3]> ()
  head_rank = Sub (rank, three)
  heads = ConstantOfShape <value = int64[1] {1}> (head_rank)
  table_shape = Concat <axis = 0> (batch_and_seq, heads, pairs)
  c = Reshape (cos, table_shape)
  s = Reshape (sin, table_shape)
  ac = Mul (a, c)
  bs = Mul (b, s)
  bc = Mul (b, c)
  as = Mul (a, s)
  out_a = Sub (ac, bs)
  out_b = Add (bc, as)
  halves = Concat <axis = -1> (out_a, out_b)

  rotated_count = Squeeze (rotated)
  j = Range (zero, rotated_count, one)
  pair = Div (j, two)
  member = Mod (j, two)
  member_at = Mul (member, pairs)
  pair_order = Add (pair, member_at)
  order = Where (writes_pairs, pair_order, j)
  middle = Gather <axis = -1> (halves, order)

  first = Constant <value_ints = [0]> ()
  before = Slice (input, first, begin, last)
  after = Slice (input, end, width, last)
  result = Concat <axis = -1> (before, middle, after)
}"""

LIGHTNING_INDEXER = """
LightningIndexer <scale> (query, key, weights) => (scores) {
  heads_axis = Constant <value_ints = [1]> ()
  row_axis = Constant <value_ints = [2]> ()
  factor = Constant <value_float: float = @scale> ()
  columns = Transpose <perm = [0, 2, 1]> (key)
  shared = Unsqueeze (columns, heads_axis)
  products = MatMul (query, shared)
  scaled = Mul (products, factor)
  positive = Relu (scaled)
  row = Unsqueeze (weights, row_axis)
  sum = MatMul (row, positive)
  scores = Squeeze (sum, row_axis)
}"""

SELECT_TOKENS = """
SelectTokens <k> (scores) => (indices) {
  zero = Constant <value_int = 0> ()
  one = Constant <value_int = 1> ()
  wanted = Constant <value_int: int = @k> ()
  query_axis = Constant <value_int = 1> ()
  token_axis = Constant <value_int = 2> ()
  column = Constant <value_ints = [1]> ()
  none = Constant <value = int64 {-1}> ()
  hidden = Constant <value = float {-inf}> ()
  lowest = Constant <value_float = -1.0e30> ()

  shape = Shape (scores)
  queries = Gather (shape, query_axis)
  tokens = Gather (shape, token_axis)
  s = Range (zero, queries, one)
  t = Range (zero, tokens, one)
  older = Sub (tokens, queries)
  position = Add (s, older)
  position_column = Unsqueeze (position, column)
  visible = LessOrEqual (t, position_column)
  masked = Where (visible, scores, hidden)

  count = Min (wanted, tokens)
  vector = Constant <value_ints = [1]> ()
  count_vector = Reshape (count, vector)
  values, found = TopK <axis = -1, largest = 1, sorted = 1> (masked, count_vector)
  is_visible = Greater (values, lowest)
  selected = Where (is_visible, found, none)

  missing = Sub (wanted, count)
  missing_vector = Reshape (missing, vector)
  batch_and_seq = Shape <end = 2> (scores)
  fill_shape = Concat <axis = 0> (batch_and_seq, missing_vector)
  fill = Expand (none, fill_shape)
  all = Concat <axis = -1> (selected, fill)
  indices = Cast <to = 6> (all)
}"""

LATENT_ATTENTION = """
LatentAttention <scale, value_dim> (query, latent, rope_key, up) => (result) {
  first = Constant <value_ints = [0]> ()
  last = Constant <value_ints = [-1]> ()
  zero = Constant <value_int = 0> ()
  one = Constant <value_int = 1> ()
  column = Constant <value_ints = [1]> ()
  row_axis = Constant <value_int = 1> ()
  heads_axis = Constant <value_ints = [2]> ()
  factor = Constant <value_float: float = @scale> ()
  value_size = Constant <value_int: int = @value_dim> ()
  hidden = Constant <value = float {-inf}> ()

  query_shape = Shape (query)
  query_width = Gather (query_shape, last)
  heads = Gather (query_shape, heads_axis)
  rope_shape = Shape (rope_key)
  rope_width = Gather (rope_shape, last)
  nope_width = Sub (query_width, rope_width)
  head_width = Add (nope_width, value_size)
  rank = Shape <end = 1> (up)
  up_shape = Concat <axis = 0> (rank, heads, head_width)
  up_heads = Reshape (up, up_shape)
  up_key = Slice (up_heads, first, nope_width, last)
  up_value = Slice (up_heads, nope_width, head_width, last)
  nope = Slice (query, first, nope_width, last)
  rope = Slice (query, nope_width, query_width, last)

  queries = Gather (query_shape, row_axis)
  tokens = Gather (rope_shape, row_axis)
  s = Range (zero, queries, one)
  t = Range (zero, tokens, one)
  older = Sub (tokens, queries)
  position = Add (s, older)
  position_column = Unsqueeze (position, column)
  visible = LessOrEqual (t, position_column)

  absorbed = Einsum <equation = "bshn,lhn->bhsl"> (nope, up_key)
  content = Einsum <equation = "bhsl,btl->bhst"> (absorbed, latent)
  place = Einsum <equation = "bshr,btr->bhst"> (rope, rope_key)
  sum = Add (content, place)
  scores = Mul (sum, factor)
  masked = Where (visible, scores, hidden)
  weights = Softmax <axis = -1> (masked)
  mixed = Einsum <equation = "bhst,btl->bhsl"> (weights, latent)
  result = Einsum <equation = "bhsl,lhv->bshv"> (mixed, up_value)
}"""

SPARSE_LATENT_ATTENTION = """
SparseLatentAttention <scale, value_dim>
    (query, latent, rope_key, up, indices) => (result) {
  first = Constant <value_ints = [0]> ()
  last = Constant <value_ints = [-1]> ()
  heads_axis = Constant <value_ints = [2]> ()
  none = Constant <value = int64 {0}> ()
  factor = Constant <value_float: float = @scale> ()
  value_size = Constant <value_int: int = @value_dim> ()
  lowest = Constant <value_float = -3.0e38> ()

  query_shape = Shape (query)
  query_width = Gather (query_shape, last)
  heads = Gather (query_shape, heads_axis)
  rope_shape = Shape (rope_key)
  rope_width = Gather (rope_shape, last)
  nope_width = Sub (query_width, rope_width)
  head_width = Add (nope_width, value_size)
  rank = Shape <end = 1> (up)
  up_shape = Concat <axis = 0> (rank, heads, head_width)
  up_heads = Reshape (up, up_shape)
  up_key = Slice (up_heads, first, nope_width, last)
  up_value = Slice (up_heads, nope_width, head_width, last)
  nope = Slice (query, first, nope_width, last)
  rope = Slice (query, nope_width, query_width, last)

  index = Cast <to = 7> (indices)
  exists = GreaterOrEqual (index, none)
  safe = Max (index, none)
  coordinates = Unsqueeze (safe, last)
  latents = GatherND <batch_dims = 1> (latent, coordinates)
  rope_keys = GatherND <batch_dims = 1> (rope_key, coordinates)

  absorbed = Einsum <equation = "bshn,lhn->bshl"> (nope, up_key)
  content = Einsum <equation = "bshl,bskl->bshk"> (absorbed, latents)
  place = Einsum <equation = "bshr,bskr->bshk"> (rope, rope_keys)
  sum = Add (content, place)
  scores = Mul (sum, factor)
  exists_heads = Unsqueeze (exists, heads_axis)
  masked = Where (exists_heads, scores, lowest)
  soft = Softmax <axis = -1> (masked)
  present = Cast <to = 1> (exists_heads)
  weights = Mul (soft, present)
  mixed = Einsum <equation = "bshk,bskl->bshl"> (weights, latents)
  result = Einsum <equation = "bshl,lhv->bshv"> (mixed, up_value)
}"""

ROUTE = """
Route <top_k, groups, top_groups, scale> (input, gate, bias) => (experts, weights) {
  last = Constant <value_ints = [-1]> ()
  keep = Constant <value_ints = [0]> ()
  vector = Constant <value_ints = [1]> ()
  hidden = Constant <value = float {-inf}> ()
  chosen = Constant <value_float = 1.0> ()
  factor = Constant <value_float: float = @scale> ()
  expert_count = Constant <value_int: int = @top_k> ()
  group_count = Constant <value_int: int = @groups> ()
  best_group_count = Constant <value_int: int = @top_groups> ()
  expert_vector = Reshape (expert_count, vector)
  group_vector = Reshape (group_count, vector)
  best_group_vector = Reshape (best_group_count, vector)

  gate_columns = Transpose <perm = [1, 0]> (gate)
  logits = MatMul (input, gate_columns)
  affinity = Sigmoid (logits)
  choice = Add (affinity, bias)

  grouped_shape = Concat <axis = 0> (keep, group_vector, last)
  grouped = Reshape (choice, grouped_shape)
  two = Constant <value_ints = [2]> ()
  best, best_at = TopK <axis = -1, largest = 1, sorted = 1> (grouped, two)
  group_scores = ReduceSum <keepdims = 0> (best, last)
  ignored, best_groups = TopK <axis = -1, largest = 1, sorted = 1> (group_scores, best_group_vector)
  group_shape = Shape (group_scores)
  no_group = ConstantOfShape (group_shape)
  best_shape = Shape (best_groups)
  ones = Expand (chosen, best_shape)
  group_mask = ScatterElements <axis = 1> (no_group, best_groups, ones)
  is_best = Cast <to = 9> (group_mask)
  is_best_column = Unsqueeze (is_best, last)
  allowed = Where (is_best_column, grouped, hidden)
  choice_shape = Shape (choice)
  candidates = Reshape (allowed, choice_shape)

  top, found = TopK <axis = -1, largest = 1, sorted = 1> (candidates, expert_vector)
  raw = GatherElements <axis = 1> (affinity, found)
  total = ReduceSum <keepdims = 1> (raw, last)
  normal = Div (raw, total)
  weights = Mul (normal, factor)
  experts = Cast <to = 6> (found)
}"""

MOE = """
MoE (input, experts, weights, gate_up, down) => (result) {
  expert_axis = Constant <value_ints = [1]> ()
  last = Constant <value_ints = [-1]> ()
  its_gate_up = Gather <axis = 0> (gate_up, experts)
  its_down = Gather <axis = 0> (down, experts)
  row = Unsqueeze (input, expert_axis)
  column = Unsqueeze (row, last)
  both = MatMul (its_gate_up, column)
  gate, up = Split <axis = 2, num_outputs = 2> (both)
  sigmoid = Sigmoid (gate)
  silu = Mul (gate, sigmoid)
  hidden = Mul (silu, up)
  out_column = MatMul (its_down, hidden)
  out = Squeeze (out_column, last)
  weight_column = Unsqueeze (weights, last)
  weighted = Mul (out, weight_column)
  result = ReduceSum <keepdims = 0> (weighted, expert_axis)
}"""

TEXTS = [
    RMS_NORM,
    SWIGLU,
    ROTARY_TABLE,
    ROTARY_EMBEDDING,
    LIGHTNING_INDEXER,
    SELECT_TOKENS,
    LATENT_ATTENTION,
    SPARSE_LATENT_ATTENTION,
    ROUTE,
    MOE,
]


def functions(opset: int) -> list[onnx.FunctionProto]:
    """All of them, on the standard's operators of one version, 18 or later."""
    head = f'<domain: "{DOMAIN}", opset_import: ["" : {opset}]>'
    return [onnx.parser.parse_function(head + text) for text in TEXTS]
