"""The lane queues: messages are hints that a chunk may be waiting."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gpu_worker.chunk_rows import FILE_PREFIX

log = structlog.get_logger()

MESSAGE_VERSION: Final = 1
FRONT_LANES: Final = 2
"""Lanes of recordings, in front of all others."""
FILE_LANES: Final = (2, 3)
MAX_VISIBILITY_SECONDS: Final = 12 * 3600
"""SQS's own limit."""


class WorkMessage(BaseModel):
    """Body of a message; examples in test/fixtures/contracts."""

    model_config = ConfigDict(extra="ignore")

    version: int = Field(ge=MESSAGE_VERSION, le=MESSAGE_VERSION)
    kind: str = Field(pattern="^chunk$")
    session_id: str = Field(alias="sessionId")
    chunk_number: int = Field(alias="chunkNumber")


GONE: Final = ("InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidIdFormat")
"""What SQS says of a message that was received again by somebody, or deleted, meanwhile."""


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"].rsplit(".", 1)[-1] not in GONE:
            raise
        log.info("message is another receiver's", code=error.response["Error"]["Code"])


@dataclass(frozen=True)
class Hint:
    """A received message, hidden from others for the queue's visibility timeout."""

    queue_url: str
    receipt: str
    session_id: str
    chunk_number: int
    backlog: bool = False
    """It came by the lane that waits while anybody records."""

    @property
    def is_source(self) -> bool:
        """Whether it is of a whole file that has to be cut into parts."""
        return self.session_id.startswith(FILE_PREFIX) and self.chunk_number == 0


class Lanes:
    """Queues in the order in which they are served; the last one is the backlog's.

    While the backlog is paused nothing of it is received: receives are counted, and would make dead letters of sound work.
    """

    def __init__(self, sqs: Any, urls: Sequence[str]) -> None:  # noqa: ANN401 - boto3 has no types
        self._sqs = sqs
        self._urls = list(urls)

    def receive(self, most: int, wait_s: int, backlog: bool = True, most_files: int = 10) -> list[Hint]:
        """Hints from the first lanes that have any; of files no more than `most_files`, because each is minutes of audio.

        The last lane waits for up to `wait_s`, so that an idle worker asks seldom; a wait above 0 also asks all of SQS's
        servers, which an immediate answer does not.
        """
        hints: list[Hint] = []
        lanes = self._served(backlog)
        files = 0
        for lane in lanes:
            idle_lane = lane == lanes[-1] and not hints
            room = most - len(hints)
            if lane in FILE_LANES:
                room = min(room, most_files - files)
            found = self._receive(lane, room, wait_s if idle_lane else 0) if room > 0 else []
            hints += found
            files += len(found) if lane in FILE_LANES else 0
            if len(hints) >= most:
                break
        return hints

    def receive_front(self, most: int) -> list[Hint]:
        """Hints of those who record, or wait after Stop, as an immediate answer finds them."""
        hints: list[Hint] = []
        for lane in range(FRONT_LANES):
            if len(hints) < most:
                hints += self._receive(lane, most - len(hints), 0)
        return hints

    def all_empty(self, backlog: bool = True) -> bool:
        """Whether no lane has a message now; asks every server of every queue. What is found is left for `receive`."""
        lanes = self._served(backlog)
        with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
            found = [hint for hints in pool.map(lambda lane: self._receive(lane, 1, 1), lanes) for hint in hints]
        for hint in found:
            self.show_again(hint, 0)
        return not found

    def done(self, hint: Hint) -> None:
        """Deletes the message, unless it is another receiver's by now."""
        with _gone_is_fine():
            self._sqs.delete_message(QueueUrl=hint.queue_url, ReceiptHandle=hint.receipt)

    def show_again(self, hint: Hint, in_s: float) -> None:
        """Lets the message be received again after this time, unless it is another receiver's by now."""
        with _gone_is_fine():
            self._sqs.change_message_visibility(
                QueueUrl=hint.queue_url,
                ReceiptHandle=hint.receipt,
                VisibilityTimeout=min(math.ceil(in_s), MAX_VISIBILITY_SECONDS),
            )

    def _served(self, backlog: bool) -> range:
        return range(len(self._urls) if backlog else len(self._urls) - 1)

    def _receive(self, lane: int, most: int, wait_s: int) -> list[Hint]:
        url = self._urls[lane]
        answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=min(most, 10), WaitTimeSeconds=wait_s)
        hints: list[Hint] = []
        for message in answer.get("Messages", []):
            try:
                body = WorkMessage.model_validate(json.loads(message["Body"]))
            except (ValidationError, ValueError):
                log.error("message not understood", message_id=message["MessageId"])
                continue  # it goes to the dead letters by itself
            backlog = lane == len(self._urls) - 1
            hints.append(Hint(url, message["ReceiptHandle"], body.session_id, body.chunk_number, backlog))
        return hints
