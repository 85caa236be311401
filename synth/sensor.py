"""From scene-linear light to the photograph a camera saves. Photometric only: no pixel moves, so labels stay true."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from synth.config import Sensor


def develop(light: NDArray[np.floating[Any]], sensor: Sensor, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Expose, balance, add noise, tone and sharpen.

    Parameters
    ----------
    light : (H, W, 3) scene-linear radiance, any scale: exposure is automatic, with the camera's error.

    Returns
    -------
    (H, W, 3) sRGB.
    """
    stops, balance, contrast, noise, sharpening = (
        rng.uniform(*limits)
        for limits in (sensor.exposure_stops, sensor.white_balance, sensor.contrast, sensor.noise, sensor.sharpening)
    )
    light = np.maximum(light.astype(np.float32), 0)
    luminance = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    # A camera meters what is lit: by flash, half of the frame may be night.
    metered = luminance[luminance >= np.median(luminance)].mean()
    exposed = light * (0.22 * 2**stops / max(float(metered), 1e-6)) * np.array([balance, 1, 1 / balance], np.float32)
    # Shot noise grows with the root of the signal; read noise does not.
    exposed = exposed + rng.normal(size=light.shape).astype(np.float32) * noise * np.sqrt(exposed + 0.25)
    toned = 1 - np.exp(-1.35 * np.maximum(exposed, 0))  # a shoulder instead of clipped highlights
    encoded = np.where(toned <= 0.0031308, 12.92 * toned, 1.055 * np.maximum(toned, 1e-6) ** (1 / 2.4) - 0.055)  # sRGB
    curved = encoded + contrast * (encoded * encoded * (3 - 2 * encoded) - encoded)
    picture = Image.fromarray((np.clip(curved, 0, 1) * 255 + 0.5).astype(np.uint8))
    sharpened = picture.filter(ImageFilter.UnsharpMask(radius=1.2, percent=int(100 * sharpening), threshold=2))
    return np.asarray(sharpened)


def jpeg(photograph: NDArray[np.uint8], sensor: Sensor, rng: np.random.Generator) -> bytes:
    """The photograph (H, W, 3) as a JPEG file, of the sensor's quality."""
    low, high = sensor.jpeg_quality
    buffer = io.BytesIO()
    Image.fromarray(photograph).save(buffer, "JPEG", quality=int(rng.integers(low, high + 1)))
    return buffer.getvalue()
