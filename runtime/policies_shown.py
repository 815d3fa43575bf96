"""The policies of a route as data for `gwc explain` and `gwc routes`, and as lines of their text.

Owns how each record is said: by the keys of the configuration, with nothing that is not in force. References
to secrets stay references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gwc.schema.policies.addresses import AddressRules
from gwc.schema.policies.authentication import Authentication
from gwc.schema.policies.compress import TYPES, CompressRecord
from gwc.schema.policies.error_pages import ErrorPagesRecord
from gwc.schema.policies.geo import Geo
from gwc.schema.policies.security_headers import SecurityHeadersRecord
from gwc.schema.policies.static_files import StaticFilesRecord
from gwc.schema.table import RouteSettings
from gwc.schema.values.duration import format_milliseconds
from gwc.schema.values.size import format_size

from .observe.masking import masked_reference


def policies_shown(settings: RouteSettings) -> dict[str, Any]:
    """What a route has, by key. Values are scalars, lists, or more of the same by key."""
    shown: dict[str, Any] = {}
    for field, show in _SHOWN.items():
        record = getattr(settings, field)
        if record is not None:
            shown |= show(record)
    return shown


def policy_lines(policies: Mapping[str, Any]) -> Iterator[str]:
    """The same for people, a line a key."""
    for key, value in policies.items():
        yield f"{key} {_words(value)}".rstrip()


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_words(each)}".rstrip() for key, each in value.items())
    if isinstance(value, list):
        if any(isinstance(each, Mapping) for each in value):
            return " ".join(f"{{ {_words(each)} }}" for each in value)
        return " ".join(map(_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _addresses(rules: AddressRules) -> dict[str, Any]:
    return {
        key: list(networks.written)
        for key, networks in (("allow", rules.allow), ("deny", rules.deny))
        if networks is not None
    }


def _words_of(record: Any) -> dict[str, Any]:
    """A record by the keys of the configuration, durations as they are written, nothing that is off."""
    shown: dict[str, Any] = {}
    for field, value in record._asdict().items():
        if value is None or value is False or value in ((), "") or (value == 0 and field.endswith("_ms")):
            continue
        name = field.removesuffix("_ms").removesuffix("_bytes").replace("_", "-")
        if field.endswith("_ms"):
            shown[name] = format_milliseconds(value)
        elif field.endswith("_bytes"):
            shown[name] = format_size(value)
        else:
            shown[name] = list(value) if isinstance(value, tuple) else value
    return shown


def _limit(record: Any) -> dict[str, Any]:
    shown = _words_of(record)
    shown["key"] = [" ".join(filter(None, part)) for part in record.key]
    return shown


def _security_headers(record: SecurityHeadersRecord) -> dict[str, Any]:
    return {"security-headers": {**dict(record.fields), **({"replace": True} if record.replace else {})}}


def _authentication(policy: Authentication) -> dict[str, Any]:
    if policy.closed:
        return {"authenticate": {"closed": list(policy.closed)}}
    if policy.public:
        return {"authenticate": "public"}
    if not policy.asks:
        return {}
    shown: dict[str, Any] = {}
    if policy.api_keys:
        shown["api-key"] = [
            _there(
                header=each.header,
                query=each.query,
                cookie=each.cookie,
                file=each.file,
                key=[name for name, _ in each.keys],
                forward=each.forward,
            )
            for each in policy.api_keys
        ]
    if policy.basic is not None:
        basic = policy.basic
        cache = format_milliseconds(basic.cache_ms) if basic.cache_ms else "off"
        shown["basic"] = [_there(file=basic.file, cache=cache, forward=basic.forward)]
    if policy.jwts:
        shown["jwt"] = [
            _there(
                issuer=list(each.issuer),
                audience=list(each.audience),
                algorithms=list(each.algorithms),
                jwks_url=each.jwks_url and masked_reference(each.jwks_url),
                key_file=each.key_file,
                cookie=each.cookie,
                query=each.query,
                name=each.name,
                require=[" ".join((claim, *values)) for claim, values in each.require],
                header=[f"{field} {claim}" for field, claim in each.headers],
                forward=each.forward,
            )
            for each in policy.jwts
        ]
    if policy.forward_auth is not None:
        asked = policy.forward_auth
        shown["forward-auth"] = [
            _there(
                url=masked_reference(asked.url),
                request_headers=list(asked.request_headers or ()),
                response_headers=list(asked.response_headers),
                identity=asked.identity,
                timeout=format_milliseconds(asked.timeout_ms),
                on_failure=asked.on_failure,
            )
        ]
    if policy.certificate is not None:
        shown["client-certificate"] = [
            _there(name=policy.certificate.name, allow=list(policy.certificate.allow))
        ]
    shown |= _there(identity_header=policy.identity_header, realm=policy.realm)
    return {"authenticate": shown}


def _geo(policy: Geo) -> dict[str, Any]:
    return {
        "geo": _there(
            database=policy.database,
            block=list(policy.block),
            allow=list(policy.allow),
            unknown="allow" if policy.unknown else "deny",
            status=policy.status,
            message=policy.message,
        )
    }


def _there(**values: Any) -> dict[str, Any]:
    """Those that are there, by the names of keys."""
    return {
        key.replace("_", "-"): value for key, value in values.items() if value not in (None, [], (), False)
    }


def files_shown(record: StaticFilesRecord) -> dict[str, Any]:
    """What `static-files` says, by key; the root is the decision's."""
    return _words_of(record._replace(root=""))


def _compress(record: CompressRecord) -> dict[str, Any]:
    own = record._replace(types=()) if record.types == TYPES else record
    return {"compress": _words_of(own)}


def _error_pages(record: ErrorPagesRecord) -> dict[str, Any]:
    pages = [
        f"{each.first}" if each.first == each.last else f"{each.first}-{each.last}" for each in record.pages
    ]
    return {"error-pages": _there(pages=pages, intercept=record.intercept)}


_SHOWN: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    "addresses": _addresses,
    "cors": lambda record: {"cors": _words_of(record)},
    "rate_limits": lambda records: {"rate-limit": list(map(_limit, records))},
    "concurrency": lambda record: {"concurrency": _limit(record)},
    "api_schema": lambda record: {"api-schema": _words_of(record)},
    "security_headers": _security_headers,
    "compress": _compress,
    "error_pages": _error_pages,
    "authentication": _authentication,
    "geo": _geo,
    "agents": lambda records: {"agents": list(map(_words_of, records))},
}
"""By field of the settings."""
