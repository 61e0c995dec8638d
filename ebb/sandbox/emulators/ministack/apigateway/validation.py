"""What API Gateway says about a request that it refuses: the validator's words, and the limit of a body.

MiniStack alone has no words for what its validator found, and accepts bodies of any length.
"""

import json
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack.services import Answer

#: API Gateway quotas, "Payload size": 10 MB.
MAX_BODY = 10 * 1024 * 1024
_WORDS = b"$context.error.validationErrorString"
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}


def apply(gateway: ModuleType) -> None:
    """Patch MiniStack's module for REST APIs, in this process. Raises ContractError."""
    validate = MINISTACK.function(
        gateway, "_check_request_validation", "(method_obj, api_id, request, headers, body, query_params)"
    )
    answer = MINISTACK.function(gateway, "_gateway_error_response", "(error, request)")
    schema_of = MINISTACK.function(gateway, "_model_schema", "(api_id, model_name)")
    error = MINISTACK.function(gateway, "_gw_error", "(response_type, message)")

    def check_request(method: Mapping[str, Any], api: str, request: Any, headers: Any, *sent: Any) -> Any:
        body = sent[0] or b""
        if len(body) > MAX_BODY:
            return error("REQUEST_TOO_LARGE", "Request Too Long")
        refused = validate(method, api, request, headers, *sent)
        if refused is not None and refused.response_type == "BAD_REQUEST_BODY":
            model = next(iter((method.get("requestModels") or {}).values()))
            refused.words = words(body, schema_of(api, model))
        return refused

    def answer_with_words(refused: Any, request: Any) -> Answer:
        status, headers, body = answer(refused, request)
        text = json.dumps(getattr(refused, "words", ""))[1:-1]
        return status, headers, body.replace(_WORDS, text.encode())

    vars(gateway).update(_check_request_validation=check_request, _gateway_error_response=answer_with_words)


def words(body: bytes, schema: Any) -> str:
    """What is wrong with a body that a model refuses. For two rules, these are the words of API Gateway's validator."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "[the body is not JSON]"
    wanted, kind = schema.get("type"), _TYPES.get(type(value), "null")
    if isinstance(wanted, str) and kind != wanted:
        return f'[instance type ({kind}) does not match any allowed primitive type (allowed: ["{wanted}"])]'
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        return f"[object has missing required properties ({json.dumps(missing, separators=(',', ':'))})]"
    return "[the body does not fit the schema]"
