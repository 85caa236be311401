"""Camera simulation: scene-linear light becomes the photograph that a camera saves.

No pixel moves, so that labels stay true. All properties of the camera are drawn once per photograph, in a fixed order,
even if they are not used: switching one off does not change the others.
"""

import io
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from corrotwin.synth.presets.schema import Range, Sensor
from corrotwin.synth.textures.picture_files import LUMINANCE

Picture = NDArray[np.float32]  # (H, W, 3)


class _Draws:
    """Random draws from ranges, each of which takes one random number, whatever the range."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def within(self, limits: Range) -> float:
        return limits[0] + (limits[1] - limits[0]) * float(self.rng.random())

    def whole(self, limits: tuple[int, int]) -> int:
        return limits[0] + int((limits[1] - limits[0] + 1) * self.rng.random())

    def happens(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def child(self) -> np.random.Generator:
        """Return a generator for steps that take a varying number of draws."""
        return np.random.default_rng(self.rng.integers(2**63))


def develop(
    light: NDArray[np.floating[Any]], sensor: Sensor, rng: np.random.Generator, grain: np.random.Generator | None = None
) -> NDArray[np.uint8]:
    """Simulate a camera: lens and motion blur, exposure, noise, tone curve, date stamp, sharpening.

    Different generators give different photographs of the same light, and the same labels hold for all.

    Parameters
    ----------
    light : (H, W, 3) scene-linear radiance in any unit, since exposure is automatic.
    sensor : ranges of the camera's properties.
    rng : generator that draws the camera's properties.
    grain : generator of the noise, which differs between photographs of one camera; None for one seeded from `rng`.

    Returns
    -------
    (H, W, 3) sRGB, uint8.
    """
    draws = _Draws(rng)
    seen = _lens(np.maximum(light.astype(np.float32), 0), sensor, draws)
    exposed = _expose(seen, sensor, draws)
    noisy = _noise(exposed, sensor, draws, grain)
    toned = _tone(noisy, sensor, draws)
    equalised = _equalise(toned, sensor, draws)
    stamped = _date(equalised, sensor, draws)
    picture = Image.fromarray((np.clip(stamped, 0, 1) * 255 + 0.5).astype(np.uint8))
    percent = int(100 * draws.within(sensor.sharpening))
    return np.asarray(picture.filter(ImageFilter.UnsharpMask(radius=1.2, percent=percent, threshold=2)))


def jpeg(photograph: NDArray[np.uint8], sensor: Sensor, rng: np.random.Generator) -> bytes:
    """Return a photograph (H, W, 3) as a JPEG file of a quality from the sensor's range; some are saved twice."""
    draws = _Draws(rng)
    quality, earlier = draws.whole(sensor.jpeg_quality), draws.whole(sensor.jpeg_quality)
    picture = Image.fromarray(photograph)
    if draws.happens(sensor.second_jpeg_share):
        picture = Image.open(io.BytesIO(_encoded(picture, earlier)))
    return _encoded(picture, quality)


def _encoded(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _lens(light: Picture, sensor: Sensor, draws: _Draws) -> Picture:
    """Apply softness, camera motion, stray light and vignetting."""
    height, width, _ = light.shape
    side = min(height, width)
    soft = draws.within(sensor.softness) * side
    moved, length, angle = (
        draws.happens(sensor.motion_share),
        draws.within(sensor.motion) * side,
        draws.within((0, np.pi)),
    )
    veil, corners = draws.within(sensor.veil), draws.within(sensor.vignetting)
    light = _blurred(light, soft)
    if moved:
        light = np.asarray(cv2.filter2D(light, -1, _stroke(length, angle), borderType=cv2.BORDER_REFLECT), np.float32)
    light = (1 - veil) * light + veil * light.mean(axis=(0, 1))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    return np.asarray(light * 2 ** (-corners * (x * x + y * y) / 2)[..., None])


def _blurred(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Apply a Gaussian blur of `sigma` pixels, unless it is too small to be visible."""
    if sigma < 0.15:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def _stroke(length: float, angle: float) -> NDArray[np.float32]:
    """Return a straight, centred streak of `length` pixels as a filter kernel of odd side and sum 1."""
    half = int(np.ceil(length / 2)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    streak = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(across), 0, 1)
    return np.asarray(streak / streak.sum(), np.float32)


def _expose(light: Picture, sensor: Sensor, draws: _Draws) -> Picture:
    """Apply automatic exposure, with its error, and white balance."""
    stops, warmth, tint = (
        draws.within(limits) for limits in (sensor.exposure_stops, sensor.white_balance, sensor.tint)
    )
    luminance = light @ LUMINANCE
    metered = _metered(luminance)
    gains = np.array([warmth, tint, 1 / warmth], np.float32)
    return np.asarray(light * (0.22 * 2**stops / max(float(metered), 1e-6)) * gains)


def _metered(luminance: NDArray[np.float32]) -> float:
    """Return the brightness that a camera meters: centre-weighted, without the darkest and the brightest pixels.

    With flash, half of the frame may be night; under a deck, a gap may show the sky.
    """
    height, width = luminance.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    order = np.argsort(luminance, axis=None)
    weight = np.exp(-(x * x + y * y) / 0.7).reshape(-1)[order]
    share = (np.cumsum(weight) - weight / 2) / weight.sum()
    middle = (share >= 0.4) & (share <= 0.93)
    middle[len(order) // 2] = True  # in a small picture, no other pixel may be in the middle
    return float(np.average(luminance.reshape(-1)[order][middle], weights=weight[middle]))


def _noise(exposed: Picture, sensor: Sensor, draws: _Draws, grain_rng: np.random.Generator | None) -> Picture:
    """Add noise in brightness and coarser noise in colour, both blurred as by the camera's denoiser."""
    amount, colored, grain = draws.within(sensor.noise), draws.within(sensor.chroma_noise), draws.within(sensor.grain)
    child = draws.child()
    rng = child if grain_rng is None else grain_rng
    height, width, _ = exposed.shape
    sigma = grain * min(height, width)
    gray = _even(_blurred(rng.standard_normal((height, width), np.float32), sigma))
    color = _even(_blurred(rng.standard_normal((height, width, 3), np.float32), 2.5 * sigma))
    # Shot noise grows with the square root of the signal; read noise does not.
    return np.asarray(exposed + (gray[..., None] + colored * color) * amount * np.sqrt(exposed + 0.25))


def _even(noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return noise scaled to a standard deviation of 1."""
    return np.asarray(noise / max(float(noise.std()), 1e-6))


def _tone(light: Picture, sensor: Sensor, draws: _Draws) -> Picture:
    """Convert linear light to display values: highlight shoulder, sRGB, contrast, saturation."""
    shoulder, contrast, saturation = (
        draws.within(limits) for limits in (sensor.shoulder, sensor.contrast, sensor.saturation)
    )
    light = np.maximum(light, 0)
    # With and without the shoulder, the metered tone gets the same value.
    toned = shoulder * (1 - np.exp(-1.35 * light)) + (1 - shoulder) * np.minimum(1.17 * light, 1)
    encoded = np.where(toned <= 0.0031308, 12.92 * toned, 1.055 * np.maximum(toned, 1e-6) ** (1 / 2.4) - 0.055)  # sRGB
    curved = encoded + contrast * (encoded * encoded * (3 - 2 * encoded) - encoded)
    gray = (curved @ LUMINANCE)[..., None]
    return np.asarray(np.clip(gray + saturation * (curved - gray), 0, 1), np.float32)


def _equalise(picture: Picture, sensor: Sensor, draws: _Draws) -> Picture:
    """Apply contrast-limited adaptive equalisation to the HSV value, as image tools do; hue and saturation stay.

    Reference: Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV, 1994.
    """
    is_applied, clip = draws.happens(sensor.equalise_share), draws.within(sensor.equalise_clip)
    tiles, strength = draws.whole(sensor.equalise_grid), draws.within(sensor.equalise_strength)
    if not is_applied:
        return picture
    value = picture.max(axis=-1)
    steps = (value * 65535).astype(np.uint16)
    changed = cv2.createCLAHE(clip, (tiles, tiles)).apply(steps).astype(np.float32) / 65535
    black, white = np.percentile(changed, (2, 92))  # such tools then stretch contrast to the full range
    changed = np.clip((changed - black) / max(float(white - black), 1e-3), 0, 1)
    gain = 1 + strength * (changed / np.maximum(value, 1 / 255) - 1)
    return np.asarray(picture * gain[..., None], np.float32)


# Strokes of each digit in a box 1 wide and 1.8 high, from the top left, with corners cut as on a display.
_A, _B, _C, _D, _E, _F = (0.1, 0.0), (0.9, 0.0), (1.0, 0.2), (1.0, 0.75), (0.9, 0.9), (0.1, 0.9)
_G, _H, _I, _J, _K, _L = (0.0, 0.75), (0.0, 0.2), (1.0, 1.05), (1.0, 1.6), (0.9, 1.8), (0.1, 1.8)
_M, _N = (0.0, 1.6), (0.0, 1.05)
_DIGITS: tuple[tuple[tuple[float, float], ...], ...] = (
    (_A, _B, _C, _J, _K, _L, _M, _H, _A),
    ((0.25, 0.3), (0.6, 0.0), (0.6, 1.8)),
    (_H, _A, _B, _C, _D, (0.0, 1.8), (1.0, 1.8)),
    (_H, _A, _B, _C, _D, _E, (0.4, 0.9), _E, _I, _J, _K, _L, _M),
    ((0.75, 1.8), (0.75, 0.0), (0.0, 1.25), (1.0, 1.25)),
    ((0.95, 0.0), (0.1, 0.0), (0.05, 0.8), _E, _I, _J, _K, _L, _M),
    (_C, _B, _A, _H, _M, _L, _K, _J, _I, _E, _F, _N),
    ((0.0, 0.0), (1.0, 0.0), (0.4, 1.8)),
    (_F, _G, _H, _A, _B, _C, _D, _E, _F, _N, _M, _L, _K, _J, _I, _E),
    (_D, _E, _F, _G, _H, _A, _B, _C, _J, _K, _L, _M),
)


def _date(picture: Picture, sensor: Sensor, draws: _Draws) -> Picture:
    """Draw a glowing date stamp with a dark rim, mostly at the bottom right, sometimes along the right edge."""
    is_applied, rng = draws.happens(sensor.stamp_share), draws.child()
    if not is_applied:
        return picture
    height, width, _ = picture.shape
    side = min(height, width)
    tall = rng.uniform(0.022, 0.034) * side
    letters = _lettering(_day(rng), tall, rng.uniform(0.09, 0.14), rng.uniform(0.25, 0.75))
    if rng.random() < 0.12:
        letters = np.ascontiguousarray(np.rot90(letters))
    high, wide = (min(size, limit) for size, limit in zip(letters.shape, (height, width), strict=True))
    top, left = height - high - int(rng.uniform(0.02, 0.1) * side), width - wide - int(rng.uniform(0.02, 0.1) * side)
    top, left = max(0, top), max(0, left)
    ink = np.zeros((height, width), np.float32)
    ink[top : top + high, left : left + wide] = letters[:high, :wide]
    rim = np.clip(2.5 * _blurred(ink, max(0.3, 0.05 * tall)), 0, 1) * rng.uniform(0.0, 0.8)
    color = np.array([rng.uniform(0.9, 1.0), rng.uniform(0.3, 0.6), rng.uniform(0.02, 0.16)], np.float32)
    glow = _blurred(ink, max(0.3, 0.22 * tall)) * rng.uniform(0.1, 0.5)
    share = (ink * rng.uniform(0.75, 1.0))[..., None]
    under = picture * (1 - rim)[..., None] + glow[..., None] * color
    return np.asarray(under * (1 - share) + share * color)


def _day(rng: np.random.Generator) -> str:
    """Return a random date in one of the formats that cameras use."""
    year, month, day = (int(rng.integers(low, high)) for low, high in ((2005, 2026), (1, 13), (1, 29)))
    forms = (
        f"{month:02}.{day:02}.{year}",
        f"{month:02}/{day:02}/{year}",
        f"{year}.{month:2}.{day:2}",
        f"{day:02} {month:02} {year}",
    )
    return forms[int(rng.choice(4, p=(0.6, 0.15, 0.17, 0.08)))]


def _lettering(text: str, tall: float, weight: float, gap: float) -> NDArray[np.float32]:
    """Render digits, dots, slashes and spaces as ink in [0, 1], with digits `tall` pixels high.

    `weight` is the width of the strokes and `gap` the space between letters, as shares of the height and the width of a
    digit.
    """
    finer = 6
    unit, pad = finer * tall / 1.8, finer * tall * 0.15
    advance = unit * (1 + gap)
    size = (int(len(text) * advance + 2 * pad) // finer * finer, int(finer * tall + 2 * pad) // finer * finer)
    sheet = Image.new("L", (max(finer, size[0]), max(finer, size[1])))
    pen, stroke = ImageDraw.Draw(sheet), max(1, round(weight * finer * tall))
    for position, letter in enumerate(text):
        left = pad + position * advance
        if letter == ".":
            pen.ellipse(
                [
                    left + 0.4 * unit,
                    pad + 1.7 * unit - stroke / 2,
                    left + 0.4 * unit + stroke,
                    pad + 1.7 * unit + stroke / 2,
                ],
                255,
            )
        elif letter != " ":
            strokes = ((0.9, 0.0), (0.1, 1.8)) if letter == "/" else _DIGITS[int(letter)]
            pen.line([(left + x * unit, pad + y * unit) for x, y in strokes], 255, stroke, joint="curve")
    columns, rows = sheet.width // finer, sheet.height // finer
    ink = np.asarray(sheet, np.float32).reshape(rows, finer, columns, finer)
    return np.asarray(ink.mean(axis=(1, 3)) / 255, np.float32)
