"""The image names that are loaded; they are the same at every registry."""

from typing import Final

WORKSPACE: Final = "bench"
PULL: Final = f"{WORKSPACE}/pull"
TAGS: Final = f"{WORKSPACE}/tags"
PUSH: Final = f"{WORKSPACE}/push"
MOUNT_FROM: Final = f"{WORKSPACE}/mount-src"
MOUNT_TO: Final = f"{WORKSPACE}/mount-dst"
IMAGES: Final = (PULL, TAGS, PUSH, MOUNT_FROM, MOUNT_TO)
PRINCIPALS: Final = 4
"""As many users, each at an address of its own, share the load: limits per principal and per address are as shipped."""
