"""Writes transcripts as Markdown and Word documents.

core/transcripts/document.ts, markdown.ts and word.ts write the same; both pass test/fixtures/formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Final

from gpu_worker.service.http.formats import all_paragraphs
from gpu_worker.service.queue.results import Result
from gpu_worker.speech.joining.spacing import join_texts, one_line

CREATOR: Final = "Chunkscribe"
SYNTAX: Final = re.compile(r"[\\`*_\[\]<>&#~|$]")
"""Characters that CommonMark, or GitHub's extensions of it, can interpret within a line."""


@dataclass(frozen=True)
class About:
    """What a document says about its recording."""

    title: str
    added_at: float
    """Unix time, in seconds."""


def _clock(seconds: float) -> str:
    """`m:ss` or `h:mm:ss`."""
    whole = int(seconds + 0.5)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _title(about: About) -> str:
    return one_line(about.title) or "Recording"


def _facts(result: Result, about: About) -> str:
    added = datetime.fromtimestamp(about.added_at, UTC)
    return f"Added {added:%Y-%m-%d %H:%M} UTC, length {_clock(result['duration_seconds'])}"


def _paragraphs(result: Result) -> Iterator[tuple[str, str | None, str]]:
    """Time, speaker and text of each paragraph."""
    for paragraph in all_paragraphs(result["text"], result["segments"]):
        speaker = paragraph[0].get("speaker")
        text = one_line(join_texts(segment["text"] for segment in paragraph))
        if text:
            yield _clock(paragraph[0]["start"]), speaker and one_line(speaker), text


def _escaped(text: str) -> str:
    return SYNTAX.sub(r"\\\g<0>", text)


def to_md(result: Result, about: About) -> str:
    """Writes Markdown. Every line begins with a time or `#`, so no text can begin a list, a quote or a block of code."""
    lines = [
        f"{time} {f'**{_escaped(speaker)}:** ' if speaker else ''}{_escaped(text)}"
        for time, speaker, text in _paragraphs(result)
    ]
    return "\n\n".join([f"# {_escaped(_title(about))}", _facts(result, about), *lines]) + "\n"


def to_docx(result: Result, about: About) -> bytes:
    """Writes a Word document."""
    from docx import Document  # loaded when a document is requested
    from docx.oxml.ns import qn
    from docx.shared import Pt

    document = Document()
    document.core_properties.title, document.core_properties.author = _title(about), CREATOR
    document.core_properties.comments = ""
    document.styles["Normal"].font.size = Pt(11)
    if result["language"] != "und":
        lang = document.styles.element.find(f".//{qn('w:docDefaults')}//{qn('w:lang')}")
        for name in ("w:val", "w:eastAsia", "w:bidi"):
            lang.set(qn(name), result["language"])
    document.add_heading(_title(about), level=1)
    document.add_paragraph(_facts(result, about))
    for time, speaker, text in _paragraphs(result):
        paragraph = document.add_paragraph(f"{time} ")
        if speaker:
            paragraph.add_run(f"{speaker}: ").bold = True
        paragraph.add_run(text)
    file = BytesIO()
    document.save(file)
    return file.getvalue()
