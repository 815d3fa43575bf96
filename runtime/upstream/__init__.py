"""Where requests are sent: targets, connections to them, and who of them is next."""
