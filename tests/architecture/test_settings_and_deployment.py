"""What services can be told, and what the deployment files tell them: compared both ways."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr, TypeAdapter
from pydantic_settings import BaseSettings

from moorage.gateway.settings import GatewaySettings
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.serving import DEFAULT_DRAIN
from moorage.storage.settings import StorageSettings

ROOT = Path(__file__).resolve().parents[2]
MODELS: Mapping[str, type[BaseSettings]] = {
    "gateway": GatewaySettings,
    "permissions": PermissionsSettings,
    "storage": StorageSettings,
}
SERVICES = sorted(MODELS)
FILES = ("docker-compose.yml", "deploy/compose.s3.yml")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / FILES[0]).read_text(encoding="utf-8"))


def laid_over(below: Any, above: Any) -> Any:
    """What compose makes of two files: mappings grow together, of everything else the later one counts."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {name: laid_over(below[name], value) if name in below else value for name, value in above.items()}


WITH_S3: dict[str, Any] = laid_over(COMPOSE, yaml.safe_load((ROOT / FILES[1]).read_text(encoding="utf-8")))
BOTH = pytest.mark.parametrize("compose", [COMPOSE, WITH_S3], ids=["a folder", "S3"])


def variables(service: str) -> dict[str, str]:
    """The environment variables that a service reads, with the field each sets."""
    model = MODELS[service]
    return {f"{model.model_config['env_prefix']}{name}".upper(): name for name in model.model_fields}


def documented(service: str) -> Iterator[tuple[str, str]]:
    """The variables of a service's environment file, and the values that stand there."""
    text = (ROOT / "deploy" / "environment" / f"{service}.env").read_text(encoding="utf-8")
    yield from re.findall(r"^#?(MOORAGE_[A-Z0-9_]+)=(.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_documented_once_and_nothing_else_is(service: str) -> None:
    """`deploy/environment/<service>.env` is the complete list."""
    assert sorted(name for name, _ in documented(service)) == sorted(variables(service))


@pytest.mark.parametrize("service", SERVICES)
def test_a_documented_default_is_the_default(service: str) -> None:
    """A required setting, and a secret, stand there without a value."""
    fields = MODELS[service].model_fields
    wrong = {}
    for variable, text in documented(service):
        field = fields[variables(service)[variable]]
        empty = field.is_required() or field.default is None or isinstance(field.default, SecretStr)
        kind: Any = field.annotation
        told = TypeAdapter(kind).validate_python(text) if text else None
        if told != (None if empty else field.default):
            wrong[variable] = text
    assert wrong == {}


@BOTH
@pytest.mark.parametrize("service", SERVICES)
def test_compose_tells_only_what_is_understood_and_all_that_is_required(service: str, compose: dict[str, Any]) -> None:
    """A misspelt variable would be ignored in silence."""
    told = set(compose["services"][service]["environment"])
    required = {name for name, field in variables(service).items() if MODELS[service].model_fields[field].is_required()}
    assert told <= set(variables(service))
    assert required | {f"MOORAGE_{service.upper()}_SERVICE_TOKEN"} <= told


@BOTH
@pytest.mark.parametrize("service", SERVICES)
def test_what_compose_tells_is_valid(service: str, compose: dict[str, Any]) -> None:
    """The model accepts it, once the secrets are filled in."""
    environment = compose["services"][service]["environment"]
    filled = {
        variables(service)[name]: re.sub(r"\$\{[A-Z0-9_]+:(?:-(.*?)|\?.*?)\}", lambda m: m[1] or "x" * 32, value)
        for name, value in environment.items()
    }
    assert MODELS[service].model_validate(filled)


def test_the_services_know_each_others_addresses() -> None:
    """The gateway asks where the others listen."""
    environments = {name: COMPOSE["services"][name]["environment"] for name in SERVICES}
    gateway = environments["gateway"]
    for name in ("permissions", "storage"):
        port = environments[name][f"MOORAGE_{name.upper()}_PORT"]
        assert gateway[f"MOORAGE_GATEWAY_{name.upper()}_URL"] == f"http://{name}:{port}"


@pytest.mark.parametrize("name", ["permissions", "storage"])
def test_the_defaults_fit_one_another(name: str) -> None:
    """On one machine the gateway finds the others without being told."""
    host, port = (MODELS[name].model_fields[field].default for field in ("host", "port"))
    assert GatewaySettings.model_fields[f"{name}_url"].default == f"http://{host}:{port}"


def test_the_default_ports_are_four_different_ones() -> None:
    """So that all services start on one machine."""
    fields = [field for model in MODELS.values() for field in model.model_fields.items()]
    ports = [field.default for name, field in fields if name.endswith("port")]
    assert len(ports) == len(set(ports)) == 4


def test_compose_has_no_secret_of_its_own() -> None:
    """Each comes from outside, and the start is refused without it (R150)."""
    text = "".join((ROOT / each).read_text(encoding="utf-8") for each in FILES)
    asked = set(re.findall(r"\$\{(MOORAGE_[A-Z0-9_]+):\?", text))
    example = (ROOT / "deploy" / "environment" / "secrets.example").read_text(encoding="utf-8")
    assert asked == set(re.findall(r"^(MOORAGE_[A-Z0-9_]+)=$", example, re.MULTILINE))
    assert re.findall(r"(?:PASSWORD|TOKEN|SECRET_KEY|SECRET_ACCESS_KEY): (?!\$\{)", text) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_of_ours_runs_with_little_and_is_watched(service: str) -> None:
    """Read-only, without capabilities, with a probe, and with more time to stop than its drain takes (R160)."""
    definition = COMPOSE["services"][service]
    assert definition["read_only"] is True
    assert definition["cap_drop"] == ["ALL"]
    assert {"test", "interval", "start_period", "start_interval"} <= set(definition["healthcheck"])
    drain = DEFAULT_DRAIN.notice + DEFAULT_DRAIN.settle + DEFAULT_DRAIN.finish
    assert int(definition["stop_grace_period"].removesuffix("s")) > drain.total_seconds()


def test_the_store_is_the_one_that_storage_is_told_of() -> None:
    """Its address, its bucket, and keys that open it."""
    store, told = WITH_S3["services"]["objects"], WITH_S3["services"]["storage"]["environment"]
    options = dict(option[1:].split("=") for option in store["command"] if "=" in option)
    assert told["MOORAGE_STORAGE_S3_ENDPOINT"] == f"http://objects:{options['s3.port']}"
    assert told["MOORAGE_STORAGE_S3_BUCKET"] == options["bucket"]
    assert told["MOORAGE_STORAGE_S3_ACCESS_KEY"] == store["environment"]["AWS_ACCESS_KEY_ID"]
    secrets = told["MOORAGE_STORAGE_S3_SECRET_KEY"], store["environment"]["AWS_SECRET_ACCESS_KEY"]
    assert {secret.partition(":")[0] for secret in secrets} == {"${MOORAGE_S3_SECRET_KEY"}


def test_only_the_registrys_port_is_published() -> None:
    """Internal listeners, PostgreSQL, Kafka and the store stay inside (R151)."""
    published = {name: service["ports"] for name, service in WITH_S3["services"].items() if "ports" in service}
    assert published == {"gateway": ["127.0.0.1:5000:5000"]}


def test_images_have_exact_versions() -> None:
    """Nobody's `latest` decides what runs."""
    images = [service["image"] for service in WITH_S3["services"].values()]
    bases = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [image for image in images + bases if not re.search(r":\d+\.\d+(\.\d+)?(-\w+)*$", image)] == []


def test_the_container_is_nobody_in_particular() -> None:
    """Not root, by number, so that an orchestrator can check it."""
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8"), re.M)
