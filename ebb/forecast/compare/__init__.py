"""A stack with other settings, loads and assumptions."""
