"""Programs that leak on purpose, programs that only look like it, and what runs them."""
