"""Human voices from Debian packages, one person per folder, and the voices of flite.

Clips are float32 [n_samples], 16 kHz, without silence at either end. The packages are downloaded and unpacked into a cache
folder, not installed: two of them would overwrite files of the others.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from gpu_worker.speech.models.find import models_folder
from quality.corpora import SAMPLE_RATE, Audio, Missing, decode, flite, sentences

CACHE: Final = models_folder() / "for-tests" / "voices"
SMALLEST_BYTES: Final = 1000
"""Smaller files hold no speech."""
SKIPPED: Final = (".xml", "/tt-", "silence", "tone", "beep", "music")
FRAME: Final = SAMPLE_RATE // 100
"""Samples per step of the level measurement, 10 ms."""
QUIET_DB, FLOOR_DB = 35, -60
"""Sound this far below a clip's loudest step, or below this level, is silence."""
SHORTEST: Final = 15
"""Clips with fewer steps of sound are not used."""
FLITE: Final = ("slt", "rms", "awb", "kal16")


@dataclass(frozen=True)
class Source:
    """Recordings of one person."""

    package: str
    folder: str
    """Below /usr/share in the package."""


def _prompts(language: str, folder: str) -> Source:
    return Source(f"asterisk-core-sounds-{language}-g722", f"asterisk/sounds/{folder}")


def _words(language: str) -> Source:
    return Source("ktuberling-data", f"ktuberling/sounds/{language}")


def _letters(language: str) -> Source:
    return Source("klettres-data", f"klettres/{language}")


TUNING: Final = {
    "ru": _prompts("ru", "ru_RU_f_IvrvoiceRU"),
    "it-menardi": Source("asterisk-prompt-it-menardi-wav", "asterisk/sounds/it_IT_f_Menardi"),
    "fr-armelle": Source("asterisk-prompt-fr-armelle", "asterisk/sounds/fr"),
    **{f"words-{language}": _words(language) for language in ("nn", "wa", "de", "gl")},
    "letters-hu": _letters("hu"),
}
"""Voices that settings were chosen on."""
REPORTED: Final = {
    "en": _prompts("en", "en_US_f_Allison"),
    "fr": _prompts("fr", "fr_CA_f_June"),
    "it": _prompts("it", "it_IT_m_Carlo"),
    "es-co": Source("asterisk-prompt-es-co", "asterisk/sounds/es"),
    **{f"words-{language}": _words(language) for language in ("uk", "lt", "el", "sl")},
    **{f"letters-{language}": _letters(language) for language in ("he", "es")},
}
"""Other voices, for the reported figures. Left out: the Spanish core sounds, which are the English voice, and folders in which
several people or sound effects are mixed."""


def _unpacked(package: str) -> Path:
    """Folder with the content of a Debian package. Raises Missing."""
    folder = CACHE / package
    if not folder.is_dir():
        downloads = CACHE / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        partial = CACHE / f"{package}.partial"
        try:
            subprocess.run(["apt-get", "download", "-q", package], cwd=downloads, check=True, capture_output=True)
            file = next(downloads.glob(f"{package}_*.deb"))
            subprocess.run(["dpkg-deb", "-x", str(file), str(partial)], check=True)
        except (OSError, subprocess.CalledProcessError, StopIteration) as error:
            raise Missing(f"the voices of {package} are missing: `apt-get download {package}` must work here") from error
        file.unlink()
        partial.rename(folder)
    return folder


def _trimmed(clip: Audio) -> Audio | None:
    """A clip without silence at its ends; None if little sound remains."""
    steps = len(clip) // FRAME
    if steps == 0:
        return None
    level_db = 10 * np.log10((clip[: steps * FRAME].reshape(steps, FRAME) ** 2).mean(axis=1) + 1e-10)
    sound = np.flatnonzero(level_db > max(level_db.max() - QUIET_DB, FLOOR_DB))
    if len(sound) < SHORTEST:
        return None
    return clip[max(0, sound[0] - 3) * FRAME : (sound[-1] + 4) * FRAME]


@cache
def clips(name: str) -> tuple[Audio, ...]:
    """All clips of a voice at one level (-23 dB). Raises Missing."""
    if name in FLITE:
        decoded = [flite(name, text) for text in sentences()]
    else:
        source = {**TUNING, **REPORTED}[name]
        files = sorted((_unpacked(source.package) / "usr/share" / source.folder).rglob("*.*"))
        usable = [file for file in files if file.is_file() and file.stat().st_size >= SMALLEST_BYTES]
        decoded = [decode(file) for file in usable if not any(word in str(file) for word in SKIPPED)]
    sounds = [clip for clip in map(_trimmed, decoded) if clip is not None]
    level = float(np.sqrt(np.mean(np.concatenate(sounds) ** 2)))
    return tuple((clip * (10 ** (-23 / 20) / level)).astype(np.float32) for clip in sounds)
