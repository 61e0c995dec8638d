"""What API Gateway's mapping templates can use: `$input`, `$util`, and the methods of texts, objects and lists.

API Gateway developer guide, "Variables for data transformations".
"""

import base64
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_JSON_PATH = re.compile(r"\.(\w[\w-]*)|\['([^']+)'\]|\[(\d+)\]")
#: The methods of java.lang.String, java.util.Map and java.util.List that templates may call here.
METHODS: dict[type, dict[str, Callable[..., Any]]] = {
    str: {
        "length": len,
        "isEmpty": lambda text: not text,
        "equals": lambda text, other: text == other,
        "contains": lambda text, part: part in text,
        "startsWith": str.startswith,
        "matches": lambda text, pattern: re.fullmatch(pattern, text) is not None,
        "replaceAll": lambda text, pattern, new: re.sub(pattern, lambda _: new, text),
        "substring": lambda text, start, end=None: text[start:end],
        "toString": str,
    },
    dict: {
        "get": lambda found, key: found.get(key),
        "containsKey": lambda found, key: key in found,
        "size": len,
    },
    list: {"get": lambda found, index: found[index], "size": len, "isEmpty": lambda found: not found},
}


class TemplateError(Exception):
    """The template says what this renderer, or AWS, does not know; the text names it."""


@dataclass
class Request:
    """What a template can ask for: `$input`'s body and parameters, and `$context`."""

    body: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)


class Input:
    """`$input`."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.body = request.body

    def path(self, path: str) -> Any:
        """The value at a JSONPath; an empty text when there is none."""
        found = json.loads(self.body) if self.body else {}
        rest = path.removeprefix("$")
        while rest:
            match = _JSON_PATH.match(rest)
            if not match:
                raise TemplateError(f"the JSONPath {path} is not in the sandbox")
            key: Any = int(match[3]) if match[3] else match[1] or match[2]
            inside = isinstance(found, list) and isinstance(key, int) and key < len(found)
            found = found[key] if inside else found.get(key) if isinstance(found, dict) else None
            rest = rest[match.end() :]
        return "" if found is None else found

    def json(self, path: str) -> str:
        """The same as JSON."""
        return json.dumps(self.path(path), ensure_ascii=False)

    def params(self, name: str | None = None) -> Any:
        """All parameters by kind, or one by its name, from the path, the query or the headers."""
        kinds = {"path": self._request.path, "querystring": self._request.query, "header": self._request.headers}
        if name is None:
            return {kind: dict(found) for kind, found in kinds.items()}
        return next((found[name] for found in kinds.values() if name in found), "")


class Util:
    """`$util`."""

    def urlEncode(self, text: str) -> str:  # noqa: N802
        """java.net.URLEncoder's form."""
        return urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")

    def urlDecode(self, text: str) -> str:  # noqa: N802
        """The reverse."""
        return urllib.parse.unquote_plus(text)

    def base64Encode(self, text: str) -> str:  # noqa: N802
        """Of the text's UTF-8."""
        return base64.b64encode(text.encode()).decode()

    def base64Decode(self, text: str) -> str:  # noqa: N802
        """The reverse."""
        return base64.b64decode(text).decode()

    def parseJson(self, text: str) -> Any:  # noqa: N802
        """The value that the JSON says."""
        return json.loads(text)

    def escapeJavaScript(self, text: str) -> str:  # noqa: N802
        """Commons Lang's: ASCII alone, with the apostrophe and the slash escaped, too."""
        return json.dumps(text)[1:-1].replace("'", "\\'").replace("/", "\\/")


DOCUMENTED: dict[type, frozenset[str]] = {
    Input: frozenset({"body", "path", "json", "params"}),
    Util: frozenset({"urlEncode", "urlDecode", "base64Encode", "base64Decode", "parseJson", "escapeJavaScript"}),
}
