"""Why a decision fell: a closed list (authorization.md §4)."""

from enum import StrEnum


class Reason(StrEnum):
    """`ok`, or the first thing that stands in the way."""

    OK = "ok"
    UNAUTHENTICATED = "unauthenticated"
    NO_READ = "no_read"
    NO_WRITE = "no_write"
    NOT_ADMIN = "not_admin"
    RECORD_MISSING = "record_missing"
    REPOSITORY_REQUIRED = "repository_required"
    PIPELINES_ONLY = "pipelines_only"
    ADMINS_ONLY = "admins_only"
    ENVIRONMENT_NOT_PUBLISHER = "environment_not_publisher"
    BRANCH_NOT_ALLOWED = "branch_not_allowed"
    SCOPE = "scope"
    REPOSITORY_ARCHIVED = "repository_archived"
    DETACHED = "detached"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    PRINCIPAL_INACTIVE = "principal_inactive"
    CREDENTIAL_REVOKED = "credential_revoked"
    CREDENTIAL_EXPIRED = "credential_expired"
    PUBLIC_DISABLED = "public_disabled"
    LINK_CHANGED = "link_changed"
    IMMUTABLE_TAG = "immutable_tag"
    PROTECTED_TAG = "protected_tag"
    STALE = "stale"
    AUTHORITY_STALE = "authority_stale"
    NOT_READY = "not_ready"
