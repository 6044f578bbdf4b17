"""Everything that goes wrong at the end of a program, in care and in plain Twisted."""
