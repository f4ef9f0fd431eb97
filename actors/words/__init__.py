"""What every wing says: errors, exit reasons, names of targets, stores, delivery rules, ports."""
