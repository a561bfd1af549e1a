"""Who may push among those with a role: push policies and publishing pipelines (authorization.md §1.8).

An image is under two policies, its own and its workspace's default: who pushes must pass both. An image whose default
has narrowed since is as narrow as either, and `pipelines_only` under `admins_only` lets nobody push but an admin for
whom the glass is broken.
"""

from collections.abc import Collection, Iterable

from moorage.access.image import PushPolicy
from moorage.access.publishers import PipelineRun, Publisher, listed
from moorage.access.reason import Reason
from moorage.access.role import Role


def may_narrow_to(policy: PushPolicy, default: PushPolicy) -> bool:
    """Whether an image may be given `policy` in a workspace with that default.

    `pipelines_only` and `admins_only` are both narrower than `repository_write`, and neither than the other: each lets
    somebody push whom the other refuses.
    """
    return default in (policy, PushPolicy.REPOSITORY_WRITE)


def by_role(role: Role, policies: Collection[PushPolicy], *, admin_override: bool) -> Reason:
    """Whether the policies let a person or robot of this role push, who has WRITE at least."""
    admin = role is Role.ADMIN
    if PushPolicy.PIPELINES_ONLY in policies and not (admin and admin_override):
        return Reason.PIPELINES_ONLY
    return Reason.ADMINS_ONLY if PushPolicy.ADMINS_ONLY in policies and not admin else Reason.OK


def by_pipeline(
    run: PipelineRun | None,
    publishers: Iterable[Publisher],
    policies: Collection[PushPolicy],
    *,
    environment_live: bool,
) -> Reason:
    """Whether a pipeline of the image's own repository may publish; one of which nothing is known may not.

    `environment_live` says whether the run's environment is a live one of that repository: one that is gone, or another
    repository's, is none of the publishers, whatever they list.
    """
    if run is None:
        return Reason.ENVIRONMENT_NOT_PUBLISHER
    if run.pull_request:
        return Reason.BRANCH_NOT_ALLOWED
    mine = listed(publishers, run.environment) if environment_live or run.environment is None else []
    if not mine:
        return Reason.ENVIRONMENT_NOT_PUBLISHER
    if not any(publisher.takes(run.branch) for publisher in mine):
        return Reason.BRANCH_NOT_ALLOWED
    return Reason.ADMINS_ONLY if PushPolicy.ADMINS_ONLY in policies else Reason.OK
