"""HTTP/2: bytes of a connection to exchanges and back, many streams at once."""
