"""Who speaks: accents and variants of espeak-ng for training, others that are never heard in training, and invented ones.

The invented variants are what makes unheard voices understood: each has its own vocal tract (formants), pitch and roughness.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ACCENTS: Final = {
    "gmw/en-US": 5,
    "gmw/en": 4,
    "gmw/en-GB-x-rp": 2,
    "gmw/en-GB-scotland": 1,
    "gmw/en-029": 1,
    "gmw/en-GB-x-gbclan": 1,
    "gmw/en-US-nyc": 2,
}
"""Accents of the training by how often they are taken."""
VARIANTS: Final = (
    *("", "", "", "m1", "m2", "m3", "m4", "m5", "m7", "m8", "f1", "f2", "f4", "f5", "Andrea", "Alex", "Alicia", "Michael"),
    *("Denis", "Gene", "Lee", "Mario", "adam", "belinda", "linda", "steph", "john", "max", "rob", "ed", "klatt", "klatt2"),
    *("klatt4", "pablo", "paul", "victor", "norbert"),
)
"""Variants of the training that figures for "training voices" are measured with."""
MORE_VARIANTS: Final = (
    *(
        "Andy",
        "Diogo",
        "Gene2",
        "Henrique",
        "Hugo",
        "Jacky",
        "Marco",
        "Mike",
        "Nguyen",
        "Reed",
        "Storm",
        "anika",
        "announcer",
    ),
    *("antonio", "aunty", "benjamin", "boris", "edward", "edward2", "grandma", "grandpa", "gustave", "ian", "iven", "iven2"),
    *("iven3", "klatt5", "klatt6", "marcelo", "michel", "miguel", "mike2", "pedro", "quincy", "robert", "sandro", "shelby"),
    *("steph2", "steph3", "travis", "zac"),
)
"""Variants of the training beside them."""
UNHEARD_ACCENT: Final = "gmw/en-GB-x-gbcwmd"
UNHEARD_VARIANTS: Final = ("f3", "m6", "Annie", "klatt3", "david", "caleb")
UNHEARD_ACCENT_SHARE: Final = 0.3
INVENTED: Final = 200
INVENTED_SHARE: Final = 0.5
FORMANTS: Final = 9


@dataclass(frozen=True)
class Speaker:
    """A voice and how it speaks."""

    voice: str
    """espeak-ng's name: `accent+variant`."""
    words_per_minute: int
    pitch: int
    pitch_range: int
    pause: int
    """Between words, in units of 10 ms."""


def _speaker(rng: random.Random, accent: str, variant: str) -> Speaker:
    return Speaker(
        voice=f"{accent}+{variant}" if variant else accent,
        words_per_minute=rng.randint(115, 210),
        pitch=rng.randint(20, 85),
        pitch_range=rng.randint(20, 80),
        pause=rng.choice([0, 0, 0, 1, 2, 5, 8]),
    )


def _accent(rng: random.Random) -> str:
    return rng.choices(list(ACCENTS), list(ACCENTS.values()))[0]


def heard(rng: random.Random) -> Speaker:
    """Somebody whom the published figures call a training voice."""
    return _speaker(rng, _accent(rng), rng.choice(VARIANTS))


def unheard(rng: random.Random) -> Speaker:
    """Somebody whom the training never hears: another variant, sometimes another accent too."""
    accent = UNHEARD_ACCENT if rng.random() < UNHEARD_ACCENT_SHARE else _accent(rng)
    return _speaker(rng, accent, rng.choice(UNHEARD_VARIANTS))


def trainer(rng: random.Random) -> Speaker:
    """Somebody of the training: of the known variants or invented."""
    if rng.random() < INVENTED_SHARE:
        return _speaker(rng, _accent(rng), f"invented{rng.randrange(INVENTED)}")
    return _speaker(rng, _accent(rng), rng.choice([*VARIANTS, *MORE_VARIANTS]))


def write_invented(folder: Path) -> None:
    """Writes the invented variants as files of espeak-ng; the same on every machine."""
    rng = random.Random(0)
    for index in range(INVENTED):
        low = rng.uniform(65, 200)
        tract = rng.uniform(0.90, 1.32)  # 1 for a man; women's and children's are shorter, their formants higher
        lines = [f"language variant\nname invented{index}", f"pitch {low:.0f} {low * rng.uniform(1.2, 1.8):.0f}"]
        for number in range(FORMANTS):
            frequency = 100 * tract * rng.uniform(0.94, 1.06)
            lines.append(f"formant {number} {frequency:.0f} {rng.uniform(65, 130):.0f} {rng.uniform(70, 150):.0f}")
        lines.append(f"voicing {rng.uniform(60, 140):.0f}\nconsonants {rng.uniform(70, 130):.0f} {rng.uniform(70, 120):.0f}")
        lines.append(f"roughness {rng.randint(0, 4)}\nflutter {rng.randint(0, 10)}\nintonation {rng.randint(1, 4)}")
        if rng.random() < 0.3:
            lines.append("breath " + " ".join(str(rng.randint(0, 5)) for _ in range(8)))
        if rng.random() < 0.15:
            lines.append(f"echo {rng.randint(20, 130)} {rng.randint(3, 15)}")
        if rng.random() < 0.15:
            lines.append("klatt 1")
        (folder / f"invented{index}").write_text("\n".join(lines) + "\n")
