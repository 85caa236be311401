"""Heights of a tiling surface from its normal map."""

import numpy as np
from numpy.typing import NDArray

STEEPEST = 5.0  # slope; normals beyond it are errors of the map


def from_normals(normals: NDArray[np.float32], *, green_up: bool = True) -> NDArray[np.float32]:
    """Integrate a normal map that tiles, by Fourier transform: the surface whose slopes fit best in least squares.

    Parameters
    ----------
    normals : (H, W, 3) in [0, 1], top row first: 0.5 is 0, red to the right, blue out of the surface.
    green_up : True where green is up, as in OpenGL's maps; False where it is down, as in DirectX's.

    Returns
    -------
    (H, W) heights as shares of the picture's width, their mean 0. The scale is that of the slopes.

    References
    ----------
    Frankot and Chellappa, A method for enforcing integrability in shape from shading algorithms, 1988.
    """
    x, y, z = np.moveaxis(2.0 * normals.astype(np.float64) - 1.0, -1, 0)
    z = np.maximum(z, 1e-3)
    across = np.clip(-x / z, -STEEPEST, STEEPEST)  # rise towards the right
    down = np.clip((y if green_up else -y) / z, -STEEPEST, STEEPEST)  # rise towards the bottom
    height, width = across.shape
    along_x = 2j * np.pi * np.fft.rfftfreq(width)[None, :]
    along_y = 2j * np.pi * np.fft.fftfreq(height)[:, None]
    power = np.abs(along_x) ** 2 + np.abs(along_y) ** 2
    power[0, 0] = 1.0
    fitted = (np.conj(along_x) * np.fft.rfft2(across) + np.conj(along_y) * np.fft.rfft2(down)) / power
    fitted[0, 0] = 0.0
    return np.asarray(np.fft.irfft2(fitted, s=(height, width)) / width, np.float32)
