"""Real registry clients against a registry on loopback, each with a home, a configuration and credentials of its own.

Images are named as on the wire (`team/app:1`, `team/app@sha256:…`); a client puts its registry's address before them.
They have their methods' names in common; what a client can't do by its nature it lacks the method for, and says why in
`cannot`.
"""

from servers.client_process import Outcome
from servers.clients.buildah import Buildah
from servers.clients.crane import Crane
from servers.clients.docker import Docker
from servers.clients.oras import Oras
from servers.clients.podman import Podman
from servers.clients.regctl import Regctl
from servers.clients.skopeo import Skopeo

__all__ = ["ALL", "Buildah", "Crane", "Docker", "Oras", "Outcome", "Podman", "Regctl", "Skopeo"]

ALL = (Docker, Podman, Buildah, Skopeo, Crane, Oras, Regctl)
