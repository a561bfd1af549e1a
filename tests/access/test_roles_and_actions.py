"""Roles, memberships, actions and states: small closed vocabularies with an order (authorization.md §1.3, §1.5)."""

import pytest

from access_rules.world import identifier
from moorage.access.action import Action
from moorage.access.image import ImageRecord, ImageState, NodeState, PushPolicy, Visibility
from moorage.access.role import Membership, Role

PAIRS = [(Action.PULL, Role.READ), (Action.PUSH, Role.WRITE), (Action.DELETE_TAG, Role.WRITE)]


def test_roles_are_a_lattice_of_four() -> None:
    """NONE < READ < WRITE < ADMIN, in two bits."""
    assert sorted(Role) == [Role.NONE, Role.READ, Role.WRITE, Role.ADMIN]
    assert [role.value for role in sorted(Role)] == [0, 1, 2, 3]


def test_roles_are_spelt_as_facts_spell_them() -> None:
    """The words of §1.3."""
    assert [role.word for role in sorted(Role)] == ["none", "read", "write", "admin"]


@pytest.mark.parametrize(("action", "role"), [*PAIRS, (Action.DELETE, Role.ADMIN), (Action.MANAGE, Role.ADMIN)])
def test_every_action_has_its_minimum_role(action: Action, role: Role) -> None:
    """The table of §1.5."""
    assert action.minimum is role


def test_only_deletions_delete() -> None:
    """What answers like a read where existence is hidden."""
    assert {action for action in Action if action.deletes} == {Action.DELETE_TAG, Action.DELETE}


def test_only_members_and_owners_count_for_visibility() -> None:
    """A collaborator is external."""
    assert {word for word in Membership if word.counts} == {Membership.MEMBER, Membership.OWNER}


def test_only_living_nodes_carry_roles() -> None:
    """Archived ones do; suspended, transferred and deleted ones don't."""
    assert {state for state in NodeState if state.carries_roles} == {NodeState.ACTIVE, NodeState.ARCHIVED}


def test_a_new_record_is_narrow() -> None:
    """By default only the repository's people see an image, and its writers push."""
    record = ImageRecord(identifier("image", "a"), identifier("workspace", "a"), "api", identifier("repository", "a"))
    assert record.visibility is Visibility.INHERIT
    assert record.push_policy is PushPolicy.REPOSITORY_WRITE
    assert record.state is ImageState.ACTIVE
    assert record.link_gen == 1
    assert not record.consumer_repositories
    assert not record.admin_override
