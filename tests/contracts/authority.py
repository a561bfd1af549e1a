"""What every authority promises: the one in process, over memory or PostgreSQL, and the one behind HTTP."""

from contracts.authority_audit import AuthorityThatAudits
from contracts.authority_decisions import AuthorityThatDecides
from contracts.authority_deletions import AuthorityThatUndoes
from contracts.authority_explain import AuthorityThatExplains
from contracts.authority_images import AuthorityOfImages
from contracts.authority_lifecycle import AuthorityThroughLife
from contracts.authority_publishing import AuthorityThatPublishes
from contracts.authority_site import Site
from contracts.authority_tokens import AuthorityOfTokens


class AuthorityContract(
    AuthorityThatDecides,
    AuthorityOfImages,
    AuthorityThroughLife,
    AuthorityThatUndoes,
    AuthorityOfTokens,
    AuthorityThatExplains,
    AuthorityThatAudits,
    AuthorityThatPublishes,
):
    """Mix in and give `site` an empty one; the small workspace is ingested here."""


__all__ = ["AuthorityContract", "Site"]
