"""A checkpoint as a folder that faster-whisper loads: CTranslate2's format, made from numpy alone.

What faster-whisper 1.2.1 and CTranslate2 4.8 need, as tried: without tokenizer.json a hub is asked; `suppress_ids_begin` and
`alignment_heads` must be there, and a head that does not exist ends the process.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from ctranslate2.specs import whisper_spec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from demo_model import vocabulary as v
from demo_model.network import (
    ALIGNED_HEADS,
    DECODER_LAYERS,
    ENCODER_LAYERS,
    HEADS,
    POSITIONS,
    TEXT_POSITIONS,
    WIDTH,
    sinusoids,
)

CHUNK_LENGTH: Final = 6
"""Seconds of a window, one less than in the training: what is at its end is heard whole."""

Arrays = dict[str, Any]


def _plain(array: Any) -> Any:  # noqa: ANN401 - numpy in, numpy out
    return np.ascontiguousarray(array, np.float32)


def _linear(spec: Any, p: Arrays, *names: str) -> None:  # noqa: ANN401 - CTranslate2's specs have no types
    spec.weight = _plain(np.concatenate([p[f"{name}.w"].T for name in names]))
    biases = [p.get(f"{name}.b", np.zeros(p[f"{name}.w"].shape[1])) for name in names]
    spec.bias = _plain(np.concatenate(biases))


def _norm(spec: Any, p: Arrays, name: str) -> None:  # noqa: ANN401
    spec.gamma, spec.beta = _plain(p[f"{name}.g"]), _plain(p[f"{name}.b"])


def _self_attention(spec: Any, p: Arrays, name: str) -> None:  # noqa: ANN401
    _norm(spec.layer_norm, p, f"{name}.ln")
    _linear(spec.linear[0], p, f"{name}.q", f"{name}.k", f"{name}.v")
    _linear(spec.linear[1], p, f"{name}.o")


def _cross_attention(spec: Any, p: Arrays, name: str) -> None:  # noqa: ANN401
    _norm(spec.layer_norm, p, f"{name}.ln")
    _linear(spec.linear[0], p, f"{name}.q")
    _linear(spec.linear[1], p, f"{name}.k", f"{name}.v")
    _linear(spec.linear[2], p, f"{name}.o")


def _feed_forward(spec: Any, p: Arrays, name: str) -> None:  # noqa: ANN401
    _norm(spec.layer_norm, p, f"{name}.ln")
    _linear(spec.linear_0, p, f"{name}.1")
    _linear(spec.linear_1, p, f"{name}.2")


def _specification(p: Arrays) -> Any:  # noqa: ANN401
    spec: Any = whisper_spec.WhisperSpec(ENCODER_LAYERS, HEADS, DECODER_LAYERS, HEADS)
    encoder, decoder = spec.encoder, spec.decoder
    for convolution, name in ((encoder.conv1, "conv1"), (encoder.conv2, "conv2")):
        taps = p[f"{name}.w"]  # [3 * inputs, outputs] -> [outputs, inputs, 3]
        convolution.weight = _plain(taps.reshape(3, -1, taps.shape[1]).transpose(2, 1, 0))
        convolution.bias = _plain(p[f"{name}.b"])
    encoder.position_encodings.encodings = sinusoids(POSITIONS, WIDTH)
    _norm(encoder.layer_norm, p, "e.ln")
    for index, layer in enumerate(encoder.layer):
        _self_attention(layer.self_attention, p, f"e{index}.a")
        _feed_forward(layer.ffn, p, f"e{index}.f")
    decoder.embeddings.weight = _plain(p["emb"])
    decoder.position_encodings.encodings = sinusoids(TEXT_POSITIONS, WIDTH)
    decoder.projection.weight = _plain(p["out"])
    decoder.scale_embeddings = False
    _norm(decoder.layer_norm, p, "d.ln")
    for index, layer in enumerate(decoder.layer):
        _self_attention(layer.self_attention, p, f"d{index}.a")
        _cross_attention(layer.attention, p, f"d{index}.c")
        _feed_forward(layer.ffn, p, f"d{index}.f")
    spec.register_vocabulary(v.TOKENS)
    spec.config.suppress_ids = [v.TRANSLATE, v.TRANSCRIBE, v.START_OF_LM, v.PREVIOUS, v.NO_SPEECH, v.START]
    spec.config.suppress_ids_begin = [v.SPACE, v.END]
    spec.config.lang_ids = []
    spec.config.alignment_heads = [[DECODER_LAYERS - 1, head] for head in ALIGNED_HEADS]
    return spec


def _tokenizer() -> Tokenizer:
    model = models.BPE(vocab={token: index for index, token in enumerate(v.TEXT)}, merges=[], ignore_merges=True)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in v.SPECIAL])
    stamps = v.TOKENS[v.FIRST_TIMESTAMP :]
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in stamps])
    return tokenizer


def export(p: Arrays, folder: Path, quantization: str | None = "int8") -> None:
    """Writes the model; `quantization` None keeps float32."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = _specification(p)
    spec.validate()
    spec.optimize(quantization=quantization)
    spec.save(str(folder))
    _tokenizer().save(str(folder / "tokenizer.json"))
    features = {"feature_size": 80, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": CHUNK_LENGTH, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(features))
