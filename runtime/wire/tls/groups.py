"""The groups for key exchange that a context takes part in.

Owns one call that Python's `ssl` lacks before 3.15 (`SSLContext.set_groups`): it can name a single curve,
which costs most browsers a further round trip, or leave OpenSSL's whole list, which has what nobody should
use.
"""

from __future__ import annotations

import ctypes
import ssl
import sys
from functools import cache
from typing import Any, Final

GROUPS: Final = "X25519:P-256:P-384"

_SET_GROUPS_LIST: Final = 92
"""SSL_CTRL_SET_GROUPS_LIST in OpenSSL's ssl.h, from 1.1.1 on."""


def set_groups(context: ssl.SSLContext, groups: str = GROUPS) -> bool:
    """Have a context take part in these groups alone, the best first; False where that cannot be had here,
    and OpenSSL's own list stays.
    """
    own = getattr(context, "set_groups", None)
    if own is not None:
        own(groups)
        return True
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 15):
        return False
    library = _library()
    if library is None:
        return False
    # The object begins with the SSL_CTX it stands for (Modules/_ssl.c, PySSLContext), in all these versions.
    pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value
    if not pointer or library.SSL_CTX_get_options(pointer) & 0xFFFFFFFF != int(context.options) & 0xFFFFFFFF:
        return False
    return bool(library.SSL_CTX_ctrl(pointer, _SET_GROUPS_LIST, 0, groups.encode()) == 1)


@cache
def _library() -> Any:
    """The OpenSSL that `ssl` itself runs on; None where its functions are not to be seen."""
    import _ssl

    try:
        library = ctypes.CDLL(getattr(_ssl, "__file__", None))
        library.SSL_CTX_get_options.argtypes = [ctypes.c_void_p]
        library.SSL_CTX_get_options.restype = ctypes.c_uint64
        library.SSL_CTX_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p]
        library.SSL_CTX_ctrl.restype = ctypes.c_long
    except (OSError, AttributeError):
        return None
    return library
