"""Says whether a real part is installed: a missing one is a failure in CI, elsewhere a skip that names the remedy."""

import os
import shutil
from pathlib import Path
from typing import Final, NoReturn

import pytest

from servers.places import DEBIAN_ARCHIVES, GO_PROGRAMS, KAFKA_JARS

BY_DEBIAN: Final = "run tests/servers/install-debian as root"
BY_GO: Final = "run tests/servers/install-go-tools"
BY_MAVEN: Final = "run tests/servers/kafka/install"

HOW_TO_INSTALL: Final = {
    "skopeo": BY_DEBIAN,
    "podman": BY_DEBIAN,
    "buildah": BY_DEBIAN,
    "docker-registry": BY_DEBIAN,
    "java": BY_DEBIAN,
    "strace": BY_DEBIAN,
    "nginx": BY_DEBIAN,
    "crane": BY_GO,
    "oras": BY_GO,
    "regctl": BY_GO,
    "conformance": BY_GO,
}


def require(tool: str) -> Path:
    """The program of that name, from the repository's own Go programs or the PATH."""
    search = os.pathsep.join([str(GO_PROGRAMS), os.environ.get("PATH", os.defpath)])
    found = shutil.which(tool, path=search)
    if found is None:
        missing(tool, HOW_TO_INSTALL.get(tool, "install it and put it on the PATH"))
    return Path(found)


def require_kafka_jars() -> Path:
    """The folder of the Kafka broker's jars."""
    if not any(KAFKA_JARS.glob("kafka_*.jar")):
        missing("the jars of Apache Kafka", BY_MAVEN)
    return KAFKA_JARS


def require_debian_archive(package: str, architecture: str) -> Path:
    """A Debian package file that was downloaded, not installed."""
    found = sorted(DEBIAN_ARCHIVES.glob(f"{package}_*_{architecture}.deb"))
    if not found:
        missing(f"{package} for {architecture}", BY_DEBIAN)
    return found[-1]


def missing(what: str, remedy: str) -> NoReturn:
    """Ends the asking test, named with its reason: failed in CI, skipped elsewhere."""
    reason = f"missing: {what} ({remedy})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
