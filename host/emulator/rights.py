"""Rights in the emulator as on AWS: with AUTH=true policies count for functions, workflow and machines."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

MACHINE_KEY = "ASIAMACHINE000000000"
METRICS_NAMESPACE = "Chunkscribe"
WATCH_SECONDS = 0.1


def enforce_rights() -> None:
    """What is missing for that: facts about requests, and machines that are somebody."""
    from ministack.core import iam_evaluator

    class Request(iam_evaluator.EvalContext):
        """Loopback stands for TLS, without which no bucket answers; what the emulator does not tell is filled in."""

        def __init__(self, *values: Any, **named: Any) -> None:
            super().__init__(*values, **{**named, "secure_transport": True})
            self.action = re.sub(r"^sqs:(\w+)Batch$", r"sqs:\1", self.action)  # AWS knows no rights of batches
            if self.action == "cloudwatch:PutMetricData":
                self.service_context = {**self.service_context, "cloudwatch:namespace": METRICS_NAMESPACE}
            if self.resource_arn == "*":
                self.resource_arn = only_resource(self)

    iam_evaluator.EvalContext = Request
    threading.Thread(target=sign_in_machines, daemon=True).start()


def only_resource(request: Any) -> str:
    """What a call is about that says so in its body only, one of each: the state machine of a token, the sender of a mail."""
    from ministack.services import ses_v2, stepfunctions

    if request.action.startswith("states:SendTask"):
        return next(iter(stepfunctions._state_machines), "*")
    if request.action == "ses:SendEmail":
        return f"arn:aws:ses:{request.region}:{request.principal_account}:identity/{next(iter(ses_v2._identities), '*')}"
    return "*"


def sign_in_machines() -> None:
    """A machine's process signs with a key of its own (host/emulator.ts): a session of the machines' role, once there is one."""
    from ministack.services import iam, sts

    while True:
        for name, role in list(iam._roles.items()):
            if "ec2.amazonaws.com" in json.dumps(role.get("AssumeRolePolicyDocument", "")):
                arn = role["Arn"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
                secrets = {"SecretAccessKey": MACHINE_KEY, "SessionToken": MACHINE_KEY}
                sts.register_session(MACHINE_KEY, {"Arn": f"{arn}/machine", "UserId": f"{name}:machine", **secrets})
        time.sleep(WATCH_SECONDS)
