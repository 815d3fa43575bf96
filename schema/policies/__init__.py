"""The records of traffic policies in the route table, one file each. They are data; nothing here decides."""
