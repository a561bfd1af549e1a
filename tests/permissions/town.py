"""A permissions service over a ledger, with a clock to move."""

from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from contracts.authority_site import Site
from moorage.access import deletion_wire, wire
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.images import Images
from moorage.permissions.ports import Ledger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import FixedClock, SystemClock
from permissions.sample_facts import small_workspace

DAY: Final = timedelta(days=1)
MOMENT: Final = timedelta(seconds=1)


class Town:
    """A service over a ledger, with a clock to move."""

    def __init__(self, ledger: Ledger, undo_window: timedelta = DAY) -> None:
        configured = {"database_url": "postgresql://", "secrets_dir": ".", "undo_window": undo_window}
        self.clock = FixedClock(SystemClock().now())
        settings = PermissionsSettings.model_validate(configured)
        self.service = Permissions(ledger, FilePepper(b"k" * 32), self.clock, settings)
        self.authority = self.service.authority
        self.images = Images(ledger, self.clock)

    async def begin(self, folder: Path) -> Site:
        """The small workspace."""
        secret = await self.service.operator(folder / "operator.json")
        await self.service.ingest(small_workspace())
        return Site(self.authority, self.service.ingest, self.authority.set_workspace, secret)

    async def due(self) -> list[UUID]:
        """What is to be dropped."""
        return (await self.authority.purgeable(deletion_wire.PurgeableRequest())).images

    async def restore(self, who: wire.IdentityBody, image: wire.ImageBody) -> wire.ImageBody:
        """The image, restored."""
        return await self.authority.restore_image(deletion_wire.RestoreImageRequest(identity=who, id=image.id))
