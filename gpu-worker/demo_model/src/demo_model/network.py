"""Whisper's architecture in JAX: layer norm first, exact GELU, keys without bias, sinusoidal positions.

Parameters are a flat dictionary of arrays: `e0.a.q.w` is the weight [in, out] of the query of the attention of the encoder's
first layer. Beside Whisper's own there are two heads on the encoder that are used in training only: words and sounds.
"""

from __future__ import annotations

from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from demo_model import vocabulary as v
from demo_model.mel import MELS
from demo_model.windows import TIMESTAMP_STEP, Batch

WIDTH: Final = 128
HEADS: Final = 4
HIDDEN: Final = 512
ENCODER_LAYERS: Final = 3
DECODER_LAYERS: Final = 3
POSITIONS: Final = 1500
TEXT_POSITIONS: Final = 448
ALIGNED_HEADS: Final = (0, 1)
"""Heads of every decoder layer but the first that are taught to look where the word is; in the first, where the last was."""
LOCAL_OFFSETS: Final = ((-8, -3, 3, 8), (-18, -7, 7, 18), (-32, -12, 12, 32))
"""Where the heads of each encoder layer look at first, in positions of 20 ms."""
STAMP_WEIGHT: Final = 0.5
STAMP_SOFTNESS: Final = (0.06, 0.88, 0.06)
"""How much of a timestamp's mass is its neighbours'."""
ALIGN_WEIGHT: Final = 0.3
LAST_WORD_WEIGHT: Final = 0.2
WORD_WEIGHT: Final = 0.5
PHONEME_WEIGHT: Final = 0.3
MEASURES: Final = ("tokens", "alignment", "frame words", "frame sounds", "words right", "frames right")
FAR: Final = -1e9

Parameters = dict[str, jax.Array]
Numpy = npt.NDArray[np.float32]


def sinusoids(count: int, width: int) -> Numpy:
    """Whisper's positions, float32 [count, width]."""
    rates = np.exp(-np.log(10_000) / (width // 2 - 1) * np.arange(width // 2))
    angles = np.arange(count)[:, None] * rates[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)


_PLACES: Final = sinusoids(POSITIONS, WIDTH)
_TEXT_PLACES: Final = sinusoids(TEXT_POSITIONS, WIDTH)


class _Maker:
    """Draws first parameters."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.made: dict[str, Numpy] = {}

    def linear(self, name: str, inputs: int, outputs: int, scale: float = 1.0, bias: bool = True) -> None:
        self.made[f"{name}.w"] = (self.rng.standard_normal((inputs, outputs)) * scale * inputs**-0.5).astype(np.float32)
        if bias:
            self.made[f"{name}.b"] = np.zeros(outputs, np.float32)

    def norm(self, name: str) -> None:
        self.made[f"{name}.g"], self.made[f"{name}.b"] = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def attention(self, name: str) -> None:
        for part in ("q", "k", "v"):
            self.linear(f"{name}.{part}", WIDTH, WIDTH, bias=part != "k")
        self.linear(f"{name}.o", WIDTH, WIDTH, scale=0.5)
        self.norm(f"{name}.ln")

    def feed_forward(self, name: str) -> None:
        self.linear(f"{name}.1", WIDTH, HIDDEN)
        self.linear(f"{name}.2", HIDDEN, WIDTH, scale=0.5)
        self.norm(f"{name}.ln")

    def local(self, name: str, offsets: tuple[int, ...]) -> None:
        """Lets each head look so many positions away: keys are the queries' positions, turned back by the offset."""
        size, half = WIDTH // HEADS, WIDTH // 2
        rates = np.exp(-np.log(10_000) / (half - 1) * np.arange(half))
        gain = 1.1
        for head, offset in enumerate(offsets):
            query, key = (self.rng.standard_normal((2, WIDTH, size)) * 0.03).astype(np.float32)
            for pair in range(size // 2):
                at = 4 + 2 * pair
                turn, sine, cosine = rates[at] * offset, 2 * pair, 2 * pair + 1
                query[at, sine] += gain
                query[at + half, cosine] += gain
                key[at, sine] += gain * np.cos(turn)
                key[at + half, sine] -= gain * np.sin(turn)
                key[at + half, cosine] += gain * np.cos(turn)
                key[at, cosine] += gain * np.sin(turn)
            columns = slice(head * size, (head + 1) * size)
            self.made[f"{name}.q.w"][:, columns], self.made[f"{name}.k.w"][:, columns] = query, key


def first_parameters(phonemes: int, seed: int) -> dict[str, Numpy]:
    """Parameters of a model that has learnt nothing; `phonemes` counts the sounds, with none as one of them."""
    maker = _Maker(seed)
    maker.linear("conv1", 3 * MELS, WIDTH)
    maker.linear("conv2", 3 * WIDTH, WIDTH)
    for layer in range(ENCODER_LAYERS):
        maker.attention(f"e{layer}.a")
        maker.feed_forward(f"e{layer}.f")
        maker.local(f"e{layer}.a", LOCAL_OFFSETS[layer % len(LOCAL_OFFSETS)])
    maker.norm("e.ln")
    for layer in range(DECODER_LAYERS):
        maker.attention(f"d{layer}.a")
        maker.attention(f"d{layer}.c")
        maker.feed_forward(f"d{layer}.f")
    maker.norm("d.ln")
    tokens = len(v.TOKENS)
    for name, scale, stamps in (("emb", 0.3, 0.5), ("out", WIDTH**-0.5, 0.25)):
        table = (maker.rng.standard_normal((tokens, WIDTH)) * scale).astype(np.float32)
        table[v.FIRST_TIMESTAMP :] = sinusoids(v.TIMESTAMPS, WIDTH) * stamps
        maker.made[name] = table
    maker.linear("words", WIDTH, len(v.WORDS) + 1)
    maker.linear("phonemes", WIDTH, phonemes)
    return maker.made


def _linear(p: Parameters, name: str, x: jax.Array) -> jax.Array:
    y = x @ p[f"{name}.w"]
    return y + p[f"{name}.b"] if f"{name}.b" in p else y


def _norm(p: Parameters, name: str, x: jax.Array) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p[f"{name}.g"] + p[f"{name}.b"]


def _gelu(x: jax.Array) -> jax.Array:
    return jax.nn.gelu(x, approximate=False)


def _feed_forward(p: Parameters, name: str, x: jax.Array) -> jax.Array:
    return _linear(p, f"{name}.2", _gelu(_linear(p, f"{name}.1", _norm(p, f"{name}.ln", x))))


def _heads(x: jax.Array) -> jax.Array:
    return x.reshape(*x.shape[:-1], HEADS, WIDTH // HEADS)


def _encoder_attention(p: Parameters, name: str, x: jax.Array) -> jax.Array:
    """Everything looks at everything; on a GPU without ever writing the scores down."""
    parts = [_heads(_linear(p, f"{name}.{part}", x)) for part in ("q", "k", "v")]
    if jax.default_backend() == "gpu":
        half = [part.astype(jnp.bfloat16) for part in parts]
        seen = jax.nn.dot_product_attention(*half, implementation="cudnn").astype(x.dtype)
    else:
        seen = jax.nn.dot_product_attention(*parts)
    return _linear(p, f"{name}.o", seen.reshape(x.shape))


def _decoder_attention(
    p: Parameters, name: str, x: jax.Array, over: jax.Array, mask: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """The answer, and the scores [n_windows, n_heads, n_tokens, n_keys]."""
    q, k, value = (_heads(_linear(p, f"{name}.{part}", of)) for part, of in (("q", x), ("k", over), ("v", over)))
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) * (WIDTH // HEADS) ** -0.5
    if mask is not None:
        scores = scores + mask
    seen = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), value)
    return _linear(p, f"{name}.o", seen.reshape(x.shape)), scores


def _convolution(p: Parameters, name: str, x: jax.Array, stride: int) -> jax.Array:
    length = x.shape[1]
    padded = jnp.pad(x, ((0, 0), (1, 1), (0, 0)))
    taps = [padded[:, tap : length + tap : stride] for tap in range(3)]
    return _gelu(_linear(p, name, jnp.concatenate(taps, -1)))


def encode(p: Parameters, mel: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mel [n_windows, n_frames, 80] -> [n_windows, n_frames // 2, 128], and the same one layer earlier."""
    x = _convolution(p, "conv2", _convolution(p, "conv1", mel, 1), 2)
    x = x + _PLACES[: x.shape[1]]
    earlier = x
    for layer in range(ENCODER_LAYERS):
        earlier = x
        x = x + _encoder_attention(p, f"e{layer}.a", _norm(p, f"e{layer}.a.ln", x))
        x = x + _feed_forward(p, f"e{layer}.f", x)
    return _norm(p, "e.ln", x), earlier


def decode(p: Parameters, tokens: jax.Array, encoded: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
    """Logits [n_windows, n_tokens, n_vocabulary], and each layer's scores over the encoder's positions."""
    count = tokens.shape[1]
    x = p["emb"][tokens] + _TEXT_PLACES[:count]
    causal = jnp.where(np.tril(np.ones((count, count), bool)), 0.0, FAR)
    looks: list[jax.Array] = []
    for layer in range(DECODER_LAYERS):
        normed = _norm(p, f"d{layer}.a.ln", x)
        x = x + _decoder_attention(p, f"d{layer}.a", normed, normed, causal)[0]
        seen, scores = _decoder_attention(p, f"d{layer}.c", _norm(p, f"d{layer}.c.ln", x), encoded)
        looks.append(scores)
        x = x + seen
        x = x + _feed_forward(p, f"d{layer}.f", x)
    return _norm(p, "d.ln", x) @ p["out"].T, looks


def _inside(spans: jax.Array, positions: int) -> jax.Array:
    at = jnp.arange(positions)
    return (at >= spans[..., :1]) & (at < spans[..., 1:]) & (spans[..., :1] >= 0)


def _looks_elsewhere(scores: jax.Array, spans: jax.Array) -> jax.Array:
    """How far attention is from spread evenly over each token's span; scores [n_windows, n_heads, n_tokens, n_positions]."""
    inside = _inside(spans, scores.shape[-1])[:, None]
    count = inside.sum(-1)
    wide = jnp.maximum(count, 1)
    loss = -(jax.nn.log_softmax(scores, -1) * inside).sum(-1) / wide - jnp.log(wide)
    known = jnp.broadcast_to(count > 0, loss.shape)
    return (loss * known).sum() / (known.sum() + 1e-6)


def _picked(log_probabilities: jax.Array, ids: jax.Array) -> jax.Array:
    return jnp.take_along_axis(log_probabilities, ids[..., None], -1)[..., 0]


def loss(p: Parameters, batch: Batch, frames: int) -> tuple[jax.Array, jax.Array]:
    """What is to become less, and MEASURES; windows are padded with zeros to so many frames.

    The engine pads so, after normalisation, and the decoder must learn not to look there.
    """
    heard = batch.mel.shape[1]
    mel = jnp.pad(batch.mel.astype(jnp.float32), ((0, 0), (0, frames - heard), (0, 0)))
    encoded, earlier = encode(p, mel)
    word_logs = jax.nn.log_softmax(_linear(p, "words", encoded[:, : heard // 2]))
    spoken = batch.words > 0
    weight = jnp.where(spoken, 1.0, 0.3)
    word_loss = -(_picked(word_logs, batch.words) * weight).sum() / weight.sum()
    phoneme_loss = -_picked(jax.nn.log_softmax(_linear(p, "phonemes", earlier[:, : heard // 2])), batch.phonemes).mean()
    logits, looks = decode(p, batch.tokens, encoded)
    logs = jax.nn.log_softmax(logits)
    asked, target = batch.targets >= 0, jnp.maximum(batch.targets, 0)
    is_stamp = target >= v.FIRST_TIMESTAMP
    near = jnp.clip(target[..., None] + np.array([-TIMESTAMP_STEP, 0, TIMESTAMP_STEP]), v.FIRST_TIMESTAMP, len(v.TOKENS) - 1)
    soft = (jnp.take_along_axis(logs, near, -1) * np.array(STAMP_SOFTNESS)).sum(-1)
    token_weight = asked * jnp.where(is_stamp, STAMP_WEIGHT, 1.0)
    token_loss = -(jnp.where(is_stamp, soft, _picked(logs, target)) * token_weight).sum() / token_weight.sum()
    taught = [scores[:, np.array(ALIGNED_HEADS)] for scores in looks]
    aligned = _looks_elsewhere(jnp.concatenate(taught[1:], 1), batch.spans)
    before = jnp.pad(batch.spans[:, :-1], ((0, 0), (1, 0), (0, 0)), constant_values=-1)
    last_word = _looks_elsewhere(taught[0], before)
    is_word = asked & (target < v.END)
    right = ((logits.argmax(-1) == target) & is_word).sum() / is_word.sum()
    frames_right = ((word_logs.argmax(-1) == batch.words) & spoken).sum() / spoken.sum()
    total = token_loss + ALIGN_WEIGHT * aligned + LAST_WORD_WEIGHT * last_word
    total = total + WORD_WEIGHT * word_loss + PHONEME_WEIGHT * phoneme_loss
    return total, jnp.stack([token_loss, aligned, word_loss, phoneme_loss, right, frames_right])
