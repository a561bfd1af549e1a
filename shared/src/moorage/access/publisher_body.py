"""Publishers and runs of pipelines as JSON, the same in requests, in the change stream and where they are stored."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from moorage.access.publishers import MOST_BRANCHES, PipelineRun, Publisher, check_glob

Glob = Annotated[str, AfterValidator(check_glob)]


class PublisherBody(BaseModel):
    """`{"environment": <uuid>}` or `{"any_pipeline": true}`, each with optional `branches`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: UUID | None = None
    any_pipeline: Literal[True] | None = None
    branches: tuple[Glob, ...] = Field(default=(), max_length=MOST_BRANCHES)

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        if (self.environment is None) == (self.any_pipeline is None):
            raise ValueError("a publisher is an environment, or any_pipeline: true")
        return self

    @classmethod
    def of(cls, publisher: Publisher) -> "PublisherBody":
        """The body that says `publisher`."""
        anyone = True if publisher.environment is None else None
        return cls(environment=publisher.environment, any_pipeline=anyone, branches=publisher.branches)

    def value(self) -> Publisher:
        """The publisher that the body says."""
        return Publisher(self.environment, self.branches)


def written(publishers: Iterable[Publisher]) -> list[dict[str, Any]]:
    """The list as JSON, the shortest that says it."""
    return [PublisherBody.of(each).model_dump(mode="json", exclude_defaults=True) for each in publishers]


def read(bodies: Iterable[Any]) -> tuple[Publisher, ...]:
    """The list that JSON says. Raises ValueError."""
    return tuple(PublisherBody.model_validate(each).value() for each in bodies)


class RunBody(BaseModel):
    """A PipelineRun as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: UUID | None = None
    branch: str | None = Field(default=None, max_length=1024)
    pull_request: bool = False

    @classmethod
    def of(cls, run: PipelineRun) -> "RunBody":
        """The body that says `run`."""
        return cls(environment=run.environment, branch=run.branch, pull_request=run.pull_request)

    def value(self) -> PipelineRun:
        """The run that the body says."""
        return PipelineRun(self.environment, self.branch, self.pull_request)
