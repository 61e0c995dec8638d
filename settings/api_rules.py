"""Rules across the fields of the section `api`."""

from collections.abc import Iterator

from settings.sections import Api


def breaches(api: Api) -> Iterator[tuple[tuple[str, ...], str, object]]:
    """Every rule that the section breaks, in the form of settings/rules.py."""
    if api.daily_quota is not None and api.auth != "api_key":
        rule = "a quota counts requests per API key, so it needs auth: api_key"
        yield ("api.daily_quota", "api.auth"), rule, api.daily_quota
    if "*" in api.cors and len(api.cors) > 1:
        yield ("api.cors",), "* allows all origins: remove the others", list(api.cors)
    private = [caller for caller in api.allow if caller.startswith("vpce-")]
    if private and len(private) < len(api.allow):
        rule = "has networks or VPC endpoints, because a private API is reached through endpoints only"
        yield ("api.allow",), rule, list(api.allow)
    if private and api.domain:
        yield (
            ("api.domain", "api.allow"),
            "is for an API that is not private: remove the VPC endpoints",
            api.domain.name,
        )
