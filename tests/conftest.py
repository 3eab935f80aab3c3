"""What is done once before all tests."""

from contextlib import suppress

from placement import EngineError, native


def pytest_configure(config):
    """Compile native code once, before workers start, and not in each of them."""
    if not hasattr(config, "workerinput") and not native.is_ready():
        with suppress(EngineError):  # the tests that need it will say so
            native.prepare()
