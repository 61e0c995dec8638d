"""The section `api`."""

from typing import Any

from tests.settings.refused import Cases, each, problems

ORIGIN = "must be an origin in lower case without a path, such as https://app.example.com, or * for all"


NETWORK = "must be a network address with its prefix, such as 203.0.113.0/24, or a VPC endpoint's id"
DOMAIN = {
    "name": "jobs.example.com",
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "zone_id": "Z0123456789",
}


def api(**settings: Any) -> dict[str, Any]:
    return {"api": settings}


CASES: Cases = {
    "an origin with a path": (api(cors=["https://a.com/"]), f'api.cors.0: {ORIGIN}, got "https://a.com/".'),
    "a host": (api(cors=["a.com"]), f'api.cors.0: {ORIGIN}, got "a.com".'),
    "a pattern": (api(cors=["https://*.a.com"]), f'api.cors.0: {ORIGIN}, got "https://*.a.com".'),
    "the same origin": (
        api(cors=["https://a.com", "https://a.com"]),
        'api.cors: must not contain duplicates, got ["https://a.com", "https://a.com"].',
    ),
    "all origins and one": (
        api(cors=["*", "https://a.com"]),
        'api.cors: * allows all origins: remove the others, got ["*", "https://a.com"].',
    ),
    "an address without a prefix": (api(allow=["10.0.0.1"]), f'api.allow.0: {NETWORK}, got "10.0.0.1".'),
    "bits beyond the prefix": (api(allow=["10.0.0.1/8"]), f'api.allow.0: {NETWORK}, got "10.0.0.1/8".'),
    "networks and endpoints": (
        api(allow=["10.0.0.0/8", "vpce-0a"]),
        (
            "api.allow: has networks or VPC endpoints, because a private API is reached through endpoints only, "
            'got ["10.0.0.0/8", "vpce-0a"].'
        ),
    ),
    "a domain of a private API": (
        api(allow=["vpce-0a"], domain=DOMAIN),
        'api.domain: is for an API that is not private: remove the VPC endpoints, got "jobs.example.com".',
    ),
    "a host name in capitals": (
        api(domain=DOMAIN | {"name": "Jobs.example.com"}),
        'api.domain.name: must be a host name in lower case, such as jobs.example.com, got "Jobs.example.com".',
    ),
    "a quota without keys": (
        api(daily_quota=5),
        "api.daily_quota: a quota counts requests per API key, so it needs auth: api_key, got 5.",
    ),
}


@each(CASES)
def test_a_setting_of_the_api_is_refused_with_one_sentence(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]
