"""The lane queues. A message only names a row that may be waiting; the row decides."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gpu_worker.cloud.stage.aws import error_code
from gpu_worker.cloud.stage.claims import FILE_PREFIX

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

log = structlog.get_logger()

MESSAGE_VERSION: Final = 1
RECORDING_LANES: Final = 2
"""Number of lanes of recordings: the first ones, `stop` and `live`. They have priority over all others."""
FILE_LANES: Final = (2, 3)
"""Indices of the lanes `files-urgent` and `files`."""
MAX_VISIBILITY_SECONDS: Final = 12 * 3600
"""Limit of SQS."""


class WorkMessage(BaseModel):
    """Body of a queue message; examples are in test/fixtures/contracts."""

    model_config = ConfigDict(extra="ignore")

    version: int = Field(ge=MESSAGE_VERSION, le=MESSAGE_VERSION)
    kind: str = Field(pattern="^chunk$")
    session_id: str = Field(alias="sessionId")
    chunk_number: int = Field(alias="chunkNumber")


STALE_RECEIPT_CODES: Final = ("InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidIdFormat")
"""SQS error codes for a message that was deleted or received again meanwhile."""


@contextmanager
def _ignore_stale_receipt() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error_code(error).rsplit(".", 1)[-1] not in STALE_RECEIPT_CODES:
            raise
        log.info("receipt handle is no longer valid", code=error_code(error))


@dataclass(frozen=True)
class QueueMessage:
    """A received message, hidden from other receivers for the queue's visibility timeout."""

    queue_url: str
    receipt: str
    session_id: str
    chunk_number: int
    backlog: bool = False
    """Whether it came through the backlog lane, which is paused while a recording is live."""

    @property
    def is_source(self) -> bool:
        """Whether it names a whole file that has to be cut into parts."""
        return self.session_id.startswith(FILE_PREFIX) and self.chunk_number == 0


class Lanes:
    """The queues in the order in which they are served; the last one is the backlog lane.

    While the gate is closed the backlog lane is not received from: each receive counts toward the dead-letter limit.
    """

    def __init__(self, sqs: SQSClient, urls: Sequence[str]) -> None:
        self._sqs = sqs
        self._urls = list(urls)

    def receive(
        self, max_messages: int, wait_s: int, backlog: bool = True, max_file_messages: int = 10
    ) -> list[QueueMessage]:
        """Receives messages from the first lanes that have any.

        Only the last served lane waits, and only if no other lane had a message. A wait above 0 is also a long poll, which
        queries all of SQS's servers; a short poll does not.

        Args:
            max_messages: Most messages to return.
            wait_s: Seconds to wait at the last lane.
            backlog: Whether to serve the backlog lane.
            max_file_messages: Most messages of file lanes to return, because each is minutes of audio.
        """
        messages: list[QueueMessage] = []
        lanes = self._served(backlog)
        files = 0
        for lane in lanes:
            is_last_idle = lane == lanes[-1] and not messages
            room = max_messages - len(messages)
            if lane in FILE_LANES:
                room = min(room, max_file_messages - files)
            found = self._receive(lane, room, wait_s if is_last_idle else 0) if room > 0 else []
            messages += found
            files += len(found) if lane in FILE_LANES else 0
            if len(messages) >= max_messages:
                break
        return messages

    def receive_recordings(self, max_messages: int) -> list[QueueMessage]:
        """Receives messages from the lanes of recordings, by short polls."""
        messages: list[QueueMessage] = []
        for lane in range(RECORDING_LANES):
            if len(messages) < max_messages:
                messages += self._receive(lane, max_messages - len(messages), 0)
        return messages

    def all_empty(self, backlog: bool = True) -> bool:
        """Whether no served lane has a message now, by long polls. Messages found become visible again at once."""
        lanes = self._served(backlog)
        with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
            found = [message for messages in pool.map(lambda lane: self._receive(lane, 1, 1), lanes) for message in messages]
        for message in found:
            self.set_visibility(message, 0)
        return not found

    def delete(self, message: QueueMessage) -> None:
        """Deletes the message; does nothing if another receiver has it by now."""
        with _ignore_stale_receipt():
            self._sqs.delete_message(QueueUrl=message.queue_url, ReceiptHandle=message.receipt)

    def set_visibility(self, message: QueueMessage, in_s: float) -> None:
        """Makes the message visible again in `in_s` seconds; does nothing if another receiver has it by now."""
        with _ignore_stale_receipt():
            self._sqs.change_message_visibility(
                QueueUrl=message.queue_url,
                ReceiptHandle=message.receipt,
                VisibilityTimeout=min(math.ceil(in_s), MAX_VISIBILITY_SECONDS),
            )

    def _served(self, backlog: bool) -> range:
        return range(len(self._urls) if backlog else len(self._urls) - 1)

    def _receive(self, lane: int, max_messages: int, wait_s: int) -> list[QueueMessage]:
        url = self._urls[lane]
        response = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=min(max_messages, 10), WaitTimeSeconds=wait_s)
        messages: list[QueueMessage] = []
        for raw_message in response.get("Messages", []):
            try:
                body = WorkMessage.model_validate(json.loads(raw_message["Body"]))
            except (ValidationError, ValueError):
                log.error("message body is invalid", message_id=raw_message["MessageId"])
                continue  # after some receives SQS moves it to the dead-letter queue
            backlog = lane == len(self._urls) - 1
            messages.append(QueueMessage(url, raw_message["ReceiptHandle"], body.session_id, body.chunk_number, backlog))
        return messages
