"""The small alphabet that configurations and requests of the property tests are made of.

Owns the words. They are few, so that hosts, paths and names of different routes overlap all the time; each
list holds the neighbours that a careless comparison confuses.
"""

from __future__ import annotations

from typing import Final

HOSTS: Final = ("a.test", "b.test", "x.a.test", "y.x.a.test", "test", "xa.test", "192.0.2.1", "[2001:db8::1]")
"""Hosts in their one form."""

WRITTEN_HOSTS: Final = (*HOSTS, "A.Test", "a.test.", "X.a.test", "[2001:DB8:0::1]")
"""Exact hosts as a file may spell them."""

WILDCARDS: Final = ("*.test", "*.a.test", "*.x.a.test", "*.A.Test")
HOST_REGEXES: Final = (
    ".*",
    "[ab]\\.test",
    "(x|y)\\.a\\.test",
    "[a-z.]+\\.a\\.test",
    "a.*",
    "x?a\\.test",
    "(?:[a-z]+\\.)+test",
    "[0-9.]+",
)

SEGMENTS: Final = ("a", "b", "ab", "A", "c%20d", "a;v=1", "a%3Ab", "%C3%A9", "..a", "1", "12")
"""Segments of paths in normal form."""

ENCODED_SLASH_SEGMENTS: Final = ("a%2Fb", "%2F")

PATH_REGEXES: Final = (
    "/.*",
    "/a.*",
    "/a",
    "/a|/ab",
    "/ab?(/b)?",
    "(?i)/a/b",
    "/[ab]+(?:/.*)?",
    "/(?P<x>[^/]+)/b",
    "/a/(?P<n>[0-9]+)",
    "(?P<all>.*)/b",
    "/(?P<p>a)(?P<q>b)?",
    "(?:/[^/]+)+",
    "/a/(?P<one>.*)/(?P<two>.*)",
    "/(a|ab)(b|/b)*",
    "/[^/]{1,2}/?",
    "/a.?b.*",
)

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "get", "PURGE")
HEADERS: Final = ("x-a", "x-b", "X-A", "accept", "x_c", "x-forwarded-host", "upgrade")
QUERIES: Final = ("q", "r", "Q", "q q", "é", "a&b")
COOKIES: Final = ("c", "d", "C")

VALUES: Final = (
    "1",
    "2",
    "a",
    "A",
    "b",
    "ab",
    "aba",
    "AbA",
    "",
    "a b",
    "é",
    "É",
    "-1",
    "007",
    "1, 2",
    "10",
    "+",
)
"""Values of headers, query parameters and cookies."""

PIECES: Final = ("a", "b", "ab", "ba", "A", "1", "é", " ", "aba")
"""Not empty; what values begin, end and go on with."""

VALUE_REGEXES: Final = (
    ".*",
    "a.*",
    "[0-9]+",
    "(a|ab)(a|ba)",
    "a?b?a?",
    "[^a]*",
    "\\w+",
    "v[0-9]+|a",
    "-?\\d+",
    ".",
)
NUMBERS: Final = (-999_999_999_999_999_999, -2, -1, 0, 1, 2, 7, 10, 999_999_999_999_999_999)

NETWORKS: Final = (
    "10.0.0.0/8",
    "10.0.0.0/30",
    "192.0.2.0/24",
    "192.0.2.7",
    "198.51.100.7/32",
    "2001:db8::/32",
    "2001:db8::1",
    "0.0.0.0/0",
    "::/0",
)
ADDRESSES: Final = (
    "10.0.0.1",
    "10.0.0.4",
    "192.0.2.7",
    "192.0.2.8",
    "198.51.100.7",
    "2001:db8::1",
    "2001:db9::1",
    "::ffff:10.0.0.1",
)
SHARES: Final = ("0%", "0.0001%", "5%", "50%", "99.9999%", "100%")
TRACES: Final = (3391098, 2349674, 9080, 1066856, 415088, 1114728, 526862, 3183798)
"""Trace ids whose samples are 0, 1, 49 999, 50 000, 499 999, 500 000, 999 998 and 999 999."""

GLOBS: Final = ("*", "gpt-*", "gpt-4", "*-4", "g*-*4", "a/*", "*a*", "ab*ba")
MODELS: Final = ("gpt-4", "gpt-", "gpt-4o", "GPT-4", "a/b", "aba", "abba", "é", "")
PRIORITIES: Final = ("low", "normal", "high", "critical", -100, -1, 0, 1, 100, 1000)

PLAIN_ADDRESSES: Final = ("127.0.0.1:8080", "127.0.0.1:8081")
TLS_ADDRESS: Final = "127.0.0.1:8443"
SCOPES: Final = ("a.test", "b.test", "*.test", "*.a.test", "x.a.test")
PATH_OPTIONS: Final = ("keep-encoded-slash", "keep-repeated-slashes", "reject-changes")
