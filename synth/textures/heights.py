"""Heights of a tiling surface, computed from its normal map."""

import numpy as np
from numpy.typing import NDArray

STEEPEST = 5.0  # steepest slope accepted; steeper normals are errors of the map


def from_normals(normals: NDArray[np.float32], *, green_up: bool = True) -> NDArray[np.float32]:
    """Integrate a tiling normal map by Fourier transform: the surface whose slopes fit best in least squares.

    Parameters
    ----------
    normals : (H, W, 3) in [0, 1], top row first: 0.5 means 0; red points right, blue out of the surface.
    green_up : True if green points up, as in OpenGL maps; False if it points down, as in DirectX maps.

    Returns
    -------
    (H, W) heights as shares of the picture's width, with mean 0. The slopes determine the scale.

    References
    ----------
    Frankot and Chellappa, A method for enforcing integrability in shape from shading algorithms, 1988.
    """
    x, y, z = np.moveaxis(2.0 * normals.astype(np.float64) - 1.0, -1, 0)
    z = np.maximum(z, 1e-3)
    across = np.clip(-x / z, -STEEPEST, STEEPEST)  # rise per pixel to the right
    down = np.clip((y if green_up else -y) / z, -STEEPEST, STEEPEST)  # rise per pixel downwards
    height, width = across.shape
    along_x = 2j * np.pi * np.fft.rfftfreq(width)[None, :]
    along_y = 2j * np.pi * np.fft.fftfreq(height)[:, None]
    power = np.abs(along_x) ** 2 + np.abs(along_y) ** 2
    power[0, 0] = 1.0
    fitted = (np.conj(along_x) * np.fft.rfft2(across) + np.conj(along_y) * np.fft.rfft2(down)) / power
    fitted[0, 0] = 0.0
    return np.asarray(np.fft.irfft2(fitted, s=(height, width)) / width, np.float32)
