"""Sounds without speech. Each sound is float32 [n_samples], 16 kHz, generated from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, chirp, lfilter, sawtooth, sosfilt

from quality.corpora import SAMPLE_RATE, Audio

Signal = npt.NDArray[np.float64]
Random = np.random.Generator
CLIP_SECONDS: Final = 30


def _times(seconds: float) -> Signal:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _band(signal: Signal, low_hz: float, high_hz: float) -> Signal:
    sections = butter(2, [low_hz, high_hz], "bandpass", fs=SAMPLE_RATE, output="sos")
    filtered: Signal = sosfilt(sections, signal)
    return filtered


def _white(seconds: float, random: Random) -> Signal:
    return random.standard_normal(len(_times(seconds)))


def _pink(seconds: float, random: Random) -> Signal:
    spectrum = np.fft.rfft(_white(seconds, random))
    shaped: Signal = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), len(_times(seconds)))
    return shaped


def _brown(seconds: float, random: Random) -> Signal:
    return _band(np.cumsum(_white(seconds, random)), 20, 2000)


def _hum(seconds: float, random: Random) -> Signal:
    t, mains_hz = _times(seconds), random.choice([50.0, 60.0])
    return sum((np.sin(2 * np.pi * mains_hz * n * t) / n for n in (1, 2, 3, 5, 7)), np.zeros(len(t)))


def _fan(seconds: float, random: Random) -> Signal:
    beat = 1 + 0.3 * np.sin(2 * np.pi * random.uniform(5, 15) * _times(seconds))
    return _band(_white(seconds, random), 100, 1200) * beat + 0.3 * _hum(seconds, random)


def _bursts(seconds: float, random: Random, every_s: tuple[float, float], make: Callable[[], Signal]) -> Signal:
    """Repeats a sound at irregular intervals."""
    signal = np.zeros(len(_times(seconds)))
    at = random.uniform(0, every_s[1])
    while at < seconds:
        sound = make()
        start = round(at * SAMPLE_RATE)
        sound = sound[: len(signal) - start]
        signal[start : start + len(sound)] += sound
        at += random.uniform(*every_s)
    return signal


def _fading(length_s: float, rise_s: float) -> Signal:
    t = _times(length_s)
    return np.minimum(1, t / rise_s) * np.exp(-4 * t / length_s)


def _music(seconds: float, random: Random) -> Signal:
    """Chords of plucked notes over a bass."""

    def chord() -> Signal:
        root_hz = 110 * 2 ** (random.integers(0, 12) / 12)
        steps = random.choice([[0, 4, 7], [0, 3, 7], [0, 5, 9]])
        t = _times(1.2)
        notes = [np.sin(2 * np.pi * root_hz * 2 ** (step / 12) * n * t) / n**1.5 for step in steps for n in (1, 2, 3, 4)]
        return sum(notes, np.zeros(len(t))) * _fading(1.2, 0.01)

    return _bursts(seconds, random, (0.45, 0.55), chord)


def _drums(seconds: float, random: Random) -> Signal:
    def beat() -> Signal:
        low = np.sin(2 * np.pi * 70 * _times(0.2)) * _fading(0.2, 0.002)
        return low if random.random() < 0.5 else 0.5 * _white(0.2, random) * _fading(0.2, 0.001)

    return _bursts(seconds, random, (0.24, 0.26), beat)


def _sweeps(seconds: float, random: Random) -> Signal:
    def sweep() -> Signal:
        low, high = random.uniform(80, 500), random.uniform(1000, 6000)
        made: Signal = chirp(_times(2), *((low, 2, high) if random.random() < 0.5 else (high, 2, low)), method="log")
        return made * 0.5

    return _bursts(seconds, random, (2.2, 3.0), sweep)


def _tones(seconds: float, random: Random) -> Signal:
    """Telephone key tones (DTMF)."""

    def beep() -> Signal:
        t = _times(random.uniform(0.08, 0.4))
        rows, columns = [697, 770, 852, 941], [1209, 1336, 1477, 1633]
        pair_hz = float(random.choice(rows)), float(random.choice(columns))
        pair: Signal = 0.5 * sum((np.sin(2 * np.pi * hz * t) for hz in pair_hz), np.zeros(len(t)))
        return pair

    return _bursts(seconds, random, (0.3, 1.5), beep)


def _breath(seconds: float, random: Random) -> Signal:
    def breath() -> Signal:
        length_s = random.uniform(0.6, 1.6)
        shape: Signal = np.sin(np.pi * _times(length_s) / length_s) ** 2
        return _band(_white(length_s, random), 300, 3000) * shape

    return _bursts(seconds, random, (1.8, 3.5), breath)


def _clicks(seconds: float, random: Random) -> Signal:
    return _bursts(seconds, random, (0.08, 0.9), lambda: _white(0.01, random) * _fading(0.01, 0.0005))


def _buzz(seconds: float, random: Random) -> Signal:
    """A buzz with the formants of a vowel: the most speech-like of all sounds."""
    t = _times(seconds)
    pitch_hz = 110 + 8 * np.sin(2 * np.pi * 0.4 * t)
    source: Signal = sawtooth(2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE)
    for formant_hz, width_hz in ((700, 110), (1220, 120), (2600, 160)):
        r = np.exp(-np.pi * width_hz / SAMPLE_RATE)
        source = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * formant_hz / SAMPLE_RATE), r * r], source)
    loudness: Signal = 1 + 0.5 * np.sin(2 * np.pi * random.uniform(0.5, 2) * t)
    return source * loudness


KINDS: Final[dict[str, Callable[[float, Random], Signal]]] = {
    "white noise": _white,
    "pink noise": _pink,
    "rumble": _brown,
    "mains hum": _hum,
    "fan": _fan,
    "chords": _music,
    "drums": _drums,
    "sweeps": _sweeps,
    "telephone tones": _tones,
    "breath": _breath,
    "clicks": _clicks,
    "buzz with formants": _buzz,
}


def sound(kind: str, seconds: float, seed: int) -> Audio:
    """A sound of one kind, with a peak between -30 and -3 dB of full scale."""
    random = np.random.default_rng(seed)
    made = KINDS[kind](seconds, random)
    level = 10 ** (random.uniform(-30, -3) / 20)
    return (made / max(1e-9, float(np.abs(made).max())) * level).astype(np.float32)


def mixtures(seconds: float, seed: int) -> list[tuple[str, Audio]]:
    """Clips of 30 s: first every kind alone, then two random kinds mixed."""
    random = np.random.default_rng(seed)
    names = list(KINDS)
    clips: list[tuple[str, Audio]] = []
    for number in range(round(seconds / CLIP_SECONDS)):
        two = [str(name) for name in random.choice(names, 2, replace=False)]
        picked = [names[number]] if number < len(names) else two
        parts = [sound(name, CLIP_SECONDS, seed * 1000 + number * 10 + n) for n, name in enumerate(picked)]
        clips.append((" and ".join(picked), np.sum(parts, axis=0, dtype=np.float32).clip(-1, 1)))
    return clips
