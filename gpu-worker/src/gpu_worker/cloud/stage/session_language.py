"""The language of a recording or file: the first one that was detected with confidence. Used where detection is unsure.

It is stored in the session's row; for a file, in the row of the whole file (chunk number 0). It is never overwritten.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from gpu_worker.cloud.stage.aws import error_code
from gpu_worker.cloud.stage.claims import Claim
from gpu_worker.cloud.stage.expressions import Key, updating
from gpu_worker.cloud.stage.rows import DetectedLanguage

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBServiceResource
    from types_boto3_dynamodb.service_resource import Table

CACHED_LANGUAGES: Final = 1000
"""Languages cached in memory."""


class SessionLanguages:
    """Reads and stores detected languages; used from several threads."""

    def __init__(self, dynamodb: DynamoDBServiceResource, sessions_table: str, chunks_table: str) -> None:
        self._sessions = dynamodb.Table(sessions_table)
        self._chunks = dynamodb.Table(chunks_table)
        self._known: dict[str, str] = {}
        self._lock = Lock()

    def likely(self, claim: Claim) -> str | None:
        """The language that was detected for this recording or file; None if there is none yet."""
        if claim.session_id not in self._known:
            table, key = self._row(claim)
            row = table.get_item(Key=key, ProjectionExpression="detected_language").get("Item", {})
            self._keep(claim, DetectedLanguage.model_validate(row).detected_language)
        return self._known.get(claim.session_id)

    def note(self, claim: Claim, language: str) -> None:
        """Stores a language that was detected with confidence, unless there already is one."""
        if claim.session_id in self._known:
            return
        table, key = self._row(claim)
        try:
            table.update_item(
                Key=key,
                UpdateExpression=updating(("detected_language = :language",)),
                ConditionExpression="attribute_exists(session_id) AND attribute_not_exists(detected_language)",
                ExpressionAttributeValues={":language": language},
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return  # another chunk was first, or the session was deleted
        self._keep(claim, language)

    def _row(self, claim: Claim) -> tuple[Table, Key]:
        if claim.of_file:
            return self._chunks, {"session_id": claim.session_id, "chunk_number": 0}
        return self._sessions, {"session_id": claim.session_id}

    def _keep(self, claim: Claim, language: str | None) -> None:
        if language is None:
            return
        with self._lock:
            self._known[claim.session_id] = language
            while len(self._known) > CACHED_LANGUAGES:
                self._known.pop(next(iter(self._known)))
