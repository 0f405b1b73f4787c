"""What every test gets: the fixtures of tests/support, and no way out of this machine."""

import hypothesis

from tests.support.loopback import close_the_outside

pytest_plugins = ["tests.support.browser", "tests.support.service", "tests.support.vendors"]

# How long an example takes says more of the machine than of the code; benchmarks are for that.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("house")


def pytest_configure() -> None:
    close_the_outside()
