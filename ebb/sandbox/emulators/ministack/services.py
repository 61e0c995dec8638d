"""The form of MiniStack's services."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

#: Status, headers and body.
Answer = tuple[int, dict[str, str], bytes]
#: One of MiniStack's services: (method, path, headers, body, query) -> answer.
Handler = Callable[[str, str, Mapping[str, str], bytes | str, Mapping[str, Any]], Awaitable[Answer]]
