"""EC2 instances as on AWS: in templates, and with states that take time and may refuse a change."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from faults import Faults

REPLACING = {"AvailabilityZone", "BlockDeviceMappings", "ImageId", "KeyName", "SubnetId"}
"""Properties whose change replaces an instance. Source: CloudFormation's reference of AWS::EC2::Instance."""
STOPPING = {"EbsOptimized", "InstanceType", "UserData"}
"""Properties whose change stops a running instance and starts it again."""

IMAGE_PARAMETER = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"


def publish_newest_image(faults: Faults) -> None:
    """Adds the public parameter of the machines' image. The rule `newest_image` of the fault file changes its value."""
    from ministack.services import ssm

    original = ssm._public_parameter

    def public_parameter(name: str) -> Any:
        if name != IMAGE_PARAMETER:
            return original(name)
        known = original("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")
        return {**known, "Name": name, "Value": faults.get("newest_image", known["Value"])}

    ssm._public_parameter = public_parameter


def register_ec2_instances(faults: Faults) -> None:
    """Adds AWS::EC2::Instance, which MiniStack does not support in templates. Updates stop or replace a machine as on AWS."""
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
        if props.get("AvailabilityZone"):
            instance["Placement"]["AvailabilityZone"] = props["AvailabilityZone"]
        return instance_id, {
            "InstanceId": instance_id,
            "PrivateIp": instance.get("PrivateIpAddress", ""),
            "PublicIp": instance.get("PublicIpAddress", ""),
            "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
            "PrivateDnsName": instance.get("PrivateDnsName", ""),
            "PublicDnsName": instance.get("PublicDnsName", ""),
        }

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        if changed & REPLACING:
            delete(physical_id, old)
            return create("", new, stack)
        instance = ec2._instances[physical_id]
        if changed & STOPPING and instance["State"]["Name"] in ("pending", "running"):
            due = time.time() + float(faults.get("stopping_seconds", 1))
            instance.update(State={"Code": 64, "Name": "stopping"}, ChangesTo="stopped", ChangeDueAt=due, Restarts=True)
        if "InstanceType" in changed:
            instance["InstanceType"] = new["InstanceType"]
        return physical_id, {"InstanceId": physical_id}

    def delete(physical_id: str, _props: Any) -> None:
        ec2._instances.pop(physical_id, None)

    provisioners._RESOURCE_HANDLERS["AWS::EC2::Instance"] = {"create": create, "update": update, "delete": delete}


def emulate_state_changes(faults: Faults) -> None:
    """Makes instances behave as on AWS: starting and stopping takes time, may be refused, updates the times, and sends events.

    In MiniStack changes are immediate, never refused and silent. A change is stored with its due time and applied by the next
    call, so it survives a restart of the emulator.
    """
    from ministack.services import ec2, eventbridge

    codes = {"pending": 0, "running": 16, "stopping": 64, "stopped": 80}
    changing = threading.Lock()

    def set_state(instance: dict[str, Any], name: str) -> None:
        instance["State"] = {"Code": codes[name], "Name": name}

    def announce(instance: dict[str, Any]) -> None:
        detail = {"instance-id": instance["InstanceId"], "state": instance["State"]["Name"]}
        kind = "EC2 Instance State-change Notification"
        entry = {"Source": "aws.ec2", "DetailType": kind, "Detail": json.dumps(detail)}
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    def apply_due_changes() -> None:
        with changing:
            due = [one for one in ec2._instances.values() if one.get("ChangeDueAt", float("inf")) <= time.time()]
            for instance in due:
                set_state(instance, instance.pop("ChangesTo"))
                del instance["ChangeDueAt"]
                if instance["State"]["Name"] == "stopped" and instance.pop("Restarts", False):
                    set_state(instance, "pending")
                    due_at = time.time() + float(faults.get("pending_seconds", 1))
                    instance.update(ChangesTo="running", ChangeDueAt=due_at)
        for instance in due:
            announce(instance)

    def wrap(action: str, refused_in: tuple[str, ...], begins_in: str, via: str, ends_in: str) -> None:
        original = ec2._ACTION_MAP[action]

        def act(params: dict[str, Any]) -> Any:
            apply_due_changes()
            wanted = ec2._parse_member_list(params, "InstanceId")
            if unknown := [one for one in wanted if one not in ec2._instances]:
                return ec2._error("InvalidInstanceID.NotFound", f"The instance ID '{unknown[0]}' does not exist", 400)
            found = [ec2._instances[one] for one in wanted]
            print(f"ec2 {action} {[instance['InstanceId'] for instance in found]}", flush=True)  # tests count these
            for instance in found:
                state = instance["State"]["Name"]
                if action == "StartInstances" and state == "stopped" and instance["InstanceId"] in faults.get("no_capacity", []):
                    return ec2._error("InsufficientInstanceCapacity", "There is no capacity for this instance now.", 500)
                if action == "StopInstances" and state == "stopping" and params.get("Force", ["false"])[0] == "true":
                    instance["ChangeDueAt"] = time.time()
                if state in refused_in:
                    text = f"The instance '{instance['InstanceId']}' is not in a state from which it can be changed: {state}"
                    return ec2._error("IncorrectInstanceState", text, 400)
            before = {instance["InstanceId"]: instance["State"]["Name"] for instance in found}
            with changing:
                response = original(params)
                for instance in found:
                    if before[instance["InstanceId"]] == begins_in:
                        set_state(instance, via)
                        seconds = float(faults.get(f"{via}_seconds", 1))
                        instance.update(ChangesTo=ends_in, ChangeDueAt=time.time() + seconds)
                        if via == "pending":
                            instance["LaunchTime"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
                            instance["StoppedBecause"] = ""
                        else:
                            instance["StoppedBecause"] = time.strftime("User initiated (%Y-%m-%d %H:%M:%S GMT)", time.gmtime())
                    else:
                        set_state(instance, before[instance["InstanceId"]])
            return response

        ec2._ACTION_MAP[action] = act

    describe, matches = ec2._ACTION_MAP["DescribeInstances"], ec2._matches_filters

    def matches_id_too(instance: dict[str, Any], filters: dict[str, list[str]]) -> bool:
        is_wanted = instance["InstanceId"] in filters.get("instance-id", [instance["InstanceId"]])
        return is_wanted and bool(matches(instance, filters))

    ec2._matches_filters = matches_id_too

    def describe_current(params: dict[str, Any]) -> Any:
        apply_due_changes()
        status, headers, body = describe(params)
        parts = body.split(b"<instanceId>")
        for number, part in enumerate(parts[1:], start=1):
            instance = ec2._instances.get(part.split(b"<", 1)[0].decode(), {})
            reason = f"</instanceState><reason>{instance.get('StoppedBecause', '')}</reason>".encode()
            parts[number] = part.replace(b"</instanceState>", reason, 1)
        return status, headers, b"<instanceId>".join(parts)

    ec2._ACTION_MAP["DescribeInstances"] = describe_current
    wrap("StartInstances", ("stopping",), "stopped", "pending", "running")
    wrap("StopInstances", ("pending",), "running", "stopping", "stopped")
