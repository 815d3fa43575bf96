"""The security defaults, row by row, over real sockets."""
