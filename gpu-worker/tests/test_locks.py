"""The locks of the extras fit pyproject.toml: `npm run lock` was run after every change. Needs no network."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

WORKER = Path(__file__).parents[1]
PROJECT = tomllib.loads((WORKER / "pyproject.toml").read_text())["project"]
NAME = PROJECT["name"]
EXTRAS = PROJECT["optional-dependencies"]
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; (.+?))? \\$")
DIRECT = f"{NAME} (pyproject.toml)"


def requested(extra: str) -> dict[str, list[Requirement]]:
    """Requirements that an extra installs, with those of the package itself and of extras that it includes."""
    found: dict[str, list[Requirement]] = defaultdict(list)
    for text in (*PROJECT["dependencies"], *EXTRAS[extra]):
        one = Requirement(text)
        if one.name == NAME:
            for included in one.extras:
                for name, more in requested(included).items():
                    found[name] += more
        else:
            found[canonicalize_name(one.name)].append(one)
    return found


def locked(extra: str) -> dict[str, set[str]]:
    """Versions of each package in a lock; several if they depend on the version of Python."""
    versions: dict[str, set[str]] = defaultdict(set)
    for line in (WORKER / f"requirements-{extra}.txt").read_text().splitlines():
        found = PINNED.match(line)
        if found is not None:
            versions[found[1]].add(found[2])
    return versions


def direct(extra: str) -> set[str]:
    """Packages that are in a lock because pyproject.toml requires them, not because other packages do."""
    names, current = set(), ""
    for line in (WORKER / f"requirements-{extra}.txt").read_text().splitlines():
        found = PINNED.match(line)
        current = found[1] if found is not None else current
        if line.startswith("    #") and line.endswith(DIRECT):
            names.add(current)
    return names


@pytest.mark.promise("start.versions")
@pytest.mark.parametrize("extra", EXTRAS)
def test_a_lock_has_the_packages_that_pyproject_requires_in_versions_that_fit(extra: str) -> None:
    wanted, versions = requested(extra), locked(extra)
    assert direct(extra) == set(wanted)
    for name, requirements in wanted.items():
        for version in versions[name]:
            assert all(one.specifier.contains(Version(version)) for one in requirements), f"{name} {version}"


@pytest.mark.promise("start.versions")
@pytest.mark.parametrize("extra", EXTRAS)
def test_a_lock_has_the_versions_with_which_the_tests_run(extra: str) -> None:
    tested = locked("dev")
    assert {name: versions for name, versions in locked(extra).items() if tested.get(name, versions) != versions} == {}


@pytest.mark.promise("start.versions")
def test_every_lock_belongs_to_an_extra_and_has_hashes_but_no_addresses() -> None:
    assert {path.name for path in WORKER.glob("requirements*")} == {f"requirements-{extra}.txt" for extra in EXTRAS}
    for extra in EXTRAS:
        text = (WORKER / f"requirements-{extra}.txt").read_text()
        assert "://" not in text and "--index" not in text
        assert all("    --hash=sha256:" in entry for entry in re.split(r"(?m)^(?=[a-z0-9])", text)[1:])
