"""The deployed sandbox of the commands' tests, for this folder."""

from tests.ops.conftest import deployed_sandbox, own_cache, stack

__all__ = ["deployed_sandbox", "own_cache", "stack"]
