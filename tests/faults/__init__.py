"""What is left when parts die, stall or are cut off: tests on real servers, with the seed of every chance printed."""
