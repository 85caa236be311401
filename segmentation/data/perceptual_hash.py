"""Perceptual hashes, which find copies of pictures: saved again, scaled, lightened, blurred, mirrored or rotated.

The hash is `imagehash.phash`: whether each of the lowest frequencies of the cosine transform is above their median.
"""

import numpy as np
import numpy.typing as npt

# A hash has 16 x 16 bits; two are alike if at most a quarter of them differ. Unrelated hashes differ in 128 ± 8 bits;
# in two sets of 330 and 241 photos the closest pair of different subjects differed in 86. Copies that were rotated,
# mirrored, made 25 % lighter or darker, blurred, noisy or saved again all differed in at most 60. Copies tilted by up
# to 15° on a black background resemble one another because of their corners: with 64 bits allowed, two of 162,735 such
# pairs were alike; with 80 there were 146, which chained 102 of the 571 photos into one group.
HASH_SIDE = 16
MOST_DIFFERING_BITS = 64
ROWS, COLUMNS = 256, 4096  # photos compared at once: 34 MB
LINKS = 16  # most links kept per photo


def hashes(image: npt.NDArray[np.uint8], *, turned: bool = True) -> npt.NDArray[np.bool_]:
    """Return the hashes of an image (height, width, 3), upright and in seven other orientations: (8, bits) bool.

    If `turned` is False, return only the upright one: (1, bits).
    """
    import imagehash
    from PIL import Image

    side = 4 * HASH_SIDE  # the size at which phash takes its cosine transform; it leaves such an image as it is
    small = Image.fromarray(image).convert("L").resize((side, side), Image.Resampling.LANCZOS)
    orientations = (small, *(small.transpose(transposition) for transposition in Image.Transpose if turned))
    return np.stack([imagehash.phash(orientation, hash_size=HASH_SIDE).hash.ravel() for orientation in orientations])


def to_hex(bits: npt.NDArray[np.bool_]) -> str:
    """Return hashes (n, bits), or one (bits,), as the text of hex digits that files hold."""
    return np.packbits(bits, axis=-1).tobytes().hex()


def from_hex(text: str) -> npt.NDArray[np.bool_]:
    """Return the hashes (n, bits) that `to_hex` wrote.

    Raises
    ------
    ValueError
        The text is not hex, or not a whole number of hashes.
    """
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8)).astype(np.bool_)
    return bits.reshape(-1, HASH_SIDE**2)


def pairs_alike(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return links between pictures whose hashes `bits` (n, 8, bits) are alike: (m, 2) intp, enough to join them.

    With bits as ±1, a scalar product is the number of equal bits less that of different ones, exact in float32; the
    matrix product is several times faster than counting packed bits. Pictures are compared block by block, and when
    there are many links only those needed to join the same pictures are kept: memory grows with n, time with n².
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
    """Return the first node of the connected component of each of `count` nodes, (count,); `links` is (m, 2)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links), dtype=bool), links.T), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    _, first_nodes = np.unique(component, return_index=True)
    return np.asarray(first_nodes[component], dtype=np.intp)


_WORD_BITS = 16
_ONES = np.array([word.bit_count() for word in range(2**_WORD_BITS)], dtype=np.uint8)  # set in each word


class HashIndex:
    """Upright hashes of many pictures, searched for one that is alike: 32 bytes and about 20 ns per picture."""

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
        """Return True if any of the hashes (k, bits) of one picture is like one that was added."""
        known = self._words[: self._count]
        return any((_ONES[known ^ word].sum(axis=1) <= MOST_DIFFERING_BITS).any() for word in _packed(bits))


def alike(bits: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> list[bool]:
    """Return for each picture whether one of its hashes `bits` (n, k, bits) is like one of `known` (m, bits)."""
    index = HashIndex()
    for known_hash in known:
        index.add(known_hash)
    return [index.finds(picture) for picture in bits]


def _packed(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """Return hashes (..., bits) packed into 16-bit words (..., words)."""
    return np.packbits(bits, axis=-1).view(np.uint16)
