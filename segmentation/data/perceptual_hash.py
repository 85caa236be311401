"""Perceptual hashes of pictures, by which copies are found: saved again, smaller, lighter, blurred, mirrored, turned.

The hash is `imagehash.phash`: signs of the lowest frequencies of the cosine transform, less their median.
"""

import numpy as np
import numpy.typing as npt

# A hash of 16 x 16 bits, of which a quarter may differ. Unrelated hashes differ in 128 ± 8; in two sets of 330 and 241
# photos the closest pair of two things differed in 86. Copies turned, mirrored, 25 % lighter or darker, blurred, noisy
# or saved again were all within 60. Copies tilted by up to 15° on black look like each other for their corners: at 64
# two of 162,735 such pairs were alike, at 80 there were 146, and they chained 102 of the 571 photos into one group.
HASH_SIDE = 16
MOST_DIFFERING_BITS = 64
ROWS, COLUMNS = 256, 4096  # photos compared at once: 34 MB
LINKS = 16  # most links kept, a photo


def hashes(image: npt.NDArray[np.uint8], *, turned: bool = True) -> npt.NDArray[np.bool_]:
    """Return the hashes of an image (height, width, 3), upright and in seven other orientations: (8, bits) bool.

    With `turned` False upright alone: (1, bits).
    """
    import imagehash
    from PIL import Image

    side = 4 * HASH_SIDE  # the size at which phash takes its cosine transform; it leaves such an image as it is
    small = Image.fromarray(image).convert("L").resize((side, side), Image.Resampling.LANCZOS)
    positions = (small, *(small.transpose(turn) for turn in Image.Transpose if turned))
    return np.stack([imagehash.phash(position, hash_size=HASH_SIDE).hash.ravel() for position in positions])


def to_hex(bits: npt.NDArray[np.bool_]) -> str:
    """Return hashes (n, bits), or one (bits,), as files hold them."""
    return np.packbits(bits, axis=-1).tobytes().hex()


def from_hex(text: str) -> npt.NDArray[np.bool_]:
    """Return the hashes (n, bits) that `to_hex` wrote.

    Raises
    ------
    ValueError
        The text is not whole hashes.
    """
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8)).astype(np.bool_)
    return bits.reshape(-1, HASH_SIDE**2)


def pairs_alike(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return links between pictures whose hashes `bits` (n, 8, bits) are alike: (m, 2) intp, enough to join them.

    With bits as ±1 a scalar product is the number of equal bits less that of different ones, exact in float32: the
    matrix product is several times faster than counting in packed bits. A block at a time, and of the links of many
    that are all alike only as many are kept as join them: memory grows with n, time with its square.
    """
    count, least = len(bits), bits.shape[2] - 2 * MOST_DIFFERING_BITS
    links = np.empty((0, 2), dtype=np.intp)
    for left in range(0, count, COLUMNS):
        turned = _signs(bits[left : left + COLUMNS]).reshape(-1, bits.shape[2])
        for top in range(0, count, ROWS):
            upright = _signs(bits[top : top + ROWS, 0])
            near = (upright @ turned.T >= least).reshape(len(upright), -1, bits.shape[1]).any(axis=2)
            links = np.concatenate([links, np.argwhere(near) + np.array([top, left])])
            if len(links) > LINKS * count:
                links = np.stack([components(count, links), np.arange(count)], axis=1)
    return links


def _signs(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    return np.where(bits, np.float32(1), np.float32(-1))


def components(count: int, links: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return for each of `count` nodes the first node of its connected component, (count,); `links` is (m, 2)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links), dtype=bool), links.T), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    return np.asarray(first[component], dtype=np.intp)


_WORD_BITS = 16
_ONES = np.array([word.bit_count() for word in range(2**_WORD_BITS)], dtype=np.uint8)  # of each word


class HashIndex:
    """Upright hashes of many pictures, searched for one that is alike: 32 bytes and some 20 ns a picture."""

    def __init__(self) -> None:
        self._words = np.empty((64, HASH_SIDE**2 // _WORD_BITS), dtype=np.uint16)
        self._count = 0

    def add(self, bits: npt.NDArray[np.bool_]) -> None:
        """Remember the hash (bits,) of one picture."""
        if self._count == len(self._words):
            self._words = np.concatenate([self._words, np.empty_like(self._words)])
        self._words[self._count] = _packed(bits)
        self._count += 1

    def drop_last(self) -> None:
        """Forget the hash that was added last."""
        self._count -= 1

    def finds(self, bits: npt.NDArray[np.bool_]) -> bool:
        """Return True if any of some hashes (k, bits) of one picture is alike to one that was added."""
        known = self._words[: self._count]
        return any((_ONES[known ^ word].sum(axis=1) <= MOST_DIFFERING_BITS).any() for word in _packed(bits))


def alike(bits: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> list[bool]:
    """Return for each picture whether one of its hashes `bits` (n, k, bits) is alike to one of `known` (m, bits)."""
    index = HashIndex()
    for one in known:
        index.add(one)
    return [index.finds(picture) for picture in bits]


def _packed(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """Return hashes (..., bits) in words (..., words)."""
    return np.packbits(bits, axis=-1).view(np.uint16)
