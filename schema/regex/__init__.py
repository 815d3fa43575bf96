"""Regular expressions: the dialect that two engines read alike, and the choice between them."""
