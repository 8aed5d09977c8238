"""Languages, by the examples that the TypeScript side reads as well, and languages of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import PROJECT
from gpu_worker.speech.languages import (
    LANGUAGES,
    UnknownLanguage,
    is_english_only,
    known_languages,
    languages_in,
    languages_of,
    requested_language,
)

EXAMPLES: dict[str, Any] = json.loads((PROJECT / "test" / "fixtures" / "contracts" / "languages.json").read_text())


def test_languages_equal_those_of_the_typescript_side_and_of_the_engine() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert EXAMPLES["languages"] == LANGUAGES
    assert set(LANGUAGES) == set(_LANGUAGE_CODES)


@pytest.mark.promise("language.doors")
@pytest.mark.parametrize(("text", "right"), EXAMPLES["requests"])
def test_a_requested_language_is_parsed_as_in_the_shared_examples(text: str, right: dict[str, str]) -> None:
    if right["kind"] == "unknown":
        with pytest.raises(UnknownLanguage, match="is not a language of the speech models"):
            requested_language(text)
    else:
        assert requested_language(text) == right.get("code")


def test_the_name_of_a_published_model_determines_its_languages() -> None:
    assert all(is_english_only(name) and languages_of(name) == ["en"] for name in EXAMPLES["englishOnly"])
    assert not any(is_english_only(name) for name in EXAMPLES["multilingual"])
    for name in EXAMPLES["multilingual"]:
        assert ("yue" in languages_of(name)) == (name not in EXAMPLES["withoutCantonese"])
        assert "de" in languages_of(name)


def tokenizer(folder: Path, end_of_text: int, codes: list[str]) -> Path:
    folder.mkdir()
    names = [("<|endoftext|>", end_of_text), *((f"<|{code}|>", end_of_text + 2 + i) for i, code in enumerate(codes))]
    tokens = [{"content": content, "id": number} for content, number in names]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": tokens}))
    return folder


@pytest.mark.promise("language.doors")
def test_the_tokenizer_in_a_folder_determines_its_languages(tmp_path: Path) -> None:
    codes = [code for code in LANGUAGES if code != "yue"]
    assert languages_in(tokenizer(tmp_path / "several", 50257, codes)) == codes
    # Tokenizers of English-only models contain the tokens of all languages, too.
    assert languages_in(tokenizer(tmp_path / "english", 50256, codes)) == ["en"]
    assert languages_in(tokenizer(tmp_path / "none", 368, [])) == ["en"]
    assert languages_in(tmp_path) is None
    assert known_languages(str(tmp_path / "english")) == ("en",)
    assert known_languages("tiny.en") == ("en",)
