"""An object that is a file of the operating system, and what tells whether it is still the same (R92)."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Identity:
    """What the kernel says of a file without reading it. Whoever writes to it or replaces it changes that.

    Times are nanoseconds since 1970. A change of the medium underneath does not show here.
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, descriptor: int) -> Self:
        """Of an open file, now. Raises OSError."""
        found = os.fstat(descriptor)
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class ObjectFile:
    """See moorage.distribution.content.BlobFile."""

    def __init__(self, descriptor: int) -> None:
        """Takes the open file over. Raises OSError."""
        self.descriptor = descriptor
        self.identity = Identity.of(descriptor)

    def has_changed(self) -> bool:
        """See BlobFile. Not by its change time: deleting or moving the file sets that too, and takes nothing away."""
        now = Identity.of(self.descriptor)
        return (now.size, now.modified_ns) != (self.identity.size, self.identity.modified_ns)

    def close(self) -> None:
        """See BlobFile."""
        os.close(self.descriptor)
