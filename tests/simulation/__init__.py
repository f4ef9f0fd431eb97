"""A deterministic simulation of the protocol: our own code on a virtual clock, with seeded faults and strict oracles."""
