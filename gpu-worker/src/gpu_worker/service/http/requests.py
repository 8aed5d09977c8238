"""What clients send, parsed once. Fields are checked in the order of their definition; the first invalid one is reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from gpu_worker.service.callbacks.address import Refused, Rules, check
from gpu_worker.service.http.offered import OfferedModels
from gpu_worker.service.http.problems import Problem
from gpu_worker.service.http.uploads import MAX_REFERENCES, Form

GRANULARITIES: Final = ("timestamp_granularities[]", "timestamp_granularities")
"""OpenAI's name of the field, and the one that other clients send."""
SPEAKER_NAMES: Final = ("known_speaker_names[]", "known_speaker_names")
MAX_NAME_LENGTH: Final = 100
Granularity = Literal["word", "segment"]
MAX_SPEAKERS: Final = 50
"""core/contracts/speakers.ts has the same limit."""
SpeakerCount = Annotated[int, Field(ge=1, le=MAX_SPEAKERS)]
Format = Literal["json", "txt", "srt", "vtt", "md", "docx"]


class Refusal(ValueError):
    """A field is refused with this problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@contextmanager
def _refusing() -> Iterator[None]:
    """Lets pydantic collect a problem, instead of ending the validation of other fields."""
    try:
        yield
    except Problem as problem:
        raise Refusal(problem) from problem


class Input(BaseModel):
    """Input of a request. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    problems: ClassVar[Mapping[str, tuple[int, str, str, str | None]]] = {}
    """Field -> status, code, message and param of the problem if it is invalid."""


@dataclass(frozen=True)
class Offer:
    """What the service offers: its models, and the addresses that it may call."""

    models: OfferedModels
    callback_rules: Rules


def _offer(info: ValidationInfo) -> Offer:
    offer = info.context
    assert isinstance(offer, Offer)
    return offer


class TranscriptionForm(Input):
    """Fields of a request to transcribe a file. Validated with an Offer as context."""

    problems = {
        "job_id": (422, "invalid-job-id", "job_id must be at most 128 letters, digits, dots, dashes and underscores", None),
        "priority": (422, "invalid-priority", "priority must be normal or urgent", None),
        "prompt": (422, "invalid-prompt", "prompt may have at most 4000 characters, hotwords 1000", "prompt"),
        "channels": (422, "invalid-channels", "channels must be mix or separate", "channels"),
        "diarize": (422, "invalid-diarize", "diarize must be true or false", "diarize"),
        "min_speakers": (422, "invalid-speakers", f"min_speakers must be from 1 to {MAX_SPEAKERS}", "min_speakers"),
        "max_speakers": (422, "invalid-speakers", f"max_speakers must be from 1 to {MAX_SPEAKERS}", "max_speakers"),
        "hotwords": (422, "invalid-prompt", "prompt may have at most 4000 characters, hotwords 1000", "prompt"),
    }

    model: str = Field(default="", validate_default=True)
    """A model that the service offers; empty in a request: its own."""
    job_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] | None = None
    """The client's id of the job; None: the service generates one."""
    priority: Literal["normal", "urgent"] = "normal"
    language: str | None = None
    """The model's code; None: detect it."""
    prompt: Annotated[str, Field(max_length=4000)] | None = None
    """Text that the recording follows."""
    hotwords: Annotated[str, Field(max_length=1000)] | None = None
    """Words to expect."""
    channels: Literal["mix", "separate"] = "mix"
    """`separate`: each channel is transcribed alone, and is a speaker."""
    diarize: bool = False
    """Whether speakers are detected."""
    min_speakers: SpeakerCount | None = None
    max_speakers: SpeakerCount | None = None
    """Numbers of speakers, if they are known; only with diarize."""
    callback_url: str | None = None
    """Where to report the end of the job; None: nowhere."""

    @field_validator("model")
    @classmethod
    def _offered(cls, requested: str, info: ValidationInfo) -> str:
        with _refusing():
            return _offer(info).models.named(requested or None)

    @field_validator("language")
    @classmethod
    def _supported(cls, requested: str | None, info: ValidationInfo) -> str | None:
        if "model" not in info.data:
            return None
        with _refusing():
            return _offer(info).models.language(requested, info.data["model"])

    @field_validator("diarize")
    @classmethod
    def _one_way(cls, diarize: bool, info: ValidationInfo) -> bool:
        if diarize and info.data.get("channels") == "separate":
            message = "with separate channels, each channel is a speaker; leave out diarize"
            raise Refusal(Problem(422, "invalid-diarize", message, param="diarize"))
        return diarize

    @field_validator("min_speakers", "max_speakers")
    @classmethod
    def _possible(cls, count: int, info: ValidationInfo) -> int:
        if not info.data.get("diarize"):
            message = "min_speakers and max_speakers are only for requests with diarize"
            raise Refusal(Problem(422, "invalid-speakers", message, param=info.field_name))
        if info.field_name == "max_speakers" and count < (info.data.get("min_speakers") or 1):
            message = "min_speakers must not be greater than max_speakers"
            raise Refusal(Problem(422, "invalid-speakers", message, param="max_speakers"))
        return count

    @field_validator("callback_url")
    @classmethod
    def _callable(cls, url: str, info: ValidationInfo) -> str:
        try:
            check(url, _offer(info).callback_rules)
        except Refused as error:
            raise Refusal(Problem(422, "invalid-callback", f"this address cannot be called: {error}")) from error
        return url

    @property
    def options(self) -> dict[str, str | None]:
        """Options of the engine."""
        options = {"language": self.language, "prompt": self.prompt, "hotwords": self.hotwords}
        if self.channels == "separate":
            return options | {"channels": self.channels}
        if not self.diarize:
            return options
        numbers = {"min_speakers": self.min_speakers, "max_speakers": self.max_speakers}
        return options | {"diarize": "true"} | {name: str(count) for name, count in numbers.items() if count is not None}


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


class OpenAIForm(Input):
    """Fields that OpenAI's endpoint has in addition.

    @see https://platform.openai.com/docs/api-reference/audio/createTranscription
    """

    problems = {
        "response_format": (
            400,
            "invalid_value",
            "response_format must be one of json, text, srt, verbose_json, vtt, diarized_json",
            "response_format",
        ),
        "granularities": (
            400,
            "invalid_value",
            "timestamp_granularities must be word or segment",
            "timestamp_granularities",
        ),
        "temperature": (400, "invalid_value", "temperature must be a number from 0 to 1", "temperature"),
    }

    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] = "json"
    granularities: tuple[Granularity, ...] = ()
    """Values of `timestamp_granularities`."""
    temperature: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Checked, but not used: the engine chooses its own."""
    stream: Annotated[bool, BeforeValidator(_is_true)] = False
    known_speaker_names: tuple[str, ...] = ()
    """Names of speakers whose voices are known."""
    known_speaker_references: int = 0
    """Number of recordings of these voices."""

    @field_validator("granularities")
    @classmethod
    def _of_verbose(cls, granularities: tuple[Granularity, ...], info: ValidationInfo) -> tuple[Granularity, ...]:
        if granularities and info.data.get("response_format") != "verbose_json":
            message = "timestamp_granularities require response_format verbose_json"
            raise Refusal(Problem(400, "invalid_value", message, param="timestamp_granularities"))
        return granularities

    @field_validator("known_speaker_names")
    @classmethod
    def _of_speakers(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        message = None
        if len(names) > MAX_REFERENCES:
            message = f"at most {MAX_REFERENCES} known speakers are supported"
        elif not all(name.strip() and name.isprintable() and len(name) <= MAX_NAME_LENGTH for name in names):
            message = f"known_speaker_names must be 1 to {MAX_NAME_LENGTH} printable characters"
        elif len(set(names)) < len(names):
            message = "known_speaker_names must be different"
        elif names and info.data.get("response_format") != "diarized_json":
            message = "known_speaker_names require response_format diarized_json"
        if message is not None:
            raise Refusal(Problem(400, "invalid_value", message, param="known_speaker_names"))
        return names

    @field_validator("known_speaker_references")
    @classmethod
    def _of_names(cls, count: int, info: ValidationInfo) -> int:
        names = info.data.get("known_speaker_names")
        if names is not None and len(names) != count:
            message = f"known_speaker_names and known_speaker_references must have the same length: {len(names)} and {count}"
            raise Refusal(Problem(400, "invalid_value", message, param="known_speaker_references"))
        return count


class TranscriptQuery(Input):
    """Query of GET /transcript and GET /download."""

    problems = {
        "format": (422, "invalid-format", f"format must be one of {', '.join(get_args(Format))}", None),
        "words": (422, "invalid-words", "words must be true or false", None),
    }

    format: Format
    words: bool | None = None
    """Whether the times of words are included: by default in json, not in vtt."""

    @field_validator("words")
    @classmethod
    def _possible(cls, words: bool | None, info: ValidationInfo) -> bool | None:
        if words and info.data.get("format") not in (None, "json", "vtt"):
            raise Refusal(Problem(422, "invalid-words", "times of words are available in json and vtt only"))
        return words


Parsed = TypeVar("Parsed", bound=Input)


def parse(kind: type[Parsed], fields: Mapping[str, object], offer: Offer | None = None) -> Parsed:
    """Parses the input of a request. Raises Problem."""
    try:
        return kind.model_validate(dict(fields), context=offer)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, Refusal):
            raise cause.problem from error
        status, code, message, param = kind.problems[str(first["loc"][0])]
        raise Problem(status, code, message, param=param) from error


def fields_of(form: Form) -> dict[str, object]:
    """Fields of a form by name: the last value of each, without empty ones; all granularities and known speakers.

    OpenAI's format with speakers requests them.
    """
    last = {name: form.last(name) for name in form.fields}
    if last.get("response_format") == "diarized_json":
        last["diarize"] = "true"
    granularities = [value for name in GRANULARITIES for value in form.fields.get(name, [])]
    return {name: value for name, value in last.items() if value is not None} | {
        "granularities": granularities,
        "known_speaker_names": [value for name in SPEAKER_NAMES for value in form.fields.get(name, [])],
        "known_speaker_references": len(form.references),
    }
