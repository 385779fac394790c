"""Small pictures: a screenshot as a PNG of at most 256 colours."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MOST = 256
PIXELS = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (one) => one.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").drawImage(image, 0, 0);
  const { data } = canvas.getContext("2d").getImageData(0, 0, image.width, image.height);
  let text = "";
  for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
  return [image.width, image.height, btoa(text)];
}"""


def shrink(browser: Browser, png: bytes) -> bytes:
    """Return a picture again with the colours that it has most of; the others become the nearest of them."""
    page = browser.new_page()
    width, height, data = page.evaluate(PIXELS, base64.b64encode(png).decode())
    page.close()
    pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[:, :, :3]
    colours, places = _indexed(pixels.reshape(-1, 3))
    return _encode(places.reshape(height, width), colours)


def _indexed(pixels: Any) -> tuple[Any, Any]:
    packed = pixels.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    found, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    every = np.stack([found >> 16, (found >> 8) & 255, found & 255], axis=1).astype(np.int32)
    kept = every[np.argsort(-counts)[:MOST]]
    nearest = np.array([np.argmin(((kept - one) ** 2).sum(axis=1)) for one in every], np.uint8)
    return kept.astype(np.uint8), nearest[places]


def _encode(places: Any, colours: Any) -> bytes:
    height, width = places.shape
    rows = np.hstack([np.zeros((height, 1), np.uint8), places])
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", colours.tobytes()),
             (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
