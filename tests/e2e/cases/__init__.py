"""Rows of conversations and their verdicts: data, read by the tests beside this folder."""
