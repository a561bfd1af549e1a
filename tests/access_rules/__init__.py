"""The decision tables of the design as data, an independent oracle, and every engine that must agree with both."""
