"""Processes, sockets and tables that change: the one room that knows all the others."""
