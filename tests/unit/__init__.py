"""Tests on clocks and in-memory transports: the whole folder takes seconds."""
