"""`static-files`: files of a directory as replies. One concept a file: what a path leads to, which bytes of
it are wanted, how they are read.
"""
