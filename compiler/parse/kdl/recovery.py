"""Several mistakes in one run: go on after tokens that the grammar does not take.

Owns what is said about a token in the wrong place, and the repair after which the rest of the file reads as
it was meant: a token put in, left out or taken for another one; at worst the rest of the statement is left
out. Works on the tokens of a file for which `parse_tokens` has given up.
"""

from __future__ import annotations

from typing import Any

from gwc.schema.diagnostic import Diagnostic
from gwc.schema.span import Span

from ..document import Node
from . import messages
from .balance import Braces
from .parser import Machine
from .scanner import Scanner
from .tokens import Findings, Kind, Token

_MAX_REPAIRS = 6
"""So many repairs are made at one token; then it is left out, so that there is an end in any case."""

_ENDS: frozenset[Kind] = frozenset(("TERM", "RBRACE", "$END"))


def recover(text: str, lexer: Scanner, findings: Findings) -> list[Node]:
    """The nodes of a text with mistakes, as far as they can be made out; the mistakes go to the findings.

    The same findings are the lexer's, of which no token has been taken yet.
    """
    return _Recovery(text, lexer, findings).run()


class _Recovery:
    """One run over one file. Mutable: everything; `_at` is the number of the token that is next.

    `_expects_right`: a `(` has been told of as never closed, so that a `)` after it, in its statement, is
    no news. `_strayed`: a `}` has been told of that closes nothing.
    """

    __slots__ = (
        "_at",
        "_expects_right",
        "_findings",
        "_lexer",
        "_machine",
        "_source",
        "_strayed",
        "_text",
        "_tokens",
    )

    def __init__(self, text: str, lexer: Scanner, findings: Findings) -> None:
        self._text = text
        self._lexer = lexer
        self._source = lexer.tokens()
        self._tokens: list[Token] = []
        self._findings = findings
        self._machine = Machine()
        self._at = 0
        self._expects_right = False
        self._strayed = False

    def run(self) -> list[Node]:
        """Token after token, until the last one is taken."""
        repaired, repairs = -1, 0
        while True:
            token = self._next()
            if self._machine.feed(token):
                if token.kind == "$END":
                    return self._machine.result()
                if token.kind in ("TERM", "RUN", "OPEN", "LBRACE"):
                    self._expects_right = False
                self._at += 1
            elif token.kind == "$END":
                self._repair_end(token)
            elif self._findings.full:
                end = len(self._text)
                self._tokens[self._at] = Token("$END", None, end, end)
            else:
                repairs = repairs + 1 if repaired == self._at else 1
                repaired = self._at
                if repairs > _MAX_REPAIRS:
                    self._skip()
                else:
                    self._repair(token)

    def _next(self) -> Token:
        """The token that is next; `$END` for ever at the end."""
        if self._at == len(self._tokens):
            self._tokens.append(next(self._source))
        return self._tokens[self._at]

    # What can be done about a token.

    def _skip(self) -> None:
        self._at += 1

    def _take_as_text(self, token: Token) -> None:
        """The value, or the key with its `=`, stands for a string."""
        if token.kind == "KEY":
            text, end = token.value
            self._tokens[self._at] = Token("STR", text, token.start, end)
        else:
            text = self._text[token.start : token.end]
            self._tokens[self._at] = Token("STR", text, token.start, token.end)

    def _put(self, kind: Kind, before: Token) -> None:
        """A token that is missing."""
        taken = self._machine.feed(Token(kind, "" if kind == "STR" else None, before.start, before.start))
        assert taken

    def _put_value(self, before: Token) -> None:
        """What stands before a value still waits for one, though its mistake has been told of."""
        if not self._machine.accepts("TERM"):
            self._put("STR", before)

    def _skip_statement(self) -> None:
        """Everything up to the end of the statement, blocks included."""
        depth = 0
        while (kind := self._next().kind) != "$END":
            if kind in ("OPEN", "LBRACE"):
                depth += 1
            elif kind == "RBRACE":
                if depth == 0:
                    return
                depth -= 1
            elif kind == "TERM" and depth == 0:
                return
            self._at += 1

    # What is said about it, by what the grammar would take instead.

    def _repair(self, token: Token) -> None:
        """One repair at the next token, `token`, which the grammar does not take."""
        accepts = self._machine.accepts
        if token.kind == "RPAR" and not self._is_left(self._last()):
            self._stray_right(token)
        elif token.kind == "RBRACE" and (accepts("RUN") or accepts("TERM")):
            self._stray_brace(token)
        elif accepts("RUN"):
            self._at_statement(token)
        elif self._is(self._last(), "RPAR"):
            self._after_annotation(token)
        elif accepts("TERM") or (accepts("LBRACE") and not accepts("STR")):
            self._after_block(token)
        else:
            self._after_token(self._last(), token)

    def _at_statement(self, token: Token) -> None:
        """A node's name is wanted."""
        if token.kind == "TERM":
            before = self._tokens[self._at - 1].kind if self._at else "TERM"
            if self._text[token.start] == ";" and before in ("TERM", "RUN", "OPEN", "LBRACE"):
                self._say(messages.idle_semicolon(self._span(token.start, token.start + 1)))
            self._skip()
        elif token.kind == "LBRACE":
            self._say(messages.nameless_block(self._span_of(token)))
            self._put("STR", token)
        else:
            self._not_a_name(token)

    def _not_a_name(self, token: Token) -> None:
        if token.kind == "KEY":
            self._say(messages.node_like_property(self._span(token.end - 1, token.end), token.value[0]))
        else:
            self._say(messages.nameless(self._span_of(token), self._text[token.start : token.end]))
        self._take_as_text(token)

    def _after_annotation(self, token: Token) -> None:
        """`(type)`, and a name or value is wanted."""
        left, _, right = self._machine.values[-3:]
        span = self._span(left.start, right.end)
        wants_name = not self._machine.accepts("LIT")
        if token.kind == "SD":
            self._say(messages.idle_slashdash(self._span_of(token)))
            self._skip()
        elif token.kind == "KEY" and not wants_name:
            self._say(messages.annotated_key(span, token.value[0]))
            self._machine.drop(3)
            if not self._machine.accepts("KEY"):
                self._take_as_text(token)
        elif token.kind in ("KEY", "LIT"):
            self._not_a_name(token)
        else:
            self._say(messages.annotation_of_nothing(span))
            if token.kind == "LPAR":
                self._machine.drop(3)
            else:
                self._put("STR", token)

    def _after_block(self, token: Token) -> None:
        """Nothing but the end of the node is wanted, or a block that is commented out."""
        last = self._last()
        if self._is(last, "SD"):
            if token.kind in _ENDS or token.kind == "SD":
                self._say(messages.idle_slashdash(self._span_of(last)))
                self._machine.drop(1)
                return
            self._machine.drop(1)
        found = token.value[0] if token.kind == "KEY" else self._text[token.start : token.end]
        self._say(messages.after_block(self._span_of(token), found))
        if token.kind in ("STR", "LPAR") and not self._is(last, "SD"):
            self._put("TERM", token)
        elif token.kind == "LBRACE":
            self._put("TERM", token)
            self._put("STR", token)
        else:
            self._skip_statement()

    def _after_token(self, last: Any, token: Token) -> None:
        """A value, a name or the end of an annotation is wanted after the token `last`."""
        if self._is(last, "SD"):
            if token.kind in ("LIT", "KEY"):
                self._not_a_name(token)
            elif token.kind == "LBRACE":
                self._say(messages.nameless_block(self._span_of(token)))
                self._put("STR", token)
            else:
                self._say(messages.idle_slashdash(self._span_of(last)))
                self._machine.drop(1)
        elif token.kind == "SD":
            self._say(messages.idle_slashdash(self._span_of(token)))
            self._skip()
        elif self._is(last, "KEY"):
            if token.kind == "KEY":
                self._say(messages.equals_without_key(self._span(token.end - 1, token.end), ""))
                self._take_as_text(token)
            else:
                self._say(messages.property_without_value(self._span(last.start, last.end), last.value[0]))
                self._put("STR", token)
        elif self._is_left(last):
            self._after_left(last, token)
        else:
            left: Token = self._machine.values[-2]
            self._say(messages.unclosed_parenthesis(self._span_of(left)))
            self._expects_right = True
            self._machine.drop(2)
            if token.kind in _ENDS or token.kind == "LBRACE":
                self._put_value(token)

    def _after_left(self, left: Token, token: Token) -> None:
        """The name of a type is wanted."""
        if token.kind == "RPAR":
            self._say(messages.empty_annotation(self._span(left.start, token.end)))
            self._put("STR", token)
        elif token.kind in ("LIT", "KEY"):
            self._say(messages.bad_annotation(self._span_of(token), self._text[token.start : token.end]))
            self._take_as_text(token)
        else:
            self._say(messages.unclosed_parenthesis(self._span_of(left)))
            self._expects_right = True
            self._machine.drop(1)
            if token.kind in _ENDS or token.kind == "LBRACE":
                self._put_value(token)

    def _stray_right(self, token: Token) -> None:
        if not self._expects_right:
            self._say(messages.stray_parenthesis(self._span_of(token)))
        self._expects_right = False
        self._skip()

    def _stray_brace(self, token: Token) -> None:
        if not self._lexer.braces_doubtful:
            suspect = None
            if not self._strayed:
                self._strayed = True
                misfit = Braces(self._text, self._tokens).misfit()
                if misfit is not None and misfit != token.start:
                    suspect = self._span(misfit, misfit + 1)
            self._say(messages.stray_brace(self._span_of(token), suspect))
        self._skip()
        if self._machine.accepts("TERM"):
            self._put("TERM", token)

    def _repair_end(self, token: Token) -> None:
        """The file ends too early."""
        accepts = self._machine.accepts
        if accepts("TERM"):
            self._put("TERM", token)
        elif accepts("RBRACE"):
            self._unclosed_braces()
            while accepts("RBRACE"):
                self._put("RBRACE", token)
                self._put("TERM", token)
        else:
            self._repair(token)

    def _unclosed_braces(self) -> None:
        if self._lexer.whole and not self._lexer.braces_doubtful:
            for at in Braces(self._text, self._tokens).unclosed():
                self._say(messages.unclosed_brace(self._span(at, at + 1)))

    # Small matters.

    def _last(self) -> Any:
        """The value on top of the stack: a token, or what a reduction has made."""
        return self._machine.values[-1]

    def _is(self, value: Any, kind: Kind) -> bool:
        return isinstance(value, Token) and value.kind == kind

    def _is_left(self, value: Any) -> bool:
        return self._is(value, "LPAR")

    def _span(self, start: int, end: int) -> Span:
        return self._findings.span(start, end)

    def _span_of(self, token: Token) -> Span:
        return self._findings.span(token.start, token.end)

    def _say(self, finding: Diagnostic) -> None:
        self._findings.add(finding)
