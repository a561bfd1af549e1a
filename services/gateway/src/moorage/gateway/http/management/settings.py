"""The bodies of `PATCH`: what is given is set, and the rest stays as it is."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from moorage.access.image import PushPolicy, Visibility
from moorage.access.publisher_body import PublisherBody
from moorage.access.publishers import MOST_PUBLISHERS
from moorage.access.wire import MOST_CONSUMERS
from moorage.gateway.http.management.reading import RequestBody

Publishers = Annotated[list[PublisherBody], Field(max_length=MOST_PUBLISHERS)]
RepositoryName = Annotated[str, Field(min_length=1, max_length=255)]


def _no_null(schema: dict[str, Any]) -> None:
    """The schema says what `_sets_something` demands."""
    schema["minProperties"] = 1
    for setting in schema["properties"].values():
        (said,) = [each for each in setting.pop("anyOf") if each != {"type": "null"}]
        del setting["default"]
        setting.update(said)


class _Settings(RequestBody):
    model_config = ConfigDict(json_schema_extra=_no_null)

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        """A null would be neither a value nor left out, and nothing at all is a mistake of who asks."""
        given = [getattr(self, name) for name in self.model_fields_set]
        if not given:
            raise ValueError("give at least one setting")
        if None in given:
            raise ValueError("null is no value of a setting; leave out what should stay")
        return self

    def given(self) -> dict[str, Any]:
        """What is to be set, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ImageSettings(_Settings):
    """What an image's admins set. A list replaces the whole list."""

    visibility: Visibility | None = None
    push_policy: PushPolicy | None = None
    publishers: Publishers | None = None
    consumer_repositories: list[RepositoryName] | None = Field(default=None, max_length=MOST_CONSUMERS)
    admin_override: bool | None = None


class WorkspaceSettings(_Settings):
    """What a workspace's owners set. A list replaces the whole list."""

    allow_public: bool | None = None
    default_push_policy: PushPolicy | None = None
    default_publishers: Publishers | None = None
    pipeline_create: bool | None = None
