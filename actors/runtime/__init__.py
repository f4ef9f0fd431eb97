"""An actor, whatever it does: its loop, mailbox, address, timers, and the hooks that it calls."""
