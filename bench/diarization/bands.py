"""`python -m diarization.bands MODEL`: how limited bandwidth moves the vectors of voices, as JSON for scripts/campplus_graph.py.

A telephone moves all voices in nearly the same direction, which makes them more alike than they are. The graph removes the two
directions that explain most of it. They come from the voices of the settings. MODEL: folder of a graph without directions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from gpu_worker.speech.speakers import SpeakerModel
from quality.corpora import SAMPLE_RATE, Audio

from diarization.voices import TUNING, clips

DIRECTIONS: Final = 2
VOICE_S: Final = 10
WINDOW_S: Final = 1.6
NOISE_DB, LINE_NOISE_DB = -53, -65
DIGITS: Final = 4


def _band(low_hz: float, high_hz: float) -> Callable[[Audio], Audio]:
    def filtered(audio: Audio) -> Audio:
        spectrum = np.fft.rfft(audio)
        frequencies = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
        spectrum *= (frequencies > low_hz) & (frequencies < high_hz)
        return np.fft.irfft(spectrum, len(audio)).astype(np.float32)

    return filtered


def _mu_law(audio: Audio) -> Audio:
    """Narrow band in 8 bits, as in digital telephony."""
    narrow = np.clip(4 * _band(60, 3800)(audio), -1, 1)
    coded = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    return (np.sign(coded) * (256 ** np.abs(coded) - 1) / 255 / 4).astype(np.float32)


LIMITS: Final = (_band(300, 3400), _band(0, 4000), _mu_law, _band(150, 5000))


def _speech(voice: str, random: np.random.Generator) -> Audio:
    """Some clips with pauses, and noise."""
    available, parts, length = clips(voice), [], 0
    for index in random.permutation(len(available)):
        parts += [available[index], np.zeros(SAMPLE_RATE // 10, np.float32)]
        length += len(available[index])
        if length > VOICE_S * SAMPLE_RATE:
            break
    audio = np.concatenate(parts)
    noisy: Audio = (audio + random.standard_normal(len(audio)) * 10 ** (NOISE_DB / 20)).astype(np.float32)
    return noisy


def _mean(model: SpeakerModel, audio: Audio, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Mean of the vectors of overlapping windows, each with length 1."""
    audio = (audio + random.standard_normal(len(audio)) * 10 ** (LINE_NOISE_DB / 20)).astype(np.float32)
    starts = np.arange(0, len(audio) / SAMPLE_RATE - WINDOW_S, WINDOW_S / 2)
    vectors = model.vectors_at(audio, [(start, start + WINDOW_S) for start in starts]).astype(np.float32)
    mean: npt.NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(axis=0)
    return mean


def main() -> None:
    """Measures, and prints the directions."""
    model, random = SpeakerModel.load(sys.argv[1]), np.random.default_rng(1)
    speech = [_speech(voice, random) for voice in TUNING]
    whole = [_mean(model, audio, random) for audio in speech]
    moves = [
        np.mean([_mean(model, limit(audio), random) - one for audio, one in zip(speech, whole, strict=True)], axis=0)
        for limit in LIMITS
    ]
    directions = np.linalg.svd(np.stack(moves))[2][:DIRECTIONS]
    print(json.dumps(directions.astype(float).round(DIGITS).tolist()))


if __name__ == "__main__":
    main()
