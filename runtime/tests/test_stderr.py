from __future__ import annotations

import os

import pytest

from edgequant_runtime._stderr import without_chatter


def test_information_is_dropped_and_the_rest_stays(capfd):
    with without_chatter():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nERROR: something real\n")
        os.write(2, b"I0000 00:00:1795287931.969910   12059 port.cc:153] chatter\nWARNING: kept\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "ERROR: something real\nWARNING: kept\nafter\n"


def test_nothing_is_lost_when_the_block_raises(capfd):
    with pytest.raises(RuntimeError), without_chatter():
        os.write(2, b"ERROR: a reason\n")
        raise RuntimeError
    assert capfd.readouterr().err == "ERROR: a reason\n"
