"""Models and languages that a request may name. Checked before anything is queued."""

from __future__ import annotations

from collections.abc import Sequence

from gpu_worker.service.http import openai_api
from gpu_worker.service.http.problems import Problem
from gpu_worker.service.settings import ServeSettings
from gpu_worker.speech.languages import LANGUAGES, UnknownLanguage, known_languages, requested_language


def _refusal(message: str, known: Sequence[str]) -> Problem:
    languages = {code: LANGUAGES[code] for code in known}
    return Problem(422, "invalid-language", message, param="language", languages=languages)


class OfferedModels:
    """The service's own model, and those that are loaded on demand."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings

    def named(self, requested: str | None) -> str:
        """Name of the requested model; the service's own without a request. Raises Problem."""
        if requested is None or requested in openai_api.ALIASES:
            return self._settings.own_model
        offered = self._settings.offered
        if requested not in offered:
            raise Problem(422, "unknown-model", f"this service offers {', '.join(offered)}", models=offered, param="model")
        return requested

    def languages_of(self, model: str) -> tuple[str, ...]:
        """Codes of the languages that a model supports; reads the tokenizer of a folder the first time."""
        return known_languages(self._settings.model if model == self._settings.own_model else model)

    def card(self, model: str) -> dict[str, object]:
        """A model in the format of OpenAI's API, with its languages."""
        languages = {code: LANGUAGES[code] for code in self.languages_of(model)}
        return {"id": model, "object": "model", "created": 0, "owned_by": "chunkscribe", "languages": languages}

    def language(self, requested: str | None, model: str) -> str | None:
        """The model's code of a requested language; None: detect it. Raises Problem."""
        known = self.languages_of(model)
        try:
            language = requested_language(requested)
        except UnknownLanguage as error:
            raise _refusal(str(error), known) from error
        if language is None or language in known:
            return language
        support = "supports English only" if known == ("en",) else f"does not support {LANGUAGES[language]}"
        other = "leave the language out, or start the service with another model: --model small"
        raise _refusal(f"the model {model} {support}; {other}", known)
