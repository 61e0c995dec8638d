"""JSONata in workflows, where MiniStack's library differs from JSONata's documentation (https://docs.jsonata.org)."""

import inspect
import json
import re
from types import ModuleType, SimpleNamespace
from typing import Any

from ebb.sandbox.emulators.contracts import JSONATA, MINISTACK

#: Real milliseconds that an expression may take. AWS allows a second, which a busy machine can need for a short one.
TIMEOUT = 60_000
#: A `$` in a regular expression, and what it can stand in: an escape or a class of characters.
_ENDS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", re.DOTALL)


def apply(workflows: ModuleType, library: ModuleType) -> None:
    """Patch MiniStack's Step Functions and its JSONata library, in this process. Raises ContractError."""
    register = MINISTACK.function(workflows, "_register_sfn_jsonata_functions", "(expr)")
    MINISTACK.check(getattr(workflows, "jsonata", None) is library, f"{workflows.__name__}.jsonata, the library")
    engine = JSONATA.value(library, "Jsonata", type)
    takes = list(inspect.signature(getattr(engine, "jsonata", print)).parameters)
    expected = ["expression", "regex_engine", "timeout", "stack"]
    JSONATA.check(takes == expected, f"jsonata.Jsonata.jsonata({', '.join(expected)})")
    functions = JSONATA.value(library, "Functions", type)
    encoder = JSONATA.value(functions, "Encoder", type)
    utils = JSONATA.value(library, "Utils", type)
    null = getattr(utils, "NULL_VALUE", None)
    JSONATA.check(null is not None, "jsonata.Utils.NULL_VALUE")

    def compiled(expression: str, timeout: int | None = None) -> Any:
        return engine.jsonata(expression, regex_engine=regex, timeout=timeout and TIMEOUT)

    def parsed(text: str) -> Any:
        value = json.loads(text, parse_constant=_refused)
        return null if value is None else value

    def registered(expression: Any) -> None:
        register(expression)
        expression.register_lambda("parse", parsed)

    def unescaped(self: Any, **options: Any) -> None:
        json.JSONEncoder.__init__(self, **{**options, "ensure_ascii": False})  # as JSON.stringify

    encoder.__init__ = unescaped
    vars(workflows).update(
        _register_sfn_jsonata_functions=registered,
        jsonata=SimpleNamespace(Jsonata=SimpleNamespace(jsonata=compiled), utils=SimpleNamespace(Utils=utils)),
    )


def regex(pattern: str, flags: Any) -> re.Pattern[str]:
    """JavaScript's regular expression: its classes have ASCII alone, and `$` is no place before a line break."""
    end = "$" if flags.multiline else r"\Z"
    given = _ENDS.sub(lambda match: end if match[0] == "$" else match[0], pattern)
    options = re.ASCII | (re.IGNORECASE if flags.case_insensitive else 0) | (re.MULTILINE if flags.multiline else 0)
    return re.compile(given, options)


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
