"""Starts the embedded AWS emulator (MiniStack) and patches the differences from AWS that affect this product.

The patches use the emulator's internals, so any other version is refused. Each difference has one function and one contract
test (test/host/emulator.test.ts). The product itself only knows AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import copy
import fnmatch
import importlib.metadata
import io
import json
import mimetypes
import os
import re
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import gate
from agent import answer_commands
from bounded import cut_histories
from credentials import issue_function_credentials, randomize_reset_codes, refuse_sign_up
from durable import Journal, end_with_parent, keep_rows, refuse_uploads_without_space, save_changes
from faults import Faults, disturb_events, fail_calls, throttle_stages
from machines import emulate_state_changes, publish_newest_image, register_ec2_instances
from policies import enforce_policies
from streams import read_streams_like_aws

PINNED_VERSION = "1.5.33"
GATEWAY_SECONDS = 30
WATCH_SECONDS = 0.1


def publish_files() -> None:
    """Implements CDK's BucketDeployment, whose function needs a layer that MiniStack does not have."""
    from ministack.services import s3
    from ministack.services.cloudformation import provisioners

    def create(logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        markers = props.get("SourceMarkers") or [{}] * len(props["SourceObjectKeys"])
        metadata = props.get("SystemMetadata") or {}
        included, excluded = props.get("Include") or [], props.get("Exclude") or []
        for bucket, key, marks in zip(props["SourceBucketNames"], props["SourceObjectKeys"], markers, strict=True):
            with zipfile.ZipFile(io.BytesIO(s3._get_object_data(bucket, key) or b"")) as archive:
                for name in archive.namelist():
                    matches = [any(fnmatch.fnmatch(name, pattern) for pattern in patterns) for patterns in (included, excluded)]
                    if name.endswith("/") or (matches[1] and not matches[0]):
                        continue
                    content = archive.read(name)
                    for mark, value in marks.items():
                        content = content.replace(mark.encode(), str(value).encode())
                    kind = mimetypes.guess_type(name)[0] or "binary/octet-stream"
                    s3._put_object(props["DestinationBucketName"], name, content, {"content-type": kind, **metadata})
        return f"{logical_id}-published", {}

    def update(physical_id: str, _old: Any, new: dict[str, Any], *_rest: Any, **_named: Any) -> tuple[str, dict[str, str]]:
        create("", new, "")
        return physical_id, {}  # with another id, the files would be deleted with the previous resource

    def delete(_physical_id: str, props: dict[str, Any]) -> None:
        if str(props.get("RetainOnDelete", True)).lower() == "false":
            s3._buckets.get(props["DestinationBucketName"], {"objects": {}})["objects"].clear()

    provisioners._RESOURCE_HANDLERS["Custom::CDKBucketDeployment"] = {"create": create, "update": update, "delete": delete}


def keep_full_buckets() -> None:
    """Tags buckets of stacks, and refuses to delete a full one; MiniStack ignores the tags and deletes the objects too."""
    from ministack.services import s3
    from ministack.services.cloudformation import provisioners

    handler = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, delete = handler["create"], handler["delete"]

    def create_tagged(logical_id: str, props: dict[str, Any], stack: str) -> Any:
        name, attributes = create(logical_id, props, stack)
        if props.get("Tags"):
            s3._bucket_tags[name] = {tag["Key"]: tag["Value"] for tag in props["Tags"]}
        return name, attributes

    def delete_empty(physical_id: str, props: Any) -> None:
        if s3._buckets.get(physical_id, {}).get("objects"):
            raise ValueError(f"The bucket you tried to delete is not empty: {physical_id}")
        delete(physical_id, props)

    handler.update(create=create_tagged, delete=delete_empty)


def run_tasks_like_aws() -> None:
    """Adds heartbeats and TimeoutSecondsPath of waiting tasks, the history of tasks in a Map, and real stops of executions.

    In MiniStack a stopped execution keeps its task tokens and continues inside a Map.
    """
    from ministack.services import stepfunctions

    here = threading.local()
    execute_task, invoke_with_callback = stepfunctions._execute_task, stepfunctions._invoke_with_callback

    def watch(token: str, heartbeat_s: float, execution: dict[str, Any]) -> None:
        last_beat, last_seen = time.monotonic(), None
        appeared = False
        while True:
            time.sleep(WATCH_SECONDS)
            info = stepfunctions._task_tokens.get(token)
            if info is None:
                if appeared or execution["status"] != "RUNNING":
                    return
                continue
            appeared = True
            if info["event"].is_set():
                return
            if info["heartbeat"] != last_seen:
                last_beat, last_seen = time.monotonic(), info["heartbeat"]
            if execution["status"] != "RUNNING" or time.monotonic() - last_beat > heartbeat_s:
                info["error"] = {"Error": "States.HeartbeatTimeout", "Cause": ""}
                info["event"].set()
                return

    def invoke(resource: str, input_data: Any, token: str, state: dict[str, Any]) -> Any:
        heartbeat_s = float(state.get("HeartbeatSeconds") or "inf")
        threading.Thread(target=watch, args=(token, heartbeat_s, here.execution), daemon=True).start()
        return invoke_with_callback(resource, input_data, token, state)

    def execute(state: dict[str, Any], raw_input: Any, execution: Any, ctx: Any) -> Any:
        end_if_stopped(execution)
        entered = {"name": ctx["State"]["Name"], "input": json.dumps(raw_input)}
        if (execution["events"][-1].get("stateEnteredEventDetails") or {}).get("name") != entered["name"]:
            stepfunctions._add_event(execution, "TaskStateEntered", {"stateEnteredEventDetails": entered})
        path = state.get("TimeoutSecondsPath")
        timed = state if path is None else {**state, "TimeoutSeconds": stepfunctions._resolve_path(path, raw_input)}
        here.execution = execution
        result = execute_task(timed, raw_input, execution, ctx)
        end_if_stopped(execution)
        return result

    def end_if_stopped(execution: dict[str, Any]) -> None:
        if execution["status"] != "RUNNING":
            raise SystemExit  # ends only this thread; no Catch handles it

    stepfunctions._execute_task, stepfunctions._invoke_with_callback = execute, invoke


def keep_lambda_error_names() -> None:
    """Keeps the names of Lambda errors, so that Retry and Catch match; MiniStack reports Runtime.HandlerError."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    mark = "\x01"
    replacements = {
        'err), trace: err.stack || ""': 'err), trace: "\x01" + (err.name || "Error") + "\x01" + (err.stack || "")',
        "e.message, trace: e.stack": 'e.message, trace: "\x01" + (e.name || "Error") + "\x01" + e.stack',
    }
    script = lambda_runtime._NODEJS_WORKER_SCRIPT
    for before, after in replacements.items():
        if before not in script:
            raise RuntimeError(f"the emulator's Node worker does not contain: {before}")
        script = script.replace(before, after)
    lambda_runtime._NODEJS_WORKER_SCRIPT = script

    pattern = re.compile(f"{mark}(.*?){mark}")

    def named(execute: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            result = execute(*args, **kwargs)
            if isinstance(result, dict) and result.get("error") and isinstance(result.get("body"), dict):
                match = pattern.search(result.get("log") or "")
                if match:
                    result["log"] = result["log"].replace(match.group(0), "")
                    result["body"]["errorType"] = match.group(1)
            return result

        return run

    lambda_svc._execute_function_warm = named(lambda_svc._execute_function_warm)


def allow_for_cold_starts() -> None:
    """Gives functions at least API Gateway's limit: MiniStack counts the start of Node, and all functions share this machine."""
    from ministack.services import lambda_svc

    original = lambda_svc.acquire_worker

    def acquire(name: str, config: dict[str, Any], *rest: Any, **named: Any) -> Any:
        return original(name, {**config, "Timeout": max(config.get("Timeout", 3), GATEWAY_SECONDS)}, *rest, **named)

    lambda_svc.acquire_worker = acquire


def remember_transactions_as_sent() -> None:
    """Keeps what was sent with a request token. MiniStack keeps the stored items, so a change of them makes a retry fail."""
    from ministack.services import dynamodb

    original = dynamodb._transact_write_items

    def transact(data: dict[str, Any]) -> Any:
        sent = copy.deepcopy({name: value for name, value in data.items() if name != "ClientRequestToken"})
        response = original(data)
        remembered = dynamodb._txn_token_lookup(data.get("ClientRequestToken"))
        if remembered is not None:
            remembered["signature"] = sent
        return response

    dynamodb._transact_write_items = transact


def reset_stream_positions() -> None:
    """Resets stream positions at a restart; MiniStack keeps them but not the records, and would skip all new records."""
    from ministack.services import lambda_svc

    original = lambda_svc.load_persisted_state

    def load(data: dict[str, Any]) -> None:
        original({**data, "dynamodb_stream_positions": {}})

    lambda_svc.load_persisted_state = load


def fill_in_scheduled_times() -> None:
    """Replaces `<aws.scheduler.scheduled-time>` in the input of schedule targets; MiniStack passes it on unchanged."""
    from ministack.services import eventbridge

    original = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], *rest: Any, **named: Any) -> Any:
        scheduled = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())
        payload = str(target.get("Input", "")).replace("<aws.scheduler.scheduled-time>", scheduled)
        return original({**target, **({"Input": payload} if payload else {})}, event, *rest, **named)

    eventbridge._invoke_target = invoke


def main() -> None:
    found = importlib.metadata.version("ministack")
    if found != PINNED_VERSION:
        raise SystemExit(f"the emulator launcher requires ministack {PINNED_VERSION}, found {found}")
    import ministack.app as app

    faults = Faults(os.environ.get("FAULTS_FILE"))
    publish_newest_image(faults)
    register_ec2_instances(faults)
    publish_files()
    keep_full_buckets()
    emulate_state_changes(faults)
    if "RUN_FOLDER" in os.environ:
        answer_commands(Path(os.environ["RUN_FOLDER"]))
    fail_calls(app, faults)
    throttle_stages(faults)
    disturb_events(faults)
    run_tasks_like_aws()
    keep_lambda_error_names()
    allow_for_cold_starts()
    remember_transactions_as_sent()
    reset_stream_positions()
    read_streams_like_aws()
    fill_in_scheduled_times()
    cut_histories()
    enforce_policies()
    gate.install(app)
    issue_function_credentials()
    refuse_sign_up()
    randomize_reset_codes()
    if os.environ.get("PERSIST_STATE") == "1":
        state = Path(os.environ["STATE_DIR"])
        journal = Journal(state)
        keep_rows(journal)
        refuse_uploads_without_space(app, faults, state)
        save_changes(app, journal)
    end_with_parent()
    app.main()


if __name__ == "__main__":
    main()
