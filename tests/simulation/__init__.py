"""A deterministic simulation of the protocol: our own code in virtual time, with seeded faults and strict oracles."""
