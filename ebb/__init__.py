"""What runs on a developer's own machine: `python -m ebb`."""
