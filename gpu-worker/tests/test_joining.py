"""Boundaries of texts that share audio, by the examples that test/core/boundary.test.ts reads as well."""

import asyncio
import json
from typing import Any

import pytest

from conftest import PROJECT
from gpu_worker.service.http.hub import Hub
from gpu_worker.service.model.join import TranscribedPart, paragraphs, take_segments
from gpu_worker.speech.engine import Transcription
from gpu_worker.speech.joining.alignment import Shared
from gpu_worker.speech.joining.boundary import join_words
from gpu_worker.speech.joining.regroup import join_segments
from gpu_worker.speech.joining.spacing import join_texts
from gpu_worker.speech.segments import Segment, Word

EXAMPLES = json.loads((PROJECT / "test" / "fixtures" / "contracts" / "boundaries.json").read_text())


def words_of(rows: list[list[Any]]) -> tuple[Word, ...]:
    return tuple(Word(word, start, end, probability) for word, start, end, probability in rows)


def segments_of(examples: list[dict[str, Any]]) -> list[Segment]:
    found = []
    for example in examples:
        words = words_of(example["words"])
        text = "".join(word.word for word in words).strip()
        found.append(Segment(text, words[0].start, words[-1].end, -0.2, 0, 1, words, example["language"]))
    return found


@pytest.mark.promise("boundary.languages-agree")
@pytest.mark.parametrize("example", EXAMPLES["words"], ids=lambda example: example["title"])
def test_words_are_joined_as_in_the_shared_example(example: dict[str, Any]) -> None:
    shared = Shared(example["start"], example["end"])
    joined = join_words(words_of(example["before"]), words_of(example["after"]), shared)
    assert [[one.word.word, one.word.start, one.word.end] for one in joined] == example["joined"]


@pytest.mark.promise("boundary.languages-agree")
@pytest.mark.parametrize("example", EXAMPLES["segments"], ids=lambda example: example["title"])
def test_segments_are_joined_as_in_the_shared_example(example: dict[str, Any]) -> None:
    joined = join_segments(
        segments_of(example["before"]),
        segments_of(example["after"]),
        Shared(example["start"], example["end"]),
        words_of(example["lead_in"]),
    )
    assert [[one.start, one.end, one.text, one.language] for one in joined] == example["joined"]


@pytest.mark.promise("transcript.unspaced")
@pytest.mark.parametrize("example", EXAMPLES["texts"], ids=lambda example: example["joined"])
def test_texts_are_joined_as_in_the_shared_example(example: dict[str, Any]) -> None:
    assert join_texts(example["texts"]) == example["joined"]


def part_of(text: str, start: float, overlap_s: float, first_word_s: float = 0.0) -> TranscribedPart:
    """A part with one word per half second, starting at `first_word_s`."""
    words = tuple(
        Word(f" {word}", first_word_s + number / 2, first_word_s + number / 2 + 0.4, 0.9)
        for number, word in enumerate(text.split())
    )
    segment = Segment(text, words[0].start, words[-1].end, -0.2, 0, 1, words, "en")
    return TranscribedPart(Transcription("en", 10.0, (segment,)), start, overlap_s)


@pytest.mark.promise("boundary.languages-agree", "service.way")
def test_parts_have_each_word_once_and_a_sentence_stays_in_the_paragraph_in_which_it_begins() -> None:
    first = part_of("the first part ends in the middle of", 0, 0, 6)
    second = part_of("in the middle of a sentence.", 8, 2)
    third = part_of("Another part.", 30, 0)
    parts = [take_segments(first, second), take_segments(second, third), take_segments(third, None)]
    assert paragraphs(parts) == "the first part ends in the middle of a sentence.\n\nAnother part."
    times = [word.start for part in parts for segment in part for word in segment.words]
    assert times == sorted(times)


def test_a_part_without_words_removes_none_from_its_neighbors() -> None:
    silent = TranscribedPart(Transcription("und", 10.0, ()), 8, 2)
    first, last = part_of("one two", 0, 0), part_of("three", 16, 2, 5)
    assert (
        paragraphs([take_segments(first, silent), take_segments(silent, last), take_segments(last, None)])
        == "one two\n\nthree"
    )


@pytest.mark.parametrize("texts", [["Good morning.", "How are you?"], ["你好。", "我们开始。"]])
def test_the_deltas_of_a_stream_concatenate_to_the_text(texts: list[str]) -> None:
    async def received() -> list[str]:
        hub = Hub()
        hub.attach()
        async with hub.texts(1) as queue:
            hub.transcribed(1, texts)
            return [await queue.get() for _ in texts]

    assert "".join(asyncio.run(received())) == join_texts(texts)
