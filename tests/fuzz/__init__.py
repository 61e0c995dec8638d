"""schemathesis against the deployed API: `make fuzz`. It has its own environment, because of its many dependencies."""
