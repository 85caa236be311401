"""Frames of videos: one a second, as they are, and nothing but videos."""

import numpy as np
import pytest

from corrotwin.segmentation.unlabelled import video as module
from corrotwin.segmentation.unlabelled.video import frames
from corrotwin.twin.core.errors import InputError
from tests.helpers.unlabelled import emptied, on_its_side, picture, slowing, trimmed, video


@pytest.mark.parametrize(("rate", "frames_each"), [(10.0, 10), (30.0, 30), (8.0, 12)])
def test_a_frame_each_second(rate, frames_each, tmp_path):
    path = video(tmp_path / "walk.mp4", [1, 2, 3, 4], frames_each=frames_each, rate=rate)
    taken = list(frames(path))
    seconds = 4 * frames_each / rate
    assert [second for second, _ in taken] == pytest.approx(range(int(seconds)), abs=1 / rate)
    for second, frame in taken:
        shown = picture([1, 2, 3, 4][int(second * rate / frames_each + 1e-6)])
        assert frame.shape == shown.shape
        assert np.abs(frame.astype(int) - shown).mean() < 12


def test_a_video_filmed_in_portrait_is_upright(tmp_path):
    [(_, frame)] = frames(on_its_side(video(tmp_path / "walk.mp4", [1])))
    assert frame.shape == (96, 80, 3)
    assert np.abs(frame.astype(int) - np.rot90(picture(1), -1)).mean() < 12


def test_frames_of_a_varying_rate_have_the_times_at_which_players_show_them(tmp_path):
    """Twenty frames at 10 a second, then ten at 0.5: of the latter each is taken."""
    path = slowing(video(tmp_path / "walk.mp4", [1, 2, 3]), after=20, times=20)
    taken = list(frames(path))
    assert [second for second, _ in taken] == pytest.approx([0, 1, *range(2, 22, 2)])
    for (_, frame), seed in zip(taken, [1, 2, *[3] * 10], strict=True):
        assert np.abs(frame.astype(int) - picture(seed)).mean() < 12


@pytest.mark.parametrize(("start", "seeds", "version"), [(4, [5, 6, 7, 8], 0), (0, [1, 2, 3], 1), (2, [3, 4], 0)])
def test_a_trimmed_video_has_the_frames_and_times_that_players_show(start, seeds, version, tmp_path):
    """Frames that are in the file, but hidden by an edit list, were taken for frames that are missing."""
    path = trimmed(video(tmp_path / "walk.mp4", range(1, 9)), start=start, seconds=len(seeds), version=version)
    taken = list(frames(path))
    assert [second for second, _ in taken] == pytest.approx(range(len(seeds)))
    for (_, frame), seed in zip(taken, seeds, strict=True):
        assert np.abs(frame.astype(int) - picture(seed)).mean() < 12


@pytest.mark.parametrize(("start", "seeds"), [(4, [5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8]), (0, [1, 2, 3, 4])])
def test_a_trimmed_video_of_varying_rate_is_whole(start, seeds, tmp_path):
    """Its shown part has another rate than the file as a whole: a third of the frames a second, or twice as many."""
    path = slowing(video(tmp_path / "walk.mp4", range(1, 9)), after=40, times=3)
    taken = list(frames(trimmed(path, start=start, seconds=len(seeds))))
    assert [second for second, _ in taken] == pytest.approx(range(len(seeds)), abs=0.3)
    for (_, frame), seed in zip(taken, seeds, strict=True):
        assert np.abs(frame.astype(int) - picture(seed)).mean() < 12


@pytest.mark.parametrize(
    ("after", "seconds", "share", "says"),
    [(80, 6, 0.5, r"ends after \d of 6 s"), (40, 4, 0.7, r"ends after [23] of 4 s")],
    ids=["even", "slowing"],
)
def test_a_trimmed_video_that_is_cut_off_ends_early(after, seconds, share, says, tmp_path):
    path = slowing(video(tmp_path / "walk.mp4", range(1, 9)), after=after, times=3)
    with pytest.raises(InputError, match=f"{says}; copy the file again"):
        list(frames(emptied(trimmed(path, start=0, seconds=seconds), share=share)))


@pytest.mark.parametrize("instead", ["nothing", "another"])
def test_a_video_that_goes_away_or_changes_while_it_is_decoded_is_decoded_by_the_next_call(
    instead, tmp_path, monkeypatch
):
    path, other = video(tmp_path / "walk.mp4", [1, 2]), video(tmp_path / "other.mp4", [3, 4, 5])

    def torn(path):
        path.rename(tmp_path / "elsewhere")
        if instead == "another":
            other.rename(path)

    with monkeypatch.context() as patch:
        patch.setattr(module, "check", torn)
        kept = module.kept(path, cache=tmp_path / "cache")
    assert kept.frames == ()
    assert kept.trouble == "was removed or changed while it was read; repeat the command once the file is complete"
    (tmp_path / "elsewhere").replace(path)
    kept = module.kept(path, cache=tmp_path / "cache")
    assert [frame.name for frame in kept.frames] == ["0000m00s.jpg", "0000m01s.jpg"]
    assert kept.trouble == ""


@pytest.mark.parametrize(
    "content",
    [b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n", b"", b"\0" * 999],
)
def test_lists_of_other_files_and_what_is_no_video_are_refused(content, tmp_path, capfd):
    (tmp_path / "list.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"list\.mp4: (a list of other files|not a video)"):
        list(frames(tmp_path / "list.mp4"))
    assert capfd.readouterr() == ("", "")
