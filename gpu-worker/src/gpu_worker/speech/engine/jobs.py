"""What the model is asked to do for a clip, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gpu_worker.speech.engine import languages
from gpu_worker.speech.engine.model import Decoded, Task
from gpu_worker.speech.engine.speech import Window
from gpu_worker.speech.segments import Interval

PROMPT_ECHO_WORDS: Final = 3
"""A text that contains this many consecutive words of the user's prompt is an echo of it."""


@dataclass(frozen=True)
class Job:
    """A window to decode with some settings, or a stretch whose language is to be detected."""

    clip: int
    window: Window
    task: Task
    attempt: int = 0
    """Settings of this decode (see `_settings`): 0 at first, 1 to 3 after an implausible text."""
    first: Decoded | None = None
    """Result of the first attempt."""
    context: str = ""
    """Text of `task.previous`."""
    echo_words: int = PROMPT_ECHO_WORDS
    """This many consecutive words of `context` in the result are an echo; the window is then decoded without it."""
    stream: int | None = None
    """The stream that continues after this window; None for windows that are decoded again."""
    hole: Interval | None = None
    """Only words in this part of the clip are used."""
    splits: int = 0
    """How often the window was halved."""
    stretch_of: int | None = None
    """Only the language is detected, for the undecided window with this index."""

    @property
    def has_prompt(self) -> bool:
        """Whether `task.previous` is the user's prompt or hotwords, not the text of earlier windows."""
        return bool(self.task.previous) and self.echo_words == PROMPT_ECHO_WORDS

    @property
    def batch_key(self) -> tuple[object, ...]:
        """Jobs with the same key can run in one batch."""
        return (self.stretch_of is not None, *self.task.batch_key)


@dataclass
class Stream:
    """Consecutive windows; each gets the text of those before it as context."""

    windows: list[tuple[Window, str | None]]
    tokens: list[int] = field(default_factory=list)
    language: str | None = None
    """Language of the newest final window."""


@dataclass
class Undecided:
    """A window whose language is being detected from its stretches."""

    job: Job
    stretches: list[Window]
    found: dict[int, languages.Probabilities] = field(default_factory=dict)
    open: int = 0
    whole: languages.Probabilities | None = None
    """Probabilities for the window as a whole."""
