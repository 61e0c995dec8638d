"""Which environment variables contain a credential: everyone who may read task definitions can read a variable.

The name decides by its words, and the value by its form. A value that cannot be a credential, such as a number of
tokens, is accepted under each name.
"""

import re

#: Endings of a word that names a credential: PGPASSWORD and githubToken are ones, TOKENIZERS and MAX_TOKENS are not.
_NOUNS = ("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "CREDENTIAL", "CREDENTIALS")
#: Of these, the ones whose value can be a number.
_NUMERIC = ("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "PW", "PWD")
#: Last words that name a credential after another word: MYSQL_PWD, but not the shell's PWD.
_LAST = ("PW", "PWD", "PASS", "CREDS")
#: Keys that are credentials: API_KEY, but not CACHE_KEY.
_KEYS = ("API", "SECRET", "PRIVATE", "ACCESS", "AUTH", "ACCOUNT", "SHARED")
#: What may follow the credential's word at the end of a name: TOKEN_2, SECRET_KEY_BASE, API_TOKEN_PROD, TOKEN_PRIMARY.
_AFTER = re.compile(
    r"[0-9]+|BASE|DEV|LIVE|PROD|PRODUCTION|STAGE|STAGING|TEST"
    r"|PRIMARY|SECONDARY|CURRENT|PREVIOUS|NEXT|OLD|NEW|BACKUP|VALUE"
)
#: A hash of a credential can be guessed at leisure, so it is one: PASSWORD_HASH. Its value is longer than a name of an
#: algorithm, such as pbkdf2:sha256:600000.
_HASHES = ("HASH", "HASHED", "DIGEST")
_MIN_HASH = 24
#: The special tokens of language models: EOS_TOKEN.
_SPECIAL = frozenset(
    ("BEGIN", "BOS", "CLS", "END", "EOS", "EOT", "MASK", "PAD", "SEP", "SOS", "SPECIAL", "START", "STOP", "UNK")
)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SWITCH = re.compile(r"(?i)|true|false|yes|no|on|off|none|null|enabled|disabled|required|optional|auto")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?")
#: Where a credential is, but not the credential: an ARN, a path, an address, another variable, a place-holder.
_REFERENCE = re.compile(
    r"arn:aws[a-z-]*:\S+|\.{0,2}/\S*|[a-z][a-z0-9+.-]*://\S+|\$\{\w+\}|<[\w -]*(?i:password|secret|token|key)>|\*+|x+"
)

#: Texts that only credentials are: the prefixes that issuers use so that scanners find them, and keys with their frame.
_ISSUED = re.compile(
    r"\b(?:sk|rk)_(?:live|test)_\w{8,}"  # Stripe
    r"|\bwhsec_\S{8,}"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}"  # GitHub
    r"|\bglpat-[\w-]{16,}"  # GitLab
    r"|\bxox[abeoprs]-[\w-]{10,}|\bxapp-[\w-]{10,}"  # Slack
    r"|\bhooks\.slack\.com/services/\w+/\w+/\w+|\bdiscord(?:app)?\.com/api/webhooks/\d+/\S+"
    r"|\bsk-[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
    r"|\bhf_[A-Za-z0-9]{20,}|\br8_[A-Za-z0-9]{20,}|\bnvapi-\S{20,}"  # Hugging Face, Replicate, NVIDIA
    r"|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}"  # Google
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}"  # SendGrid
    r"|\bkey-[0-9a-f]{32}\b"  # Mailgun
    r"|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{30,}|\bdckr_pat_[\w-]{20,}|\brubygems_[0-9a-f]{40,}"
    r"|\bdo[por]_v1_[0-9a-f]{40,}|\bpul-[0-9a-f]{40}|\bhvs\.[\w-]{20,}|\bshp(?:at|ca|pa|ss)_[0-9a-f]{20,}"
    r"|\bsq0(?:atp|csp)-[\w-]{20,}|\bPMAK-[\w-]{20,}|\blin_api_\w{20,}|\bdapi[0-9a-f]{32}\b"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"  # JSON web tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\$(?:2[abxy]?|5|6|7|y|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]*)\$\S{20,}"  # hashes of passwords (crypt(5), PHC)
    r"|^(?i:basic|bearer)\s+[\w.~+/=-]{8,}$|(?i:\bauthorization\W{1,4}(?:basic|bearer))\s+[\w.~+/=-]{8,}"
)
#: scheme://user:password@host
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:]*:(?!\d+/)(?P<value>[^\s?#]+)@")
#: user:password@tcp(host), as Go's MySQL driver has it
_DSN = re.compile(r"^[^\s:/@]*:(?P<value>[^\s@]+)@(?:tcp|unix)\(")
#: Docker's credentials of a registry.
_DOCKER = re.compile(r"\"auth\"\s*:\s*\"(?P<value>[A-Za-z0-9+/=]{8,})\"")
#: A credential in a query, a connection string, an option or JSON.
_PAIR = re.compile(
    r"(?i)(?:^|[?&;\s,{\"'-])(?:\w+[_.-])?(?:password|passwd|pwd|(?<!next_)token|api[_-]?key|secret|secret[_-]?key|"
    r"private[_-]?key|access[_-]?key|account ?key|sharedaccesskey|sharedaccesssignature|sig|x-amz-signature)"
    r"(?:\"\s*:\s*\"|=[\"']?)(?P<value>[^&;\s\"]+)"
)
#: An id of an IAM user's access key (IAM user guide, "Understanding unique ID prefixes"). The id is no credential.
_ACCESS_KEY_ID = re.compile(r"AKIA[A-Z2-7]{16}")
_RANDOM = re.compile(r"(?=.*[0-9=])(?=.*[A-Za-z])[\w+=-]{20,}", re.ASCII)


def _words(name: str) -> list[str]:
    return [word.upper() for word in _WORD.findall(name)]


def _harmless(value: str) -> bool:
    return bool(_SWITCH.fullmatch(value) or _REFERENCE.fullmatch(value))


def names_credential(name: str) -> bool:
    """Whether a variable's name says that its value is a credential."""
    words = _words(name)
    while len(words) > 1 and _AFTER.fullmatch(words[-1]):
        words.pop()
    *others, last = words or [""]
    before = others[-1] if others else ""
    if last == "KEY":
        return before in _KEYS or before.endswith(_NOUNS)
    return bool(last.endswith(_NOUNS) or (before and last in _LAST)) and not (last == "TOKEN" and before in _SPECIAL)


def is_credential(value: str) -> bool:
    """Whether a value has the form of a credential, or contains one."""
    if _ISSUED.search(value):
        return True
    given = [match["value"] for form in (_URL, _DSN, _DOCKER, _PAIR) for match in form.finditer(value)]
    return any(not _harmless(text) and not _NUMBER.fullmatch(text) for text in given)


def holds_credential(name: str, value: str) -> bool:
    """Whether this variable contains a credential, by its name or by its value."""
    if is_credential(value):
        return True
    # a number of tokens is one, but a password can be a number
    number = _NUMBER.fullmatch(value) and not any(word.endswith(_NUMERIC) for word in _words(name))
    return (names_credential(name) or _is_hash(name, value)) and not _harmless(value) and not number


def _is_hash(name: str, value: str) -> bool:
    *words, last = _words(name) or [""]
    return last in _HASHES and len(value) >= _MIN_HASH and names_credential("_".join(words))


def may_hold_credential(name: str, value: str) -> bool:
    """Whether this variable may contain a credential: a random text that is named a key, or half of a key pair."""
    random_key = _words(name)[-1:] == ["KEY"] and bool(_RANDOM.fullmatch(value))
    return random_key or bool(_ACCESS_KEY_ID.fullmatch(value))
