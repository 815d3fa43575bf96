"""The small languages of a configuration's values: one file for each, text in, a value or a refusal out."""
