"""espeak-ng as a library: words to sound, with the time of every word and sound.

Gotchas:
- espeak-ng sometimes adds a word event at position 0 in the end: dropped.
- "on the" comes as one event: parted where the sound of "the" begins.
- Its voices are found by file, so invented ones are files too, in a folder that links to the library's own. It takes no more
  than 349 of them: other languages are left out.
- One voice at a time in a process: the library has global state.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import espeakng_loader
import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from demo_model.voices import Speaker, write_invented

SAMPLE_RATE: Final = 16_000
_WORD, _END, _PHONEME = 1, 5, 7
_SYNCHRONOUS, _PHONEME_EVENTS = 2, 1
_RATE, _PITCH, _RANGE, _PAUSE = 1, 3, 4, 7
_PHONEME_LAG_S: Final = 0.03


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


@dataclass(frozen=True)
class Utterance:
    """One sentence, spoken."""

    words: list[str]
    audio: npt.NDArray[np.float32]
    """float32 [n_samples], 16 kHz, loudest sample 0.5; ends 50 ms after the last word."""
    intervals: list[tuple[float, float]]
    """Start and end of each word in seconds."""
    phonemes: list[tuple[str, float]]
    """espeak-ng's names of sounds and when each begins, in seconds; a name that begins with `_` is a pause."""


class Synthesizer:
    """Speaks; needs the package espeakng-loader and no installed program."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        self._rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(self._data()).encode(), _PHONEME_EVENTS))
        if self._rate <= 0:
            raise RuntimeError("espeak-ng does not find its data")
        self._sound: list[npt.NDArray[np.int16]] = []
        self._events: list[tuple[int, int, float, str]] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
        self._callback = kind(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)
        self._voice = ""

    def _data(self) -> Path:
        """A data folder that links to the library's, with the invented variants beside its own."""
        theirs, ours = Path(espeakng_loader.get_data_path()), Path(self._folder.name) / "espeak-ng-data"
        variants = ours / "voices" / "!v"
        variants.mkdir(parents=True)
        (ours / "lang").mkdir()
        (ours / "lang" / "gmw").symlink_to(theirs / "lang" / "gmw")
        for entry in theirs.iterdir():
            if entry.name not in ("voices", "lang"):
                (ours / entry.name).symlink_to(entry)
        for entry in (theirs / "voices" / "!v").iterdir():
            (variants / entry.name).symlink_to(entry)
        write_invented(variants)
        return ours

    def _hear(self, sound: Any, count: int, events: Any) -> int:  # noqa: ANN401 - pointers of C
        if count > 0 and sound:
            self._sound.append(np.ctypeslib.as_array(sound, shape=(count,)).copy())
        index = 0
        while events[index].type != 0:
            event = events[index]
            name = bytes(event.id.string).split(b"\0")[0].decode(errors="ignore") if event.type == _PHONEME else ""
            self._events.append((event.type, event.text_position, event.audio_position / 1000, name))
            index += 1
        return 0

    def say(self, words: Sequence[str], speaker: Speaker) -> Utterance | None:
        """Speaks the words; None where espeak-ng's events do not tell where each word is, or nothing is heard.

        Raises:
            ValueError: there is no such voice.
        """
        if speaker.voice != self._voice:
            if self._library.espeak_SetVoiceByName(speaker.voice.encode()) != 0:
                raise ValueError(f"espeak-ng has no voice {speaker.voice}")
            self._voice = speaker.voice
        values = ((_RATE, speaker.words_per_minute), (_PITCH, speaker.pitch), (_RANGE, speaker.pitch_range))
        for parameter, value in (*values, (_PAUSE, speaker.pause)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._sound.clear()
        self._events.clear()
        text = " ".join(words).encode() + b"\0"
        self._library.espeak_Synth(text, len(text), 0, 1, 0, 1, None, None)
        if not self._sound:
            return None
        audio = np.concatenate(self._sound).astype(np.float32) / 32768
        phonemes = [(name, at) for kind, _, at, name in self._events if kind == _PHONEME]
        starts = self._word_starts(words, phonemes)
        if starts is None:
            return None
        ends = [at for kind, _, at, _ in self._events if kind == _END]
        borders = [*starts, ends[-1] if ends else len(audio) / self._rate]
        pauses = [at for name, at in phonemes if name.startswith("_")]
        intervals = [
            (start, min((at for at in pauses if start + _PHONEME_LAG_S < at <= end + 0.005), default=end))
            for start, end in zip(borders[:-1], borders[1:], strict=True)
        ]
        divisor = int(np.gcd(SAMPLE_RATE, self._rate))
        sound = resample_poly(audio, SAMPLE_RATE // divisor, self._rate // divisor).astype(np.float32)
        sound = sound[: int((intervals[-1][1] + 0.05) * SAMPLE_RATE)]
        loudest = float(np.abs(sound).max(initial=0))
        if loudest < 1e-3:
            return None
        return Utterance(list(words), sound * np.float32(0.5 / loudest), intervals, phonemes)

    def _word_starts(self, words: Sequence[str], phonemes: Sequence[tuple[str, float]]) -> list[float] | None:
        """When each word begins, in seconds."""
        positions: list[int] = []
        at = 1
        for word in words:
            positions.append(at)
            at += len(word) + 1
        begins = {position: time for kind, position, time, _ in self._events if kind == _WORD and position > 0}
        if any(position not in positions for position in begins):
            return None
        for index, (word, position) in enumerate(zip(words, positions, strict=True)):
            if position in begins:
                continue
            after = begins.get(positions[index - 1], 0.0) if index else 0.0
            before = min((begins[later] for later in positions[index + 1 :] if later in begins), default=1e9)
            candidates = [time for name, time in phonemes if name.startswith("D") and after < time < before]
            if word != "the" or index == 0 or not candidates:
                return None
            begins[position] = candidates[-1]
        return [begins[position] for position in positions]
