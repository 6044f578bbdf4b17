"""``python -m txresource``."""

from __future__ import annotations

from txresource.cli.console import run

__all__ = ()

if __name__ == "__main__":
    run()
