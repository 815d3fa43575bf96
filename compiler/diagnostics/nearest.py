"""Did you mean: the known word that a mistyped one was probably meant to be.

Owns the measure of nearness and its cut-offs. Knows nothing of keys, names or codes: words in, a word out.
Silence is better than a guess that sends somebody the wrong way, so where several words are equally likely
for a reason that is no mistyping (several keys begin like the word), the answer is none.

The cost of a call is bounded whatever is asked: words above `LONGEST` characters have no answer, few known
words are measured one by one, many are looked up in an index that is made once.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache

LONGEST = 100
"""Longer words are not searched for: nobody mistypes one name of that length for another."""

_FEW = 300
_TRIED_IN_INDEX = 64
_SHORTEST_BEGINNING = 3
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[-_. ]+")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` was probably meant to be, or None.

    In this order: the same but for case and separators (`pathPrefix`, `path_prefix`), the other number
    (`header`, `headers`), the same parts in another order (`prefix-path`), the fewest letters missing,
    added, replaced or swapped with their neighbour (at most a third of the longer word, and 3; with more
    than 300 known words at most 1), the only word that begins with it or has it as a part (`addr`, `prefix`).
    The answer does not depend on the order of `known`. `known` of 10 000 words costs 0.15 s when they are
    first seen (0.4 s if each has 60 letters) and 0.3 ms after that.
    """
    if not word or len(word) > LONGEST:
        return None
    return _Words.of(tuple(known)).nearest(word)


class _Words:
    """Known words, prepared for being asked about. Immutable once made."""

    __slots__ = ("_begin", "_by_key", "_by_parts", "_few", "_one_less", "_part")

    @staticmethod
    @lru_cache(maxsize=64)
    def of(known: tuple[str, ...]) -> _Words:
        """The prepared words; the last 64 sets are kept, because one set is asked about many times."""
        return _Words(known)

    def __init__(self, known: Iterable[str]) -> None:
        words = sorted({each for each in known if 0 < len(each) <= LONGEST})
        parts = [_parts(each) for each in words]
        keys = ["".join(each) for each in parts]
        self._by_key = dict(zip(reversed(keys), reversed(words), strict=True))
        self._by_parts = {
            tuple(sorted(p)): each for p, each in zip(reversed(parts), reversed(words), strict=True)
        }
        self._few: Sequence[tuple[str, str, frozenset[str]]] = ()
        self._one_less: dict[str, list[str]] = {}
        if len(words) <= _FEW:
            self._few = [(key, each, frozenset(key)) for key, each in zip(keys, words, strict=True)]
        else:
            for key in self._by_key:
                for shorter in _one_less(key):
                    self._one_less.setdefault(shorter, []).append(key)
        self._begin = sorted(self._by_key)
        self._part: dict[str, str | None] = {}
        for own_parts, each in zip(parts, words, strict=True):
            for part in dict.fromkeys(own_parts):
                self._part[part] = None if part in self._part else each

    def nearest(self, word: str) -> str | None:
        parts = _parts(word)
        key = "".join(parts)
        if not key:
            return None
        for same in (key, *_other_number(key)):
            if same in self._by_key:
                return self._by_key[same]
        found = self._by_parts.get(tuple(sorted(parts)))
        if found is None:
            found = self._fewest_edits(key)
        if found is None and len(key) >= _SHORTEST_BEGINNING:
            found = self._begins(key) or self._part.get(key)
        return found

    def _fewest_edits(self, key: str) -> str | None:
        limit = _cut_off(len(key))
        best: tuple[int, bool, str] | None = None
        if self._few:
            letters = frozenset(key)
            for other, word, other_letters in self._few:
                if abs(len(other) - len(key)) > limit or len(letters ^ other_letters) > 2 * limit:
                    continue
                edits = distance(key, other, min(limit, _cut_off(len(other))))
                if edits is not None and (best is None or (edits, other[0] != key[0], word) < best):
                    best = (edits, other[0] != key[0], word)
                    limit = edits
        elif limit:
            tried: set[str] = set()
            for shorter in _one_less(key):
                for other in self._one_less.get(shorter, ())[:_TRIED_IN_INDEX]:
                    if other not in tried and distance(key, other, 1) is not None:
                        candidate = (1, other[0] != key[0], self._by_key[other])
                        best = candidate if best is None else min(best, candidate)
                    tried.add(other)
        return best[2] if best else None

    def _begins(self, key: str) -> str | None:
        """The only known word that begins with `key`."""
        at = bisect_left(self._begin, key)
        found = [each for each in self._begin[at : at + 2] if each.startswith(key)]
        return self._by_key[found[0]] if len(found) == 1 else None


def distance(one: str, other: str, limit: int) -> int | None:
    """How many letters to insert, delete, replace or swap with a neighbour make `one` the other.

    None if more than `limit`. No letter takes part twice (optimal string alignment).
    O(len(one) * (len(other) + limit)), the larger part of it in C.
    """
    if abs(len(one) - len(other)) > limit:
        return None
    far = limit + 1
    width = len(other) + 1
    before: list[int] = []
    above = [min(column, far) for column in range(width)]
    for row, letter in enumerate(one, 1):
        low, high = max(1, row - limit), min(width - 1, row + limit)
        here = [far] * width
        here[0] = min(row, far)
        least = here[0]
        for column in range(low, high + 1):
            wanted = other[column - 1]
            edits = above[column - 1] + (letter != wanted)
            if above[column] + 1 < edits:
                edits = above[column] + 1
            if here[column - 1] + 1 < edits:
                edits = here[column - 1] + 1
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                edits = min(edits, before[column - 2] + 1)
            here[column] = edits
            least = min(least, edits)
        if least > limit:
            return None
        before, above = above, here
    return above[-1] if above[-1] <= limit else None


def _cut_off(length: int) -> int:
    """How many edits are still a mistyping: none of the first two letters' worth, a third of the rest."""
    return 0 if length < 3 else min(3, length // 3)


def _parts(word: str) -> list[str]:
    """The parts of a compound in lower case: `pathPrefix`, `path_prefix` and `path-prefix` have the same."""
    return [part.lower() for part in _SEPARATOR.split(_CAMEL.sub("-", word)) if part]


def _other_number(key: str) -> tuple[str, ...]:
    """The singular and the plurals that a word could have."""
    more = (key + "s", key + "es", key[:-1] + "ies") if key.endswith("y") else (key + "s", key + "es")
    if key.endswith("ies"):
        return (*more, key[:-3] + "y", key[:-1])
    if key.endswith("es"):
        return (*more, key[:-1], key[:-2])
    return (*more, key[:-1]) if key.endswith("s") else more


def _one_less(key: str) -> set[str]:
    """The word and all that it becomes without one of its letters."""
    return {key, *(key[:at] + key[at + 1 :] for at in range(len(key)))}
