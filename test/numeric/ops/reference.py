"""What every operation means, in float64 numpy. Plain formulas: each follows the
operation's description and none the shape of its decomposition."""
import ml_dtypes
import numpy as np


def rms_norm(x, scale, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * scale


def layer_norm(x, scale, bias, eps):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + eps) * scale + bias


def swiglu(gate, up):
    return gate / (1 + np.exp(-gate)) * up


def rotary_table(positions, inv_freq, scale=1.0):
    angle = positions[..., None] * inv_freq
    return np.cos(angle) * scale, np.sin(angle) * scale


def rotary_embedding(x, cos, sin, layout, placement):
    half = cos.shape[-1]
    start = 0 if placement == "leading" else x.shape[-1] - 2 * half
    i = np.arange(half)
    pairs, halves = (2 * i, 2 * i + 1), (i, i + half)
    read = halves if layout == "half_split" else pairs
    write = pairs if layout == "interleaved" else halves
    if x.ndim == 4:
        cos, sin = cos[:, :, None], sin[:, :, None]
    a, b = x[..., start + read[0]], x[..., start + read[1]]
    out = x.copy()
    out[..., start + write[0]] = a * cos - b * sin
    out[..., start + write[1]] = b * cos + a * sin
    return out


def visible(s, t, causal, window=None):
    """[S, T]: may query s see token t?"""
    row, column = np.arange(s)[:, None] + t - s, np.arange(t)[None]
    seen = np.ones((s, t), bool)
    if causal:
        seen &= column <= row
    if window:
        seen &= column > row - window
    return seen


def softmax(scores):
    """Rows of nothing but -inf give zeros."""
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    e = np.exp(scores - np.where(np.isinf(top), 0, top))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def attention(q, k, v, scale, mask=None, causal=False, window=None):
    group = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, group, 2), np.repeat(v, group, 2)
    scores = np.einsum("bshd,bthd->bhst", q, k) * scale
    seen = visible(q.shape[1], k.shape[1], causal, window)[None, None]
    if mask is not None and mask.dtype == bool:
        seen = seen & mask
    elif mask is not None:
        scores = scores + mask
    weights = softmax(np.where(seen, scores, -np.inf))
    return np.einsum("bhst,bthd->bshd", weights, v)


def latent_attention(q, latent, rope_key, up, scale, mask=None, causal=False):
    heads, rotated = q.shape[2], rope_key.shape[2]
    plain = q.shape[3] - rotated
    both = (latent @ up).reshape(*latent.shape[:2], heads, -1)
    shared = np.repeat(rope_key[:, :, None], heads, 2)
    k = np.concatenate([both[..., :plain], shared], -1)
    return attention(q, k, both[..., plain:], scale, mask, causal)


def sparse_latent_attention(q, latent, rope_key, up, indices, scale):
    """Row by row with dense attention over just the rows named."""
    b, s, heads, width = q.shape
    out = np.zeros((b, s, heads, up.shape[1] // heads - width + rope_key.shape[2]))
    for i in range(b):
        for j in range(s):
            rows = indices[i, j][indices[i, j] >= 0]
            if len(rows) == 0:
                continue
            one = latent_attention(q[i:i + 1, j:j + 1], latent[i:i + 1, rows],
                                   rope_key[i:i + 1, rows], up, scale)
            out[i, j] = one[0, 0]
    return out


def absorbed_attention(q, rope_q, latent, rope_key, scale, causal=False, indices=None):
    """All heads have the latents themselves as values, and one key a token."""
    query, key = np.concatenate([q, rope_q], -1), np.concatenate([latent, rope_key], -1)
    if indices is None:
        return attention(query, key[:, :, None], latent[:, :, None], scale, causal=causal)
    out = np.zeros(q.shape)
    for i, j in np.ndindex(q.shape[:2]):
        rows = indices[i, j][indices[i, j] >= 0]
        out[i, j] = attention(query[i:i + 1, j:j + 1], key[i:i + 1, rows, None],
                              latent[i:i + 1, rows, None], scale)[0, 0]
    return out


def lightning_indexer(q, k, weights, scale):
    scores = np.maximum(np.einsum("bshd,btd->bsht", q, k) * scale, 0)
    return np.einsum("bsht,bsh->bst", scores, weights)


def select_tokens(scores, k, mask=None, causal=False):
    b, s, t = scores.shape
    seen = np.broadcast_to(visible(s, t, causal), scores.shape)
    if mask is not None and mask.dtype == bool:
        seen = seen & mask
    elif mask is not None:
        scores = scores + mask
        seen = seen & ~(scores <= -1e30)
    scores = np.where(np.isnan(scores), -np.inf, scores)
    out = np.full((b, s, k), -1, np.int32)
    for i in range(b):
        for j in range(s):
            tokens = np.nonzero(seen[i, j])[0]
            order = tokens[np.argsort(-scores[i, j, tokens], kind="stable")][:k]
            out[i, j, :len(order)] = order
    return out


def selection_mask(indices, tokens):
    """Which tokens each query has selected."""
    return (indices[..., None] == np.arange(tokens)).any(axis=2)


def best(values, k):
    """The places of the k greatest of a vector, greatest first, then lowest place."""
    return np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable")[:k]


def route(logits, bias, score, k, groups=1, top_groups=1, group_score="top2", normalize=False,
          scale=1.0):
    affinity = softmax(logits) if score == "softmax" else 1 / (1 + np.exp(-logits))
    choice = affinity + bias
    n, count = logits.shape
    experts, weights = np.zeros((n, k), np.int32), np.zeros((n, k))
    for i in range(n):
        members = choice[i].reshape(groups, -1)
        top = np.sort(members, -1)[:, ::-1][:, :1 if group_score == "max" else 2].sum(-1)
        kept = np.sort(best(top, top_groups))
        allowed = np.concatenate([np.arange(count).reshape(groups, -1)[g] for g in kept])
        experts[i] = allowed[best(choice[i, allowed], k)]
        weights[i] = affinity[i, experts[i]]
        if normalize:
            weights[i] /= weights[i].sum() + 1e-20
    return experts, weights * scale


def dispatch(x, experts, count):
    flat = experts.reshape(-1)
    sources = np.argsort(flat, kind="stable")
    offsets = np.searchsorted(flat[sources], np.arange(count + 1))
    return x[sources // experts.shape[1]], sources.astype(np.int32), offsets.astype(np.int32)


def grouped_matmul(rows, weights, offsets):
    out = np.zeros((len(rows), weights.shape[2]))
    for r in range(len(rows)):
        out[r] = rows[r] @ weights[np.searchsorted(offsets, r, "right") - 1]
    return out


def combine(rows, sources, weights):
    n, k = weights.shape
    out = np.zeros((n, rows.shape[1]))
    for row, source in zip(rows, sources):
        out[source // k] += weights[source // k, source % k] * row
    return out


def experts(x, chosen, weights, gate, up, down):
    """Every token with each of its experts, one by one."""
    out = np.zeros((len(x), down.shape[2]))
    for n, row in enumerate(x):
        for e, w in zip(chosen[n], weights[n]):
            out[n] += w * (swiglu(row @ gate[e], row @ up[e]) @ down[e])
    return out


def of_elements(scales, block, shape):
    """The scale of every element of a tensor […, R, C] of `shape`."""
    scales = np.repeat(scales, block[1], -1)[..., :shape[-1]]
    return scales if len(shape) == 1 else np.repeat(scales, block[0], -2)[..., :shape[-2], :]


def quantize(x, block, ue8m0=False):
    """In f32, for what is rounded where is the meaning of the operation."""
    x = x.astype(np.float32)
    matrices = x.reshape((1,) * (2 - x.ndim) + x.shape)
    rows, columns = (-(-n // b) for n, b in zip(matrices.shape[-2:], block))
    top = np.empty(matrices.shape[:-2] + (rows, columns), np.float32)
    for i, j in np.ndindex(rows, columns):
        part = matrices[..., i * block[0]:(i + 1) * block[0], j * block[1]:(j + 1) * block[1]]
        top[..., i, j] = np.fmax.reduce(np.abs(part), (-2, -1), initial=np.float32(1e-4))
    scales = top / np.float32(448)
    if ue8m0:
        digits, exponents = np.frexp(scales)
        powers = np.ldexp(np.float32(1), np.where(digits == 0.5, exponents - 1, exponents))
        scales = np.where(np.isinf(scales), scales, powers)
    scales = scales.reshape(scales.shape[max(0, 2 - x.ndim):])
    with np.errstate(invalid="ignore"):  # an infinity by an infinity
        values = np.clip(x / of_elements(scales, block, x.shape), -448, 448)
    return values.astype(ml_dtypes.float8_e4m3fn).astype(np.float64), scales


def dequantize(values, scales, block):
    return values * of_elements(scales, block, values.shape)


def scaled_matmul(lhs, lhs_scales, rhs, rhs_scales, block):
    m, n, k = block
    return dequantize(lhs, lhs_scales, (m, k)) @ dequantize(rhs, rhs_scales, (n, k)).T
