"""Pictures of bar codes as cameras take them: turned, nearer or farther, with noise. Grey, one byte a pixel."""

import random
from dataclasses import dataclass
from typing import Any, Self

import zxingcpp

PIXELS_PER_MODULE = 4


@dataclass(frozen=True)
class Picture:
    """Rows of grey pixels, 0 is black."""

    rows: tuple[bytes, ...]

    @classmethod
    def of(cls, content: str, symbology: zxingcpp.BarcodeFormat, **options: Any) -> Self:
        """Draw a bar code with its quiet zone; `gs1=True` takes the content with its AIs in parentheses."""
        image = zxingcpp.create_barcode(content, symbology, **options).to_image(scale=PIXELS_PER_MODULE)
        return cls(_rows(memoryview(image)))

    def turned(self, degrees: int) -> "Picture":
        """Turn it clockwise by 0, 90, 180 or 270 degrees."""
        rows = self.rows
        for _ in range(degrees // 90):
            rows = tuple(bytes(column) for column in zip(*reversed(rows), strict=True))
        return Picture(rows)

    def scaled(self, factor: float) -> "Picture":
        """Take the nearest pixel of the original for each of the new ones."""
        across = [int(place / factor) for place in range(int(len(self.rows[0]) * factor))]
        down = [int(place / factor) for place in range(int(len(self.rows) * factor))]
        wide = {row: bytes(map(self.rows[row].__getitem__, across)) for row in set(down)}
        return Picture(tuple(wide[row] for row in down))

    def noisy(self, seed: int) -> "Picture":
        """Make black and white uneven, pixel by pixel, by up to an eighth of what is between them."""
        noise = random.Random(seed)
        return Picture(tuple(_uneven(row, noise) for row in self.rows))

    def scanned(self) -> list[str]:
        """What a scanner sends of each bar code in it: the symbology identifier (ISO/IEC 15424) and the data."""
        pixels = memoryview(b"".join(self.rows)).cast("B", shape=[len(self.rows), len(self.rows[0])])
        return [found.symbology_identifier + found.bytes.decode() for found in zxingcpp.read_barcodes(pixels)]


def _rows(drawn: memoryview) -> tuple[bytes, ...]:
    height, width = drawn.shape or (0, 0)
    pixels = drawn.tobytes()
    return tuple(pixels[row * width : (row + 1) * width] for row in range(height))


def _uneven(row: bytes, noise: random.Random) -> bytes:
    # All pixels of a row at once, as one large integer: 31 of 255 levels.
    strays = int.from_bytes(noise.randbytes(len(row))) & int.from_bytes(b"\x1f" * len(row))
    return (int.from_bytes(row) ^ strays).to_bytes(len(row))
