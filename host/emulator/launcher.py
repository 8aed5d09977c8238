"""Starts the embedded AWS emulator (MiniStack) with the gaps closed that this product meets.

It reaches into the emulator's internals, so it refuses any version but the one it was written for. One gap, one
function, one contract test (test/host/emulator.test.ts). The product itself knows only AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import logging
import os
import re
import threading
import time
from typing import Any

PINNED_VERSION = "1.5.33"
SNAPSHOT_SECONDS = 5.0
WATCH_SECONDS = 0.1


def register_ec2_instances() -> None:
    """AWS::EC2::Instance: the emulator refuses a template that has one."""
    from ministack.services import ec2
    from ministack.services.cloudformation import provisioners

    def create(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        ec2._ensure_defaults_initialized()
        template = props.get("LaunchTemplate") or {}
        record = ec2._launch_templates.get(template.get("LaunchTemplateId", ""))
        data = (record.get("Versions") or [{}])[-1].get("LaunchTemplateData", {}) if record else {}
        merged = {**data, **props}
        [instance] = ec2._launch_instances_internal(
            image_id=merged.get("ImageId", "ami-00000000"),
            instance_type=merged.get("InstanceType", "t3.micro"),
            subnet_id=merged.get("SubnetId", ec2._DEFAULT_SUBNET_ID),
            count=1,
            sg_ids=merged.get("SecurityGroupIds", [ec2._DEFAULT_SG_ID]),
        )
        instance_id = instance["InstanceId"]
        ec2._tags[instance_id] = list(props.get("Tags", []))
        return instance_id, {
            "InstanceId": instance_id,
            "PrivateIp": instance.get("PrivateIpAddress", ""),
            "PublicIp": instance.get("PublicIpAddress", ""),
            "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
            "PrivateDnsName": instance.get("PrivateDnsName", ""),
            "PublicDnsName": instance.get("PublicDnsName", ""),
        }

    def update(physical_id: str, _old: Any, _new: Any, *_rest: Any, **_named: Any) -> tuple[str, dict[str, str]]:
        return physical_id, {"InstanceId": physical_id}

    def delete(physical_id: str, _props: Any) -> None:
        ec2._instances.pop(physical_id, None)

    provisioners._RESOURCE_HANDLERS["AWS::EC2::Instance"] = {"create": create, "update": update, "delete": delete}


def give_machines_their_time() -> None:
    """Machines start and stop at once, are never refused by state, and announce nothing.

    A change becomes due after a while and is made by whoever looks next, so that it survives a restart of the emulator.
    """
    from ministack.services import ec2, eventbridge

    pending_s, stopping_s = (float(os.environ.get(f"EC2_{name}_SECONDS", "1")) for name in ("PENDING", "STOPPING"))
    codes = {"pending": 0, "running": 16, "stopping": 64, "stopped": 80}
    changing = threading.Lock()

    def set_state(instance: dict[str, Any], name: str) -> None:
        instance["State"] = {"Code": codes[name], "Name": name}

    def announce(instance: dict[str, Any]) -> None:
        detail = {"instance-id": instance["InstanceId"], "state": instance["State"]["Name"]}
        kind = "EC2 Instance State-change Notification"
        entry = {"Source": "aws.ec2", "DetailType": kind, "Detail": json.dumps(detail)}
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    def settle() -> None:
        with changing:
            due = [one for one in ec2._instances.values() if one.get("ChangeDueAt", float("inf")) <= time.time()]
            for instance in due:
                set_state(instance, instance.pop("ChangesTo"))
                del instance["ChangeDueAt"]
        for instance in due:
            announce(instance)

    def changes(action: str, refused_in: tuple[str, ...], begins_in: str, via: str, ends_in: str, seconds: float) -> None:
        original = ec2._ACTION_MAP[action]

        def act(params: dict[str, Any]) -> Any:
            settle()
            found = [ec2._instances[i] for i in ec2._parse_member_list(params, "InstanceId") if i in ec2._instances]
            for instance in found:
                state = instance["State"]["Name"]
                if state in refused_in:
                    text = f"The instance '{instance['InstanceId']}' is not in a state from which it can be changed: {state}"
                    return ec2._error("IncorrectInstanceState", text, 400)
            before = {instance["InstanceId"]: instance["State"]["Name"] for instance in found}
            with changing:
                answer = original(params)
                for instance in found:
                    if before[instance["InstanceId"]] == begins_in:
                        set_state(instance, via)
                        instance.update(ChangesTo=ends_in, ChangeDueAt=time.time() + seconds)
                    else:
                        set_state(instance, before[instance["InstanceId"]])
            return answer

        ec2._ACTION_MAP[action] = act

    describe = ec2._ACTION_MAP["DescribeInstances"]

    def describe_settled(params: dict[str, Any]) -> Any:
        settle()
        return describe(params)

    ec2._ACTION_MAP["DescribeInstances"] = describe_settled
    changes("StartInstances", ("stopping",), "stopped", "pending", "running", pending_s)
    changes("StopInstances", ("pending",), "running", "stopping", "stopped", stopping_s)


def enforce_callback_heartbeats() -> None:
    """waitForTaskToken: HeartbeatSeconds is accepted but never enforced; an aborted execution keeps its tokens alive."""
    from ministack.services import stepfunctions

    original = stepfunctions._invoke_with_callback

    def watch(token: str, seconds: float) -> None:
        last_beat, last_seen = time.monotonic(), None
        appeared = False
        while True:
            time.sleep(WATCH_SECONDS)
            info = stepfunctions._task_tokens.get(token)
            if info is None:
                if appeared:
                    return
                continue
            appeared = True
            if info["event"].is_set():
                return
            if info["heartbeat"] != last_seen:
                last_beat, last_seen = time.monotonic(), info["heartbeat"]
            if time.monotonic() - last_beat > seconds:
                info["error"] = {"Error": "States.HeartbeatTimeout", "Cause": ""}
                info["event"].set()
                return

    def invoke(resource: str, input_data: Any, token: str, state: dict[str, Any]) -> Any:
        seconds = state.get("HeartbeatSeconds")
        if seconds:
            threading.Thread(target=watch, args=(token, float(seconds)), daemon=True).start()
        return original(resource, input_data, token, state)

    stepfunctions._invoke_with_callback = invoke


def keep_lambda_error_names() -> None:
    """Every Lambda error is named Runtime.HandlerError, so Retry and Catch by name never match."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    mark = "\x01"
    replacements = {
        'error: String(err.message || err), trace: err.stack || ""':
            'error: String(err.message || err), trace: "\x01" + (err.name || "Error") + "\x01" + (err.stack || "")',
        'status: "error", error: e.message, trace: e.stack':
            'status: "error", error: e.message, trace: "\x01" + (e.name || "Error") + "\x01" + e.stack',
    }
    script = lambda_runtime._NODEJS_WORKER_SCRIPT
    for before, after in replacements.items():
        if before not in script:
            raise RuntimeError(f"the emulator's Node worker has no line: {before}")
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


def read_streams_from_their_start() -> None:
    """Readers of table streams keep their position over a restart, but the records they count do not: all new ones are skipped."""
    from ministack.services import lambda_svc

    original = lambda_svc.load_persisted_state

    def load(data: dict[str, Any]) -> None:
        original({**data, "dynamodb_stream_positions": {}})

    lambda_svc.load_persisted_state = load


def save_periodically(app: Any) -> None:
    """State is saved only on a clean stop: a killed host would lose what users recorded."""
    from ministack.core import persistence

    if not persistence.PERSIST_STATE:
        return
    persistence.logger.setLevel(logging.WARNING)  # ninety lines each time otherwise

    def run() -> None:
        while True:
            time.sleep(SNAPSHOT_SECONDS)
            with contextlib.suppress(RuntimeError):  # a dictionary changed while it was read: the next round has it
                persistence.save_all(app._build_persistence_save_dict())

    threading.Thread(target=run, daemon=True).start()


def main() -> None:
    found = importlib.metadata.version("ministack")
    if found != PINNED_VERSION:
        raise SystemExit(f"the emulator launcher is written for ministack {PINNED_VERSION}, found {found}")
    import ministack.app as app

    register_ec2_instances()
    give_machines_their_time()
    enforce_callback_heartbeats()
    keep_lambda_error_names()
    read_streams_from_their_start()
    save_periodically(app)
    app.main()


if __name__ == "__main__":
    main()
