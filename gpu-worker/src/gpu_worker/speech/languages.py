"""Languages of the Whisper models, and the names that clients may use for them.

The stage's API has the same table (core/contracts/languages.ts); tests of both read test/fixtures/contracts/languages.json.
Source of the table: https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

LANGUAGES: Final = {
    "af": "Afrikaans",
    "am": "Amharic",
    "ar": "Arabic",
    "as": "Assamese",
    "az": "Azerbaijani",
    "ba": "Bashkir",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "bo": "Tibetan",
    "br": "Breton",
    "bs": "Bosnian",
    "ca": "Catalan",
    "cs": "Czech",
    "cy": "Welsh",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fo": "Faroese",
    "fr": "French",
    "gl": "Galician",
    "gu": "Gujarati",
    "ha": "Hausa",
    "haw": "Hawaiian",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "ht": "Haitian Creole",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "jw": "Javanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer",
    "kn": "Kannada",
    "ko": "Korean",
    "la": "Latin",
    "lb": "Luxembourgish",
    "ln": "Lingala",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mg": "Malagasy",
    "mi": "Maori",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mn": "Mongolian",
    "mr": "Marathi",
    "ms": "Malay",
    "mt": "Maltese",
    "my": "Myanmar",
    "ne": "Nepali",
    "nl": "Dutch",
    "nn": "Nynorsk",
    "no": "Norwegian",
    "oc": "Occitan",
    "pa": "Punjabi",
    "pl": "Polish",
    "ps": "Pashto",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sa": "Sanskrit",
    "sd": "Sindhi",
    "si": "Sinhala",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sn": "Shona",
    "so": "Somali",
    "sq": "Albanian",
    "sr": "Serbian",
    "su": "Sundanese",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "tg": "Tajik",
    "th": "Thai",
    "tk": "Turkmen",
    "tl": "Tagalog",
    "tr": "Turkish",
    "tt": "Tatar",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "uz": "Uzbek",
    "vi": "Vietnamese",
    "yi": "Yiddish",
    "yo": "Yoruba",
    "zh": "Chinese",
    "yue": "Cantonese",
}
"""Language code of the models -> English name. Only large-v3 and its descendants support `yue`."""
NO_SPEECH: Final = "und"
"""Language of a transcript without speech (ISO 639-2)."""

_ALIASES: Final = {
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "jv": "jw",
    "fil": "tl",
    "nb": "no",
    "cmn": "zh",
    "mo": "ro",
    "filipino": "tl",
    "burmese": "my",
    "valencian": "ca",
    "flemish": "nl",
    "haitian": "ht",
    "letzeburgesch": "lb",
    "pushto": "ps",
    "panjabi": "pa",
    "moldavian": "ro",
    "moldovan": "ro",
    "sinhalese": "si",
    "castilian": "es",
    "mandarin": "zh",
    "bokmål": "no",
}
_NOT_GIVEN: Final = ("", "auto")
_CODE_OF_NAME: Final = {name.lower(): code for code, name in LANGUAGES.items()}
_ENGLISH_ONLY: Final = re.compile(r"\.en$|(^|[/_-])distil-(whisper-)?large")
_WITHOUT_CANTONESE: Final = re.compile(r"^(tiny|base|small|medium|large-v[12])$")
_END_OF_TEXT: Final = "<|endoftext|>"
_ENGLISH_END_OF_TEXT: Final = 50256
"""Number of the end-of-text token in English-only models; all others have 50257."""
_SHOWN_CHARACTERS: Final = 40
"""Characters of an unknown language that an error message shows."""


class UnknownLanguage(ValueError):
    """The text names no language of the speech models."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{json.dumps(text[:_SHOWN_CHARACTERS], ensure_ascii=False)} is not a language of the speech models:"
            " send a code such as en or de, or leave it out to have it detected"
        )


def requested_language(text: str | None) -> str | None:
    """The model's code for a requested language; None if the model is to detect it.

    Args:
        text: A code with or without region or script (`en`, `pt_BR`), an English name in any case, `auto`, or nothing.

    Raises:
        UnknownLanguage: No model supports it.
    """
    name = (text or "").strip().lower().replace("_", "-")
    if name in _NOT_GIVEN:
        return None
    for candidate in (name, name.split("-", 1)[0]):
        known = candidate if candidate in LANGUAGES else _CODE_OF_NAME.get(candidate, _ALIASES.get(candidate))
        if known is not None:
            return known
    raise UnknownLanguage(text or "")


def is_english_only(model: str) -> bool:
    """Whether a model is English-only, by its name."""
    return _ENGLISH_ONLY.search(model) is not None


def languages_of(model: str) -> list[str]:
    """Language codes that a model supports, by its name."""
    if is_english_only(model):
        return ["en"]
    return [code for code in LANGUAGES if code != "yue" or not _WITHOUT_CANTONESE.search(model)]


def languages_in(folder: Path) -> list[str] | None:
    """Language codes that the model in a folder supports, by its tokenizer.json; None if that cannot be read.

    Tokenizers of English-only models contain the tokens of all languages; only the number of the end-of-text token differs.
    """
    try:
        tokens = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
        number_of = {str(token["content"]): int(token["id"]) for token in tokens}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    known = [code for code in LANGUAGES if f"<|{code}|>" in number_of]
    if len(known) <= 1 or number_of.get(_END_OF_TEXT) == _ENGLISH_END_OF_TEXT:
        return ["en"]
    return known


@lru_cache
def known_languages(model: str) -> tuple[str, ...]:
    """Language codes that a model supports: by its files if `model` is a folder, else by its name."""
    folder = Path(model)
    return tuple((languages_in(folder) if folder.is_dir() else None) or languages_of(folder.name))
