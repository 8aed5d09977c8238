"""Creates the sample recording: three synthetic voices as WebM/Opus, with text, speakers and word times as JSON.

Reads script.json and writes conversation.webm and conversation.json next to it; README.md has the command. Word times come
from flite's phones. The same script always produces the same bytes.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

FOLDER = Path(__file__).parent
RATE_HZ = 16_000  # of flite's voices
OPUS_RATE_HZ = 48_000
OPUS_BITS_PER_S = 32_000
SPEECH_LEVEL = 0.08  # root mean square of each sentence, of 1.0
EDGE_S = 0.6  # silence before the first word
SENTENCE_PAUSES_S = (0.35, 0.5, 0.4)  # between sentences of a turn, in rotation
TURN_PAUSES_S = (0.6, 0.85, 0.5, 0.7)  # between turns, in rotation


class ScriptTurn(BaseModel):
    """Sentences of one speaker without interruption."""

    speaker: str
    sentences: list[str]


class Script(BaseModel):
    """The conversation: flite's voice of each speaker, and the turns in order."""

    speakers: dict[str, str]
    turns: list[ScriptTurn]


class Word(BaseModel):
    """A word as written, with start and end in seconds."""

    word: str
    start: float
    end: float


class Turn(BaseModel):
    """Text of one speaker without interruption, with start and end in seconds."""

    speaker: str
    start: float
    end: float
    text: str


class Known(BaseModel):
    """Contents of conversation.json."""

    duration_seconds: float
    text: str
    turns: list[Turn]
    words: list[Word]


@dataclass(frozen=True)
class Spoken:
    """A synthesized sentence: float32 [n_samples], 16 kHz, and its words with times from its first sample."""

    audio: NDArray[np.float32]
    words: list[Word]


class _Wave(ctypes.Structure):
    """`cst_wave` of flite 2.2 (include/cst_wave.h)."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class Flite:
    """Bindings to the parts of libflite that return a sentence's audio and the times of its words."""

    def __init__(self) -> None:
        """Loads the library.

        Raises:
            OSError: it is not installed.
        """
        self._lib = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
        for library in ("usenglish", "cmulex"):
            ctypes.CDLL(f"libflite_{library}.so.1", mode=ctypes.RTLD_GLOBAL)
        self._lib.flite_init()
        for name, result in (
            ("flite_synth_text", ctypes.c_void_p),
            ("utt_wave", ctypes.POINTER(_Wave)),
            ("utt_relation", ctypes.c_void_p),
            ("relation_head", ctypes.c_void_p),
            ("item_next", ctypes.c_void_p),
            ("path_to_item", ctypes.c_void_p),
            ("item_feat_float", ctypes.c_float),
            ("item_feat_string", ctypes.c_char_p),
        ):
            getattr(self._lib, name).restype = result
        self._voices: dict[str, ctypes.c_void_p] = {}

    def voice(self, name: str) -> ctypes.c_void_p:
        """One of flite's voices by its short name, `slt` for example."""
        if name not in self._voices:
            library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
            register = getattr(library, f"register_cmu_us_{name}")
            register.restype = ctypes.c_void_p
            self._voices[name] = ctypes.c_void_p(register(None))
        return self._voices[name]

    def speak(self, voice: str, sentence: str) -> Spoken:
        """Synthesizes a sentence without the pauses around it."""
        lib = self._lib
        utterance = ctypes.c_void_p(lib.flite_synth_text(sentence.encode(), self.voice(voice)))
        wave = lib.utt_wave(utterance).contents
        if wave.sample_rate != RATE_HZ:
            raise ValueError(f"{voice} speaks at {wave.sample_rate} Hz")
        audio = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.float32) / np.float32(32768)
        words: list[Word] = []
        written = iter(sentence.split())
        end_s = 0.0
        token_before: int | None = None
        phone: int | None = lib.relation_head(ctypes.c_void_p(lib.utt_relation(utterance, b"Segment")))
        while phone:
            item = ctypes.c_void_p(phone)
            start_s, end_s = end_s, float(lib.item_feat_float(item, b"end"))
            token: int | None = lib.path_to_item(item, b"R:SylStructure.parent.parent.R:Token.parent")  # None for a pause
            if token and token != token_before:
                words.append(Word(word=next(written), start=start_s, end=end_s))
                token_before = token
            elif token:
                words[-1].end = end_s
            phone = lib.item_next(item)
        if next(written, None) is not None:
            raise ValueError(f"words without sound: {sentence}")
        first_s = words[0].start
        speech = audio[round(first_s * RATE_HZ) : round(words[-1].end * RATE_HZ)]
        level = np.float32(SPEECH_LEVEL / np.sqrt(np.mean(np.square(speech))))
        return Spoken(speech * level, [_moved(word, -first_s) for word in words])


def _moved(word: Word, by_s: float) -> Word:
    return Word(word=word.word, start=round(word.start + by_s, 3), end=round(word.end + by_s, 3))


def _silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def write_webm(path: Path, audio: NDArray[np.float32]) -> None:
    """Writes float32 [n_samples], 16 kHz, as WebM with mono Opus."""
    with av.open(str(path), "w", format="webm", options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream("libopus", OPUS_RATE_HZ, layout="mono")
        stream.bit_rate = OPUS_BITS_PER_S
        frame = av.AudioFrame.from_ndarray(audio[np.newaxis, :], format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(format="flt", layout="mono", rate=OPUS_RATE_HZ, frame_size=OPUS_RATE_HZ // 50)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))


def main(folder: Path) -> None:
    """Writes both files to a folder."""
    script = Script.model_validate_json((FOLDER / "script.json").read_text())
    flite = Flite()
    parts = [_silence(EDGE_S)]
    n_samples = len(parts[0])
    turns: list[Turn] = []
    words: list[Word] = []
    for number, turn in enumerate(script.turns):
        n_words_before = len(words)
        for position, sentence in enumerate(turn.sentences):
            spoken = flite.speak(script.speakers[turn.speaker], sentence)
            words += [_moved(word, n_samples / RATE_HZ) for word in spoken.words]
            if position < len(turn.sentences) - 1:
                pause = _silence(SENTENCE_PAUSES_S[position % len(SENTENCE_PAUSES_S)])
            else:
                pause = _silence(TURN_PAUSES_S[number % len(TURN_PAUSES_S)])
            parts += [spoken.audio, pause]
            n_samples += len(spoken.audio) + len(pause)
        start, end = words[n_words_before].start, words[-1].end
        turns.append(Turn(speaker=turn.speaker, start=start, end=end, text=" ".join(turn.sentences)))
    write_webm(folder / "conversation.webm", np.concatenate(parts))
    text = " ".join(turn.text for turn in turns)
    known = Known(duration_seconds=round(n_samples / RATE_HZ, 3), text=text, turns=turns, words=words)
    (folder / "conversation.json").write_text(known.model_dump_json(indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
