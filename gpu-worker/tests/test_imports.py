"""The import rules in pyproject.toml: the package keeps them, and a planted import breaks each."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).parents[1]
TOOL = Path(sys.executable).with_name("lint-imports")


def broken_rules(project: Path) -> list[str]:
    """Names of the rules that a copy of the worker breaks."""
    env = {**os.environ, "PYTHONPATH": str(project / "src")}
    found = subprocess.run([TOOL, "--no-cache"], cwd=project, env=env, capture_output=True, text=True, check=False)
    lines = found.stdout.splitlines()
    assert any(line.startswith("Contracts: ") for line in lines), found.stdout + found.stderr
    return [line.removesuffix(" BROKEN") for line in lines if line.endswith(" BROKEN")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(WORKER / "pyproject.toml", tmp_path)
    shutil.copytree(WORKER / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.promise("code.rooms")
def test_the_package_keeps_its_import_rules() -> None:
    assert broken_rules(WORKER) == []


@pytest.mark.promise("code.rooms")
@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("speech/segments.py", "import gpu_worker.cloud.settings", "cloud and service use speech, and not each other"),
        ("speech/segments.py", "import gpu_worker.service.http.pace", "cloud and service use speech, and not each other"),
        ("cloud/stage/lanes.py", "import gpu_worker.service.http.pace", "cloud and service use speech, and not each other"),
        ("service/queue/jobs.py", "import gpu_worker.cloud.settings", "cloud and service use speech, and not each other"),
        ("logs.py", "import gpu_worker.speech.media", "cloud and service use speech, and not each other"),
        ("new.py", "", "cloud and service use speech, and not each other"),
        ("service/queue/jobs.py", "import boto3", "only cloud uses AWS"),
        ("speech/speakers.py", "from botocore.exceptions import ClientError", "only cloud uses AWS"),
        ("cloud/stage/lanes.py", "import gpu_worker.cloud.work.items", "layers of cloud"),
        ("speech/segments.py", "import gpu_worker.speech.joining.spacing", "layers of speech"),
        ("service/settings.py", "import gpu_worker.service.http.offered", "layers of service"),
        ("speech/engine/speech.py", "import gpu_worker.speech.engine.model", "no cycles"),
    ],
)
def test_a_planted_import_breaks_its_rule(project: Path, file: str, line: str, rule: str) -> None:
    with (project / "src" / "gpu_worker" / file).open("a") as source:
        source.write(f"\n{line}\n")
    assert rule in broken_rules(project)
