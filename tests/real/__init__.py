"""Tests on real reactors, sockets, forks and child processes."""
