"""IAM policies in the emulator: with AUTH=true they are enforced for functions, workflow and machines."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from typing import Any

MACHINE_VARIABLES = ("MACHINE_ACCESS_KEY_ID", "MACHINE_SECRET_ACCESS_KEY", "MACHINE_SESSION_TOKEN")
METRICS_NAMESPACE = "Chunkscribe"
WATCH_SECONDS = 0.1


def enforce_policies() -> None:
    """Adds what MiniStack lacks for enforcement: request context for conditions, and sessions of the machines' role."""
    from ministack.core import iam_evaluator

    class Request(iam_evaluator.EvalContext):
        """Treats loopback as TLS, which the bucket policies require, and fills in missing context keys and resources."""

        def __init__(self, *values: Any, **named: Any) -> None:
            super().__init__(*values, **{**named, "secure_transport": True})
            self.action = re.sub(r"^sqs:(\w+)Batch$", r"sqs:\1", self.action)  # IAM has no separate actions for batches
            if self.action == "cloudwatch:PutMetricData":
                self.service_context = {**self.service_context, "cloudwatch:namespace": METRICS_NAMESPACE}
            if self.resource_arn == "*":
                self.resource_arn = only_resource(self)

    iam_evaluator.EvalContext = Request
    key, secret, token = (os.environ.pop(name, "") for name in MACHINE_VARIABLES)
    if key:
        secrets = {"SecretAccessKey": secret, "SessionToken": token}
        threading.Thread(target=register_machine_sessions, args=(key, secrets), daemon=True).start()


def only_resource(request: Any) -> str:
    """Resource ARN of calls that name it only in their body: the state machine of the caller's stack, the only mail identity."""
    from ministack.services import ses_v2, stepfunctions

    if request.action.startswith("states:SendTask"):
        role = request.principal_arn.split("/")[1]
        names = {arn: arn.rsplit(":", 1)[-1] for arn in stepfunctions._state_machines}
        return max(names, key=lambda arn: len(os.path.commonprefix([role, names[arn]])), default="*")
    if request.action == "ses:SendEmail":
        return f"arn:aws:ses:{request.region}:{request.principal_account}:identity/{next(iter(ses_v2._identities), '*')}"
    return "*"


def register_machine_sessions(key: str, secrets: dict[str, str]) -> None:
    """Registers the machine key (host/home-keys.ts) as a session of the machines' role: that of the newest stage."""
    from ministack.services import iam, sts

    while True:
        roles = [
            role
            for role in list(iam._roles.values())
            if "ec2.amazonaws.com" in json.dumps(role.get("AssumeRolePolicyDocument", ""))
        ]
        if roles:
            arn = roles[-1]["Arn"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
            sts.register_session(key, {"Arn": f"{arn}/machine", "UserId": f"{roles[-1]['RoleName']}:machine", **secrets})
        time.sleep(WATCH_SECONDS)
