"""The compiler's back end: from the tree to Python source.

Everything that comes from the expression's text is a constant in a table; names in the source are all generated.
Variables of the expression become local variables of Python functions, so a look-up costs nothing; what is common
(members of objects, plain numbers and strings) is done in place, everything else by a call into ``runtime``.
"""
