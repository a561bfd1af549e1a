"""What is said where no image is, or none that somebody may know of: both sound alike (V3)."""

from datetime import datetime

from moorage.access import rules
from moorage.access.action import Action
from moorage.access.principal import Identity
from moorage.access.reason import Reason
from moorage.gateway.replica.facts import SiteFacts, Workspace
from moorage.gateway.replica.standing import credential_active, membership, principal_active, pushed_to, standing
from moorage.gateway.replica.workspace_facts import WorkspaceFacts


def reason(
    site: SiteFacts,
    facts: WorkspaceFacts,
    identity: Identity,
    workspace: Workspace,
    name: str,
    action: Action,
    now: datetime,
) -> Reason:
    """Why the action fails in the workspace where no record is; ok for a first push that would make one (§1.7)."""
    active, shown = principal_active(site, identity), credential_active(site, identity)
    if action is not Action.PUSH or not active or not shown:
        return rules.unknown(action, identity, active, shown, now)
    repository = pushed_to(facts, identity, name)
    if not repository.alias:
        return rules.first_push(identity, membership(site, facts, identity), now)
    return rules.first_push(identity, standing(site, facts, identity, workspace, repository), now)
