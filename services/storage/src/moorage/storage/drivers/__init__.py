"""Where bytes are kept: one driver per technology, all under tests/contracts/blob_driver.py."""
