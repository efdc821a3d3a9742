"""The functions of the language, by subject; ``library`` is the table of them."""
