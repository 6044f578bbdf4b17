"""The tests of txresource: ``trial tests`` runs them all."""
