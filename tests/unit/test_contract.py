"""Each rule of docs/contract.md has a test that is there."""

from __future__ import annotations

import re
from importlib import import_module

from twisted.trial.unittest import SynchronousTestCase

from tests import sources

CONTRACT = sources.ROOT / "docs/contract.md"
RULE = re.compile(r"^### (.+)$", re.MULTILINE)
PROOF = re.compile(r"^- `(tests\.\S+)`$", re.MULTILINE)


def proofs(text: str) -> dict[str, list[str]]:
    """The rules of a contract, and what each names as its proof."""
    _, *parts = RULE.split(text)
    return {rule: PROOF.findall(body) for rule, body in zip(parts[::2], parts[1::2], strict=True)}


def is_test(name: str) -> bool:
    """Say whether this names a test: module, class and method."""
    module, case, method = name.rsplit(".", 2)
    if module.startswith("tests.real."):  # not imported here: it would bring the reactor
        path = sources.ROOT / (module.replace(".", "/") + ".py")
        text = path.read_text("utf-8")
        return f"class {case}(" in text and f"def {method}(" in text
    return method.startswith("test_") and hasattr(getattr(import_module(module), case), method)


class ContractTests(SynchronousTestCase):
    """The contract, and what it stands on."""

    def test_rules_are_proven(self) -> None:
        """Each rule names at least one test, and every test that is named exists."""
        rules = proofs(CONTRACT.read_text("utf-8"))
        self.assertGreater(len(rules), 25)
        self.assertEqual([rule for rule, tests in rules.items() if not tests], [])
        named = [name for tests in rules.values() for name in tests]
        self.assertEqual([name for name in named if not is_test(name)], [])

    def test_a_bad_rule_is_seen(self) -> None:
        """A rule without a proof, and one whose proof is gone, would be found."""
        self.assertEqual(proofs("### bare\n\nText.\n"), {"bare": []})
        self.assertRaises(AttributeError, is_test, "tests.unit.test_contract.Gone.test_it")
        self.assertFalse(is_test("tests.unit.test_contract.ContractTests.test_gone"))
