"""What every test gets: the fixtures of tests/support, and no way out of this machine."""

from tests.support.loopback import close_the_outside

pytest_plugins = ["tests.support.browser", "tests.support.service"]


def pytest_configure() -> None:
    close_the_outside()
