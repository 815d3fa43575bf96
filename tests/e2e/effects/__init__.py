"""What each key of the language does to a running gateway."""
