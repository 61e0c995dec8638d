"""Patches of MiniStack's API Gateway: updates, integrations and what they call, refused requests."""
