"""State that outlives a table and is shared by workers: counters in shared memory."""
