"""The runtime and the device checks each have a table of wheels, because neither may import the other: one truth."""

import pytest
from edgequant_device_checks._wheels import ENGINE_PACKAGES
from edgequant_device_checks._wheels import WHEELS as CHECKED
from edgequant_runtime._engines import ENGINES
from edgequant_runtime._engines._wheels import WHEELS as INSTALLED


def test_both_know_the_same_engines_and_packages_in_the_same_order() -> None:
    assert {"native", *INSTALLED} == set(ENGINES)
    packages = {
        name: tuple(dict.fromkeys(wheel.distribution for wheel in wheels)) for name, wheels in INSTALLED.items()
    }
    assert {"native": ("edgequant-runtime",), **packages} == ENGINE_PACKAGES


@pytest.mark.parametrize("engine", sorted(INSTALLED))
def test_both_say_the_same_of_linux(engine: str) -> None:
    installed = {
        (wheel.distribution, wheel.version, machine, wheel.python, glibc)
        for wheel in INSTALLED[engine]
        for machine, glibc in wheel.oldest_glibc.items()
    }
    checked = {
        (wheel.package, wheel.version, wheel.architecture, (wheel.first_python, wheel.last_python), wheel.glibc)
        for wheel in CHECKED
        if wheel.package in ENGINE_PACKAGES[engine] and wheel.system == "linux"
    }
    assert installed == checked
