"""The gateway's copy of facts and image records, and what follows from it. Pure, no I/O."""
