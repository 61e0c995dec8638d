"""The values that templates use: `$input`, `$util`, and the methods of texts, objects and lists.

API Gateway developer guide, "Variables for data transformations".
"""

import base64
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ebb.sandbox.emulators.ministack.vtl.tree import TemplateError
from ebb.sandbox.emulators.ministack.vtl.values import json_text

_JSON_PATH = re.compile(r"\.(\w[\w-]*)|\['([^']+)'\]|\[\"([^\"]+)\"\]|\[(\d+)\]")
#: JavaScript's escapes, as StringEscapeUtils of Apache Commons Lang writes them.
_ESCAPES = {'"': '\\"', "'": "\\'", "\\": "\\\\", "/": "\\/"} | dict(
    zip("\b\n\t\f\r", ("\\b", "\\n", "\\t", "\\f", "\\r"), strict=True)
)


@dataclass(frozen=True)
class Request:
    """What a template is rendered for: the body, the parameters, `$context` and `$stageVariables`."""

    body: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    stage_variables: Mapping[str, str] = field(default_factory=dict)


class Input:
    """`$input`."""

    def __init__(self, request: Request) -> None:
        self._params = {"path": request.path, "querystring": request.query, "header": request.headers}
        self.body = request.body

    def path(self, path: str) -> Any:
        """The value at a JSONPath; an empty text when there is none."""
        found = json.loads(self.body) if self.body else {}
        rest = path.removeprefix("$")
        while rest:
            match = _JSON_PATH.match(rest)
            if not match:
                raise TemplateError(f"the JSONPath {path} is not in the sandbox")
            key: Any = int(match[4]) if match[4] else match[1] or match[2] or match[3]
            inside = isinstance(found, list) and isinstance(key, int) and key < len(found)
            found = found[key] if inside else found.get(key) if isinstance(found, dict) else None
            rest = rest[match.end() :]
        return "" if found is None else found

    def json(self, path: str) -> str:
        """The same as JSON."""
        return json_text(self.path(path))

    def params(self, name: str | None = None) -> Any:
        """All parameters by kind; or one from the path, the query or the headers, an empty text when there is none."""
        if name is None:
            return {kind: dict(found) for kind, found in self._params.items()}
        return next((found[name] for found in self._params.values() if name in found), "")


class Util:
    """`$util`."""

    def urlEncode(self, text: str) -> str:  # noqa: N802
        """The form of java.net.URLEncoder."""
        return urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")

    def urlDecode(self, text: str) -> str:  # noqa: N802
        """The reverse of urlEncode."""
        return urllib.parse.unquote_plus(text)

    def base64Encode(self, text: str) -> str:  # noqa: N802
        """Base64 of the text in UTF-8."""
        return base64.b64encode(text.encode()).decode()

    def base64Decode(self, text: str) -> str:  # noqa: N802
        """The reverse of base64Encode."""
        return base64.b64decode(text, validate=True).decode()

    def parseJson(self, text: str) -> Any:  # noqa: N802
        """The value of a JSON text."""
        return json.loads(text)

    def escapeJavaScript(self, text: str) -> str:  # noqa: N802
        """The text in ASCII with JavaScript's escapes; `'` becomes `\\'`, which JSON does not allow."""
        units = text.encode("utf-16-be", "surrogatepass")
        codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
        return "".join(
            _ESCAPES.get(chr(code)) or (chr(code) if 0x20 <= code <= 0x7F else f"\\u{code:04X}") for code in codes
        )


#: The attributes and methods of `$input` and `$util`.
DOCUMENTED: dict[type, frozenset[str]] = {
    Input: frozenset({"body", "path", "json", "params"}),
    Util: frozenset({"urlEncode", "urlDecode", "base64Encode", "base64Decode", "parseJson", "escapeJavaScript"}),
}
