"""Images of gigabytes: held once, or refused by what their headers say."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import large
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.images import read_colours, read_image, read_values

MEASURED = """
import resource, sys
from pathlib import Path
from proxy_tasks.datasets.images import read_image
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
pixels = read_image(Path(sys.argv[1]))
print((peak() - before) / (pixels.shape[0] * pixels.shape[1]))
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    """Some bytes that say that they are 24 GB."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 90_000, 90_000, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)
    return tmp_path / "bomb.png"


@pytest.mark.parametrize("read", [read_image, read_values, read_colours])
def test_more_than_the_machine_holds_is_refused_by_the_header(
    read, bomb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "memory", lambda: 16 << 30)
    with pytest.raises(Fault, match=r"bomb.png has 90000x90000 pixels: .* cut it into tiles"):
        read(bomb)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "I", "F", "RGBA", "LA"])
def test_bands_make_the_same_array(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (37, 23, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    whole = np.asarray(image)
    monkeypatch.setattr(large, "_BAND", 100)
    found = large.as_array(image)
    assert found.dtype == whole.dtype
    assert (found == whole).all()


def test_an_image_is_held_once_beside_its_decoder(tmp_path: Path) -> None:
    """Measured: 7 bytes a pixel; 12 where numpy makes an array of Pillow's at once."""
    side = 5000
    Image.new("RGB", (side, side), (200, 40, 40)).save(tmp_path / "x.png", compress_level=1)
    words = [sys.executable, "-c", MEASURED, str(tmp_path / "x.png")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert float(done.stdout) < large.READING
