"""Cross-origin requests: what a browser may send to the API from a page of another origin, and may read.

The API needs no cookies, so no answer allows credentials. A browser sends the headers X-Api-Key and Authorization
without them.
"""

from collections.abc import Iterable, Mapping, Sequence

from components.rest_api.templates.sqs import header_in_either_case

ANY_ORIGIN = "*"
#: Headers of requests that a page may set, and headers of answers that it may read.
ALLOWED_HEADERS = (
    *("Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key"),
    *("Idempotency-Key", "X-Job-At", "X-Job-Delay", "X-Job-Reference"),
    *("X-Message-Deduplication-Id", "X-Message-Group-Id"),
)
EXPOSED_HEADERS = "Allow, Location, Retry-After, x-amzn-RequestId"
#: Seconds that a browser keeps the answer of a preflight request: two hours are Chromium's maximum.
MAX_AGE = 7200
_HEADER = "#set($context.responseOverride.header.{} = {})\n"


def before_answers(origins: Sequence[str]) -> str:
    """The start of each response template (VTL): it allows the request's origin if the list has it."""
    if not origins:
        return ""
    text = _HEADER.format("Access-Control-Expose-Headers", f'"{EXPOSED_HEADERS}"')
    if ANY_ORIGIN in origins:
        return text + _HEADER.format("Access-Control-Allow-Origin", f'"{ANY_ORIGIN}"')
    known = " || ".join(f'$origin.equals("{origin}")' for origin in origins)
    return "".join(
        (
            text,
            _HEADER.format("Vary", '"Origin"'),
            f"#set($origin = {header_in_either_case('Origin')})\n",
            f"#if({known})\n",
            _HEADER.format("Access-Control-Allow-Origin", "$origin"),
            "#end\n",
        )
    )


def preflight(verbs: Iterable[str]) -> str:
    """The rest of the template that answers a preflight request for a path with these verbs."""
    values = {
        "Access-Control-Allow-Methods": ", ".join(sorted(verbs)),
        "Access-Control-Allow-Headers": ", ".join(ALLOWED_HEADERS),
        "Access-Control-Max-Age": str(MAX_AGE),
    }
    return "".join(_HEADER.format(name, f'"{value}"') for name, value in values.items()) + "{}"


def of_gateway_responses(origins: Sequence[str]) -> Mapping[str, str]:
    """Headers of API Gateway's own errors. Their templates know no conditions, and their bodies hold no data.

    So with several origins all are allowed to read them.
    """
    if not origins:
        return {}
    allowed = origins[0] if len(origins) == 1 else ANY_ORIGIN
    return {"Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": EXPOSED_HEADERS}
