from __future__ import annotations

import pytest

from edgequant_device_checks import Board, DeviceCheckError, boards, for_board, recommend


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_every_board_under_every_system(board: Board) -> None:
    for size in board.word_sizes:
        device = for_board(board.name, word_size=size)
        assert device.model == board.title
        assert device.word_size == size
        assert device.is_arm
        assert all(cluster.core is not None for cluster in device.clusters)
        recommendation = recommend(device)
        assert recommendation.format == "int8"
        assert recommendation.engine == "native"


def test_names_and_aliases_belong_to_one_board() -> None:
    for board in boards():
        for name in (board.name, board.title, *board.aliases):
            assert for_board(name).model == board.title


@pytest.mark.parametrize(
    ("spelling", "title"),
    [
        ("pi4", "Raspberry Pi 4 Model B"),
        ("rpi4", "Raspberry Pi 4 Model B"),
        ("RPI-4B", "Raspberry Pi 4 Model B"),
        ("Raspberry Pi 4", "Raspberry Pi 4 Model B"),
        ("raspberry pi 4 model b", "Raspberry Pi 4 Model B"),
        ("pi zero", "Raspberry Pi Zero"),
        ("zero 2 w", "Raspberry Pi Zero 2 W"),
        ("Raspberry Pi 3B+", "Raspberry Pi 3 Model B+"),
        ("Compute Module 4", "Raspberry Pi Compute Module 4"),
        ("RK3588", "Radxa Rock 5B (RK3588)"),
        ("Jetson Orin Nano", "NVIDIA Jetson Orin Nano"),
        ("Graviton 3", "AWS Graviton3 (Neoverse V1)"),
    ],
)
def test_spellings(spelling: str, title: str) -> None:
    assert for_board(spelling).model == title


def test_no_raspberry_pi_has_bf16_or_i8mm_and_only_the_fifth_dotprod() -> None:
    for board in boards():
        if board.is_raspberry_pi:
            capabilities = for_board(board.name).capabilities
            assert not capabilities["bf16"]
            assert not capabilities["i8mm"]
            assert capabilities["dotprod"] == capabilities["fp16"] == (board.name in ("pi5", "pi500", "cm5"))


def test_bf16_boards() -> None:
    with_bf16 = {board.name for board in boards() if for_board(board.name).capabilities["bf16"]}
    assert with_bf16 == {
        "graviton3",
        "graviton4",
        "grace",
        "apple-m2",
        "snapdragon-x",
        "cortex-a720",
        "cortex-x925",
    }


def test_word_size_by_name_and_by_argument() -> None:
    assert for_board("pi4-32") == for_board("pi4", word_size=32) == for_board("Raspberry Pi 4 32-bit")
    assert for_board("pi4-32").architecture == "armv7l"
    assert for_board("pi4-64") == for_board("pi4")
    assert for_board("pi5-32").architecture == "armv7l"
    assert for_board("pi-zero").architecture == "armv6l"
    assert for_board("pi2").architecture == "armv7l"


def test_systems_a_board_does_not_run() -> None:
    with pytest.raises(DeviceCheckError, match=r"Radxa Rock 5B \(RK3588\) is listed with a 64-bit system only"):
        for_board("rock5b-32")
    with pytest.raises(DeviceCheckError, match="Raspberry Pi Zero is listed with a 32-bit system only"):
        for_board("pi-zero", word_size=64)


def test_release_of_the_system() -> None:
    trixie, bookworm = for_board("pi4"), for_board("pi4", os="bookworm")
    assert (trixie.python, trixie.libc_version) == ("3.13", "2.41")
    assert (bookworm.python, bookworm.libc_version) == ("3.11", "2.36")
    bullseye = for_board("pi4", os="bullseye")
    assert (bullseye.python, bullseye.libc_version) == ("3.9", "2.31")
    assert for_board("rock5b").python is None
    with pytest.raises(DeviceCheckError, match="trixie, bookworm, bullseye"):
        for_board("pi4", os="buster")


@pytest.mark.parametrize(
    ("wrong", "right"), [("pi6", "pi"), ("raspbery pi 4", "pi4"), ("jetson", "jetson"), ("graviton5", "graviton")]
)
def test_unknown_board_is_answered_with_the_closest(wrong: str, right: str) -> None:
    with pytest.raises(DeviceCheckError, match=f"did you mean {right}"):
        for_board(wrong)


def test_nothing_close_lists_the_boards() -> None:
    with pytest.raises(DeviceCheckError, match=r"the boards are pi1, .*pi5"):
        for_board("qqq")


def test_pi5_as_in_the_capture() -> None:
    device = for_board("pi5")
    (cluster,) = device.clusters
    assert (cluster.name, cluster.variant, cluster.revision, cluster.count) == ("Cortex-A76", 4, 1, 4)
    assert {cache.name: cache.total_bytes for cache in device.caches}["L3"] == 2 * 2**20
