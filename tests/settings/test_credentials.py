"""Credentials in plain variables and in the command's words."""

import pytest

import settings
from tests.settings.refused import problems

# in two parts, so that scanners of repositories do not take them for real ones
STRIPE, GITHUB, SLACK = (
    "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
    "ghp" + "_" + "a1B2" * 9,
    "xoxb" + "-123456789012-abcdef",
)
REFUSED = [
    ("DB_PASSWORD", "hunter2"),
    ("PGPASSWORD", "hunter2"),
    ("DB_PASSWORD", "123456"),
    ("dbPassword", "hunter2"),
    ("SMTP_PASS", "hunter2"),
    ("MYSQL_PWD", "hunter2"),
    ("SSH_PASSPHRASE", "correct horse"),
    ("github_token", "abc"),
    ("githubToken", "abc"),
    ("API_TOKEN_PROD", "abc"),
    ("TOKEN_2", "abc"),
    ("TOKEN_PRIMARY", "abc"),
    ("API_TOKEN_SECONDARY", "abc"),
    ("DB_PASSWORD_OLD", "hunter2"),
    ("tokenPrimary", "abc"),
    ("SIGNING_SECRET_NEXT_2", "abc"),
    ("PASSWORD_HASH", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"),
    ("adminPasswordHash", "pbkdf2_sha256$600000$abcdefghijkl$0123456789"),
    ("API_TOKEN_DIGEST", "X03MO1qnZdYdgyfeuILPmQ=="),
    ("ADMIN", "$2b$12$" + "abcdefghijklmnopqrstuv" * 2),
    ("USERS", "admin:$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub"),
    ("SECRET_KEY", "abc"),
    ("SECRET_KEY_BASE", "0f0f0f0f"),
    ("CLIENT_SECRET", "abc"),
    ("AWS_SECRET_ACCESS_KEY", "abc"),
    ("AWS_SESSION_TOKEN", "abc"),
    ("API_KEY", "abc"),
    ("OPENAI_APIKEY", "abc"),
    ("STORAGE_ACCOUNT_KEY", "abc"),
    ("APP_CREDENTIALS", "user:password"),
    ("STRIPE_API_KEY", STRIPE),
    ("PAYMENTS", STRIPE),
    ("PAYMENTS_URL", f"https://api.example.com/?key={STRIPE}"),
    ("CI", GITHUB),
    ("CHAT", SLACK),
    ("CHAT_URL", "https://hooks.slack." + "com/services/T0000/B0000/XXXXXXXX"),
    ("MODEL", "hf" + "_" + "aB3" * 11),
    ("LLM", "sk" + "-proj-" + "aB3" * 12),
    ("MAPS", "AI" + "za" + "aB3" * 12),
    ("SESSION", "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"),
    ("CERTIFICATE", "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE"),
    ("HEADERS", "Bearer abcdefghijkl"),
    ("DATABASE_URL", "postgres://u:p@h/db"),
    ("DATABASE_URL", "mysql+pymysql://app:p%40ss/word@db.internal:3306/app"),
    ("REDIS", "redis://:hunter2@cache:6379/0"),
    ("JDBC", "jdbc:postgresql://h/db?user=u&password=hunter2"),
    ("BLOB", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=bGV0bWVpbg==;EndpointSuffix=core"),
    ("SQL", "Server=db;User Id=app;Password=hunter2;"),
    ("DSN", "host=db user=app password=hunter2"),
    ("CALLBACK", "https://example.com/hook?token=a1b2c3"),
    ("CONFIG", '{"user": "app", "password": "hunter2"}'),
    ("JAVA_OPTS", "-Xmx1g -Ddb.password=hunter2"),
]
REFUSED += [
    ("DB_PW", "hunter2"),
    ("LDAP_BIND_PW", "123456"),
    ("DB_PASSWORD", "<hunter2>"),
    ("DB_PASSWORD", "$hunter2"),
    ("DB_PASSWORD", "{hunter2}"),
    ("MYSQL", "app:p4ss@tcp(db:3306)/app"),
    ("JAAS", 'ScramLoginModule required username="app" password="hunter2";'),
    ("HEADER", "Authorization: Bearer abcdefghijkl"),
    ("DOCKER_AUTH_CONFIG", '{"auths": {"r.example": {"auth": "dXNlcjpodW50ZXIy"}}}'),
]
ACCEPTED = [
    ("TOKEN_COUNTER", "tiktoken"),
    ("PASSWORD_HASH", "bcrypt"),
    ("PASSWORD_HASH", "pbkdf2:sha256:600000"),
    ("PASSWORD_HASH_ALGORITHM", "argon2id-with-a-long-name-here"),
    ("PRIMARY_KEY", "id"),
    ("GIT_HASH", "5e884898da28047151d0e56f8dc6292773603d0d"),
    ("TOKEN_PRIMARY", "true"),
    ("PRICE", "$5$ and $6$ more than before today"),
    ("TOKEN_ENCODING", "cl100k_base"),
    ("TOKEN_SPLITTER", "sentences"),
    ("TOKEN_SYMBOL", "ETH"),
    ("SECRET_BACKEND", "ssm"),
    ("SECRET_SANTA", "on the 24th"),
    ("PASSWORD_RESET_TEMPLATE", "reset.html"),
    ("PASSWORD_RULE", "strong"),
    ("START_TOKEN", "BEGIN"),
    ("TOKENIZERS_PARALLELISM", "false"),
    ("TOKENIZERS_PARALLELISM", "my own way"),
    ("TOKENIZER", "cl100k_base"),
    ("MAX_TOKENS", "4096"),
    ("MAX_TOKENS", "all of them"),
    ("MAX_TOKEN", "4096"),
    ("TOKEN_LIMIT", "4096"),
    ("TOKEN_BUCKET_SIZE", "ten"),
    ("TOKEN_URL", "https://login.example.com/oauth2/token"),
    ("TOKEN_FILE", "token.txt"),
    ("EOS_TOKEN", "</s>"),
    ("PAD_TOKEN", "pad"),
    ("REQUIRE_TOKEN", "true"),
    ("USE_PASSWORD", "false"),
    ("DB_PASSWORD", ""),
    ("DB_PASSWORD_FILE", "/run/secrets/db"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/app/google.json"),
    ("PASSWORD_MIN_LENGTH", "twelve"),
    ("SECRET_NAME", "app/database"),
    ("SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf"),
    ("DB_SECRET", "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf"),
    ("DB_SECRET", "${OTHER}"),
    ("SECRETARY", "Ms Jones"),
    ("API_KEY_HEADER", "x-api-key"),
    ("PWD", "/app"),
    ("FFMPEG_PASS", "2"),
    ("PASS_THROUGH", "headers"),
    ("MULTI_PASS_ENCODING", "fast"),
    ("COMPASS", "north"),
    ("KEYBOARD", "qwerty"),
    ("CACHE_KEY", "v1"),
    ("S3_KEY", "videos/2024/film.mp4"),
    ("PARTITION_KEY", "customer_id"),
    ("PUBLIC_KEY", "ssh-ed25519 AAAA"),
    ("AWS_REGION", "us-west-2"),
    ("AWS_PROFILE", "corp"),
    ("AWS_ENDPOINT_URL", "https://accountid.r2.cloudflarestorage.com"),
    ("HTTPS_PROXY", "http://proxy.internal:3128"),
    ("DATABASE_URL", "postgres://app@db/app"),
    ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db/app"),
    ("DATABASE_URL", "postgres://app:<password>@db/app"),
    ("EMAIL", "jobs@example.com"),
    ("RETRY", "max_token=5"),
    ("SENTRY_DSN", "https://0123456789abcdef@o1.ingest.sentry.io/1"),
    ("GIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
    ("IMAGE", "123456789012.dkr.ecr.us-east-1.amazonaws.com/a@sha256:" + "0" * 64),
]
RULE = "contains a credential, and everyone who may read task definitions can read it"


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_credential_in_a_plain_variable_is_refused_without_its_value(name: str, value: str) -> None:
    assert problems({"worker": {"environment": {name: value}}}) == [
        f'ebb:worker.environment.{name}: {RULE}: put it in secrets, got "(not shown: it may be a credential)".'
    ]


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_a_variable_without_a_credential_is_accepted_without_a_warning(name: str, value: str) -> None:
    read = settings.read({"worker": {"environment": {name: value}}})
    assert settings.warnings(read) == settings.warnings(settings.read({}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENCRYPTION_KEY", "dGhpcyBpcyAzMiBieXRlcyBvZiBrZXkgMQ=="),
        ("LICENSE_KEY", "0f8fad5bd9cb469fa16570867728950e"),
        ("AWS_ACCESS_KEY_ID", "AKIA" + "IOSFODNN7EXAMPLE"),
    ],
)
def test_what_may_be_a_credential_is_accepted_with_a_warning(name: str, value: str) -> None:
    expected = (
        f"ebb:worker.environment.{name}: looks like a credential, and everyone who may read task definitions can read "
        "it; put it in secrets, unless it is none."
    )
    assert expected in settings.warnings(settings.read({"worker": {"environment": {name: value}}}))


@pytest.mark.parametrize("word", [f"--key={STRIPE}", "--password=hunter2", "postgres://u:p@h/db"])
def test_a_credential_in_the_command_is_refused_without_its_value(word: str) -> None:
    (sentence,) = problems({"worker": {"command": ["./job", word]}})
    assert sentence == (
        f"ebb:worker.command.1: {RULE}: let the program read a variable from secrets, "
        'got "(not shown: it may be a credential)".'
    )
